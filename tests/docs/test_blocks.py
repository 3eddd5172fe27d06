"""Code in the documentation: programs run, settings are accepted, and what is written as data is data."""

import json
from itertools import chain

import jsonschema
import pulumi
import pytest
import yaml

from offline.generated import schema
from offline.program import record, stack_config
from offline.world import OfflineWorld
from settings import SettingsError, parse
from tests.docs.pages import Block, pages

BLOCKS = list(chain.from_iterable(page.blocks for page in pages()))
VALIDATOR = jsonschema.Draft202012Validator(schema.stack_schema())
WRONG = """
from stalwart_mail import StalwartServer
StalwartServer("mail", {"hostname": "mx1.example.com", "domains": []})
"""


def _in(*languages):
    found = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", found, ids=str)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws")
@_in("python")
def test_python_compiles_and_a_program_of_components_runs(block):
    code = compile(block.text.replace("from stalwart_mail import", "from components import"), str(block), "exec")
    if "from stalwart_mail import" not in block.text:
        return
    if "ArchiveBucket" in block.text:
        pytest.importorskip("pulumi_aws")
    recording = record("docs", {}, OfflineWorld(), program=lambda: exec(code, {}))
    components = [found for found in recording.resources.values() if not found.custom]
    assert components
    assert {found.urn for found in components} <= recording.closed
    assert not recording.duplicates


@_in("yaml", "yml")
def test_yaml_parses_and_settings_are_accepted(block):
    for document in yaml.safe_load_all(block.text):
        assert document, "it says nothing"
        given = settings_in(document)
        if given:
            assert mistakes(given) == []


def settings_in(document) -> dict:
    """The settings of a stack in a document: below `config`, or as a part of that."""
    inside = document.get("config", document) if isinstance(document, dict) else {}
    return {key: value for key, value in inside.items() if str(key).startswith("mail:")} if isinstance(inside, dict) else {}


def mistakes(given: dict) -> list[str]:
    """What neither a primary nor a backup would accept of settings that are put in place of the shipped ones."""
    found = []
    for stack in ("primary", "backup"):
        config = {**stack_config(stack), **given}
        refusals = [error.message for error in VALIDATOR.iter_errors({"config": config})]
        try:
            parse({key.partition(":")[2]: value for key, value in config.items()}, "mail")
        except SettingsError as error:
            refusals.append(str(error))
        if not refusals:
            return []
        found += [f"{stack}: {refusal}" for refusal in refusals]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "mail:hostnam: mx1.example.com",
        "config: {mail:mode: asleep}",
        "mail:storage: {kind: distributed}",
        "mail:limits: {banHours: 0}",
    ],
)
def test_settings_that_are_wrong_are_noticed(text):
    assert mistakes(settings_in(yaml.safe_load(text)))


def test_a_program_that_is_wrong_is_noticed():
    block = Block("here", 1, "python", WRONG)
    with pytest.raises(pulumi.RunError):
        test_python_compiles_and_a_program_of_components_runs(block)


def test_json_parses():
    for block in BLOCKS:
        if block.language == "json":
            assert json.loads(block.text), str(block)


def test_there_are_blocks_of_every_kind():
    assert {"python", "yaml"} <= {block.language for block in BLOCKS}
    assert len([block for block in BLOCKS if block.is_shell]) >= 50
