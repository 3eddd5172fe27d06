"""The Velero objects of a mail platform, as plain manifests (Velero 1.18, API velero.io/v1, plugin for AWS 1.14).

What is backed up: the namespace's objects, and the volume as a CSI snapshot whose data Velero moves to the bucket. Never a
file copy of a running RocksDB: its files are read at different instants, and the copy does not open.
"""

import json
from typing import Any

from .. import labels
from ..stalwart import names as server_names
from . import sentinel
from .arguments import DEFAULT_AWS_PLUGIN_IMAGE, DEFAULT_VELERO_IMAGE, Backup, Location, Schedule

API_VERSION = "velero.io/v1"
POLICY_CONFIG_MAP = "mail-volume-policy"
# Velero itself makes this Secret with a password everybody knows, unless it is there first, and cannot change it later.
REPOSITORY_SECRET = "velero-repo-credentials"
REPOSITORY_PASSWORD_KEY = "repository-password"
CREDENTIALS_KEY = "cloud"

CHART = "velero"
CHART_REPOSITORY = "https://vmware-tanzu.github.io/helm-charts"
SYNC_TIMEOUT = "5m"
# Velero's own default of 4 hours is below what the first upload of a large store takes.
UPLOAD_TIMEOUT = "24h0m0s"


def storage_location(location: Location) -> dict[str, Any]:
    """The spec of a BackupStorageLocation.

    The plugin's configuration is a closed list of text values; an unknown key makes the location unavailable.
    """
    config = {"region": location.region}
    if location.s3_url:
        # Most S3-compatibles know neither virtual hosts nor the newer checksums.
        config |= {"s3Url": location.s3_url, "s3ForcePathStyle": "true", "checksumAlgorithm": ""}
    storage = {"bucket": location.bucket, **({"prefix": location.prefix} if location.prefix else {})}
    spec: dict[str, Any] = {
        "provider": "aws",
        "accessMode": "ReadOnly" if location.read_only else "ReadWrite",
        "backupSyncPeriod": "1m",
        "objectStorage": storage,
        "config": config,
    }
    if location.secret_name:
        spec["credential"] = {"name": location.secret_name, "key": CREDENTIALS_KEY}
    return spec


def schedule(item: Schedule, mail_namespace: Any, sentinel_mailbox: str | None = None) -> dict[str, Any]:
    """The spec of a Schedule. `skipImmediately` stays unset: the controller rewrites it.

    Args:
        item: when, where to and how long.
        mail_namespace: the namespace that is backed up.
        sentinel_mailbox: where each backup leaves a sentinel, for drills.
    """
    return {
        "schedule": item.cron,
        "paused": item.paused,
        # With owner references the removal of a Schedule would remove its backups.
        "useOwnerReferencesInBackup": False,
        "template": {
            "includedNamespaces": [mail_namespace],
            "storageLocation": item.location,
            "ttl": item.ttl,
            "snapshotVolumes": True,
            "snapshotMoveData": True,
            "defaultVolumesToFsBackup": False,
            "itemOperationTimeout": UPLOAD_TIMEOUT,
            "resourcePolicy": {"kind": "configmap", "name": POLICY_CONFIG_MAP},
            "hooks": {"resources": [_hook(mail_namespace, sentinel_mailbox)]},
        },
    }


def _hook(mail_namespace: Any, sentinel_mailbox: str | None) -> dict[str, Any]:
    """Flush the server's files before the snapshot, which then holds everything the server has acknowledged."""
    command = {
        "container": server_names.CONTAINER,
        "command": sentinel.before_backup(sentinel_mailbox),
        "onError": "Fail",
        "timeout": SYNC_TIMEOUT,
    }
    return {
        "name": "flush-mail-store",
        "includedNamespaces": [mail_namespace],
        "includedResources": ["pods"],
        "labelSelector": {"matchLabels": labels.selector(server_names.APPLICATION, server_names.SERVER)},
        "pre": [{"exec": command}],
    }


def volume_policy() -> str:
    """The resource policy: which volumes are snapshots, and which are left out. The first match wins. JSON is YAML."""
    policies: list[dict[str, Any]] = [
        # PostgreSQL backs itself up, and a snapshot of one member restores to nothing useful.
        {"conditions": {"pvcLabels": {"cnpg.io/pvcRole": "PG_DATA"}}, "action": {"type": "skip"}},
        {"conditions": {"pvcLabels": {"cnpg.io/pvcRole": "PG_WAL"}}, "action": {"type": "skip"}},
        {"conditions": {"pvcPhase": ["Pending", "Lost"]}, "action": {"type": "skip"}},
        {"conditions": {"csi": {}}, "action": {"type": "snapshot"}},
    ]
    return json.dumps({"version": "v1", "volumePolicies": policies}, indent=2) + "\n"


def chart_values(backup: Backup) -> dict[str, Any]:
    """The values of Velero's chart: the server, the node agent and the plugin, but no locations or schedules of the chart's own.

    The chart would rename schedules, and other regions must know their names.
    """
    repository, _, tag = DEFAULT_VELERO_IMAGE.rpartition(":")
    writable = [location.name for location in backup.locations if not location.read_only]
    return {
        "image": {"repository": repository, "tag": tag},
        "initContainers": [
            {
                "name": "velero-plugin-for-aws",
                "image": DEFAULT_AWS_PLUGIN_IMAGE,
                "volumeMounts": [{"mountPath": "/target", "name": "plugins"}],
            }
        ],
        "backupsEnabled": False,
        "snapshotsEnabled": False,
        "deployNodeAgent": True,
        "upgradeCRDs": True,
        "cleanUpCRDs": False,
        "credentials": {"useSecret": False},
        "configuration": {
            "features": "EnableCSI",
            "defaultItemOperationTimeout": "24h",
            **({"defaultBackupStorageLocation": writable[0]} if writable else {}),
            "extraArgs": ["--schedule-skip-immediately=true"],
        },
        # What the alerts are made of.
        **(
            {"metrics": {found: {"enabled": True} for found in ("serviceMonitor", "nodeAgentPodMonitor")}}
            if backup.watched
            else {}
        ),
    }
