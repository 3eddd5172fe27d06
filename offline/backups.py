"""The summary's part on backups: what is copied where, how often, how long it is kept, and what the loss of each part costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.cron import longest_gap_s
from components.stalwart.plans.outbound import HOLD

from .recorder import Recording
from .tables import table

SCHEDULE = "kubernetes:velero.io/v1:Schedule"
LOCATION = "kubernetes:velero.io/v1:BackupStorageLocation"
DATABASE_STORE = "kubernetes:barmancloud.cnpg.io/v1:ObjectStore"
DATABASE_SCHEDULE = "kubernetes:postgresql.cnpg.io/v1:ScheduledBackup"
HOUR_S, DAY_S = 3600, 86_400
WAL_GAP_S = 300  # archive_timeout, as CloudNativePG sets it


@dataclass(frozen=True)
class Copy:
    """One way in which data is copied."""

    what: str
    place: str
    when: str
    """Empty while it is paused."""
    gap_s: int
    kept_days: int
    is_near: bool
    """Whether it is in this region."""


def backups(recording: Recording, config: Mapping[str, Any]) -> str:
    """Both tables as Markdown; empty when nothing is backed up."""
    # Resources are recorded in no fixed order.
    found = sorted(recording.of_type(LOCATION), key=lambda resource: resource.name)
    locations = {location.inputs["metadata"]["name"]: location.inputs["spec"] for location in found}
    copies = [*_volumes(recording, locations, config["region"]), *_databases(recording)]
    copies.sort(key=lambda copy: (not copy.is_near, copy.gap_s, copy.what))
    if not locations and not copies:
        return ""
    rows = [(c.what, c.place, c.when or "paused", f"{c.kept_days} days") for c in copies]
    rows += [
        (f"read only: {name}", _place(spec), "as the other region writes it", "as there")
        for name, spec in locations.items()
        if spec["accessMode"] == "ReadOnly"
    ]
    text = "## Backups\n\n" + table(("what", "where", "when", "kept"), rows)
    return f"{text}\n\n{_losses(recording, copies, config)}{_drill(recording)}"


def every(seconds: int) -> str:
    """A longest time between two runs, as people say it."""
    if seconds % DAY_S == 0:
        return "day" if seconds == DAY_S else f"{seconds // DAY_S} days"
    return f"{seconds / HOUR_S:g} h" if seconds >= HOUR_S else f"{seconds // 60} min"


def _volumes(recording: Recording, locations: Mapping[str, Any], region: str) -> list[Copy]:
    found: list[Copy] = []
    for schedule in recording.of_type(SCHEDULE):
        spec = schedule.inputs["spec"]
        template = spec["template"]
        location, gap = locations[template["storageLocation"]], longest_gap_s(spec["schedule"])
        found.append(
            Copy(
                f"{schedule.inputs['metadata']['name']}: namespace {template['includedNamespaces'][0]}",
                _place(location),
                "" if spec["paused"] else f"every {every(gap)} ({spec['schedule']} UTC)",
                gap,
                int(template["ttl"].partition("h")[0]) // 24,
                location["config"]["region"] == region,
            )
        )
    return found


def _databases(recording: Recording) -> list[Copy]:
    found: list[Copy] = []
    for schedule in recording.of_type(DATABASE_SCHEDULE):
        namespace = schedule.inputs["metadata"]["namespace"]
        for store in recording.of_type(DATABASE_STORE):
            spec = store.inputs["spec"]
            if store.inputs["metadata"]["namespace"] == namespace and "retentionPolicy" in spec:
                cron = schedule.inputs["spec"]["schedule"].partition(" ")[2]
                when = f"its log at once, all of it every {every(longest_gap_s(cron))}"
                kept = int(spec["retentionPolicy"].removesuffix("d"))
                # Where the bucket is, only a Secret says; an archive that is worth its name is elsewhere.
                found.append(Copy("database", spec["configuration"]["destinationPath"], when, WAL_GAP_S, kept, is_near=False))
    return found


def _losses(recording: Recording, copies: Sequence[Copy], config: Mapping[str, Any]) -> str:
    running = [copy for copy in copies if copy.when]
    if config["role"] == "backup" and not running:
        rows = [
            ("this region", "no mail; until it is back nobody takes mail while the primary is away"),
            ("the primary's region", f"mail since the newest backup in its archive; new mail waits here, up to {HOLD.days} days"),
            ("the archive", "no mail; until there is a new backup this region cannot take over"),
        ]
    else:
        near = min((copy.gap_s for copy in running), default=0)
        far = min((copy.gap_s for copy in running if not copy.is_near), default=0)
        rows = [
            ("a pod or a node", "nothing; it starts elsewhere"),
            ("the volume or database", _lost(near)),
            ("the region", _lost(far)),
            ("a bucket", "no mail; until its next backup there is one copy less to go back to"),
        ]
        if config.get("backupExchange"):
            rows.append(("the backup region", "nothing; this exchange takes all mail"))
    return "What the loss of a part costs:\n\n" + table(("part", "what is lost"), rows)


def _lost(gap_s: int) -> str:
    if not gap_s:
        return "everything: there is no copy elsewhere"
    return f"mail of up to {every(gap_s)}, and of the time that the last upload takes"


def _drill(recording: Recording) -> str:
    for job in recording.of_type("kubernetes:batch/v1:CronJob"):
        if job.name == "drill-job":
            spec = job.inputs["spec"]
            when = "when `make drill` is typed" if spec["suspend"] else f"every {every(longest_gap_s(spec['schedule']))}"
            return f"\n\nA restore is rehearsed {when}."
    return "\n\nA restore is not rehearsed: drills are for mail in a volume."


def _place(spec: Mapping[str, Any]) -> str:
    prefix = spec["objectStorage"].get("prefix")
    folder = f"/{prefix}" if prefix else ""
    return f"{spec['objectStorage']['bucket']}{folder} ({spec['config']['region']})"
