"""What can go wrong with Velero's backups, as alerting rules.

The names of metrics are from Velero v1.18.3, pkg/metrics/metrics.go. What they do not tell is in pkg/controller:

- `velero_backup_last_status` is of no use: schedule_controller.go sets it back to 1 every minute, with `InitSchedule`.
- `velero_backup_last_successful_timestamp` is read from the Backup objects (backup_controller.go), also those that arrive from
  another region's bucket. It is not there before the first success. The counters know only backups made in this cluster.
- `velero_repo_maintenance_failure_total` is not there before the first failure, which `increase` therefore does not see.
- A repository is called `<namespace>-<location>-kopia` (pkg/repository/backup_repo_op.go).
"""

from dataclasses import dataclass
from typing import Any

from ..alert_rules import AGE, COUNT, FAILOVER, HOUR, MINUTE, SETTLED, alert, hours

LAST_SUCCESS = "velero_backup_last_successful_timestamp"
VELERO_IS_SEEN = "and on () velero_backup_total"
MAINTENANCE_WINDOW = 6 * HOUR
UPLOAD_WINDOW = HOUR

# The alert, its metric, what happened to the backup, and what that means.
OUTCOMES = (
    ("MailBackupFailed", "velero_backup_failure_total", "failed", "Nothing can be restored from it."),
    (
        "MailBackupPartiallyFailed",
        "velero_backup_partial_failure_total",
        "failed in part",
        "It may lack the volume with the mail, and a restore by schedule passes it over.",
    ),
    ("MailBackupRefused", "velero_backup_validation_failure_total", "was refused by Velero", "It never started."),
)


@dataclass(frozen=True)
class WatchedSchedule:
    """A schedule whose backups must keep coming."""

    name: str
    """Velero's name of the Schedule."""
    location: str
    """The location where its backups are, as this cluster names it."""
    longest_gap_s: int
    """The longest time between two runs, in seconds."""
    made_here: bool
    """False when another region makes the backups and this one sees them arrive."""

    @property
    def too_old_s(self) -> int:
        """From which age on the newest backup is too old, in seconds: a run and a half, and two hours for the upload."""
        return self.longest_gap_s * 3 // 2 + 2 * HOUR

    @property
    def failure_window_s(self) -> int:
        """For how long a failure counts, in seconds: until the next run, and never for less than many scrapes."""
        return max(self.longest_gap_s, HOUR)


def silence() -> dict[str, Any]:
    """Velero itself is not seen."""
    return alert(
        "MailVeleroSilent",
        "critical",
        "absent(velero_backup_total)",
        SETTLED,
        "No metrics from Velero",
        "Prometheus has seen nothing from Velero for 15 minutes. Either no backup is made, or nobody would notice if none were: "
        "no other alert about backups works meanwhile. See whether Velero's pod runs, and its ServiceMonitor is picked up.",
    )


def made_here(schedule: WatchedSchedule) -> list[dict[str, Any]]:
    """A schedule of this cluster."""
    name, too_old, window = schedule.name, hours(schedule.too_old_s), hours(schedule.failure_window_s)
    about = {"schedule": name}
    stale = alert(
        "MailBackupTooOld",
        "critical",
        f'time() - max by (schedule) ({LAST_SUCCESS}{{schedule="{name}"}}) > {schedule.too_old_s}',
        SETTLED,
        f"The newest backup of the schedule {name} is too old",
        f"It is {AGE} old; up to {too_old} are normal. All mail since then is lost if the volume is lost. See `velero backup "
        f"get`, `velero backup logs` of the newest one, and whether the location {schedule.location} is available.",
        about=about,
    )
    never = alert(
        "MailBackupNeverMade",
        "critical",
        f'absent({LAST_SUCCESS}{{schedule="{name}"}}) {VELERO_IS_SEEN}',
        schedule.too_old_s,
        f"The schedule {name} has no complete backup",
        f"Velero has known of none for {too_old}, and nothing can be restored. The first upload of a large store takes long. See "
        f"`velero backup get`, and `velero schedule get {name}`.",
        about=about,
    )
    failed = [
        alert(
            outcome,
            "warning",
            f'sum by (schedule) (increase({metric}{{schedule="{name}"}}[{schedule.failure_window_s}s])) > 0',
            5 * MINUTE,
            f"A backup of the schedule {name} {happened}",
            f"{COUNT} in the last {window}. {meaning} The backup before it is still there. See `velero backup get` and "
            "`velero backup logs`. This stays until the time of the next run.",
            about=about,
        )
        for outcome, metric, happened, meaning in OUTCOMES
    ]
    return [stale, never, *failed]


