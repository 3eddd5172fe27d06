"""One region: the components composed for the role that its settings give it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

import mailboxes
import region_backup
import region_dns
import region_monitoring
import stacks
from components import DkimKeys, MailBackup, MailDns, RegionEndpoints, RestoreDrill, StalwartServer
from components.backup.arguments import MailBackupArgs
from components.dns.arguments import Dns, MailDnsArgs
from components.dns.arguments import resolve as resolve_dns
from components.mail_domain import DnsProvider, MailDomainArgs
from components.stalwart.arguments import RecipientReaderArgs, Server, StalwartServerArgs, resolve
from components.stalwart.options.delivery import PeerArgs
from components.stalwart.plan_job import plan_text
from deployed import OUTPUT, Deployed, refuse_losing_mail
from settings import Settings


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
    deployed = Deployed.by(settings, endpoints.domains if endpoints else settings.domains, before)
    refuse_losing_mail(deployed, before, settings, pulumi.get_project())
    outputs = _backup(settings, endpoints) if endpoints else _primary(settings)
    return {**outputs, OUTPUT: deployed.export()}


def _primary(settings: Settings) -> Mapping[str, pulumi.Input[Any]]:
    domains = [region_dns.domain_args(domain) for domain in settings.domains]
    server_args = mailboxes.with_state(_server_args(settings, domains), settings, None)
    if settings.backup_exchange:
        server_args["peer"] = PeerArgs(
            hostname=settings.backup_exchange.hostname, addresses=list(settings.backup_exchange.addresses)
        )
    # What the components would refuse is refused before any resource, and so is a plan that is too large.
    wanted = resolve(server_args)
    _ = plan_text(wanted)
    dns_args = region_dns.primary_args(settings, domains, wanted)
    records = resolve_dns(dns_args)
    providers = _providers(settings, records)
    options = ResourceOptions(providers=providers)
    brought = {name: region_backup.secret(key) for name, key in settings.dkim_keys.items()}
    keys = DkimKeys("dkim", {"domains": domains, "private_keys": brought}, options)
    server_args["dkim_private_keys"] = keys.private_keys
    archive, about_backups = None, {}
    if settings.backup:
        backup_args = region_backup.primary_args(settings, settings.backup)
        backup = MailBackup("backup", backup_args, options)
        archive = region_backup.archive_endpoint(settings, backup)
        after = ResourceOptions(providers=providers, depends_on=[backup])
        mailboxes.restore_first(server_args, settings, wanted, None, after)
        about_backups = _about_backups(settings, backup_args, None, after)
    server = StalwartServer("stalwart", server_args, options)
    mailboxes.check_after(server, settings, wanted, region_backup.sentinel_mailbox(settings), providers)
    region_monitoring.watch("monitoring", settings, wanted, server, _after(server, providers))
    dns_args["dkim_public_keys"] = keys.each_public_key()
    dns = MailDns("dns", region_dns.with_server(dns_args, settings, server), options)
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
        server=mailboxes.portable(server_args),
        dkim_private_keys=keys.private_keys,
    )
    return {**_outputs(wanted, server, records, dns), **about_backups, "endpoints": endpoints}


def _backup(settings: Settings, endpoints: RegionEndpoints) -> Mapping[str, pulumi.Input[Any]]:
    domains = [region_dns.relayed_domain_args(domain) for domain in endpoints.domains]
    server_args = _server_args(settings, domains)
    server_args["peer"] = PeerArgs(
        hostname=endpoints.hostname, addresses=list(endpoints.addresses), verified=endpoints.certificate_verified
    )
    reader = endpoints.recipient_reader
    if reader:
        server_args["recipient_reader"] = RecipientReaderArgs(
            url=reader.url, username=reader.username, password=region_backup.secret(reader.password)
        )
    wanted = resolve(server_args)
    _ = plan_text(wanted)
    dns_args = region_dns.backup_args(settings, domains, wanted)
    records = resolve_dns(dns_args)
    stand_in = _stand_in(settings, endpoints)
    providers = _providers(settings, records)
    options = ResourceOptions(providers=providers)
    server = StalwartServer("stalwart", server_args, options)
    region_monitoring.watch("monitoring", settings, wanted, server, _after(server, providers))
    dns = MailDns("dns", region_dns.with_server(dns_args, settings, server), options)
    outputs = _outputs(wanted, server, records, dns)
    if settings.backup:
        backup_args = region_backup.backup_args(settings, settings.backup, endpoints)
        backup = MailBackup("backup", backup_args, options)
        after = ResourceOptions(providers=providers, depends_on=[backup])
        outputs |= _about_backups(settings, backup_args, endpoints, after)
        if stand_in:
            mailboxes.restore_first(stand_in.args, settings, stand_in.wanted, endpoints, after)
            return _with_mailboxes(outputs, settings, endpoints, stand_in, providers)
    return outputs


@dataclass(frozen=True)
class _StandIn:
    """A server that stands in for the primary, checked before any resource is registered."""

    args: StalwartServerArgs
    wanted: Server
    dns_args: MailDnsArgs


def _stand_in(settings: Settings, endpoints: RegionEndpoints) -> _StandIn | None:
    restore = settings.restored
    if restore is None:
        return None
    args = mailboxes.stand_in_args(settings, restore, endpoints)
    wanted = resolve(args)
    _ = plan_text(wanted)
    dns_args = region_dns.stand_in_args(settings, restore, endpoints, wanted)
    _ = resolve_dns(dns_args)
    return _StandIn(args, wanted, dns_args)


def _with_mailboxes(
    outputs: Mapping[str, pulumi.Input[Any]],
    settings: Settings,
    endpoints: RegionEndpoints,
    stand_in: _StandIn,
    providers: list[pulumi.ProviderResource],
) -> Mapping[str, pulumi.Input[Any]]:
    """The region's outputs with those of the primary's mailboxes, which it has restored."""
    options = ResourceOptions(providers=providers)
    server = StalwartServer("mailboxes", stand_in.args, options)
    sentinel = endpoints.archive.sentinel_mailbox if endpoints.archive else None
    mailboxes.check_after(server, settings, stand_in.wanted, sentinel, providers)
    region_monitoring.watch("mailboxes-monitoring", settings, stand_in.wanted, server, _after(server, providers))
    # Also while it is fenced: whoever holds mail for the host must find an address, and try again.
    dns = MailDns("mailboxes-dns", region_dns.with_server(stand_in.dns_args, settings, server), options)
    found: dict[str, pulumi.Input[Any]] = {
        "hostname": server.hostname,
        "namespace": server.namespace,
        "fenced": stand_in.wanted.fenced,
        "addresses": server.addresses,
        "ports": server.ports,
        "jmapUrl": server.jmap_url,
        "submissionUrl": server.submission_url,
        "relayEndpoint": server.relay_endpoint,
    }
    return {
        **outputs,
        "mailboxes": found,
        "zones": Output.all(outputs["zones"], dns.zone_files).apply(lambda both: region_dns.joined(*both)),
        "ptr": Output.all(outputs["ptr"], dns.ptr).apply(lambda both: {**both[0], **both[1]}),
        "exchanges": sorted({settings.hostname, endpoints.hostname}),
    }


def _about_backups(
    settings: Settings, args: MailBackupArgs, endpoints: RegionEndpoints | None, options: ResourceOptions
) -> dict[str, pulumi.Input[Any]]:
    """Register the drill, if there is one, and put out where it is and who may do what in the buckets."""
    outputs: dict[str, pulumi.Input[Any]] = {"bucketPolicies": region_backup.bucket_policies(args, settings)}
    drill_args = region_backup.drill_args(settings, settings.backup, endpoints) if settings.backup else None
    if drill_args:
        drill = RestoreDrill("drill", drill_args, options)
        outputs["drill"] = {
            "namespace": args.get("velero_namespace", ""),
            "cronJob": drill.cron_job,
            **({"kubeContext": settings.kube_context} if settings.kube_context else {}),
        }
    return outputs


def _after(server: StalwartServer, providers: list[pulumi.ProviderResource]) -> ResourceOptions:
    return ResourceOptions(providers=providers, depends_on=[server])


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
            # What this stack left behind is there already. Else that is a mistake: somebody else's namespace, for example.
            upsert_existing_objects=True if settings.return_to else None,
        )
    ]
    if DnsProvider.CLOUDFLARE in records.providers():
        import pulumi_cloudflare as cloudflare  # noqa: PLC0415  seconds to import, so only where it is used

        token = settings.dns.api_token
        providers.append(cloudflare.Provider("cloudflare", api_token=region_backup.secret(token) if token else None))
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
    if settings.monitoring:
        args["monitored"] = True
    given = settings.model_dump(mode="json", include=set(SERVER_OPTIONS & settings.model_fields_set), exclude_none=True)
    return cast("StalwartServerArgs", {**args, **given})


def _outputs(wanted: Server, server: StalwartServer, records: Dns, dns: MailDns) -> dict[str, pulumi.Input[Any]]:
    return {
        "hostname": server.hostname,
        "addresses": server.addresses,
        "ports": server.ports,
        "jmapUrl": server.jmap_url,
        "submissionUrl": server.submission_url,
        "relayEndpoint": server.relay_endpoint,
        **region_dns.outputs(records, dns, wanted.peer),
        # Nothing is reached there, and no mail leaves.
        **({"addresses": [], "ptr": {}} if wanted.fenced else {}),
    }
