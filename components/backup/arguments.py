"""What a `MailBackup` is given, and the checked form that everything below works with."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi

from .. import checks
from ..cron import longest_gap_s, zoned_cron
from .alerts import Watched, WatchedDatabase, WatchedSchedule

DEFAULT_VELERO_NAMESPACE = "velero"
DEFAULT_MAIL_NAMESPACE = "mail"
MAX_TARGET_LENGTH = 50  # of a namespace that is restored to: Velero shortens what does not fit a label, and it is not found again
DEFAULT_CHART_VERSION = "12.1.0"  # older charts pull a kubectl image that is gone
# 1.18.3: a standby no longer takes a half-written backup for its own; 1.14.3: objects on S3-compatibles are no longer corrupted.
DEFAULT_VELERO_IMAGE = "velero/velero:v1.18.3"
DEFAULT_AWS_PLUGIN_IMAGE = "velero/velero-plugin-for-aws:v1.14.3"
FIRST_VELERO, FIRST_AWS_PLUGIN = (1, 18, 3), (1, 14, 3)
VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")

HOURS_PER_DAY = 24


class LocationArgs(TypedDict):
    """A bucket that backups go to, and the folder in it. Never shared by two clusters that write."""

    name: str
    """The name of the BackupStorageLocation."""
    bucket: str
    """The bucket. It must exist, and outlive this stack."""
    region: str
    """Its region."""
    prefix: NotRequired[str]
    """The folder in the bucket. Default: the whole bucket."""
    s3_url: NotRequired[str]
    """Of an S3-compatible server outside this cluster. Default: AWS."""
    access_key_id: NotRequired[pulumi.Input[str]]
    """Default: the identity of Velero's pod (IRSA, Pod Identity)."""
    secret_access_key: NotRequired[pulumi.Input[str]]
    """Goes with `access_key_id`; a secret."""
    read_only: NotRequired[bool]
    """True for another region's archive: nothing is backed up to it. A restore still writes its log there. Default false."""


class ScheduleArgs(TypedDict):
    """What is backed up when, and for how long it is kept."""

    name: str
    """The name of the Schedule; backups are named after it, so it is different in every region."""
    location: str
    """The name of the location the backups go to."""
    cron: str
    """Five fields, for example `17 */6 * * *`, in UTC unless it starts with CRON_TZ=."""
    keep_days: int
    """After so many days Velero deletes a backup. Not a lifecycle rule of the bucket: that would destroy the repository."""
    paused: NotRequired[bool]
    """True while what it would back up does not count. Default false."""


class ArrivingArgs(TypedDict):
    """A Schedule of another region, whose backups arrive in a location here."""

    name: str
    """The Schedule's name."""
    location: str
    """The name of the location here."""
    cron: str
    """When it runs there: five fields, in UTC."""


class DatabaseAlertsArgs(TypedDict):
    """A database in the mail namespace that has an archive of its own."""

    cluster: str
    """The CloudNativePG cluster."""
    cron: str
    """When a base backup is made: five fields, in UTC."""


class AlertsArgs(TypedDict):
    """What there are alerts about beside this region's own locations and schedules."""

    arriving: NotRequired[list[ArrivingArgs]]
    """Default: no backups of another region arrive."""
    database: NotRequired[DatabaseAlertsArgs]
    """Default: there is no database, or it has no archive."""
    drill_max_age_days: NotRequired[int]
    """After so many days without a drill that was passed there is an alert. Default: there are no drills."""
    region: NotRequired[str]
    """A name for the region: the label `region` of its alerts. Default: no such label."""


class MailBackupArgs(TypedDict):
    """Arguments of `MailBackup`. Plain fields decide which resources exist."""

    locations: list[LocationArgs]
    """Where backups are, in this region or another."""
    schedules: NotRequired[list[ScheduleArgs]]
    """What is backed up when. Default: nothing is."""
    mail_namespace: NotRequired[pulumi.Input[str]]
    """The namespace that is backed up. Default `mail`."""
    sentinel_mailbox: NotRequired[str]
    """The address of a mailbox in which every backup leaves one message, for `RestoreDrill`. Default: no sentinel is left."""
    alerts: NotRequired[AlertsArgs]
    """Where the Prometheus operator is: make a PrometheusRule. Default: none."""
    velero_namespace: NotRequired[str]
    """Where Velero is, or is installed. Default `velero`."""
    install_velero: NotRequired[bool]
    """Install Velero by its Helm chart. Default false: it is there already."""
    velero_version: NotRequired[str]
    """Of the Velero that is there already, such as `v1.18.3`, to have it checked. Default: it is not checked."""
    aws_plugin_version: NotRequired[str]
    """Of its plugin for AWS, such as `v1.14.3`, likewise."""
    repository_password: NotRequired[pulumi.Input[str]]
    """Encrypts volume data in every location. Another region must be given this one's. Default: random with `install_velero`."""


@dataclass(frozen=True)
class Location:
    """A checked `LocationArgs`, less its keys."""

    name: str
    bucket: str
    region: str
    prefix: str | None = None
    s3_url: str | None = None
    has_credentials: bool = False
    read_only: bool = False

    @property
    def secret_name(self) -> str | None:
        """The Secret with the location's keys, when it has keys of its own."""
        return f"velero-{self.name}" if self.has_credentials else None


@dataclass(frozen=True)
class Schedule:
    """A checked `ScheduleArgs`."""

    name: str
    location: str
    cron: str
    keep_days: int
    paused: bool = False

    @property
    def ttl(self) -> str:
        """How long a backup is kept, as Velero writes durations."""
        return f"{self.keep_days * HOURS_PER_DAY}h0m0s"


