"""Backups by the real Velero: what one region writes to S3, another restores when the first is gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.backup.jobs.restore import Request, restore_object
from offline.recorder import Recording
from tests.cluster.api import Api, Object, wait
from tests.cluster.region import Region
from tests.cluster.velero import ACCESS_KEY_ID, NAMESPACE, S3, SECRET_ACCESS_KEY, Velero
from tests.conftest import changed, manifests
from tests.program.stacks import run, settings_of

VELERO = "velero.io/v1"
KEYS = {"accessKeyId": {"secure": ACCESS_KEY_ID}, "secretAccessKey": {"secure": SECRET_ACCESS_KEY}}
LAST_WEEK = "2026-01-01T00:00:00Z"
HOT, ARCHIVE, OWN = "example-mail-hot", "example-mail-archive", "example-mail-backup"
VELERO_S = ("velero.io/", "backup.velero.io/")
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
    objects = manifests(recording)
    for found in objects:
        api.apply(found)
    kinds = {(found["apiVersion"], found["kind"]) for found in objects if found["metadata"].get("namespace") == "mail"}
    return kinds - {("batch/v1", "Job")}


def _await(api: Api, kind: str, name: str, *phases: str) -> str:
    """The phase of these that an object of Velero's comes to.

    Raises:
        TimeoutError: it does not; with what its status says.
    """
    status: Object = {}

    def phase() -> str:
        nonlocal status
        status = (api.get(VELERO, kind, name, NAMESPACE) or {}).get("status", {})
        return status.get("phase", "") if status.get("phase") in phases else ""

    try:
        return wait(f"{kind} {name} is {' or '.join(phases)}", phase)
    except TimeoutError as error:
        error.add_note(str(status))
        raise


def _end(api: Api, kind: str, name: str) -> str:
    """The phase in which a Backup or a Restore ends."""
    return _await(api, kind, name, "Completed", "PartiallyFailed", "Failed", "FailedValidation")


def _made_by(api: Api, schedule: str) -> str:
    """The name of the backup that a schedule has made: another may be due while the test runs."""
    found = (backup["metadata"] for backup in api.list(VELERO, "Backup", NAMESPACE))
    return next((metadata["name"] for metadata in found if metadata["labels"]["velero.io/schedule-name"] == schedule), "")


def _let_collect_garbage(api: Api) -> None:
    """Wait until what belongs to a deleted object is gone, as is seen of another."""
    owner = api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": NAMESPACE}})[0]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    metadata = {"name": "owned", "namespace": NAMESPACE, "ownerReferences": [reference]}
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    api.delete(owner)
    wait("garbage is collected", lambda: not api.get("v1", "ConfigMap", "owned", NAMESPACE))


def _content(found: Object) -> Object:
    """What an object says, wherever it is: without what Velero adds, and what each cluster allocates."""
    said = {key: value for key, value in found.items() if key not in ("metadata", "status")}
    for part in ("labels", "annotations"):
        entries = found["metadata"].get(part, {}).items()
        said[part] = {key: value for key, value in entries if not key.startswith(VELERO_S)}
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
            _await(api, "BackupStorageLocation", name, "Available")

        _await(api, "Schedule", "mail-primary-archive", "Enabled")
        schedule = api.get(VELERO, "Schedule", "mail-primary-archive", NAMESPACE)
        # Velero has noted when it first saw the schedule, which would count as a run.
        api.patch(schedule, {"status": {"lastBackup": LAST_WEEK, "lastSkipped": None}})
        velero.restart()
        name = wait("the schedule makes a backup", lambda: _made_by(api, "mail-primary-archive"))
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
        _await(api, "BackupStorageLocation", "mail-primary-archive", "Available")
        location = api.get(VELERO, "BackupStorageLocation", "mail-primary-archive", NAMESPACE)
        assert location["spec"]["accessMode"] == "ReadOnly"
        velero.restart()
        wait(f"{name} is seen", lambda: api.get(VELERO, "Backup", name, NAMESPACE))

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
