"""Backups by the real Velero: what one region writes to S3, another restores when the first is gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.backup.jobs.restore import Request, restore_object
from offline.build import is_manifest
from offline.recorder import Recording, reveal
from tests.cluster.api import Api, Object
from tests.cluster.region import Region
from tests.cluster.velero import ACCESS_KEY_ID, NAMESPACE, S3, SECRET_ACCESS_KEY, Velero
from tests.conftest import changed
from tests.program.stacks import run, settings_of

VELERO = "velero.io/v1"
KEYS = {"accessKeyId": {"secure": ACCESS_KEY_ID}, "secretAccessKey": {"secure": SECRET_ACCESS_KEY}}
LAST_WEEK = "2026-01-01T00:00:00Z"
SYNC_SECONDS = 120  # Velero looks for others' backups once a minute
HOT, ARCHIVE, OWN = "example-mail-hot", "example-mail-archive", "example-mail-backup"
ALLOCATED = {"clusterIP", "clusterIPs", "healthCheckNodePort", "nodePort"}
# People's own, which no program makes anew.
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "made-by-hand", "namespace": "mail"},
    "stringData": {"password": "a password"},
}


def _location(storage: S3, bucket: str) -> dict[str, Any]:
    return {"bucket": bucket, "region": storage.region, "prefix": "mail", "s3Url": storage.url, **KEYS}


def _deploy(api: Api, recording: Recording) -> set[tuple[str, str]]:
    """Put into a region what the program makes of it; which kinds of objects the server has, less Jobs: those begin anew."""
    objects = [reveal(dict(found.inputs)) for found in recording.resources.values() if is_manifest(found)]
    for found in objects:
        api.apply(found)
    kinds = {(found["apiVersion"], found["kind"]) for found in objects if found["metadata"].get("namespace") == "mail"}
    return kinds - {("batch/v1", "Job")}


def _phase(api: Api, kind: str, name: str) -> str:
    return (api.get(VELERO, kind, name, NAMESPACE) or {}).get("status", {}).get("phase", "")


def _end(api: Api, kind: str, name: str) -> str:
    """The phase in which a Backup or a Restore ends."""
    over = ("Completed", "PartiallyFailed", "Failed", "FailedValidation")
    return api.wait(f"{kind} {name} ends", lambda: (phase := _phase(api, kind, name)) in over and phase)


def _await_location(api: Api, name: str) -> None:
    api.wait(f"the location {name} is available", lambda: _phase(api, "BackupStorageLocation", name) == "Available")


def _let_collect_garbage(api: Api) -> None:
    """Wait until what belongs to a deleted object is gone, as is seen of another."""
    owner = api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": NAMESPACE}})[0]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    metadata = {"name": "owned", "namespace": NAMESPACE, "ownerReferences": [reference]}
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    api.delete(owner)
    api.wait("garbage is collected", lambda: not api.get("v1", "ConfigMap", "owned", NAMESPACE))


def _content(found: Object) -> Object:
    """What an object says, wherever it is: without what Velero adds, and what each cluster allocates."""
    labels = {key: value for key, value in found["metadata"].get("labels", {}).items() if not key.startswith("velero.io/")}
    said = {"labels": labels, **{key: value for key, value in found.items() if key not in ("metadata", "status")}}
    if found["kind"] == "Service":
        spec = {key: value for key, value in found["spec"].items() if key not in ALLOCATED}
        ports = [{key: value for key, value in port.items() if key not in ALLOCATED} for port in spec["ports"]]
        said["spec"] = {**spec, "ports": ports}
    return said


def _in(api: Api, namespace: str, kinds: set[tuple[str, str]]) -> dict[str, Object]:
    """What is said in a namespace by objects that are meant to be backed up."""
    found = [item for api_version, kind in kinds for item in api.list(api_version, kind, namespace)]
    kept = [item for item in found if item["metadata"].get("labels", {}).get("velero.io/exclude-from-backup") != "true"]
    return {f"{item['kind']}/{item['metadata']['name']}": _content(item) for item in kept}


@pytest.fixture
def near(tmp_path: Path) -> Iterator[S3]:
    with (storage := S3(tmp_path / "near", "eu-west-1", HOT)).process:
        yield storage


@pytest.fixture
def far(tmp_path: Path) -> Iterator[S3]:
    with (storage := S3(tmp_path / "far", "eu-central-1", ARCHIVE, OWN)).process:
        yield storage


def test_what_one_region_backed_up_another_restores_when_the_first_is_gone(near: S3, far: S3):
    settings = {"location": _location(near, HOT), "archive": _location(far, ARCHIVE)}
    primary = changed("primary", backup=settings)
    with near.process, Region("primary", controllers="garbage-collector-controller") as region:
        api = region.api
        velero = Velero(region)
        kinds = _deploy(api, primary)
        api.apply(SECRET)
        for name in ("mail-primary-hot", "mail-primary-archive"):
            _await_location(api, name)

        api.wait("the schedule is taken", lambda: _phase(api, "Schedule", "mail-primary-archive") == "Enabled")
        schedule = api.get(VELERO, "Schedule", "mail-primary-archive", NAMESPACE)
        # Velero has noted when it first saw the schedule, which would count as a run.
        api.patch(schedule, {"status": {"lastBackup": LAST_WEEK, "lastSkipped": None}})
        velero.restart()
        (backup,) = api.wait("the schedule makes a backup", lambda: api.list(VELERO, "Backup", NAMESPACE))
        name = backup["metadata"]["name"]
        assert _end(api, "Backup", name) == "Completed"
        keys = far.keys(ARCHIVE, f"mail/backups/{name}/")
        assert {f"mail/backups/{name}/{name}.tar.gz", f"mail/backups/{name}/velero-backup.json"} <= set(keys)

        api.delete(schedule)
        _let_collect_garbage(api)
        assert api.get(VELERO, "Backup", name, NAMESPACE)
        assert far.keys(ARCHIVE, f"mail/backups/{name}/") == keys
        originals = _in(api, "mail", kinds)

    with Region("backup", controllers="") as region:
        api = region.api
        velero = Velero(region)
        own = {"location": _location(far, OWN), "archiveReader": KEYS}
        _deploy(api, run("backup", settings_of("backup", backup=own), primary))
        _await_location(api, "mail-primary-archive")
        location = api.get(VELERO, "BackupStorageLocation", "mail-primary-archive", NAMESPACE)
        assert location["spec"]["accessMode"] == "ReadOnly"
        velero.restart()
        api.wait(f"{name} is seen", lambda: api.get(VELERO, "Backup", name, NAMESPACE), SYNC_SECONDS)

        restore = {"backupName": name, "includedNamespaces": ["mail"], "namespaceMapping": {"mail": "mail-as-it-was"}}
        metadata = {"name": "everything", "namespace": NAMESPACE}
        api.create({"apiVersion": VELERO, "kind": "Restore", "metadata": metadata, "spec": restore})
        assert _end(api, "Restore", "everything") == "Completed"
        assert _in(api, "mail-as-it-was", kinds) == originals
        assert {"Secret/made-by-hand", "PersistentVolumeClaim/stalwart-data", "StatefulSet/stalwart"} <= originals.keys()

        wanted = restore_object(Request(NAMESPACE, "mail-primary-archive", "mail", "mail-restored", "stalwart-data"), name)
        api.create(wanted)
        assert _end(api, "Restore", wanted["metadata"]["name"]) == "Completed"
        restored = {"Secret/made-by-hand", "PersistentVolumeClaim/stalwart-data"}
        assert _in(api, "mail-restored", kinds) == {key: originals[key] for key in restored}
