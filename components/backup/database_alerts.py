"""What can go wrong with the backups of a CloudNativePG cluster, as alerting rules.

Where the names of metrics are from:

- `cnpg_collector_*`: CloudNativePG v1.30.0, pkg/management/postgres/webserver/metricserver/pg_collector.go.
- `cnpg_pg_stat_archiver_*`: CloudNativePG v1.30.0, config/manager/default-monitoring.yaml. A Cluster can switch these off;
  what waits to be archived is still counted then. -1 stands for never.
- `barman_cloud_cloudnative_pg_io_*`: plugin-barman-cloud v0.15.0, internal/cnpgi/instance/metrics.go. 0 stands for never.

Every instance has its own series, told apart by its pod: `<cluster>-<number>`.
"""

from dataclasses import dataclass
from typing import Any

from ..alert_rules import AGE, COUNT, HOUR, MINUTE, SETTLED, alert, hours

TIME_TO_MAKE = 2 * HOUR  # a base backup
# CloudNativePG has PostgreSQL close a segment every 5 minutes, so that three wait for 15 minutes.
WAITING_SEGMENTS = 3

ARCHIVER = "cnpg_pg_stat_archiver"
PLUGIN = "barman_cloud_cloudnative_pg_io"
SIDECAR = "plugin-barman-cloud"


@dataclass(frozen=True)
class WatchedDatabase:
    """A CloudNativePG cluster that is backed up."""

    cluster: str
    longest_gap_s: int
    """The longest time between two base backups, in seconds."""


def database(namespace: str, watched: WatchedDatabase) -> list[dict[str, Any]]:
    """A cluster whose WAL and base backups the plugin barman-cloud takes to a bucket."""
    cluster = watched.cluster
    return [
        _silent(namespace, cluster),
        *_wal(namespace, cluster),
        *_base_backups(namespace, cluster, watched.longest_gap_s + TIME_TO_MAKE),
    ]


def _instances(namespace: str, cluster: str) -> str:
    return f'namespace="{namespace}",pod=~"{cluster}-[0-9]+"'


def _waiting(namespace: str, cluster: str) -> str:
    return f'cnpg_collector_pg_wal_archive_status{{value="ready",{_instances(namespace, cluster)}}}'


def _silent(namespace: str, cluster: str) -> dict[str, Any]:
    plugin = f"{PLUGIN}_last_available_backup_timestamp{{{_instances(namespace, cluster)}}}"
    return alert(
        "MailDatabaseSilent",
        "warning",
        f"absent({_waiting(namespace, cluster)}) or on (namespace) absent({plugin})",
        SETTLED,
        f"No metrics of the backups of the database {cluster}",
        "Prometheus has not seen them for 15 minutes, and the other alerts about the database's backups may not work meanwhile. "
        f"See whether the database runs with the plugin barman-cloud, and whether a PodMonitor for {cluster} is picked up.",
        about={"database": cluster},
    )


def _wal(namespace: str, cluster: str) -> list[dict[str, Any]]:
    instances, about = _instances(namespace, cluster), {"database": cluster}
    logs = f"See the log of the container {SIDECAR} in the primary's pod in {namespace}."
    failing = alert(
        "MailWalNotArchived",
        "critical",
        f"max by (namespace) ({ARCHIVER}_last_failed_time{{{instances}}} - {ARCHIVER}_last_archived_time{{{instances}}}) > 0",
        10 * MINUTE,
        f"The database {cluster} cannot archive its WAL",
        "The newest attempt failed, and none has worked for 10 minutes. What is written meanwhile is lost with the volume, and "
        f"the volume fills up until the database stops. {logs} `Expected empty archive` means that another one's WAL is in it.",
        about=about,
    )
    piling_up = alert(
        "MailWalPilesUp",
        "critical",
        f"max by (namespace) ({_waiting(namespace, cluster)}) >= {WAITING_SEGMENTS}",
        SETTLED,
        f"WAL of the database {cluster} waits to be archived",
        f"{COUNT} segments wait, and for 15 minutes it has been {WAITING_SEGMENTS} or more. What is in them is lost with the "
        f"volume. The archive hangs, or is slower than the database writes. {logs}",
        about=about,
    )
    return [failing, piling_up]


def _base_backups(namespace: str, cluster: str, oldest_s: int) -> list[dict[str, Any]]:
    instances, about = _instances(namespace, cluster), {"database": cluster}
    newest = f"max by (namespace) ({PLUGIN}_last_available_backup_timestamp{{{instances}}})"
    newest_failed = f"max by (namespace) ({PLUGIN}_last_failed_backup_timestamp{{{instances}}})"
    see = f"See `kubectl -n {namespace} get backups.postgresql.cnpg.io`, and the log of the container {SIDECAR}."
    stale = alert(
        "MailDatabaseBackupTooOld",
        "critical",
        f"time() - ({newest} > 0) > {oldest_s}",
        SETTLED,
        f"The newest base backup of the database {cluster} is too old",
        f"It is {AGE} old; there should be one every {hours(oldest_s - TIME_TO_MAKE)}. Nothing is lost while the WAL is archived,"
        f" but a restore has to replay all of it since then. {see}",
        about=about,
    )
    never = alert(
        "MailDatabaseBackupNeverMade",
        "critical",
        f"{newest} == 0",
        oldest_s,
        f"The database {cluster} has no base backup",
        f"There has been none for {hours(oldest_s)}. Nothing can be restored: WAL alone is of no use. {see}",
        about=about,
    )
    failed = alert(
        "MailDatabaseBackupFailed",
        "warning",
        f"{newest_failed} > {newest}",
        5 * MINUTE,
        f"The last base backup of the database {cluster} failed",
        f"None has worked since. The one before it, if there is one, can be restored while the WAL is archived. {see}",
        about=about,
    )
    return [stale, never, failed]
