"""The two kinds of storage, as recorded."""

import json
import re
import subprocess

import pytest

from offline.recorder import Recording
from tests.conftest import changed, named, only, recorded
from tests.contract.judges import check_manifests

STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
DISTRIBUTED = {
    "kind": "distributed",
    "size": "50Gi",
    "blobs": {"bucket": "example-mail-blobs", "region": "eu-west-1", "keysSecret": "blobs"},
    "redis": {"url": "redis://valkey.stores.svc:6380"},
    "archive": {"bucket": "example-mail-database", "region": "eu-central-1", "prefix": "primary", "keysSecret": "archive"},
}


def _server(recording: Recording):
    return only(recording, STATEFUL_SET).inputs["spec"]


def _environment(recording: Recording):
    return {variable["name"]: variable for variable in _server(recording)["template"]["spec"]["containers"][0]["env"]}


def test_embedded_storage_is_one_pod_with_a_volume_that_is_kept(primary):
    claim = named(primary, "stalwart-data")
    assert (claim.protect, claim.retain_on_delete) == (True, True)
    assert _server(primary)["replicas"] == 1
    assert primary.of_type("kubernetes:postgresql.cnpg.io/v1:Cluster") == []


def test_distributed_storage_is_a_database_that_is_kept_and_pods_without_a_volume():
    recording = changed("primary", storage=DISTRIBUTED)
    cluster = named(recording, "stalwart-database")
    assert (cluster.protect, cluster.retain_on_delete) == (True, True)
    spec = cluster.inputs["spec"]
    assert spec["instances"] == 3
    assert (spec["storage"]["size"], spec["walStorage"]["size"]) == ("50Gi", "5Gi")
    assert recording.of_type("kubernetes:core/v1:PersistentVolumeClaim") == []
    volumes = {volume["name"]: volume for volume in _server(recording)["template"]["spec"]["volumes"]}
    assert "emptyDir" in volumes["data"]
    assert check_manifests(recording) >= 14


