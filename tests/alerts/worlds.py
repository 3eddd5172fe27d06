"""What Prometheus sees of a region over four days: all is well in it, and other people's backups beside it are not."""

from components.backup.alerts import Watched, WatchedDatabase, WatchedSchedule

from .promtool import at, held

HOURS = 96

WATCHED = Watched(
    schedules=(
        WatchedSchedule("hot", "near", 6 * 3600, made_here=True),
        WatchedSchedule("cold", "archive", 48 * 3600, made_here=True),
        WatchedSchedule("far", "abroad", 24 * 3600, made_here=False),
    ),
    locations=("near", "archive", "abroad"),
    mail_namespace="mail",
    database=WatchedDatabase("mail-pg", 86_400),
    drill_max_age_days=3,
)

LAST_SUCCESS = "velero_backup_last_successful_timestamp"
AVAILABLE = "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp"
FAILED = "barman_cloud_cloudnative_pg_io_last_failed_backup_timestamp"
COUNTERS = ("velero_backup_failure_total", "velero_backup_partial_failure_total", "velero_backup_validation_failure_total")
UPLOADS = ("podVolume_data_upload_failure_total", "podVolume_data_upload_cancel_total")
LOCATION = "velero_backup_location_status_gauge"
REPOSITORY = "velero_repo_maintenance_failure_total"
WAITING = "cnpg_collector_pg_wal_archive_status"
ARCHIVER = "cnpg_pg_stat_archiver"
DRILL = "stalwart_mail_drill"
NOW = f"{at(0)}+300x{HOURS * 12}"


def every(hours: int) -> str:
    """The time of the last of something that is done every so many hours."""
    return held(*((at(start), hours) for start in range(0, HOURS, hours)))


def always(value: float) -> str:
    """A value that stays."""
    return held((value, HOURS))


def instances(metric: str, values: str) -> dict[str, str]:
    """The same of both instances of the database; only the primary archives."""
    return {f'{metric}{{namespace="mail",pod="mail-pg-{number}"}}': values for number in (1, 2)}


VELERO = {
    "velero_backup_total": always(40),
    f'{LAST_SUCCESS}{{schedule="hot"}}': every(6),
    f'{LAST_SUCCESS}{{schedule="cold"}}': every(48),
    f'{LAST_SUCCESS}{{schedule="far"}}': every(24),
    **{f'{counter}{{schedule="{name}"}}': always(0) for counter in COUNTERS for name in ("hot", "cold")},
    **{f'{LOCATION}{{backup_location_name="{name}"}}': always(1) for name in WATCHED.locations},
}
NODE_AGENTS = {f'{counter}{{node="{node}",pod="agent-{node}"}}': always(0) for counter in UPLOADS for node in ("n1", "n2")}
DATABASE = {
    # A busy database: at every other look five segments wait.
    f'{WAITING}{{value="ready",namespace="mail",pod="mail-pg-1"}}': " ".join(["0 5"] * (HOURS * 6)),
    f'{WAITING}{{value="ready",namespace="mail",pod="mail-pg-2"}}': always(0),
    f'{WAITING}{{value="done",namespace="mail",pod="mail-pg-1"}}': always(64),
    f'{ARCHIVER}_last_archived_time{{namespace="mail",pod="mail-pg-1"}}': NOW,
    f'{ARCHIVER}_last_failed_time{{namespace="mail",pod="mail-pg-1"}}': always(at(-9)),
    **instances(AVAILABLE, every(24)),
    **instances(FAILED, always(at(-9))),
}
DRILLS = {
    f'{DRILL}_last_run_timestamp_seconds{{location="abroad"}}': every(48),
    f'{DRILL}_last_success_timestamp_seconds{{location="abroad"}}': every(48),
    f'{DRILL}_success{{location="abroad"}}': always(1),
}
FAILING = f"0+1x{HOURS * 12}"
OTHERS = {
    f'{LAST_SUCCESS}{{schedule="shop"}}': always(at(-999)),
    **{f'{counter}{{schedule="shop"}}': FAILING for counter in COUNTERS},
    f'{LOCATION}{{backup_location_name="shop"}}': always(0),
    f'{REPOSITORY}{{repository_name="shop-near-kopia",pod="velero-1"}}': FAILING,
    f'{WAITING}{{value="ready",namespace="mail",pod="mail-pg-old-1"}}': always(99),
    f'{WAITING}{{value="ready",namespace="shop",pod="mail-pg-1"}}': always(99),
    f'{AVAILABLE}{{namespace="shop",pod="mail-pg-1"}}': always(0),
}
WELL = {**VELERO, **NODE_AGENTS, **DATABASE, **DRILLS, **OTHERS}
