"""Restores the mailboxes from a backup: `python -m jobs.restore`.

A Restore made before Velero has seen the backup fails and is never tried again, so this waits for the location and its
backups first, then makes the Restore, waits for it and looks at what came. Whatever stops it, it can be run again: it
goes on with the Restore that is there.

The environment: VELERO_NAMESPACE; LOCATION, a BackupStorageLocation; SOURCE_NAMESPACE, which was backed up; TARGET_NAMESPACE,
which holds nothing yet; CLAIM, the volume claim that must come back, or empty; BACKUP, the backup's name, or empty for the
newest completed one; STORAGE_CLASS, of the restored volume, or empty for the one it had; IMAGE, an image with Python.
"""

# ruff: noqa: T201 (what it prints is the Job's log)

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .cluster import (
    BACKUPS,
    CLAIMS,
    CONFIG_MAPS,
    LOCATIONS,
    PODS,
    RESTORES,
    Cluster,
    ClusterError,
    Object,
    WaitedTooLong,
    await_,
    keep,
    own_cluster,
)
from .consumer import CONSUMER, consumer

LOCATION_TIMEOUT_S = 900.0
SYNC_TIMEOUT_S = 900.0  # Velero looks into a location once a minute
RESTORE_TIMEOUT_S = 24 * 3600.0
DELETE_TIMEOUT_S = 120.0
BIND_TIMEOUT_S = 600.0

COMPLETED = "Completed"
PARTIALLY_FAILED = "PartiallyFailed"
# Those that can still become Completed. Velero may stay in the others for a day.
RUNNING = ("", "New", "InProgress", "WaitingForPluginOperations", "Finalizing")
NOTHING_WAS_MADE = "FailedValidation"
RESTORE_LABEL = "velero.io/restore-name"  # Velero puts it on all that it restores
DATABASE_LABEL = "cnpg.io/cluster"
MARK = "mail-restored"  # a ConfigMap in the target: Velero deletes a Restore together with its backup


class CannotRestore(RuntimeError):  # noqa: N818  it is what happened
    """It cannot be restored; the text says why and what to do."""


def restore_name(target_namespace: str) -> str:
    """The name of the Restore to a namespace: one for each, so that a second run finds the first one's."""
    return f"restore-{target_namespace}"


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
    image: str = ""
    secrets: bool = True
    """Whether the Secrets that people made come back too."""
    advice: str = "Set restore.namespace to a new name and run pulumi up again; what came is left where it is"
    """What to do when it cannot be restored to this target."""

    @property
    def name(self) -> str:
        """The Restore's name."""
        return restore_name(self.target_namespace)


def newest(backups: Iterable[Object], location: str, namespace: str, phases: tuple[str, ...] = (COMPLETED,)) -> Object | None:
    """The newest completed backup of a namespace in a location."""
    complete = [
        backup
        for backup in backups
        if backup["spec"].get("storageLocation") == location
        and namespace in backup["spec"].get("includedNamespaces", [])
        and backup.get("status", {}).get("phase") in phases
    ]
    return max(complete, key=lambda backup: backup["status"]["startTimestamp"], default=None)


def restore(cluster: Cluster, request: Request, consume: Callable[[], None]) -> dict[str, str]:
    """Restore, or go on with a restore that was begun.

    Args:
        cluster: where.
        request: what.
        consume: makes a pod that mounts the claim. Many storage classes make a volume only for a pod, and Velero waits for it.

    Returns:
        What it was restored from: `backup`, its name, and `made`, when that was made (RFC 3339), or empty.

    Raises:
        CannotRestore: saying why and what to do.
        WaitedTooLong: saying for what.
        ClusterError: the API server refused something.
    """
    # Whatever stops it, it can be begun again: also a server that is away for a moment, in whatever step.
    return await_("the API server", lambda: _restore(cluster, request, consume), RESTORE_TIMEOUT_S)


