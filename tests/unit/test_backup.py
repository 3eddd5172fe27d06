"""Backups: the Velero objects as plain data, and the refusals."""

import json

import pytest

from components import checks
from components.backup import velero
from components.backup.arguments import resolve

HOT = {"name": "hot", "bucket": "hot-bucket", "region": "eu-west-1", "prefix": "primary"}
FAR = {"name": "far", "bucket": "far-bucket", "region": "eu-central-1", "read_only": True}
DAILY = {"name": "daily", "location": "hot", "cron": "5 2 * * *", "keep_days": 30}

# Velero's plugin for AWS refuses the whole location when its configuration has a key beyond these (object_store.go, Init).
PLUGIN_KEYS = {
    *("region", "s3Url", "publicUrl", "kmsKeyId", "customerKeyEncryptionFile", "customerKeyEncryptionSecret"),
    *("s3ForcePathStyle", "signatureVersion", "credentialsFile", "profile", "serverSideEncryption"),
    *("insecureSkipTLSVerify", "enableSharedConfig", "tagging", "checksumAlgorithm"),
}


@pytest.mark.parametrize("location", [HOT, FAR, {**HOT, "s3_url": "https://s3.example.net"}])
def test_a_location_has_only_keys_that_the_plugin_knows_and_only_text(location):
    (found,) = resolve({"locations": [location]}).locations
    config = velero.storage_location(found)["config"]
    assert config.keys() <= PLUGIN_KEYS
    assert all(isinstance(value, str) for value in config.values())


def test_a_location_of_another_region_is_read_only():
    hot, far = resolve({"locations": [HOT, FAR]}).locations
    assert velero.storage_location(hot)["accessMode"] == "ReadWrite"
    assert velero.storage_location(far)["accessMode"] == "ReadOnly"
    assert "default" not in velero.storage_location(hot)  # the server rewrites it


def test_days_become_velero_hours_also_when_they_arrive_as_floats():
    (schedule,) = resolve({"locations": [HOT], "schedules": [{**DAILY, "keep_days": 400.0}]}).schedules
    assert schedule.ttl == "9600h0m0s"


def test_database_volumes_are_left_to_their_own_backup():
    policies = json.loads(velero.volume_policy())["volumePolicies"]
    assert [policy["action"]["type"] for policy in policies] == ["skip", "skip", "skip", "snapshot"]


def test_the_chart_makes_no_location_and_no_password_of_its_own():
    values = velero.chart_values(resolve({"locations": [FAR, HOT], "install_velero": True}))
    assert values["backupsEnabled"] is False
    assert values["credentials"] == {"useSecret": False}
    assert values["configuration"]["defaultBackupStorageLocation"] == "hot"
    assert values["image"]["tag"] == "v1.18.3"


def test_a_velero_with_alerts_is_read_by_prometheus():
    installed = {"locations": [HOT], "install_velero": True}
    assert "metrics" not in velero.chart_values(resolve(installed)), "where the operator is not, it has no such objects"
    metrics = velero.chart_values(resolve({**installed, "alerts": {}}))["metrics"]
    assert metrics == {"serviceMonitor": {"enabled": True}, "nodeAgentPodMonitor": {"enabled": True}}


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({"locations": [HOT, {**FAR, "name": "hot"}]}, "two have the same name"),
        ({"locations": [HOT, {**HOT, "name": "again"}]}, "same bucket and prefix"),
        ({"locations": [HOT], "schedules": [{**DAILY, "location": "cold"}]}, "names the location `cold`; known: hot"),
        ({"locations": [HOT, FAR], "schedules": [{**DAILY, "location": "far"}]}, "which is read-only"),
        ({"locations": [HOT], "schedules": [{**DAILY, "cron": "0 5 2 * * *"}]}, "five fields"),
        ({"locations": [HOT], "schedules": [{**DAILY, "keep_days": 0}]}, "at least 1"),
        ({"locations": [HOT], "schedules": [DAILY, DAILY]}, "two have the same name"),
        ({"locations": [{**HOT, "access_key_id": "a"}]}, "go together"),
        ({"locations": [{**HOT, "s3_url": "http://minio.minio.svc:9000"}]}, "inside this cluster"),
        ({"locations": [{**HOT, "bucket": "NO"}]}, "not an S3 bucket name"),
    ],
)
def test_what_cannot_work_is_refused(args, reason):
    with pytest.raises(checks.ArgumentsError, match=reason):
        resolve(args)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ({"velero_version": "v1.18.2"}, "velero_version: `v1.18.2` is too old: it takes half-written backups"),
        ({"velero_version": "1.9.10"}, "is too old"),
        ({"aws_plugin_version": "v1.14.2"}, "aws_plugin_version: `v1.14.2` is too old: it corrupts objects"),
        ({"velero_version": "latest"}, "is not an exact version"),
    ],
)
def test_a_velero_that_cannot_be_relied_on_is_refused_when_told(args, reason):
    with pytest.raises(checks.ArgumentsError, match=reason):
        resolve({"locations": [HOT], **args})


def test_newer_versions_are_taken():
    assert resolve({"locations": [HOT], "velero_version": "v1.18.3", "aws_plugin_version": "1.14.10"})
    assert resolve({"locations": [HOT], "velero_version": "v2.0.0"})


def test_a_schedule_that_is_paused_is_not_watched():
    schedules = [DAILY, {**DAILY, "name": "asleep", "paused": True}]
    watched = resolve({"locations": [HOT], "schedules": schedules, "alerts": {}}).watched
    assert watched
    assert [schedule.name for schedule in watched.schedules] == ["daily"]
    assert resolve({"locations": [HOT], "schedules": schedules}).watched is None
