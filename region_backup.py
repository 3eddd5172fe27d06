"""How a region's settings become the arguments of `MailBackup` and `MailRestore`, and what the other region must know of them."""

from typing import Any

import pulumi
from pulumi import Output
from pydantic import SecretStr

from backup_settings import Backup, BackupLocation, Schedule
from components import MailBackup
from components.backup import iam
from components.backup.arguments import AlertsArgs, ArrivingArgs, DatabaseAlertsArgs, LocationArgs, MailBackupArgs, ScheduleArgs
from components.backup.mail_restore import MailRestoreArgs
from components.backup.restore_drill import RestoreDrillArgs
from components.endpoints import RegionEndpoints
from components.stalwart.arguments import Server
from components.stalwart.names import DATABASE
from components.stalwart.options.storage import DatabaseArchive, StorageKind
from components.stalwart.plans.mailboxes import ROLE_MAILBOX
from restore_settings import Restore
from settings import Settings

# The same names in both regions, so that runbooks read the same; a backup is named after its schedule, and no two share one.
HOT = "mail-primary-hot"
ARCHIVE = "mail-primary-archive"
LONG_TERM = "mail-primary-long-term"
BACKUP_REGION = "mail-backup"
SOURCE = "mail-restore-source"


def primary_args(settings: Settings, backup: Backup) -> MailBackupArgs:
    """A primary's backups: near it, and in the archive."""
    locations = [_location_args(HOT, backup.location)]
    schedules = [_schedule_args(HOT, HOT, backup.schedule, settings)]
    if backup.archive:
        locations.append(_location_args(ARCHIVE, backup.archive))
        schedules.append(_schedule_args(ARCHIVE, ARCHIVE, backup.archive_schedule, settings))
        schedules.append(_schedule_args(LONG_TERM, ARCHIVE, backup.long_term_schedule, settings))
    if settings.restore and settings.restore.source:
        locations.append({**_location_args(SOURCE, settings.restore.source), "read_only": True})
    args = _args(settings, backup, locations, schedules, has_drill=settings.storage.kind == StorageKind.EMBEDDED)
    if "alerts" in args and settings.storage.archive:
        args["alerts"]["database"] = database_alerts(settings.storage.archive)
    if backup.repository_password:
        args["repository_password"] = secret(backup.repository_password)
    mailbox = sentinel_mailbox(settings)
    if mailbox:
        args["sentinel_mailbox"] = mailbox
    return args


def backup_args(settings: Settings, backup: Backup, endpoints: RegionEndpoints) -> MailBackupArgs:
    """A backup's sight of the primary's archive, and a place for its own backups while it has the mailboxes."""
    locations = [_location_args(BACKUP_REGION, backup.location)]
    archive = endpoints.archive
    if archive:
        mounted = LocationArgs(name=archive.location, bucket=archive.bucket, region=archive.region, read_only=True)
        if archive.prefix:
            mounted["prefix"] = archive.prefix
        if archive.s3_url:
            mounted["s3_url"] = archive.s3_url
        if backup.archive_reader:
            mounted["access_key_id"] = secret(backup.archive_reader.access_key_id)
            mounted["secret_access_key"] = secret(backup.archive_reader.secret_access_key)
        locations.append(mounted)
    schedules = [_schedule_args(BACKUP_REGION, BACKUP_REGION, backup.schedule, settings)]
    args = _args(settings, backup, locations, schedules, has_drill=archive is not None and archive.volume)
    own = settings.restored and settings.restored.storage
    if "alerts" in args and own and own.archive and settings.serves:
        args["alerts"]["database"] = database_alerts(own.archive)
    # While it has the mailboxes, nothing is to arrive.
    if archive and "alerts" in args and not settings.is_active:
        args["alerts"]["arriving"] = [
            ArrivingArgs(name=name, location=archive.location, cron=cron) for name, cron in archive.schedules.items()
        ]
    if archive and archive.sentinel_mailbox:
        args["sentinel_mailbox"] = archive.sentinel_mailbox
    # The primary's, or its volumes could not be decrypted here.
    password = (archive and archive.repository_password) or backup.repository_password
    if password:
        args["repository_password"] = secret(password)
    return args


def restore_args(settings: Settings, restore: Restore, wanted: Server, endpoints: RegionEndpoints | None) -> MailRestoreArgs:
    """What is restored, and where to.

    Args:
        settings: of this stack.
        restore: its settings.
        wanted: the server that the mailboxes are for.
        endpoints: the primary's, on a backup.
    """
    source, location = settings.namespace, SOURCE if restore.source else HOT
    if endpoints and endpoints.archive:
        source, location = endpoints.mail_namespace, endpoints.archive.location
    args = MailRestoreArgs(
        namespace=restore.namespace,
        source_namespace=restore.from_namespace or source,
        location=location,
        volume=not wanted.is_distributed,
        velero_namespace=settings.backup.velero_namespace if settings.backup else "",
        job_image=wanted.job_image,
        pod_security=wanted.pod_security,
        fenced=settings.is_fenced,
    )
    if restore.backup_name:
        args["backup_name"] = restore.backup_name
    if restore.storage_class:
        args["storage_class"] = restore.storage_class
    return args


