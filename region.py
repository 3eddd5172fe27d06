"""One region: the components composed for the role that its settings give it."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions
from pydantic import SecretStr

import region_dns
import stacks
from backup_settings import Backup, BackupLocation, Schedule
from components import DkimKeys, MailBackup, MailDns, RegionEndpoints, StalwartServer
from components.backup.arguments import LocationArgs, MailBackupArgs, ScheduleArgs
from components.dns.arguments import Dns
from components.dns.arguments import resolve as resolve_dns
from components.mail_domain import DnsProvider, MailDomainArgs
from components.stalwart.arguments import RecipientReaderArgs, Server, StalwartServerArgs, resolve
from components.stalwart.options.delivery import PeerArgs
from components.stalwart.plan_job import plan_text
from deployed import OUTPUT, Deployed, refuse_losing_mail
from settings import Settings

ARCHIVE_LOCATION = "mail-primary-archive"  # the same name in both regions, so that runbooks read the same


async def deploy(settings: Settings) -> Mapping[str, pulumi.Input[Any]]:
    """Register every resource of the region.

    Returns:
        The stack's outputs by name.

    Raises:
        SettingsError: the primary's stack cannot be used; before any resource is registered.
    """
    before = await stacks.own_outputs()
    endpoints = None
    if settings.primary_stack is not None:
        endpoints = await stacks.endpoints_of(settings.primary_stack)
        stacks.refuse_what_does_not_fit(settings, endpoints)
    deployed = Deployed.by(settings, endpoints.domains if endpoints else settings.domains)
    refuse_losing_mail(deployed, before, settings.migrated_to, pulumi.get_project())
    outputs = _backup(settings, endpoints) if endpoints else _primary(settings)
    return {**outputs, OUTPUT: deployed.export()}


def _primary(settings: Settings) -> Mapping[str, pulumi.Input[Any]]:
    domains = [region_dns.domain_args(domain) for domain in settings.domains]
    server_args = _server_args(settings, domains)
    if settings.backup_exchange:
        server_args["peer"] = PeerArgs(
            hostname=settings.backup_exchange.hostname, addresses=list(settings.backup_exchange.addresses)
        )
    # What the components would refuse is refused before any resource, and so is a plan that is too large.
    wanted = resolve(server_args)
    _ = plan_text(wanted)
    dns_args = region_dns.primary_args(settings, domains, wanted)
    records = resolve_dns(dns_args)
    options = ResourceOptions(providers=_providers(settings, records))
    brought = {name: _secret(key) for name, key in settings.dkim_keys.items()}
    keys = DkimKeys("dkim", {"domains": domains, "private_keys": brought}, options)
    server_args["dkim_private_keys"] = keys.private_keys
    server = StalwartServer("stalwart", server_args, options)
    dns_args["dkim_public_keys"] = keys.each_public_key()
    dns = MailDns("dns", region_dns.with_server(dns_args, settings, server), options)
    archive = None
    if settings.backup:
        backup = MailBackup("backup", _primary_backup_args(settings.backup, server), options)
        archive = _archive_endpoint(settings.backup, backup)
    endpoints = RegionEndpoints.export(
        region=settings.region,
        hostname=settings.hostname,
        addresses=server.addresses,
        certificate_verified=settings.tls.verified,
        mail_namespace=server.namespace,
        backup_exchange=_known_backup(settings, server),
        domains=[region_dns.domain_endpoint(settings, domain) for domain in settings.domains if not domain.parked],
        recipient_reader=_reader_endpoint(settings, server),
        archive=archive,
    )
    return {**_outputs(wanted, server, records, dns), "endpoints": endpoints}


def _backup(settings: Settings, endpoints: RegionEndpoints) -> Mapping[str, pulumi.Input[Any]]:
    domains = [region_dns.relayed_domain_args(domain) for domain in endpoints.domains]
    server_args = _server_args(settings, domains)
    server_args["peer"] = PeerArgs(
        hostname=endpoints.hostname, addresses=list(endpoints.addresses), verified=endpoints.certificate_verified
    )
    reader = endpoints.recipient_reader
    if reader:
        server_args["recipient_reader"] = RecipientReaderArgs(
            url=reader.url, username=reader.username, password=_secret(reader.password)
        )
    wanted = resolve(server_args)
    _ = plan_text(wanted)
    dns_args = region_dns.backup_args(settings, domains, wanted)
    records = resolve_dns(dns_args)
    options = ResourceOptions(providers=_providers(settings, records))
    server = StalwartServer("stalwart", server_args, options)
    dns = MailDns("dns", region_dns.with_server(dns_args, settings, server), options)
    if settings.backup:
        MailBackup("backup", _backup_backup_args(settings.backup, endpoints, server), options)
    return _outputs(wanted, server, records, dns)


def _known_backup(settings: Settings, server: StalwartServer) -> Output[str] | None:
    """The backup's host name, once the server knows it: its MTA-STS policy lists it before any MX record does (RFC 8461)."""
    other = settings.backup_exchange
    return server.exchange.apply(lambda _ready: other.hostname) if other else None


def _reader_endpoint(settings: Settings, server: StalwartServer) -> dict[str, pulumi.Input[Any]] | None:
    # A password is only said to a host that shows a certificate for its name.
    if not settings.backup_exchange or settings.directory or not settings.tls.verified:
        return None
    return {
        "url": f"https://{settings.hostname}",
        "username": server.recipient_reader_username,
        "password": server.recipient_reader_password,
    }


