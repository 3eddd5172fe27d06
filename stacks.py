"""What stacks have put out: this one the last time, and the primary's for its backup."""

import asyncio
from collections.abc import Mapping

import pulumi

from components import RegionEndpoints
from components.dns.zones import without_id, zone_of
from components.endpoints import EndpointsError
from components.mail_domain import DnsProvider
from components.stalwart.options.recipients import RecipientSource
from components.stalwart.options.storage import StorageKind
from settings import Settings, SettingsError

READ_AGAIN_AFTER_S = (0.1, 0.3, 1.0, 3.0)


async def own_outputs() -> Mapping[str, object]:
    """What this stack itself put out the last time; a new stack has put out nothing."""
    return await _outputs("/".join([pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()]))


async def endpoints_of(primary_stack: str) -> RegionEndpoints:
    """What the primary's stack exports, known before the first resource of this one is registered."""
    parts = primary_stack.split("/")
    context = [pulumi.get_organization(), pulumi.get_project()]
    full_name = "/".join([*context[: 3 - len(parts)], *parts])
    help_text = f"Bring the primary up first: pulumi up --stack {parts[-1]}"
    try:
        # A StackReference to a stack that is not there stops the engine before the program can say what to do.
        await _outputs(full_name)
    except Exception as error:  # the SDK raises no narrower one
        reason = str(error).rpartition("returned an error: ")[2]
        raise SettingsError(f"The stack {full_name} cannot be read: {reason}. {help_text}") from None
    details = await pulumi.StackReference(full_name).get_output_details("endpoints")
    try:
        return RegionEndpoints.parse(details.secret_value if details.value is None else details.value)
    except EndpointsError as error:
        raise SettingsError(f"The stack {full_name} cannot be used: {error}. {help_text}") from None


async def _outputs(stack: str) -> Mapping[str, object]:
    """A stack's outputs. A state in files is half written for a moment, when an engine notes what it does: then read it again."""
    for pause_s in READ_AGAIN_AFTER_S:
        try:
            return await _read(stack)
        except Exception as error:  # the SDK raises no narrower one
            if "failed to load checkpoint" not in str(error):
                raise
            await asyncio.sleep(pause_s)
    return await _read(stack)


async def _read(stack: str) -> Mapping[str, object]:
    found = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": stack})
    return found.get("outputs", {})