def _restore(cluster: Cluster, request: Request, consume: Callable[[], None]) -> dict[str, str]:
    marked = _marked(cluster, request)
    if marked:
        return marked
    _ = await_(
        f"the location {request.location} to be available",
        lambda: _available(cluster, request),
        LOCATION_TIMEOUT_S,
    )
    found = _begun(cluster, request)
    if found and request.backup and found["spec"]["backupName"] != request.backup:
        raise CannotRestore(_other(request, found["spec"]["backupName"]))
    if found is None:
        _refuse_what_is_there(cluster, request)
        if not request.backup:
            _await_sync(cluster, request)
        backup = await_(
            f"a completed backup of {request.source_namespace} in {request.location}",
            lambda: _backup(cluster, request),
            SYNC_TIMEOUT_S,
        )
        print(f"restoring {backup['metadata']['name']}, made at {backup['status']['startTimestamp']}", flush=True)
        _modifiers(cluster, request)
        cluster.create(RESTORES, request.velero_namespace, restore_object(request, backup["metadata"]["name"]))
    done = await_(f"the Restore {request.name}", lambda: _ended(cluster, request, consume), RESTORE_TIMEOUT_S)
    status: Mapping[str, Any] = done["status"]
    if status["phase"] == NOTHING_WAS_MADE:
        raise CannotRestore(f"Velero refused the Restore {request.name}: {status.get('validationErrors')}; run pulumi up again")
    if status["phase"] != COMPLETED:
        raise CannotRestore(
            f"the Restore {request.name} ended as {status['phase']}: {status.get('failureReason') or _counts(status)}."
            f" See: velero --namespace {request.velero_namespace} restore describe {request.name} --details. Or may the keys of"
            f" the location {request.location} not write below restores/ in it? {request.advice}"
        )
    if request.claim:
        _check_claim(cluster, request, status)
    return _mark(cluster, request, done["spec"]["backupName"])


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
    # That of an earlier run may have another class.
    keep(cluster, request.velero_namespace, request.name, {"rules.yaml": rules})


def _available(cluster: Cluster, request: Request) -> Object | None:
    location = cluster.get(LOCATIONS, request.velero_namespace, request.location)
    if location is None:
        raise CannotRestore(f"there is no location {request.location} in the namespace {request.velero_namespace}")
    return location if location.get("status", {}).get("phase") == "Available" else None


def _await_sync(cluster: Cluster, request: Request) -> None:
    """Velero makes one Backup after another of what it finds in a location; the newest may be the last of them."""

    def synced() -> object:
        location = cluster.get(LOCATIONS, request.velero_namespace, request.location) or {}
        return location.get("status", {}).get("lastSyncedTime")

    # Another time than the one that is there: clocks of nodes differ.
    before = synced()
    what = f"Velero to have seen all of {request.location}"
    _ = await_(what, lambda: (synced() or None) if synced() != before else None, SYNC_TIMEOUT_S)


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


def _marked(cluster: Cluster, request: Request) -> dict[str, str] | None:
    """What an earlier run restored."""
    mark = cluster.get(CONFIG_MAPS, request.target_namespace, MARK)
    if mark is None:
        return None
    if request.backup and mark["data"]["backup"] != request.backup:
        raise CannotRestore(_other(request, mark["data"]["backup"]))
    if request.claim and cluster.get(CLAIMS, request.target_namespace, request.claim) is None:
        raise CannotRestore(
            f"{request.target_namespace} was restored from {mark['data']['backup']}, and its volume claim {request.claim} is"
            f" gone. {request.advice}"
        )
    return mark["data"]


def _mark(cluster: Cluster, request: Request, name: str) -> dict[str, str]:
    backup = cluster.get(BACKUPS, request.velero_namespace, name) or {}
    data = {"backup": name, "made": backup.get("status", {}).get("startTimestamp", "")}
    metadata = {"name": MARK, "namespace": request.target_namespace}
    body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    cluster.create(CONFIG_MAPS, request.target_namespace, body)
    return data


