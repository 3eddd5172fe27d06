"""Stores, and what the server tells about itself."""

import json

import pytest

from components import checks
from components.stalwart.plans.stores import config_json

from .plans import objects, plan_of, singleton
from .servers import BACKUP, DISTRIBUTED, FULL_PRIMARY, PRIMARY, server

BLOBS = {"bucket": "example-mail-blobs", "region": "eu-west-1"}
REDIS = {"url": "redis://valkey:6379"}


def _storage(**storage):
    return plan_of(PRIMARY, storage={"kind": "distributed", "blobs": BLOBS, **storage})


def test_embedded_storage_is_in_the_pod_and_told_to_nobody():
    assert json.loads(config_json(server(PRIMARY)))["@type"] == "RocksDb"
    plan = plan_of(PRIMARY)
    assert singleton(plan, "BlobStore") == {"@type": "Default"}
    assert singleton(plan, "InMemoryStore") == {"@type": "Default"}
    assert singleton(plan, "Coordinator") == {"@type": "Disabled"}


def test_distributed_storage_is_postgresql_with_its_password_in_the_pod():
    config = json.loads(config_json(server(DISTRIBUTED)))
    assert (config["@type"], config["host"], config["useTls"], config["allowInvalidCerts"]) == (
        "PostgreSql",
        "stalwart-database-rw",
        True,
        False,
    )
    assert config["authSecret"] == {"@type": "EnvironmentVariable", "variableName": "DATABASE_PASSWORD"}


def test_an_existing_database_is_used():
    database = {"host": "pg.example.net", "port": 6432, "username": "mail", "name": "mail", "password": {"name": "pg"}}
    config = json.loads(
        config_json(server(PRIMARY, storage={"kind": "distributed", "blobs": BLOBS, "redis": REDIS, "database": database}))
    )
    assert (config["host"], config["port"], config["database"], config["authUsername"]) == (
        "pg.example.net",
        6432,
        "mail",
        "mail",
    )


def test_mail_bodies_go_to_the_bucket():
    blobs = singleton(plan_of(DISTRIBUTED), "BlobStore")
    assert (blobs["@type"], blobs["bucket"]) == ("S3", "example-mail-blobs")
    assert blobs["region"]["customEndpoint"] == "https://s3.eu-west-1.amazonaws.com"
    assert blobs["secretKey"]["variableName"] == "BLOBS_SECRET_ACCESS_KEY"
    given = singleton(_storage(redis=REDIS), "BlobStore")
    assert given["secretKey"] == {"@type": "None"}  # the pod's own identity


@pytest.mark.parametrize(
    ("storage", "in_memory", "coordinator"),
    [
        ({"nats": {"addresses": ["nats:4222"]}}, "Default", "Nats"),
        ({"redis": REDIS}, "Redis", "Default"),
        ({"redis": {"sentinels": ["redis://s:26379"], "password": {"name": "v"}}}, "RedisSentinel", "Default"),
    ],
)
def test_pods_tell_each_other_of_changes(storage, in_memory, coordinator):
    plan = _storage(**storage)
    assert singleton(plan, "InMemoryStore")["@type"] == in_memory
    assert singleton(plan, "Coordinator")["@type"] == coordinator


@pytest.mark.parametrize(
    ("storage", "reason"),
    [
        ({"replicas": 2}, "one writer"),
        ({"max_replicas": 3}, "one writer"),
        ({"blobs": BLOBS}, "set `kind: distributed`"),
        ({"kind": "distributed", "redis": REDIS}, "without `blobs`"),
        ({"kind": "distributed", "blobs": BLOBS}, "one of `redis` and `nats`"),
        ({"kind": "distributed", "blobs": BLOBS, "redis": REDIS, "nats": {"addresses": ["n:1"]}}, "one of `redis` and `nats`"),
        ({"kind": "distributed", "blobs": BLOBS, "redis": {"url": "redis://u:p@h"}}, "pattern"),
        ({"kind": "distributed", "blobs": BLOBS, "redis": {**REDIS, "password": {"name": "v"}}}, "in the clear"),
        ({"kind": "distributed", "blobs": BLOBS, "redis": REDIS, "replicas": 5, "max_replicas": 3}, "below `replicas`"),
    ],
)
def test_storage_that_cannot_work_is_refused_with_the_reason(storage, reason):
    with pytest.raises(checks.ArgumentsError, match=reason):
        server(PRIMARY, storage=storage)


@pytest.mark.parametrize("args", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_logs_go_to_the_console_in_a_way_that_a_second_run_accepts(args):
    tracers = [op for op in plan_of(args, log_level="debug") if op["object"] == "Tracer"]
    assert [op["@type"] for op in tracers] == ["destroy", "create"]
    (tracer,) = tracers[1]["value"].values()
    assert (tracer["@type"], tracer["level"]) == ("Stdout", "debug")


@pytest.mark.parametrize("args", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_metrics_need_a_password_that_is_not_in_the_plan(args):
    prometheus = singleton(plan_of(args), "Metrics")["prometheus"]
    assert prometheus["authSecret"] == {"@type": "EnvironmentVariable", "variableName": "METRICS_PASSWORD"}


def test_traces_and_metrics_go_to_a_collector_when_given():
    plan = plan_of(FULL_PRIMARY)
    otlp = next(tracer for tracer in objects(plan, "Tracer") if tracer["@type"] == "OtelHttp")
    assert otlp["endpoint"] == "https://otlp.example.net:4318"
    assert otlp["httpAuth"]["bearerToken"] == {"@type": "EnvironmentVariable", "variableName": "OTLP_TOKEN"}
    assert singleton(plan, "Metrics")["openTelemetry"]["@type"] == "Http"
    quiet = plan_of(PRIMARY, telemetry={"otlp": {"endpoint": "https://o.example.net", "traces": False, "metrics": False}})
    assert [tracer["@type"] for tracer in objects(quiet, "Tracer")] == ["Stdout"]
    assert singleton(quiet, "Metrics")["openTelemetry"] == {"@type": "Disabled"}


def test_a_webhook_hears_of_its_events_and_signs_with_a_secret_of_the_pod():
    (hook,) = objects(plan_of(FULL_PRIMARY), "WebHook")
    assert hook["events"] == {"security.abuse-ban": True, "security.scan-ban": True}
    assert hook["eventsPolicy"] == "include"
    assert hook["signatureKey"]["variableName"] == "WEBHOOK_0_KEY"
