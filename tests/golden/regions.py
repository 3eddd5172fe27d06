"""What each region has of backups and restores, word for word: both regions, both kinds of storage, and every mode."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from offline.build import is_manifest, manifest, to_yaml
from offline.recorder import Recording
from tests.conftest import changed, recorded
from tests.program.stacks import run, settings_of
from tests.program.test_failover import ACTIVE, HERE
from tests.program.test_storage import DISTRIBUTED

FOLDER = Path(__file__).parent / "regions"
COMPONENTS = ("backup", "restore", "restore-check", "drill")
STORES = ("Namespace", "PersistentVolumeClaim", "Cluster", "ObjectStore", "ScheduledBackup")
DIGEST = re.compile(r"-[0-9a-f]{10}\b")  # of a program or a plan, whose own tests say what is in it


@cache
def _primary(**changes: str) -> Recording:
    return changed("primary", storage=DISTRIBUTED, **changes)


def _restored(storage: object) -> Recording:
    before = run("primary", settings_of("primary", storage=storage, mode="fenced"))
    restore = {"namespace": "mail-2", "source": {"bucket": "example-mail-backup", "region": "eu-central-1", "prefix": "backup"}}
    if storage:
        restore["database"] = {"bucket": "example-mail-database-b", "region": "eu-central-1", "keysSecret": "archive-b"}
    return run("primary", settings_of("primary", storage=storage, restore=restore), before=before)


def _active(primary: Recording, **restore: object) -> Recording:
    return run("backup", settings_of("backup", **ACTIVE, restore={**HERE, **restore}), primary)


def _stores() -> dict[str, object]:
    blobs = {"bucket": "example-mail-bodies-replica", "region": "eu-central-1", "keysSecret": "blobs"}
    archive = {"bucket": "example-mail-database-b", "region": "eu-central-1", "keysSecret": "archive-b"}
    return {**DISTRIBUTED, "blobs": blobs, "archive": archive}


REGIONS: dict[str, Callable[[], Recording]] = {
    "primary": lambda: recorded("primary"),
    "primary-fenced": lambda: changed("primary", mode="fenced"),
    "primary-restored": lambda: _restored(None),
    "backup": lambda: recorded("backup"),
    "backup-active-fenced": lambda: _active(recorded("primary")),
    "backup-active": lambda: _active(recorded("primary"), checked=True),
    "distributed-primary": _primary,
    "distributed-primary-restored": lambda: _restored(DISTRIBUTED),
    "distributed-backup": lambda: run("backup", settings_of("backup"), _primary()),
    "distributed-backup-active": lambda: _active(_primary(), storage=_stores(), checked=True),
}


def text(name: str) -> str:
    """A region's objects as YAML, in the order of their names."""
    recording = REGIONS[name]()
    wanted = [r for r in recording.resources.values() if is_manifest(r) and (_is_of_backups(recording, r) or _is_a_store(r))]
    objects = [_without_programs(manifest(found)) for found in sorted(wanted, key=lambda resource: resource.name)]
    return DIGEST.sub("-DIGEST", "---\n".join(to_yaml(found) for found in objects))


def _is_of_backups(recording: Recording, resource) -> bool:
    return recording.resources[resource.parent].name in COMPONENTS


def _is_a_store(resource) -> bool:
    return resource.type.rpartition(":")[2] in STORES


def _without_programs(found):
    if found["kind"] == "ConfigMap":
        found["data"] = {name: "..." if name.endswith(".py") else text for name, text in found["data"].items()}
    return found


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in REGIONS:
        (FOLDER / f"{name}.yaml").write_text(text(name))