def drill_args(settings: Settings, backup: Backup, endpoints: RegionEndpoints | None) -> RestoreDrillArgs | None:
    """What is rehearsed: the backup that this region would restore. None where there is none, or no volume in it."""
    drill = backup.drill
    if endpoints is None:
        if settings.storage.kind == StorageKind.DISTRIBUTED:
            return None
        location, source, mailbox, image = HOT, settings.mailbox_namespace, sentinel_mailbox(settings), settings.image
    else:
        archive = endpoints.archive
        if archive is None or not archive.volume:
            return None
        location, source, mailbox = archive.location, endpoints.mail_namespace, archive.sentinel_mailbox
        if settings.serves:
            location, source = BACKUP_REGION, settings.mailbox_namespace
        image = str(endpoints.server.get("server_image", settings.image))
    args = RestoreDrillArgs(
        location=location,
        source_namespace=source,
        server_image=image,
        velero_namespace=backup.velero_namespace,
        job_image=settings.job_image,
        metrics=backup.alerts,
    )
    if mailbox:
        args["sentinel_mailbox"] = mailbox
    if drill.cron:
        args["cron"] = drill.cron
    if drill.storage_class:
        args["storage_class"] = drill.storage_class
    return args


def sentinel_mailbox(settings: Settings) -> str | None:
    """Where a primary's backups leave their sentinels: the mailbox that every server has, unless its accounts are elsewhere."""
    if settings.directory and settings.directory.ldap:
        return None
    first = next(domain.name for domain in settings.domains if not domain.parked)
    return f"{ROLE_MAILBOX}@{first}"


def bucket_policies(args: MailBackupArgs, settings: Settings) -> dict[str, Any]:
    """The IAM policies of who uses the buckets, by location: the least that is needed. Other S3 servers have their own ways."""
    found: dict[str, Any] = {}
    for location in args["locations"]:
        if "s3_url" not in location:
            rights = iam.reader if location.get("read_only") else iam.writer
            found[location["name"]] = rights(location["bucket"], location.get("prefix"))
    storage = settings.storage
    if settings.restored and settings.restored.storage:
        storage = settings.restored.storage
    if storage.archive and not storage.archive.endpoint:
        found["database"] = iam.database_writer(storage.archive.bucket, storage.archive.prefix)
    source = settings.restored and settings.restored.database
    if source and not source.endpoint:
        found["database-source"] = iam.database_reader(source.bucket, source.prefix)
    return found


def database_alerts(archive: DatabaseArchive) -> DatabaseAlertsArgs:
    """What there are alerts about of a database that is made here."""
    return DatabaseAlertsArgs(cluster=DATABASE, cron=archive.cron)


def archive_endpoint(settings: Settings, backup: MailBackup) -> dict[str, pulumi.Input[Any]] | None:
    """The primary's archive, for the other region."""
    own = settings.backup
    if own is None or own.archive is None:
        return None
    known = {"prefix": own.archive.prefix, "s3Url": own.archive.s3_url, "sentinelMailbox": sentinel_mailbox(settings)}
    return {
        "location": ARCHIVE,
        "bucket": own.archive.bucket,
        "region": own.archive.region,
        "schedules": {ARCHIVE: own.archive_schedule.cron, LONG_TERM: own.long_term_schedule.cron},
        "volume": settings.storage.kind == StorageKind.EMBEDDED,
        **{key: value for key, value in known.items() if value},
        **({"repositoryPassword": backup.repository_password} if own.install_velero or own.repository_password else {}),
    }


def secret(value: SecretStr) -> Output[str]:
    """A setting that is a secret, for the engine."""
    return Output.secret(value.get_secret_value())


def _args(
    settings: Settings, backup: Backup, locations: list[LocationArgs], schedules: list[ScheduleArgs], has_drill: bool
) -> MailBackupArgs:
    args = MailBackupArgs(
        locations=locations,
        schedules=schedules,
        mail_namespace=settings.mailbox_namespace,
        velero_namespace=backup.velero_namespace,
        install_velero=backup.install_velero,
    )
    if backup.alerts:
        args["alerts"] = AlertsArgs(region=settings.region)
        if has_drill:
            args["alerts"]["drill_max_age_days"] = backup.drill.max_age_days
    return args


def _location_args(name: str, location: BackupLocation) -> LocationArgs:
    args = LocationArgs(name=name, bucket=location.bucket, region=location.region)
    if location.prefix:
        args["prefix"] = location.prefix
    if location.s3_url:
        args["s3_url"] = location.s3_url
    if location.access_key_id and location.secret_access_key:
        args["access_key_id"] = secret(location.access_key_id)
        args["secret_access_key"] = secret(location.secret_access_key)
    return args


def _schedule_args(name: str, location: str, schedule: Schedule, settings: Settings) -> ScheduleArgs:
    # What does not count must not become the newest backup.
    paused = not settings.serves
    return ScheduleArgs(name=name, location=location, cron=schedule.cron, keep_days=schedule.keep_days, paused=paused)
