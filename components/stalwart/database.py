"""The PostgreSQL cluster that CloudNativePG makes for distributed storage (https://cloudnative-pg.io, 1.30), and its archive.

The archive is written and read by the plugin barman-cloud (0.14), never by the operator's own `barmanObjectStore`, which goes
away with 1.31.
"""

from typing import Any

from . import names
from .arguments import Server
from .options.restored import DatabaseSource
from .options.storage import ArchiveFolder, DatabaseArchive

API_VERSION = "postgresql.cnpg.io/v1"
STORE_API_VERSION = "barmancloud.cnpg.io/v1"
PLUGIN = "barman-cloud.cloudnative-pg.io"
IMAGE = "ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie"
INSTANCES = 3  # one writes, one is its synchronous copy, one is left when a node goes
# Ten for each pod (the server's own pool), for twenty pods and some to look. Changing it restarts the database.
MAX_CONNECTIONS = 250
# Files of the log that are sent or fetched at once: one at a time is slower than a busy server writes them.
PARALLEL_LOG_FILES = 4
ARCHIVE, SOURCE = "archive", "source"  # what it writes, and what it was restored from
STORES = {ARCHIVE: names.DATABASE, SOURCE: names.DATABASE_SOURCE}
# boto3 sends checksums since 1.36 that S3-compatible servers refuse (plugin-barman-cloud, issue 393).
PLAIN_CHECKSUMS = {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required", "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}


def cluster(server: Server) -> dict[str, Any]:
    """The spec of the `Cluster`. The operator makes its Secrets `<name>-app` and `<name>-ca` and its Service `<name>-rw`."""
    storage = server.storage
    storage_class = {"storageClass": storage.storage_class} if storage.storage_class else {}
    source = _source(server)
    return {
        "instances": INSTANCES,
        "imageName": IMAGE,
        "bootstrap": {"recovery": _recovery(source)} if source else {"initdb": _application()},
        **({"externalClusters": [{"name": SOURCE, "plugin": _plugin(SOURCE, source)}]} if source else {}),
        **({"plugins": [_plugin(ARCHIVE, storage.archive)]} if storage.archive else {}),
        "storage": {"size": storage.size, **storage_class},
        # A log on a volume of its own: a full one stops writes, but leaves the data whole.
        "walStorage": {"size": storage.wal_size, **storage_class},
        "postgresql": {
            "parameters": {"max_connections": str(MAX_CONNECTIONS)},
            "synchronous": {"method": "any", "number": 1},
        },
        "affinity": {"enablePodAntiAffinity": True, "topologyKey": "kubernetes.io/hostname", "podAntiAffinityType": "preferred"},
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
    }


def object_stores(server: Server) -> dict[str, dict[str, Any]]:
    """The specs of the `ObjectStore`s that the `Cluster` names: `ARCHIVE` and `SOURCE`, as far as there is one."""
    archive, source = server.storage.archive, _source(server)
    stores: dict[str, dict[str, Any]] = {}
    if archive:
        stores[ARCHIVE] = _archive_store(archive)
    if source:
        stores[SOURCE] = _object_store(source, SOURCE)
    return stores


def regions(server: Server) -> dict[str, str]:
    """The data of the Secret that the `ObjectStore`s with keys read their regions from; empty when none has keys."""
    folders = {ARCHIVE: server.storage.archive, SOURCE: _source(server)}
    return {role: folder.region for role, folder in folders.items() if folder and folder.keys_secret}


def scheduled_backup(archive: DatabaseArchive) -> dict[str, Any]:
    """The spec of the `ScheduledBackup` that makes the base backups."""
    return {
        # Six fields, seconds first. Five would be taken too, and mean something else: the last one may be left out.
        "schedule": f"0 {archive.cron}",
        # A log without a base backup before it restores nothing.
        "immediate": True,
        "method": "plugin",
        "pluginConfiguration": {"name": PLUGIN},
        "cluster": {"name": names.DATABASE},
        # Not `self`: `Backup`s would go when this is removed. Not `none`: the plugin clears away only those of the
        # database that runs, so those of one that is gone would stay for ever.
        "backupOwnerReference": "cluster",
    }


def _source(server: Server) -> DatabaseSource | None:
    return server.restored.database if server.restored else None


def _application() -> dict[str, str]:
    return {"database": names.DATABASE_NAME, "owner": names.DATABASE_NAME}


def _recovery(source: DatabaseSource) -> dict[str, Any]:
    """With the database and its owner, the operator makes the Secret `<name>-app` and, once restored, sets that password."""
    target = {"recoveryTarget": {"targetTime": source.target_time}} if source.target_time else {}
    return {"source": SOURCE, **_application(), **target}


def _plugin(role: str, folder: ArchiveFolder) -> dict[str, Any]:
    return {
        "name": PLUGIN,
        # Their defaults are said too: the API server fills them in, and a refresh would see a change.
        "enabled": True,
        "isWALArchiver": role == ARCHIVE,
        # The name of the server here: the `ObjectStore` refuses it.
        "parameters": {"barmanObjectName": STORES[role], "serverName": folder.server_name},
    }


def _archive_store(archive: DatabaseArchive) -> dict[str, Any]:
    store = _object_store(archive, ARCHIVE)
    store["configuration"]["wal"]["compression"] = "zstd"
    store["configuration"]["data"] = {"compression": "lz4"}  # it may not be zstd
    # Of no other store: whoever reads another region's backups must never delete one.
    store["retentionPolicy"] = f"{archive.keep_days}d"
    return store


def _object_store(folder: ArchiveFolder, role: str) -> dict[str, Any]:
    environment = PLAIN_CHECKSUMS if folder.endpoint else {}
    if folder.keys_secret:
        keys = folder.keys_secret
        credentials: dict[str, Any] = {
            "accessKeyId": {"name": keys, "key": names.BLOBS_ACCESS_KEY_ID},
            "secretAccessKey": {"name": keys, "key": names.BLOBS_SECRET_ACCESS_KEY},
            # Not a variable: those of both stores end in one container, where the archive's would count for both.
            "region": {"name": names.DATABASE_REGIONS, "key": role},
        }
    else:
        # With an identity the plugin reads no region from a Secret. Where the archive's variable counts for both, AWS says
        # which region is right and boto3 asks there.
        credentials = {"inheritFromIAMRole": True}
        environment = {**environment, "AWS_DEFAULT_REGION": folder.region}
    return {
        "configuration": {
            "destinationPath": folder.path,
            **({"endpointURL": folder.endpoint} if folder.endpoint else {}),
            "s3Credentials": credentials,
            "wal": {"maxParallel": PARALLEL_LOG_FILES},
        },
        "instanceSidecarConfiguration": {
            **({"env": [{"name": name, "value": value} for name, value in environment.items()]} if environment else {}),
            # No limit: a base backup that is stopped for its memory is none.
            "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}},
        },
    }