def _providers(settings: Settings, records: Dns) -> list[pulumi.ProviderResource]:
    providers: list[pulumi.ProviderResource] = [
        kubernetes.Provider(
            "kubernetes",
            context=settings.kube_context,
            # The provider is replaced, and all objects with it, when this changes; a new kubeconfig must not do that.
            cluster_identifier=settings.region,
            enable_secret_mutable=True,
        )
    ]
    if DnsProvider.CLOUDFLARE in records.providers():
        import pulumi_cloudflare as cloudflare  # noqa: PLC0415  seconds to import, so only where it is used

        token = settings.dns.api_token
        providers.append(cloudflare.Provider("cloudflare", api_token=_secret(token) if token else None))
    return providers


# Settings that are the server's arguments under the same name.
SERVER_OPTIONS: frozenset[str] = frozenset(
    {
        "storage",
        "exposure",
        "tls",
        "accounts",
        "directory",
        "extra_listeners",
        "smarthosts",
        "spam",
        "limits",
        "mta_sts",
        "reports",
        "telemetry",
        "recipients",
    }
)


def _server_args(settings: Settings, domains: list[MailDomainArgs]) -> StalwartServerArgs:
    args = StalwartServerArgs(
        hostname=settings.hostname,
        domains=domains,
        role=settings.role,
        namespace=settings.namespace,
        create_namespace=settings.create_namespace,
        server_image=settings.image,
        cli_image=settings.cli_image,
        job_image=settings.job_image,
        trusted_networks=list(settings.trusted_networks),
        log_level=settings.log_level,
    )
    if settings.admin_secret_name:
        args["admin_secret_name"] = settings.admin_secret_name
    given = settings.model_dump(mode="json", include=set(SERVER_OPTIONS & settings.model_fields_set), exclude_none=True)
    return cast("StalwartServerArgs", {**args, **given})


def _primary_backup_args(backup: Backup, server: StalwartServer) -> MailBackupArgs:
    locations = [_location_args("mail-primary-hot", backup.location)]
    schedules = [_schedule_args("mail-primary-hot", backup.schedule)]
    if backup.archive:
        locations.append(_location_args(ARCHIVE_LOCATION, backup.archive))
        schedules.append(_schedule_args(ARCHIVE_LOCATION, backup.archive_schedule))
    args = _velero_args(backup, server, locations)
    args["schedules"] = schedules
    if backup.repository_password:
        args["repository_password"] = _secret(backup.repository_password)
    return args


def _backup_backup_args(backup: Backup, endpoints: RegionEndpoints, server: StalwartServer) -> MailBackupArgs:
    locations = [_location_args("mail-backup", backup.location)]
    archive = endpoints.archive
    if archive:
        mounted = LocationArgs(name=archive.location, bucket=archive.bucket, region=archive.region, read_only=True)
        if archive.prefix:
            mounted["prefix"] = archive.prefix
        if archive.s3_url:
            mounted["s3_url"] = archive.s3_url
        if backup.archive_reader:
            mounted["access_key_id"] = _secret(backup.archive_reader.access_key_id)
            mounted["secret_access_key"] = _secret(backup.archive_reader.secret_access_key)
        locations.append(mounted)
    args = _velero_args(backup, server, locations)
    # The primary's, or its volumes could not be decrypted here.
    password = (archive and archive.repository_password) or backup.repository_password
    if password:
        args["repository_password"] = _secret(password)
    return args


def _secret(value: SecretStr) -> Output[str]:
    return Output.secret(value.get_secret_value())


def _velero_args(backup: Backup, server: StalwartServer, locations: list[LocationArgs]) -> MailBackupArgs:
    return MailBackupArgs(
        locations=locations,
        mail_namespace=server.namespace,
        velero_namespace=backup.velero_namespace,
        install_velero=backup.install_velero,
    )


def _location_args(name: str, location: BackupLocation) -> LocationArgs:
    args = LocationArgs(name=name, bucket=location.bucket, region=location.region)
    if location.prefix:
        args["prefix"] = location.prefix
    if location.s3_url:
        args["s3_url"] = location.s3_url
    if location.access_key_id and location.secret_access_key:
        args["access_key_id"] = _secret(location.access_key_id)
        args["secret_access_key"] = _secret(location.secret_access_key)
    return args


def _schedule_args(name: str, schedule: Schedule) -> ScheduleArgs:
    return ScheduleArgs(name=name, location=name, cron=schedule.cron, keep_days=schedule.keep_days)


def _archive_endpoint(settings: Backup, backup: MailBackup) -> dict[str, pulumi.Input[Any]] | None:
    if settings.archive is None:
        return None
    known = {"prefix": settings.archive.prefix, "s3Url": settings.archive.s3_url}
    return {
        "location": ARCHIVE_LOCATION,
        "bucket": settings.archive.bucket,
        "region": settings.archive.region,
        **{key: value for key, value in known.items() if value},
        **({"repositoryPassword": backup.repository_password} if settings.install_velero or settings.repository_password else {}),
    }


def _outputs(wanted: Server, server: StalwartServer, records: Dns, dns: MailDns) -> dict[str, pulumi.Input[Any]]:
    return {
        "hostname": server.hostname,
        "addresses": server.addresses,
        "ports": server.ports,
        "jmapUrl": server.jmap_url,
        "submissionUrl": server.submission_url,
        "relayEndpoint": server.relay_endpoint,
        **region_dns.outputs(records, dns, wanted.peer),
    }