def _other(request: Request, backup: str) -> str:
    return f"{request.target_namespace} was restored from {backup}, and not from {request.backup}. {request.advice}"


def _refuse_what_is_there(cluster: Cluster, request: Request) -> None:
    # Velero would leave it as it is and call the restore complete.
    if request.claim and cluster.get(CLAIMS, request.target_namespace, request.claim):
        raise CannotRestore(
            f"the namespace {request.target_namespace} has a volume claim {request.claim} already, which this restore would not"
            f" touch. {request.advice}"
        )


def _backup(cluster: Cluster, request: Request) -> Object | None:
    if not request.backup:
        return newest(cluster.list(BACKUPS, request.velero_namespace), request.location, request.source_namespace)
    found = cluster.get(BACKUPS, request.velero_namespace, request.backup)
    if found is None:
        return None
    # Where nothing better is left, one that lacks a part may do; whoever names it has looked.
    if newest([found], request.location, request.source_namespace, (COMPLETED, PARTIALLY_FAILED)) is None:
        raise CannotRestore(
            f"{request.backup} is no completed backup of {request.source_namespace} in {request.location}: it is"
            f" {found.get('status', {}).get('phase')}, in {found['spec'].get('storageLocation')}. For the newest one leave"
            " restore.backupName out"
        )
    return found


def _ended(cluster: Cluster, request: Request, consume: Callable[[], None]) -> Object | None:
    if request.claim:
        consume()  # each time: that of an earlier run may still be going
    found = cluster.get(RESTORES, request.velero_namespace, request.name)
    if found is None:
        raise CannotRestore(f"the Restore {request.name} was deleted while it ran; run pulumi up again")
    return None if found.get("status", {}).get("phase", "") in RUNNING else found


def _check_claim(cluster: Cluster, request: Request, status: Mapping[str, Any]) -> None:
    """A Restore can be complete without the volume: one that was there stays, and one without its data begins empty."""
    claim = cluster.get(CLAIMS, request.target_namespace, request.claim)
    by = claim and claim["metadata"].get("labels", {}).get(RESTORE_LABEL)
    if by != request.name or not status.get("restoreItemOperationsCompleted"):
        raise CannotRestore(
            f"the Restore {request.name} is complete and brought no data for the volume claim {request.claim}: the backup"
            f" does not have the volume. {request.advice}, with restore.backupName for another backup"
        )
    _ = await_(f"the volume of {request.claim}", lambda: _bound(cluster, request), BIND_TIMEOUT_S)


def _bound(cluster: Cluster, request: Request) -> Object | None:
    claim = cluster.get(CLAIMS, request.target_namespace, request.claim)
    return claim if claim and claim.get("status", {}).get("phase") == "Bound" else None


def _counts(status: Mapping[str, object]) -> str:
    return f"{status.get('errors', 0)} errors, {status.get('warnings', 0)} warnings"


def request_of(environment: Mapping[str, str]) -> Request:
    """The request that the environment states."""
    names = ("velero_namespace", "location", "source_namespace", "target_namespace", "claim", "backup", "storage_class", "image")
    found: dict[str, Any] = {name: environment.get(name.upper(), "") for name in names}
    return Request(**found)


def _remove_consumer(cluster: Cluster, request: Request) -> None:
    try:
        cluster.delete(PODS, request.target_namespace, CONSUMER)
    except ClusterError as error:  # it has done what it was there for
        print(f"the pod {CONSUMER} is left behind: {error}", flush=True)


def main() -> int:
    """Restore what the environment states; the exit code."""
    try:
        cluster, request = own_cluster(), request_of(os.environ)
        try:
            found = restore(
                cluster,
                request,
                lambda: cluster.create(
                    PODS, request.target_namespace, consumer(request.target_namespace, request.image, request.claim)
                ),
            )
        finally:
            _remove_consumer(cluster, request)
    except (CannotRestore, WaitedTooLong, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"restored from {found['backup']}: the mailboxes are as they were at {found['made'] or 'an unknown time'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