def test_the_pods_know_the_database_and_the_bucket_by_secrets():
    environment = _environment(changed("primary", storage=DISTRIBUTED))
    assert environment["DATABASE_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "stalwart-database-app", "key": "password"}
    assert environment["BLOBS_ACCESS_KEY_ID"]["valueFrom"]["secretKeyRef"] == {"name": "blobs", "key": "access-key-id"}
    # The database's own authority beside the public ones, or no other certificate would be valid any more.
    assert environment["SSL_CERT_FILE"]["value"] == "/etc/stalwart-mail/database-ca/ca.crt"
    assert environment["SSL_CERT_DIR"]["value"] == "/etc/ssl/certs"


def test_an_existing_database_is_used_and_none_is_made():
    database = {"host": "pg.example.net", "password": {"name": "pg"}}
    recording = changed("primary", storage={**DISTRIBUTED, "database": database, "archive": None})
    assert not [r for r in recording.resources.values() if r.name == "stalwart-database"]
    environment = _environment(recording)
    assert environment["DATABASE_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "pg", "key": "password"}
    assert "SSL_CERT_FILE" not in environment


def test_pods_keep_apart_and_roll_one_at_a_time():
    recording = changed("primary", storage={**DISTRIBUTED, "replicas": 3})
    spec = _server(recording)
    assert spec["replicas"] == 3
    terms = spec["template"]["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert [term["podAffinityTerm"]["topologyKey"] for term in terms] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    budget = only(recording, "kubernetes:policy/v1:PodDisruptionBudget").inputs["spec"]
    assert budget["maxUnavailable"] == 1
    assert recording.of_type("kubernetes:autoscaling/v2:HorizontalPodAutoscaler") == []


def test_pods_that_share_stores_start_one_after_another_and_after_their_coordinator(tmp_path):
    gate = _server(changed("primary", storage=DISTRIBUTED))["template"]["spec"]["initContainers"][0]
    environment = {variable["name"]: variable.get("value") for variable in gate["env"]}
    assert environment["COORDINATORS"] == "valkey.stores.svc:6380"
    # The script itself, with what it calls replaced by notes of the calls.
    calls = tmp_path / "calls"
    (tmp_path / "timeout").write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    (tmp_path / "timeout").chmod(0o755)
    script = gate["command"][2].partition("stalwart --config")[0]
    for pod in ("stalwart-0", "stalwart-2"):
        variables = {**environment, "HOSTNAME": pod, "PATH": f"{tmp_path}:/usr/bin:/bin"}
        run = subprocess.run(["/bin/sh", "-c", script], env={k: v for k, v in variables.items() if v}, check=True, timeout=20)
        assert run.returncode == 0
    redis, before = "3 bash -c : < /dev/tcp/valkey.stores.svc/6380", "3 bash -c : < /dev/tcp/stalwart-1.stalwart-internal/25"
    assert calls.read_text().splitlines() == [redis, redis, before]
    alone = _server(recorded("primary"))["template"]["spec"]["initContainers"][0]
    assert "dev/tcp" not in alone["command"][2]


def test_an_autoscaler_owns_the_number_of_pods():
    recording = changed("primary", storage={**DISTRIBUTED, "replicas": 2, "maxReplicas": 6, "cpuPercent": 60})
    # Left out, the API server would make it one until the autoscaler acts (seen on a real one).
    assert _server(recording)["replicas"] == 2
    assert only(recording, STATEFUL_SET).ignore_changes == ("spec.replicas",)
    assert only(recording, STATEFUL_SET).inputs["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}
    scaler = only(recording, "kubernetes:autoscaling/v2:HorizontalPodAutoscaler").inputs["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 6)
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 60
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "stalwart"}


def test_the_pods_may_reach_their_stores_inside_the_cluster():
    policy = named(changed("primary", storage=DISTRIBUTED), "stalwart-server-policy").inputs["spec"]
    anywhere = [port["port"] for rule in policy["egress"] if "to" not in rule for port in rule["ports"]]
    assert {6380, 443} <= set(anywhere)
    usual = named(recorded("primary"), "stalwart-server-policy").inputs["spec"]
    assert [port["port"] for rule in usual["egress"] if "to" not in rule for port in rule["ports"]] == [53, 53]


@pytest.mark.parametrize("storage", [None, DISTRIBUTED], ids=["embedded", "distributed"])
def test_what_was_deployed_is_known_to_the_next_run(storage):
    recording = changed("primary", storage=storage)
    kind = "distributed" if storage else "embedded"
    bodies = "https://s3.eu-west-1.amazonaws.com/example-mail-blobs/" if storage else ""
    assert recording.outputs["deployed"] == {
        "mailboxes": "mail",
        "fenced": False,
        "served": True,
        "left": [],
        "serverLine": "0.16",
        "storage": kind,
        "database": "made here" if storage else "",
        "bodies": bodies,
        "dkim": {
            "s1-rsa._domainkey.example.com": {"state": "active", "key": "rsa made here", "hosted": ""},
            "s1-ed25519._domainkey.example.com": {"state": "active", "key": "ed25519 made here", "hosted": ""},
        },
        "names": {
            name: {"zone": zone, "provider": "zonefile", "id": "", "kept": "no"}
            for name, zone in {
                "mx1.example.com": "example.com",
                "example.com": "example.com",
                "example.org": "example.org",
            }.items()
        },
    }


def test_the_configuration_file_names_the_store_and_holds_no_password():
    files = named(changed("primary", storage=DISTRIBUTED), "stalwart-config").inputs["data"]
    config = json.loads(files["config.json"])
    assert config["@type"] == "PostgreSql"
    assert config["authSecret"]["@type"] == "EnvironmentVariable"


def test_every_secret_and_file_a_plan_names_is_in_the_pod():
    """What the plan refers to and the pod lacks is found out by the server, when it is too late."""
    secret = {"name": "given"}
    recording = changed(
        "primary",
        storage={**DISTRIBUTED, "redis": {"sentinels": ["redis://s:26379"], "password": secret, "sentinelPassword": secret}},
        smarthosts=[{"name": "ses", "hostname": "smtp.example.net", "username": "u", "password": secret}],
        telemetry={
            "otlp": {"endpoint": "http://otlp:4318", "token": secret},
            "webhooks": [{"url": "http://hook:8081/x", "events": ["security.abuse-ban"], "signatureKey": secret}],
        },
        directory={"ldap": {"url": "ldap://ldap:3890", "baseDn": "dc=x", "bindDn": "cn=x", "bindPassword": secret}},
    )
    texts = "".join(
        text for resource in recording.of_type("kubernetes:core/v1:ConfigMap") for text in resource.inputs["data"].values()
    )
    variables = set(re.findall(r'"variableName":\s*"([^"]+)"', texts))
    assert len(variables) >= 9
    assert variables <= _environment(recording).keys()
    mounts = [m["mountPath"] for m in _server(recording)["template"]["spec"]["containers"][0]["volumeMounts"]]
    paths = set(re.findall(r'"filePath":\s*"([^"]+)"', texts))
    assert paths
    assert all(any(path.startswith(f"{mount}/") for mount in mounts) for path in paths)
    policy = named(recording, "stalwart-server-policy").inputs["spec"]
    assert {4318, 8081, 3890, 26379, 587} <= {p["port"] for rule in policy["egress"] if "to" not in rule for p in rule["ports"]}
