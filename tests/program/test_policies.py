"""The policies on whole stacks, and in the offline preview."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from offline.__main__ import main
from offline.policies import read_config, section, stops, to_json, violations
from offline.program import PROJECT_FOLDER, stack_config
from offline.recorder import Recording, Secret
from tests.conftest import changed, named, recorded
from tests.golden.regions import REGIONS
from tests.program.test_dkim_keys import OLD_AND_NEW

FULL = PROJECT_FOLDER / "tests" / "unit" / "settings_cases" / "full-primary.happy.yaml"
DOMAINS = [{"name": "example.com", "zoneId": "a"}, {"name": "example.org", "zoneId": "b", "parked": True}]
VELERO = {"installVelero": True, "repositoryPassword": {"secure": "hush"}}
STACKS: dict[str, Callable[[], Recording]] = {
    **REGIONS,
    "full": lambda: changed("primary", **yaml.safe_load(FULL.read_text())),
    "unknown primary": lambda: recorded("primary", preview=True),
    "unknown backup": lambda: recorded("backup", preview=True),
    "cloudflare": lambda: changed("primary", domains=DOMAINS, dns={"provider": "cloudflare", "apiToken": {"secure": "t"}}),
    "external-dns": lambda: changed("primary", dns={"provider": "external-dns"}),
    "host ports": lambda: changed("primary", exposure={"kind": "HostPort", "addresses": ["203.0.113.10"]}),
    "node ports": lambda: changed("primary", exposure={"kind": "NodePort", "addresses": ["203.0.113.10"]}),
    "old and new keys": lambda: changed("primary", **OLD_AND_NEW),
    "velero": lambda: changed("primary", backup={**stack_config("primary")["mail:backup"], **VELERO}),
    "a given namespace": lambda: changed("primary", createNamespace=False, namespace="post"),
}


@pytest.mark.parametrize("name", STACKS)
def test_every_kind_of_stack_holds_to_the_policies(name: str):
    assert violations(STACKS[name](), {}) == []


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("primary", "kubernetes:core/v1:PersistentVolumeClaim"),
        ("primary", "kubernetes:core/v1:Namespace"),
        ("primary", "tls:index/privateKey:PrivateKey"),
        ("distributed-primary", "kubernetes:postgresql.cnpg.io/v1:Cluster"),
        ("velero", "kubernetes:core/v1:Secret"),
    ],
)
def test_what_this_project_protects_is_what_the_policy_wants_protected(name: str, type_: str):
    recording = STACKS[name]()
    protected = {found.name for found in recording.of_type(type_) if found.protect}
    assert protected
    assert {violation.resource for violation in violations(_without_protection(recording), {})} >= protected


def _without_protection(recording: Recording) -> Recording:
    return Recording("test", {urn: replace(found, protect=False) for urn, found in recording.resources.items()})


def test_a_plan_that_forgets_the_clusters_networks_is_refused():
    recording = changed("primary", trustedNetworks=["198.51.100.0/24"])
    found = violations(recording, {})
    assert [(violation.rule, violation.resource) for violation in found] == [("port-25-has-allow-list", "stalwart-mail")]
    assert stops(found)


@pytest.mark.parametrize(
    ("image", "shown"), [("registry.example/hush:latest", True), (Secret("registry.example/hush:latest"), False)]
)
def test_what_is_secret_is_not_looked_at_and_not_shown(image: Any, shown: bool):
    server = named(recorded("primary"), "stalwart-server")
    container = {**server.inputs["spec"]["template"]["spec"]["containers"][0], "image": image}
    inputs = {"spec": {"template": {"spec": {"securityContext": {}, "containers": [container]}}}}
    recording = Recording("test", {server.urn: replace(server, inputs=inputs)})
    assert ("hush" in to_json(violations(recording, {}))) is shown


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """The shipped project with other settings of the primary."""

    def make(**changes: Any) -> Path:
        for path in PROJECT_FOLDER.glob("Pulumi*.yaml"):
            (tmp_path / path.name).write_text(path.read_text())
        stack = tmp_path / "Pulumi.primary.yaml"
        config = {**stack_config("primary"), **{f"mail:{key}": value for key, value in changes.items()}}
        stack.write_text(yaml.safe_dump({"config": config}))
        return tmp_path

    return make


def _preview(project: Path) -> int:
    return main(["--project", str(project), "--output", str(project / "build"), "--stack", "primary"])


STRICT = {"dmarc-not-weaker": "mandatory"}
WEAK = [{"name": "example.com", "dmarc": {"policy": "none", "subdomainPolicy": "none"}}]


def test_a_preview_that_breaks_a_policy_is_written_and_fails(project: Callable[..., Path], capsys: pytest.CaptureFixture[str]):
    folder = project(domains=WEAK)
    (folder / "policy-config.json").write_text(json.dumps(STRICT))
    assert _preview(folder) == 3
    printed = capsys.readouterr()
    assert "Mandatory policies are broken in primary" in printed.err
    assert "DMARC of example.com: the policy is none, which is weaker than quarantine" in printed.out
    assert "| mandatory | dmarc-not-weaker |" in (folder / "build/primary/summary.md").read_text()
    (first, *_) = json.loads((folder / "build/primary/policy.json").read_text())
    assert first.keys() == {"rule", "level", "resource", "urn", "message"}
    assert (folder / "build/primary/manifests").is_dir()


def test_advice_is_given_and_does_not_stop(project: Callable[..., Path], capsys: pytest.CaptureFixture[str]):
    assert _preview(project(domains=WEAK)) == 0
    assert "| advisory | dmarc-not-weaker |" in capsys.readouterr().out


def test_a_project_configures_its_policies(project: Callable[..., Path]):
    folder = project(domains=WEAK)
    exception = {"enforcementLevel": "mandatory", "domains": {"example.com": "none"}}
    (folder / "policy-config.json").write_text(json.dumps({"dmarc-not-weaker": exception}))
    assert _preview(folder) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["policy-config.json is no JSON"]),
        (
            '{"spf-not-opn": "advisory", "all": "hard"}',
            ["spf-not-opn is not a setting; did you mean spf-not-open?\n    allowed: all, mx-not-proxied,", "all = 'hard'\n"],
        ),
        (
            '{"spf-not-open": "manditory"}',
            ["spf-not-open = 'manditory'; did you mean mandatory?\n    allowed: mandatory, advisory, disabled"],
        ),
        ('{"dmarc-not-weaker": {"minimum": "strict"}}', ["dmarc-not-weaker.minimum = 'strict'\n    allowed: none, quarantine,"]),
        ('{"dmarc-not-weaker": {"minimun": "none"}}', ["dmarc-not-weaker.minimun is not a setting; did you mean minimum?"]),
        ('{"dmarc-not-weaker": 1}', ["dmarc-not-weaker: 1 is not of type 'object'"]),
    ],
)
def test_mistakes_in_the_configuration_are_named_at_once(project: Callable[..., Path], text: str, words: list[str]):
    folder = project()
    (folder / "policy-config.json").write_text(text)
    with pytest.raises(pulumi.RunError) as refused:
        read_config(folder)
    assert all(word in str(refused.value) for word in words), str(refused.value)
    assert _preview(folder) == 1
    assert not (folder / "build").exists()


def test_when_all_is_well_there_is_one_line():
    assert section([]) == "## Policies\n\nNone is broken.\n"
