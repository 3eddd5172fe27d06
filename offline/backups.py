"""What is said of backups: what is copied where, how often, how long it is kept, and what the loss of each part costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
AS_WRITTEN = "as the other region writes it"
NO_DRILL = "A restore is not rehearsed: drills are for mail in a volume."
WAL_GAP_S = 300  # archive_timeout, as CloudNativePG sets it


@dataclass(frozen=True)
class Place:
    """A folder in a bucket."""

    bucket: str
    """With the folder."""
    region: str
    """Empty where only a Secret says it."""

    def __str__(self) -> str:
        return f"{self.bucket} ({self.region})" if self.region else self.bucket


@dataclass(frozen=True)
class Copy:
    """One way in which data is copied."""

    what: str
    place: Place
    when: str
    """Empty while it is paused."""
    gap_s: int
    kept_days: int
    is_near: bool
    """Whether it is in this region."""


@dataclass(frozen=True)
class Loss:
    """What the loss of a part costs."""

    part: str
    lost: str


@dataclass(frozen=True)
class Backups:
    """All that is said of the backups of a stack."""

    copies: tuple[Copy, ...] = ()
    read: Mapping[str, Place] = field(default_factory=dict[str, Place])
    """What another region writes and this one can restore from, by the location's name."""
    losses: tuple[Loss, ...] = ()
    """Empty when nothing is backed up."""
    drill: str = ""
    """When a restore is rehearsed, as the end of a sentence; empty when it is not."""


def backups(recording: Recording, config: Mapping[str, Any]) -> Backups:
    """What a stack backs up.

    Args:
        recording: what the program registered.
        config: the stack's configuration by key, without prefix.
    """
    # Resources are recorded in no fixed order.
    found = sorted(recording.of_type(LOCATION), key=lambda resource: resource.name)
    locations = {location.inputs["metadata"]["name"]: location.inputs["spec"] for location in found}
    copies = [*_volumes(recording, locations, config["region"]), *_databases(recording)]
    copies.sort(key=lambda copy: (not copy.is_near, copy.gap_s, copy.what))
    if not locations and not copies:
        return Backups()
    read = {name: _place(spec) for name, spec in locations.items() if spec["accessMode"] == "ReadOnly"}
    return Backups(tuple(copies), read, tuple(_losses(copies, config)), _drill(recording))


def backups_text(recording: Recording, config: Mapping[str, Any]) -> str:
    """Both tables as Markdown; empty when nothing is backed up. Arguments are those of `backups`."""
    found = backups(recording, config)
    if not found.losses:
        return ""
    rows = [(copy.what, str(copy.place), copy.when or "paused", f"{copy.kept_days} days") for copy in found.copies]
    rows += [(f"read only: {name}", str(place), AS_WRITTEN, "as there") for name, place in found.read.items()]
    costs = table(("part", "what is lost"), [(loss.part, loss.lost) for loss in found.losses])
    drill = f"A restore is rehearsed {found.drill}." if found.drill else NO_DRILL
    copies = table(("what", "where", "when", "kept"), rows)
    return f"## Backups\n\n{copies}\n\nWhat the loss of a part costs:\n\n{costs}\n\n{drill}"


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
                place = Place(spec["configuration"]["destinationPath"], region="")
                found.append(Copy("database", place, when, WAL_GAP_S, kept, is_near=False))
    return found


def _losses(copies: Sequence[Copy], config: Mapping[str, Any]) -> list[Loss]:
    running = [copy for copy in copies if copy.when]
    if config["role"] == "backup" and not running:
        return [
            Loss("this region", "no mail; until it is back nobody takes mail while the primary is away"),
            Loss(
                "the primary's region",
                f"mail since the newest backup in its archive; new mail waits here, up to {HOLD.days} days",
            ),
            Loss("the archive", "no mail; until there is a new backup this region cannot take over"),
        ]
    near = min((copy.gap_s for copy in running), default=0)
    far = min((copy.gap_s for copy in running if not copy.is_near), default=0)
    losses = [
        Loss("a pod or a node", "nothing; it starts elsewhere"),
        Loss("the volume or database", _lost(near)),
        Loss("the region", _lost(far)),
        Loss("a bucket", "no mail; until its next backup there is one copy less to go back to"),
    ]
    if config.get("backupExchange"):
        losses.append(Loss("the backup region", "nothing; this exchange takes all mail"))
    return losses


def _lost(gap_s: int) -> str:
    if not gap_s:
        return "everything: there is no copy elsewhere"
    return f"mail of up to {every(gap_s)}, and of the time that the last upload takes"


def _drill(recording: Recording) -> str:
    for job in recording.of_type("kubernetes:batch/v1:CronJob"):
        if job.name == "drill-job":
            spec = job.inputs["spec"]
            return "when `make drill` is typed" if spec["suspend"] else f"every {every(longest_gap_s(spec['schedule']))}"
    return ""


def _place(spec: Mapping[str, Any]) -> Place:
    prefix = spec["objectStorage"].get("prefix")
    folder = f"/{prefix}" if prefix else ""
    return Place(f"{spec['objectStorage']['bucket']}{folder}", spec["config"]["region"])
