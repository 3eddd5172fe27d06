"""Restores the mailboxes from a backup: `python -m jobs.restore`.

A Restore made before Velero has seen the backup fails and is never tried again, so this waits for the location and its
backups first, then makes the Restore, waits for it and looks at what came. Whatever stops it, it can be run again: it
goes on with the Restore that is there.

The environment: VELERO_NAMESPACE; LOCATION, a BackupStorageLocation; SOURCE_NAMESPACE, which was backed up; TARGET_NAMESPACE,
which holds nothing yet; CLAIM, the volume claim that must come back, or empty; BACKUP, the backup's name, or empty for the
newest completed one; STORAGE_CLASS, of the restored volume, or empty for the one it had.
"""

# ruff: noqa: T201 (what it prints is the Job's log)

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .cluster import (
    BACKUPS,
    CLAIMS,
    CONFIG_MAPS,
    LOCATIONS,
    RESTORES,
    Cluster,
    ClusterError,
    Object,
    WaitedTooLong,
    await_,
    own_cluster,
)

LOCATION_TIMEOUT_S = 900.0
SYNC_TIMEOUT_S = 900.0  # Velero looks into a location once a minute
RESTORE_TIMEOUT_S = 24 * 3600.0
DELETE_TIMEOUT_S = 120.0
BIND_TIMEOUT_S = 600.0

COMPLETED = "Completed"
RUNNING = (
    *("", "New", "InProgress", "WaitingForPluginOperations", "WaitingForPluginOperationsPartiallyFailed"),
    *("Finalizing", "FinalizingPartiallyFailed"),
)
NOTHING_WAS_MADE = "FailedValidation"
RESTORE_LABEL = "velero.io/restore-name"  # Velero puts it on all that it restores
DATABASE_LABEL = "cnpg.io/cluster"


class CannotRestore(RuntimeError):  # noqa: N818  it is what happened
    """It cannot be restored; the text says why and what to do."""


@dataclass(frozen=True)
class Request:
    """What is to be restored, and where to."""

    velero_namespace: str
    location: str
    source_namespace: str
    target_namespace: str
    claim: str = ""
    backup: str = ""
    storage_class: str = ""
    secrets: bool = True
    """Whether the Secrets that people made come back too."""

    @property
    def name(self) -> str:
        """The Restore's name: one for each target, so that a second run finds the first one's."""
        return f"restore-{self.target_namespace}"


def newest(backups: Iterable[Object], location: str, namespace: str) -> Object | None:
    """The newest completed backup of a namespace in a location."""
    complete = [
        backup
        for backup in backups
        if backup["spec"].get("storageLocation") == location
        and namespace in backup["spec"].get("includedNamespaces", [])
        and backup.get("status", {}).get("phase") == COMPLETED
    ]
    return max(complete, key=lambda backup: backup["status"]["startTimestamp"], default=None)


def restore(cluster: Cluster, request: Request) -> Object:
    """Restore, or go on with a restore that was begun.

    Returns:
        The backup that it was restored from.

    Raises:
        CannotRestore: saying why and what to do.
        WaitedTooLong: saying for what.
        ClusterError: the API server refused something.
    """
    _ = await_(
        f"the location {request.location} to be available",
        lambda: _available(cluster, request),
        LOCATION_TIMEOUT_S,
    )
    found = _begun(cluster, request)
    if found is None and _is_restored(cluster, request):
        # Velero deletes a Restore together with its backup, when that has expired.
        return {"metadata": {"name": "an earlier run"}, "status": {}}
    if found is None:
        backup = await_(
            f"a completed backup of {request.source_namespace} in {request.location}",
            lambda: _backup(cluster, request),
            SYNC_TIMEOUT_S,
        )
        print(f"restoring {backup['metadata']['name']}, made at {backup['status']['startTimestamp']}", flush=True)
        _modifiers(cluster, request)
        cluster.create(RESTORES, request.velero_namespace, restore_object(request, backup["metadata"]["name"]))
    done = await_(f"the Restore {request.name}", lambda: _ended(cluster, request), RESTORE_TIMEOUT_S)
    status: Mapping[str, Any] = done["status"]
    if status["phase"] != COMPLETED:
        raise CannotRestore(
            f"the Restore {request.name} ended as {status['phase']}: {status.get('failureReason') or _counts(status)}."
            f" See: velero --namespace {request.velero_namespace} restore describe {request.name} --details."
            " Then set restore.namespace to a new name and run pulumi up again; what came is left where it is"
        )
    name = done["spec"]["backupName"]
    if request.claim:
        _check_claim(cluster, request, status)
    backup = cluster.get(BACKUPS, request.velero_namespace, name)
    return backup or {"metadata": {"name": name}, "status": {}}


def restore_object(request: Request, backup: str) -> Object:
    """The Restore: the volume and the Secrets that people made. Everything else is made by who deploys."""
    return {
        "apiVersion": "velero.io/v1",
        "kind": "Restore",
        "metadata": {"name": request.name, "namespace": request.velero_namespace},
        "spec": {
            "backupName": backup,
            "includedNamespaces": [request.source_namespace],
            "namespaceMapping": {request.source_namespace: request.target_namespace},
            "includedResources": ["persistentvolumeclaims", "persistentvolumes", *(["secrets"] if request.secrets else [])],
            # A database brings its own back, and makes its own Secrets.
            "labelSelector": {"matchExpressions": [{"key": DATABASE_LABEL, "operator": "DoesNotExist"}]},
            "restorePVs": True,
            "existingResourcePolicy": "none",
            "itemOperationTimeout": "24h0m0s",
            **({"resourceModifier": {"kind": "configmap", "name": request.name}} if request.storage_class else {}),
        },
    }


