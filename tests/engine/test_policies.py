"""The policy pack as the real engine runs it, in the environment that `make test-engine` makes for it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from offline.program import PROJECT_FOLDER
from policy.rules import RULES

from .deployments import Deployment, Run, missing, unless
from .projects import echoes, python_runtime, shipped, write_project

PACK = PROJECT_FOLDER / "policy"
PYTHON = PACK / ".venv" / "bin" / "python"
NEEDS_PACK = "the policy pack has no environment: make test-engine makes it"

has_pack = unless(None if PYTHON.exists() else NEEDS_PACK)

BROKEN = """
import json

import pulumi
import pulumi_cloudflare as cloudflare
import pulumi_kubernetes as kubernetes
import pulumi_random as random

unknown = random.RandomPassword("unknown", length=8).result
zone = {"zone_id": "z", "ttl": 300}
cloudflare.DnsRecord("mx", name="example.com", type="MX", content="mx1.example.com", priority=10, **zone)
cloudflare.DnsRecord("mx-to-address", name="example.net", type="MX", content="203.0.113.10", priority=10, **zone)
cloudflare.DnsRecord("address", name="mx1.example.com", type="A", content=unknown, proxied=True, **zone)
cloudflare.DnsRecord("spf", name="example.com", type="TXT", content='"v=spf1 +all"', **zone)
cloudflare.DnsRecord("dmarc", name="_dmarc.example.com", type="TXT", content='"v=DMARC1; p=none"', **zone)
plan = {"@type": "update", "object": "MtaStageRcpt", "value": {"allowRelaying": {"match": {}, "else": "true"}}}
kubernetes.core.v1.ConfigMap("plan", metadata={"name": "plan", "namespace": "mail"}, data={"plan.ndjson": json.dumps(plan)})
kubernetes.core.v1.PersistentVolumeClaim("data", metadata={"name": "data", "namespace": "mail"}, spec={})
ports = [{"name": "smtp", "containerPort": 25}, {"name": "http", "containerPort": 8080}]
container = {
    "name": "server",
    "image": "stalwartlabs/stalwart:latest",
    "ports": ports,
    "env": [{"name": "ADMIN_PASSWORD", "value": "hunter2hunter2"}, {"name": "API_KEY", "value": unknown}],
}
template = {"metadata": {"labels": {"app": "mail"}}, "spec": {"containers": [container]}}
kubernetes.apps.v1.Deployment(
    "server",
    metadata={"name": "server", "namespace": "mail"},
    spec={"selector": {"match_labels": {"app": "mail"}}, "template": template},
)
kubernetes.core.v1.Service(
    "door",
    metadata={"name": "door", "namespace": "mail"},
    spec={
        "type": "LoadBalancer",
        "selector": {"app": "mail"},
        "ports": [{"name": "smtp", "port": 25, "target_port": "smtp"}, {"name": "http", "port": 80, "target_port": "http"}],
    },
)
kubernetes.apiextensions.CustomResource(
    "location",
    api_version="velero.io/v1",
    kind="BackupStorageLocation",
    metadata={"name": "location", "namespace": "velero"},
    spec={"provider": "aws", "objectStorage": {"bucket": "b"}, "config": {"s3Url": "http://minio.velero.svc:9000"}},
)
"""


@pytest.fixture
def refused(tmp_path: Path) -> Deployment:
    """A project that breaks every policy, with values that are not known before an `up`."""
    write_project(tmp_path, {"name": "post", "runtime": python_runtime()}, echoes(tmp_path))
    (tmp_path / "__main__.py").write_text(BROKEN)
    return Deployment(tmp_path)


def violations(run: Run) -> dict[str, str]:
    """By policy, the level of its violations."""
    return {found.policy_name: str(found.enforcement_level) for event in run.events if (found := event.policy_event)}


@unless(missing())
@has_pack
def test_what_breaks_the_policies_is_refused_by_name(refused: Deployment):
    run = refused.preview(policy_packs=[str(PACK)])
    assert run.failed
    assert violations(run) == {rule.name: rule.level for rule in RULES}
    assert "the variable ADMIN_PASSWORD has its value in plain text" in run.output
    assert "API_KEY" not in run.output
    assert "hunter2" not in run.output


@unless(missing())
@has_pack
def test_a_project_says_how_hard_a_policy_is(refused: Deployment):
    levels = {rule.name: "advisory" for rule in RULES}
    config = {**levels, "spf-not-open": "disabled", "state-protected": {"enforcementLevel": "mandatory", "exceptions": ["da*"]}}
    (refused.folder / "policy-config.json").write_text(json.dumps(config))
    run = refused.preview(policy_packs=[str(PACK)], policy_config=str(refused.folder / "policy-config.json"))
    assert not run.failed, run.output
    assert violations(run) == dict.fromkeys(levels.keys() - {"spf-not-open", "state-protected"}, "advisory")


@unless(missing())
@has_pack
def test_the_shipped_stacks_pass(tmp_path: Path):
    shipped(tmp_path, echoes(tmp_path))
    primary = Deployment(tmp_path, "primary")
    run = primary.preview(policy_packs=[str(PACK)])
    assert not run.failed, run.output
    assert violations(run) == {}
    assert "mail@v" in run.output


@has_pack
def test_the_pack_has_the_rules_as_they_are(analyzer: analyzer_pb2_grpc.AnalyzerStub):
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty())
    levels = {"advisory": analyzer_pb2.ADVISORY, "mandatory": analyzer_pb2.MANDATORY}
    types = {True: analyzer_pb2.POLICY_TYPE_STACK, False: analyzer_pb2.POLICY_TYPE_RESOURCE}
    assert [(found.name, found.description, found.enforcementLevel, found.policy_type) for found in info.policies] == [
        (rule.name, rule.description, levels[rule.level], types[rule.of_stack]) for rule in RULES
    ]
    for found, rule in zip(info.policies, RULES, strict=True):
        assert json_format.MessageToDict(found.configSchema)["properties"] == rule.schema


@pytest.fixture
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack as the engine starts it, without the engine."""
    command = [str(PYTHON), "-u", "-m", "pulumi.policy", "127.0.0.1:0", str(PACK)]
    with subprocess.Popen(command, cwd=PACK, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            process.kill()