@dataclass(frozen=True)
class Backup:
    """A checked `MailBackupArgs` with its defaults, less the fields that are only known when deployed."""

    locations: tuple[Location, ...]
    schedules: tuple[Schedule, ...] = ()
    sentinel_mailbox: str | None = None
    watched: Watched | None = None
    """In the default mail namespace: the real one may be known late."""
    velero_namespace: str = DEFAULT_VELERO_NAMESPACE
    install_velero: bool = False


def velero_version(value: str) -> str:
    """A version of Velero that standbys can rely on."""
    return _at_least(value, FIRST_VELERO, "takes half-written backups of another region for its own")


def aws_plugin_version(value: str) -> str:
    """A version of Velero's plugin for AWS that writes whole objects."""
    return _at_least(value, FIRST_AWS_PLUGIN, "corrupts objects on S3-compatible servers")


def _at_least(value: str, first: tuple[int, int, int], fault: str) -> str:
    match = VERSION.fullmatch(value)
    if match is None:
        raise ValueError("is not an exact version, such as v1.18.3")
    if tuple(int(part) for part in match.groups()) < first:
        raise ValueError(f"is too old: it {fault}; {'.'.join(str(part) for part in first)} or newer is needed")
    return value


def resolve(args: MailBackupArgs) -> Backup:
    """Check the arguments and fill the defaults.

    Raises:
        ArgumentsError: with every problem at once.
    """
    problems = checks.Problems("MailBackup")
    locations = tuple(_location(location, problems) for location in args["locations"])
    by_name = {location.name: location for location in locations}
    if len(by_name) < len(locations):
        problems.add("locations: two have the same name")
    places = [(location.bucket, location.prefix) for location in locations if not location.read_only]
    if len(set(places)) < len(places):
        problems.add("locations: two write to the same bucket and prefix, which corrupts both")
    schedules = tuple(_schedule(schedule, by_name, problems) for schedule in args.get("schedules", []))
    if len({schedule.name for schedule in schedules}) < len(schedules):
        problems.add("schedules: two have the same name")
    mailbox = args.get("sentinel_mailbox")
    if mailbox is not None:
        mailbox = problems.checked("sentinel_mailbox", checks.email_address, mailbox)
    if "velero_version" in args:
        _ = problems.checked("velero_version", velero_version, args["velero_version"])
    if "aws_plugin_version" in args:
        _ = problems.checked("aws_plugin_version", aws_plugin_version, args["aws_plugin_version"])
    arriving = [*args.get("alerts", AlertsArgs()).get("arriving", [])]
    for schedule in arriving:
        _ = problems.checked(f"alerts.arriving: {schedule['name']}", zoned_cron, schedule["cron"])
    problems.refuse()
    return Backup(
        locations=locations,
        schedules=schedules,
        sentinel_mailbox=mailbox,
        watched=_watched(args["alerts"], locations, schedules) if "alerts" in args else None,
        velero_namespace=args.get("velero_namespace", DEFAULT_VELERO_NAMESPACE),
        install_velero=args.get("install_velero", False),
    )


def _watched(args: AlertsArgs, locations: Sequence[Location], schedules: Sequence[Schedule]) -> Watched:
    own = [
        WatchedSchedule(schedule.name, schedule.location, longest_gap_s(schedule.cron), made_here=True)
        for schedule in schedules
        if not schedule.paused
    ]
    arriving = [
        WatchedSchedule(schedule["name"], schedule["location"], longest_gap_s(schedule["cron"]), made_here=False)
        for schedule in args.get("arriving", [])
    ]
    return Watched(
        schedules=(*own, *arriving),
        locations=tuple(location.name for location in locations),
        mail_namespace=DEFAULT_MAIL_NAMESPACE,
        database=WatchedDatabase(args["database"]["cluster"], longest_gap_s(args["database"]["cron"]))
        if "database" in args
        else None,
        drill_max_age_days=int(args["drill_max_age_days"]) if "drill_max_age_days" in args else None,
        region=args.get("region"),
    )


def _location(args: LocationArgs, problems: checks.Problems) -> Location:
    field = f"locations: {args['name']}"
    if ("access_key_id" in args) != ("secret_access_key" in args):
        problems.add(f"{field}: `access_key_id` and `secret_access_key` go together")
    return Location(
        name=problems.checked("locations", checks.kubernetes_name, args["name"]),
        bucket=problems.checked(f"{field}.bucket", checks.bucket, args["bucket"]),
        region=args["region"],
        prefix=problems.checked(f"{field}.prefix", checks.folder, args["prefix"]) if "prefix" in args else None,
        s3_url=problems.checked(f"{field}.s3_url", checks.s3_url, args["s3_url"]) if "s3_url" in args else None,
        has_credentials="access_key_id" in args,
        read_only=args.get("read_only", False),
    )


def _schedule(args: ScheduleArgs, locations: Mapping[str, Location], problems: checks.Problems) -> Schedule:
    field = f"schedules: {args['name']}"
    target = locations.get(args["location"])
    if target is None:
        problems.add(f"{field} names the location `{args['location']}`; known: {', '.join(sorted(locations))}")
    elif target.read_only:
        problems.add(f"{field} writes to {target.name}, which is read-only")
    if args["keep_days"] < 1:
        problems.add(f"{field}: keep_days is {args['keep_days']:g}; at least 1")
    return Schedule(
        name=problems.checked("schedules", checks.kubernetes_name, args["name"]),
        location=args["location"],
        cron=problems.checked(field, zoned_cron, args["cron"]),
        keep_days=int(args["keep_days"]),
        paused=args.get("paused", False),
    )


def credentials(args: Mapping[str, str]) -> str:
    """The keys of a location in the form of an AWS credentials file, as the plugin reads them."""
    keys = ("aws_access_key_id", "aws_secret_access_key")
    return "[default]\n" + "".join(f"{key}={args[key]}\n" for key in keys)