def _modifiers(cluster: Cluster, request: Request) -> None:
    """Tell Velero the storage class of this cluster."""
    if not request.storage_class:
        return
    rules = f"""\
version: v1
resourceModifierRules:
- conditions:
    groupResource: persistentvolumeclaims
  mergePatches:
  - patchData: |
      {{"spec": {{"storageClassName": "{request.storage_class}"}}}}
"""
    metadata = {"name": request.name, "namespace": request.velero_namespace}
    body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"rules.yaml": rules}}
    cluster.create(CONFIG_MAPS, request.velero_namespace, body)


def _available(cluster: Cluster, request: Request) -> Object | None:
    location = cluster.get(LOCATIONS, request.velero_namespace, request.location)
    if location is None:
        raise CannotRestore(f"there is no location {request.location} in the namespace {request.velero_namespace}")
    return location if location.get("status", {}).get("phase") == "Available" else None


def _begun(cluster: Cluster, request: Request) -> Object | None:
    """The Restore of an earlier run. One that Velero refused made nothing, and gives way to another try."""
    found = cluster.get(RESTORES, request.velero_namespace, request.name)
    if found is None or found.get("status", {}).get("phase") != NOTHING_WAS_MADE:
        return found
    print(f"trying again: Velero refused {request.name}: {found['status'].get('validationErrors')}", flush=True)
    cluster.delete(RESTORES, request.velero_namespace, request.name)
    _ = await_(
        f"the refused Restore {request.name} to go",
        lambda: None if cluster.get(RESTORES, request.velero_namespace, request.name) else True,
        DELETE_TIMEOUT_S,
    )
    return None


def _is_restored(cluster: Cluster, request: Request) -> bool:
    """Whether the volume is there, from this restore; another's stops it."""
    claim = cluster.get(CLAIMS, request.target_namespace, request.claim) if request.claim else None
    if claim is None:
        return False
    if _restored_by(claim) == request.name and _is_bound(claim):
        return True
    # Velero would leave it as it is and call the restore complete.
    raise CannotRestore(
        f"the namespace {request.target_namespace} has a volume claim {request.claim} already, with mail that this restore"
        " would not touch. Set restore.namespace to a new name and run pulumi up again"
    )


def _backup(cluster: Cluster, request: Request) -> Object | None:
    if not request.backup:
        return newest(cluster.list(BACKUPS, request.velero_namespace), request.location, request.source_namespace)
    found = cluster.get(BACKUPS, request.velero_namespace, request.backup)
    if found is None:
        return None
    if newest([found], request.location, request.source_namespace) is None:
        raise CannotRestore(
            f"{request.backup} is no completed backup of {request.source_namespace} in {request.location}: it is"
            f" {found.get('status', {}).get('phase')}, in {found['spec'].get('storageLocation')}. For the newest one leave"
            " restore.backupName out"
        )
    return found


def _ended(cluster: Cluster, request: Request) -> Object | None:
    found = cluster.get(RESTORES, request.velero_namespace, request.name)
    if found is None:
        raise CannotRestore(f"the Restore {request.name} was deleted while it ran; run pulumi up again")
    return None if found.get("status", {}).get("phase", "") in RUNNING else found


def _check_claim(cluster: Cluster, request: Request, status: Mapping[str, Any]) -> None:
    """A Restore can be complete without the volume: one that was there stays, and one without its data begins empty."""
    claim = cluster.get(CLAIMS, request.target_namespace, request.claim)
    if claim is None or _restored_by(claim) != request.name or not status.get("restoreItemOperationsCompleted"):
        raise CannotRestore(
            f"the Restore {request.name} is complete and brought no data for the volume claim {request.claim}. Was the volume in"
            " the backup? Set restore.namespace to a new name, or restore.backupName to another backup, and run pulumi up again"
        )
    _ = await_(f"the volume of {request.claim}", lambda: _bound(cluster, request), BIND_TIMEOUT_S)


def _bound(cluster: Cluster, request: Request) -> Object | None:
    claim = cluster.get(CLAIMS, request.target_namespace, request.claim)
    return claim if claim and _is_bound(claim) else None


def _is_bound(claim: Object) -> bool:
    return claim.get("status", {}).get("phase") == "Bound"


def _restored_by(claim: Object) -> str | None:
    return claim["metadata"].get("labels", {}).get(RESTORE_LABEL)


def _counts(status: Mapping[str, object]) -> str:
    return f"{status.get('errors', 0)} errors, {status.get('warnings', 0)} warnings"


def request_of(environment: Mapping[str, str]) -> Request:
    """The request that the environment states."""
    names = ("velero_namespace", "location", "source_namespace", "target_namespace", "claim", "backup", "storage_class")
    found: dict[str, Any] = {name: environment.get(name.upper(), "") for name in names}
    return Request(**found)


def main() -> int:
    """Restore what the environment states; the exit code."""
    try:
        backup = restore(own_cluster(), request_of(os.environ))
    except (CannotRestore, WaitedTooLong, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    made = backup["status"].get("startTimestamp", "an unknown time")
    print(f"restored from {backup['metadata']['name']}: the mailboxes are as they were at {made}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