def arriving(schedule: WatchedSchedule) -> list[dict[str, Any]]:
    """A schedule of the other region, whose backups this one would be restored from."""
    name, location, too_old = schedule.name, schedule.location, hours(schedule.too_old_s)
    about = {"schedule": name}
    stale = alert(
        "MailArchiveNotArriving",
        "critical",
        f'time() - max by (schedule) ({LAST_SUCCESS}{{schedule="{name}"}}) > {schedule.too_old_s}',
        SETTLED,
        f"No new archive of the schedule {name} arrives from the other region",
        f"The newest one here is {AGE} old; up to {too_old} are normal. If the other region is lost now, all its mail since then "
        f"is lost. See whether that region makes backups, and whether the location {location} is available here. A backup that "
        "is complete there and missing here is not complete in the bucket.",
        about=about,
        runbook=FAILOVER,
    )
    never = alert(
        "MailArchiveNeverArrived",
        "critical",
        f'absent({LAST_SUCCESS}{{schedule="{name}"}}) {VELERO_IS_SEEN}',
        schedule.too_old_s,
        f"No archive of the schedule {name} has arrived from the other region",
        f"For {too_old} there has been no complete one in the location {location}. If the other region is lost now, its mail "
        "cannot be restored here. See whether that region makes backups under this name, and whether the bucket and the prefix "
        "of the location are those it writes to.",
        about=about,
        runbook=FAILOVER,
    )
    return [stale, never]


def location(name: str) -> list[dict[str, Any]]:
    """A BackupStorageLocation."""
    status = f'velero_backup_location_status_gauge{{backup_location_name="{name}"}}'
    about = {"location": name}
    see = f"See `velero backup-location get {name}`, and its message: it names the bucket, the key or the network."
    unavailable = alert(
        "MailBackupLocationUnavailable",
        "critical",
        f"max by (backup_location_name) ({status}) == 0",
        SETTLED,
        f"Velero cannot use the location {name}",
        f"It has been unavailable for 15 minutes. Nothing is backed up to it, restored from it or seen to arrive in it. {see}",
        about=about,
    )
    unknown = alert(
        "MailBackupLocationUnknown",
        "warning",
        # Velero says nothing of a location that it has not validated yet.
        f"absent({status}) {VELERO_IS_SEEN}",
        SETTLED,
        f"Velero does not say whether it can use the location {name}",
        f"It does not exist, or has not been validated for 15 minutes. Backups to it may fail. {see}",
        about=about,
    )
    return [unavailable, unknown]


def uploads() -> list[dict[str, Any]]:
    """The node agents, which upload volumes of this cluster."""
    failures = f"increase(podVolume_data_upload_failure_total[{UPLOAD_WINDOW}s])"
    # A cancelled upload is lost like a failed one. Both counters are there from the start of a node agent.
    cancels = f"increase(podVolume_data_upload_cancel_total[{UPLOAD_WINDOW}s])"
    failed = alert(
        "MailDataUploadFailed",
        "warning",
        f"sum by (node) ({failures} + {cancels}) > 0",
        5 * MINUTE,
        "A volume was not uploaded from the node {{ $labels.node }}",
        f"{COUNT} in the last hour failed or were cancelled. The backup that it belongs to lacks the volume, and if that is the "
        "mail server's, the mail. See `kubectl get datauploads -A`, and the log of the node agent on that node.",
    )
    silent = alert(
        "MailNodeAgentSilent",
        "warning",
        "absent(podVolume_data_upload_failure_total)",
        SETTLED,
        "No metrics from Velero's node agents",
        "Prometheus has seen nothing from them for 15 minutes. They upload the mail volume; without them a backup holds no mail. "
        "See whether the DaemonSet node-agent runs, and whether its PodMonitor is picked up.",
    )
    return [failed, silent]


def maintenance(mail_namespace: str, locations: tuple[str, ...]) -> dict[str, Any]:
    """The repositories that volumes of the mail namespace are in."""
    failures = f'velero_repo_maintenance_failure_total{{repository_name=~"{mail_namespace}-({"|".join(locations)})-kopia.*"}}'
    window = f"{MAINTENANCE_WINDOW}s"
    return alert(
        "MailRepositoryMaintenanceFailed",
        "warning",
        f"sum by (repository_name) (increase({failures}[{window}]) > 0 or ({failures} unless {failures} offset {window}))",
        5 * MINUTE,
        "Maintenance of the backup repository {{ $labels.repository_name }} failed",
        f"It failed in the last {hours(MAINTENANCE_WINDOW)}. No backup is lost, but the space of expired ones is not freed, and "
        "the repository becomes slower. See `velero repo get`, and the log of the newest maintenance Job beside Velero.",
    )
