"""The catalogue files: their form by JSON Schema, which takes what is shipped and refuses what the program would refuse."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from offline.examples import RELAY, installed
from offline.program import PROJECT_FOLDER, project_file, stack_config
from settings import Settings
from tests.conftest import changed, settings_of

FOLDERS = {"bp-stalwart": PROJECT_FOLDER, "bp-relay": RELAY}
SHIPPED = [(PROJECT_FOLDER, "primary"), (PROJECT_FOLDER, "backup"), (RELAY, "production")]


def spec_in(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "blueprint.yaml").read_text())["spec"]


def validator(folder: Path) -> jsonschema.Draft202012Validator:
    schema = spec_in(folder)["configSchema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def shipped(folder: Path, stack: str) -> dict[str, Any]:
    """A shipped stack's configuration, as a form would hand it over."""
    prefix = f"{project_file(folder)['name']}:"
    return {key.removeprefix(prefix): value for key, value in stack_config(stack, folder).items()}


@pytest.mark.parametrize(("folder", "stack"), SHIPPED)
def test_it_takes_the_shipped_stacks(folder: Path, stack: str):
    assert [error.message for error in validator(folder).iter_errors(shipped(folder, stack))] == []


@pytest.mark.parametrize(
    ("folder", "stack", "change"),
    [
        (PROJECT_FOLDER, "primary", {"hostname": None}),
        (PROJECT_FOLDER, "primary", {"hostnme": "mx1.example.com"}),
        (PROJECT_FOLDER, "primary", {"role": "tertiary"}),
        (PROJECT_FOLDER, "primary", {"storage": {"kind": "floppy"}}),
        (PROJECT_FOLDER, "primary", {"storage": {"replicas": 0}}),
        (PROJECT_FOLDER, "primary", {"domains": [{"dmarc": {}}]}),
        (RELAY, "production", {"issuer": {}}),
        (RELAY, "production", {"gateway": {"name": "public"}}),
        (RELAY, "production", {"mail": {"hostname": "mx1.example.com", "tls": {"isuer": "letsencrypt"}}}),
        (RELAY, "production", {"livekit": {"hostname": "rtc.example.com", "replicas": 21}}),
        (RELAY, "production", {"notifications": {"localPart": "Chat!"}}),
        (RELAY, "production", {"stunner": None}),
    ],
)
def test_it_refuses_wrong_ones(folder: Path, stack: str, change: dict[str, Any]):
    wrong = {key: value for key, value in {**shipped(folder, stack), **change}.items() if value is not None}
    assert not validator(folder).is_valid(wrong)


def test_every_setting_is_in_the_form():
    installed()
    from communication.settings import Settings as SuiteSettings

    for folder, settings in ((PROJECT_FOLDER, Settings), (RELAY, SuiteSettings)):
        properties = spec_in(folder)["configSchema"]["properties"]
        assert properties.keys() == {field.alias for field in settings.model_fields.values()}
        assert all(found["description"] for found in properties.values())


def test_secrets_are_typed_in_masked():
    definitions = spec_in(RELAY)["configSchema"]["$defs"]
    for model, key in (("Issuer", "matrixClientSecret"), ("Notifications", "appPassword")):
        hints = [choice.get("x-catalyst-ui-hint") for choice in definitions[model]["properties"][key]["anyOf"]]
        assert hints == ["password", None], key


def test_the_suite_lists_its_siblings_by_the_names_of_their_settings():
    spec = spec_in(RELAY)
    depends = {found.get("alias"): found["blueprint"] for found in spec["depends"]}
    siblings = {alias: name for alias, name in depends.items() if alias in ("mail", "matrix", "livekit", "stunner")}
    assert siblings == {"mail": "bp-stalwart", "matrix": "bp-matrix", "livekit": "bp-livekit", "stunner": "bp-stunner"}
    assert siblings.keys() <= spec["configSchema"]["properties"].keys()


def test_it_needs_whoever_knows_the_kinds_that_are_made():
    backup = {**settings_of("primary")["mail:backup"], "alerts": True}
    stacks = {
        ".config.monitoring != null": changed("primary", monitoring={}),
        ".config.backup.alerts": changed("primary", backup=backup),
    }
    when = {found["blueprint"]: found["when"] for found in spec_in(PROJECT_FOLDER)["depends"]}["bp-prometheus-operator"]
    for condition, recording in stacks.items():
        assert [found for found in recording.resources.values() if ":monitoring.coreos.com/" in found.type]
        assert condition in when


@pytest.mark.parametrize("name", FOLDERS)
def test_it_says_who_it_is_and_where_it_may_be(name: str):
    folder = FOLDERS[name]
    found = yaml.safe_load((folder / "blueprint.yaml").read_text())
    assert (found["kind"], found["metadata"]["name"]) == ("Blueprint", name)
    placement = found["spec"]["placementSchema"]
    assert placement["default"] in placement["modes"]
    assert 1 <= placement["minRegions"] <= placement["maxRegions"]
    assert (folder / found["spec"]["manifests"]["source"]["ref"] / "Pulumi.yaml").is_file()
    assert (folder / found["spec"]["card"]["documentation"]).is_file()