def refuse_what_does_not_fit(settings: Settings, endpoints: RegionEndpoints) -> None:
    """What of a backup's configuration can only be judged beside the primary's."""
    mistakes: list[str] = []
    zones = settings.dns.zones_with(endpoints.domains)
    if endpoints.backup_exchange != settings.hostname:
        known = f"`{endpoints.backup_exchange}`" if endpoints.backup_exchange else "none"
        mistakes.append(
            f"mail:hostname = '{settings.hostname}' and the backup exchange that the primary knows is {known}: the primary would"
            " treat this one as a stranger, and its MTA-STS policy would forbid it\n"
            "    allowed: the host name in the primary's backupExchange\n"
            f"    example: pulumi config set --stack {settings.primary_stack} --path backupExchange.hostname {settings.hostname},"
            " then bring the primary up"
        )
    if zone_of(settings.hostname, zones) is None:
        mistakes.append(
            f"mail:hostname = '{settings.hostname}' is outside every known zone ({', '.join(zones)})\n"
            "    allowed: a name in the zone of a domain of the primary, or in one of dns.zones\n"
            f"    example: pulumi config set hostname mx2.{next(iter(zones))}"
        )
    nameless = without_id(zones)
    if nameless:
        mistakes.append(
            f"mail:dns publishes to Cloudflare, which needs the zoneId of {', '.join(nameless)}\n"
            "    allowed: zoneId on every domain of the primary, or in dns.zones here\n"
            f'    example: in the stack\'s file, dns.zones: [{{"name": "{nameless[0]}", "zoneId": "..."}}]'
        )
    doubled = [
        domain.name
        for domain in endpoints.domains
        if not domain.mx_by_primary
        and (zone := zone_of(domain.name, zones)) is not None
        and zone.provider == DnsProvider.EXTERNAL_DNS
    ]
    if doubled:
        mistakes.append(
            f"mail:dns would publish the MX records of {', '.join(doubled)} through external-dns, and the primary publishes them"
            " another way: a record set has one owner\n"
            "    allowed: the provider that the primary has for the domain; dns.zones can give the host's zone another\n"
            "    example: pulumi config set --path dns.provider zonefile"
        )
    backup, archive = settings.backup, endpoints.archive
    if backup and backup.install_velero and archive and not (archive.repository_password or backup.repository_password):
        mistakes.append(
            "mail:backup.repositoryPassword is not set, and the primary's stack does not know the one of its archive\n"
            "    allowed: the repository password of the primary's Velero\n"
            "    example: pulumi config set --secret --path backup.repositoryPassword <value>"
        )
    if backup and archive and (backup.location.bucket, backup.location.prefix) == (archive.bucket, archive.prefix):
        mistakes.append(
            f"mail:backup.location is in the place of the primary's archive ({archive.bucket}): two writers corrupt both\n"
            "    allowed: another bucket, or another prefix\n"
            "    example: pulumi config set --path backup.location.prefix backup"
        )
    mistakes += _what_an_active_backup_lacks(settings, endpoints)
    if settings.recipients.source == RecipientSource.PRIMARY and not endpoints.recipient_reader:
        mistakes.append(
            "mail:recipients.source = 'primary' and the primary cannot be asked for its recipients: it has a directory, or no"
            " certificate that can be verified, or no backupExchange\n"
            "    allowed: list, or any\n"
            "    example: pulumi config set --path recipients.source list"
        )
    relayed = {name for domain in endpoints.domains for name in (domain.name, *domain.aliases)}
    foreign = [address for address in settings.recipients.addresses if address.rpartition("@")[2] not in relayed]
    if foreign:
        mistakes.append(
            f"mail:recipients.addresses holds {', '.join(foreign[:5])}, which is in none of the primary's domains\n"
            f"    allowed: addresses in {', '.join(sorted(relayed)[:5])}\n"
            "    example: take them out of recipients.addresses in the stack's file"
        )
    if mistakes:
        raise SettingsError("This stack does not fit the primary's; nothing was created.\n\n" + "\n\n".join(mistakes))


def _what_an_active_backup_lacks(settings: Settings, endpoints: RegionEndpoints) -> list[str]:
    restore = settings.restored
    if restore is None:
        return []
    mistakes: list[str] = []
    archive = endpoints.archive
    if archive is None:
        mistakes.append(
            "mail:mode = 'active' and the primary's stack has no archive to restore from, since it has no backup.archive\n"
            "    allowed: standby\n"
            "    example: pulumi config set mode standby"
        )
    elif not archive.volume and restore.storage is None:
        mistakes.append(
            "mail:restore.storage is not set, and the primary's mail is in a database and a bucket: where are they in this"
            " region?\n"
            "    allowed: storage of the kind distributed, with the blobs bucket that the primary's is replicated to\n"
            "    example: in the stack's file, as docs/runbooks/failover.md shows"
        )
    elif restore.storage and (restore.storage.kind == StorageKind.EMBEDDED) != archive.volume:
        kind = "embedded" if archive.volume else "distributed"
        mistakes.append(
            f"mail:restore.storage.kind = '{restore.storage.kind}' and the primary's mail is in {kind} storage\n"
            f"    allowed: {kind}\n"
            "    example: take restore.storage out of the stack's file"
        )
    elif restore.storage and restore.storage.database_is_ours and not restore.storage.archive:
        mistakes.append(
            "mail:restore.storage.archive is not set: the database would not be backed up here, and there would be no way back\n"
            "    allowed: a bucket and a region, not those of the primary's archive\n"
            "    example: in the stack's file, as docs/runbooks/failover.md shows"
        )
    return mistakes
