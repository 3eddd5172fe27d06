"""How a region's settings become the arguments of `MailDns`, and what the stack puts out about its records."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi

from components import MailDns, StalwartServer
from components.dns.arguments import (
    MAX_OWNER_LENGTH,
    Dns,
    ExternalDnsArgs,
    HostRecordsArgs,
    MailDnsArgs,
    OtherExchangeArgs,
    ZoneArgs,
)
from components.egress import EgressArgs
from components.endpoints import DomainEndpoint, RegionEndpoints
from components.mail_domain import DnsProvider, MailDomain, MailDomainArgs
from components.mta_sts import MtaStsArgs
from components.stalwart import listeners
from components.stalwart.arguments import Role, Server
from components.stalwart.options.delivery import Peer
from components.stalwart.plans.host import MX_PRIORITY
from restore_settings import Restore
from settings import Settings


def domain_args(domain: MailDomain) -> MailDomainArgs:
    """A domain of the settings, for the components."""
    return cast("MailDomainArgs", domain.model_dump(mode="json", exclude_unset=True, exclude_none=True))


def domain_endpoint(settings: Settings, domain: MailDomain) -> DomainEndpoint:
    """A domain of the primary, for the backup."""
    provider = domain.dns_provider or settings.dns.provider
    return DomainEndpoint(
        name=domain.name,
        zone_id=domain.zone_id,
        dns_provider=domain.dns_provider,
        dnssec=domain.dnssec,
        # A record set of external-dns has one owner.
        mx_by_primary=provider == DnsProvider.EXTERNAL_DNS or not domain.records.mx,
        aliases=domain.aliases,
        sub_addressing=domain.sub_addressing,
        catch_all=domain.catch_all is not None,
    )


def relayed_domain_args(domain: DomainEndpoint) -> MailDomainArgs:
    """A domain of the primary, for the components of the backup."""
    args = MailDomainArgs(
        name=domain.name,
        aliases=list(domain.aliases),
        sub_addressing=domain.sub_addressing,
        dnssec=domain.dnssec,
        records={"mx": not domain.mx_by_primary},
    )
    if domain.catch_all:
        args["catch_all"] = f"postmaster@{domain.name}"  # that there is one is all a backup must know
    if domain.zone_id:
        args["zone_id"] = domain.zone_id
    if domain.dns_provider:
        args["dns_provider"] = domain.dns_provider.value
    return args


def primary_args(settings: Settings, domains: list[MailDomainArgs], server: Server) -> MailDnsArgs:
    """What is known of a primary's records before there is a server."""
    args = _args(settings, domains, server)
    # A policy that nobody can read with a certificate they trust would say nothing.
    if settings.tls.verified:
        args["mta_sts"] = cast("MtaStsArgs", settings.mta_sts.model_dump(mode="json"))
    other = settings.backup_exchange
    if other:
        args["other_exchanges"] = [
            OtherExchangeArgs(hostname=other.hostname, priority=MX_PRIORITY[Role.BACKUP], publish_mx=other.publish_mx)
        ]
    return args


def backup_args(settings: Settings, domains: list[MailDomainArgs], server: Server) -> MailDnsArgs:
    """The same of a backup. SPF, DKIM and DMARC belong to the domain, not to an exchange: one stack publishes them."""
    args = _args(settings, domains, server)
    args["exchange_only"] = True
    return args


def stand_in_args(settings: Settings, restore: Restore, endpoints: RegionEndpoints, server: Server) -> MailDnsArgs:
    """The records of the primary's host while it is in this region: its addresses. The others stay as the primary made them."""
    domains = [relayed_domain_args(domain) for domain in endpoints.domains]
    for domain in domains:
        domain["records"] = {"mx": False}
    args = _args(settings, domains, server)
    args["hostname"] = endpoints.hostname
    args["addresses"] = [*restore.exposure.addresses]
    args["egress"], args["tlsa"] = [], []
    args["host"] = {"addresses": settings.dns.host.addresses, "spf": False}
    args["exchange_only"] = True
    return args


def joined(zones: Mapping[str, str], more: Mapping[str, str]) -> Mapping[str, str]:
    """Two sets of zone texts as one."""
    return {name: "".join(found[name] for found in (zones, more) if name in found) for name in {**zones, **more}}


def with_server(args: MailDnsArgs, settings: Settings, server: StalwartServer) -> MailDnsArgs:
    """The arguments with what the server says of itself."""
    found = args.copy()
    # How many addresses there are decides how many records: without given ones it is the load balancer's one.
    found["addresses"] = args["addresses"] or [server.addresses.apply(_first_ipv4)]
    found["exchange"] = server.exchange
    found["external_dns"] = ExternalDnsArgs(
        namespace=settings.dns.external_dns.namespace or server.namespace,
        provider_specific=dict(settings.dns.external_dns.provider_specific),
    )
    return found


def outputs(checked: Dns, dns: MailDns, peer: Peer | None) -> Mapping[str, pulumi.Input[Any]]:
    """What the stack puts out: the records, what others must publish, and what the doctor compares the world with."""
    policy = checked.mta_sts
    return {
        "zones": dns.zone_files,
        "ptr": dns.ptr,
        "elsewhere": dns.elsewhere,
        "ds": dns.ds,
        "signedZones": sorted(zone.name for zone in checked.zones.values() if zone.is_signed),
        "exchanges": sorted({checked.hostname, *([peer.hostname] if peer else [])}),
        "mtaSts": {"mode": policy.mode, "maxAgeSeconds": policy.max_age_seconds, "mx": sorted(checked.exchanges)}
        if policy
        else None,
    }


def _args(settings: Settings, domains: list[MailDomainArgs], server: Server) -> MailDnsArgs:
    dns = settings.dns
    return MailDnsArgs(
        hostname=settings.hostname,
        addresses=[*settings.exposure.addresses],
        domains=domains,
        priority=MX_PRIORITY[Role(settings.role)],
        egress=[EgressArgs(address=e.address, ehlo_hostname=e.ehlo_hostname) for e in settings.exposure.egress],
        ports={listener.name: listener.port for listener in listeners.public(server)},
        host=cast("HostRecordsArgs", dns.host.model_dump()),
        provider=dns.provider,
        # The namespace's name; `with_server` puts the namespace itself there.
        external_dns=ExternalDnsArgs(namespace=settings.namespace),
        zones=[cast("ZoneArgs", zone.model_dump(mode="json", exclude_none=True)) for zone in dns.zones],
        leaving_zones=list(dns.leaving_zones),
        name_servers=list(dns.name_servers),
        ttl_seconds=dns.ttl_seconds,
        tlsa=list(dns.tlsa),
        owner=f"{pulumi.get_project()}/{pulumi.get_stack()}"[:MAX_OWNER_LENGTH],
    )


def _first_ipv4(addresses: Sequence[str]) -> str:
    return next((address for address in addresses if ":" not in address), addresses[0])
