"""`MailDns`: the DNS records of one mail exchange and of its domains, through the publisher of your choice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi import Output, ResourceOptions

from .. import checks
from ..mail_domain import MailDomain, MailDomainArgs
from ..mail_domain import resolve as resolve_domains
from . import dkim, zone_file
from .records import Exchange, Record, host_records, mx_record, parked_records, policy_records
from .zones import Zone, zone_of

DEFAULT_TTL_SECONDS = 3600
DEFAULT_PRIORITY = 10


class Publisher(StrEnum):
    """Who serves the zones."""

    ZONE_FILE = "zonefile"  # any DNS server: the text is an output, nothing is created
    CLOUDFLARE = "cloudflare"  # one resource a record


class ZoneArgs(TypedDict):
    """A zone that is not itself one of the mail domains, for example that of the host name."""

    name: str
    """The zone's name."""
    zone_id: NotRequired[str]
    """The provider's id of it. Needed by the `cloudflare` publisher."""


class MailDnsArgs(TypedDict):
    """Arguments of `MailDns`. Plain fields decide which records exist; `Input` fields may be known late."""

    hostname: str
    """The exchange's host name. It must lie in the zone of a domain, or in one of `zones`."""
    addresses: list[pulumi.Input[str]]
    """The exchange's public addresses. The list is plain; an address that is not known yet is taken for IPv4."""
    domains: list[MailDomainArgs]
    """The mail domains, and the parked ones."""
    exchange: NotRequired[pulumi.Input[str]]
    """The host name as MX target. Pass `StalwartServer.exchange`, and no MX appears before the server's plan is applied."""
    priority: NotRequired[int]
    """Of this exchange in MX records. Default 10; a backup says 20."""
    dkim_public_keys: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """`<selector>._domainkey.<domain>` to PEM public key, one for every selector. Not needed with `exchange_only`."""
    exchange_only: NotRequired[bool]
    """True in the backup region: only MX and host records; the primary publishes what domains share. Default false."""
    egress_addresses: NotRequired[list[str]]
    """Addresses mail leaves from, for SPF. Give them when a pod's outgoing address is not one of `addresses`."""
    publisher: NotRequired[str]
    """`zonefile` (default) or `cloudflare`."""
    zones: NotRequired[list[ZoneArgs]]
    """Zones beside those of the domains."""
    name_servers: NotRequired[list[str]]
    """With these, zone files are whole zones with SOA and NS records; without, parts to include."""
    ttl_seconds: NotRequired[int]
    """Of every record. Default 3600."""


@dataclass(frozen=True)
class Dns:
    """A checked `MailDnsArgs` with its defaults, less the fields that are only known when deployed."""

    hostname: str
    domains: tuple[MailDomain, ...]
    zones: Mapping[str, Zone]
    priority: int = DEFAULT_PRIORITY
    exchange_only: bool = False
    egress_addresses: tuple[str, ...] = ()
    publisher: Publisher = Publisher.ZONE_FILE
    name_servers: tuple[str, ...] = ()
    ttl_seconds: int = DEFAULT_TTL_SECONDS


def resolve(args: MailDnsArgs) -> Dns:
    """Check the arguments and fill the defaults.

    Raises:
        ArgumentsError: with every problem at once.
    """
    problems = checks.Problems("MailDns")
    domains = resolve_domains(args["domains"], problems)
    zones = {name: Zone(name, domain.zone_id if name == domain.name else None) for domain in domains for name in domain.names}
    for zone in args.get("zones", []):
        name = problems.checked("zones", checks.hostname, zone["name"])
        zones[name] = Zone(name, zone.get("zone_id"))
    known_addresses = [address for address in args["addresses"] if isinstance(address, str)]
    _ = problems.all_checked("addresses", checks.ip_address, known_addresses)
    dns = Dns(
        hostname=problems.checked("hostname", checks.hostname, args["hostname"]),
        domains=domains,
        zones=zones,
        priority=int(args.get("priority", DEFAULT_PRIORITY)),
        exchange_only=args.get("exchange_only", False),
        egress_addresses=problems.all_checked("egress_addresses", checks.ip_address, args.get("egress_addresses", [])),
        publisher=problems.one_of("publisher", Publisher, args.get("publisher", Publisher.ZONE_FILE)),
        name_servers=problems.all_checked("name_servers", checks.hostname, args.get("name_servers", [])),
        ttl_seconds=int(args.get("ttl_seconds", DEFAULT_TTL_SECONDS)),
    )
    if zone_of(dns.hostname, zones) is None:
        problems.add(f"hostname: `{dns.hostname}` is in none of the zones {', '.join(zones)}; name its zone in `zones`")
    if dns.publisher == Publisher.CLOUDFLARE:
        nameless = [zone.name for zone in zones.values() if not zone.id]
        problems.found += [f"zones: {name} has no `zone_id`, which Cloudflare needs" for name in nameless]
    problems.refuse()
    return dns


def all_records(dns: Dns, exchange: Exchange, dkim_values: Mapping[str, pulumi.Input[str]]) -> list[Record]:
    """Every record this stack publishes.

    Args:
        dns: the checked arguments.
        exchange: the exchange of this region.
        dkim_values: `<selector>._domainkey.<domain>` to the value of that record.
    """
    ttl = dns.ttl_seconds
    aliases = [domain.as_alias(alias) for domain in dns.domains for alias in domain.aliases]
    mail_domains = [*(domain for domain in dns.domains if not domain.parked), *aliases]
    is_mail_domain = any(domain.name == dns.hostname for domain in mail_domains)
    records = host_records(exchange, ttl, merged_spf=is_mail_domain)
    records += [mx_record(domain, exchange, ttl) for domain in mail_domains]
    if not dns.exchange_only:
        for domain in (*dns.domains, *aliases):
            records += parked_records(domain, ttl) if domain.parked else policy_records(domain, exchange, dkim_values, ttl)
    return records


class MailDns(pulumi.ComponentResource):
    """The DNS records of one exchange: its host, its place in every domain's MX, and what the domains tell receivers.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    zone_files: Output[Mapping[str, str]]
    """Zone name to BIND text of the records in it, whoever publishes them."""

    def __init__(self, name: str, args: MailDnsArgs, opts: ResourceOptions | None = None) -> None:
        """Register the records.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `MailDnsArgs`.
            opts: the usual options; pass the Cloudflare provider here.
        """
        dns = resolve(args)
        # Without `exchange`: only MX records wait for it. A certificate may need the host's address before the plan can run.
        inputs = {key: value for key, value in args.items() if key != "exchange"}
        super().__init__("stalwart-mail:index:MailDns", name, inputs, opts)

        exchange = Exchange(
            hostname=dns.hostname,
            priority=dns.priority,
            target=args.get("exchange", dns.hostname),
            addresses=tuple(checks.ip_address(a) if isinstance(a, str) else a for a in args["addresses"]),
            egress_addresses=dns.egress_addresses,
        )
        records = all_records(dns, exchange, _dkim_values(dns, args))
        by_zone: dict[Zone, list[Record]] = {}
        for record in records:
            zone = zone_of(record.name, dns.zones)
            assert zone is not None
            by_zone.setdefault(zone, []).append(record)

        if dns.publisher == Publisher.CLOUDFLARE:
            from . import cloudflare  # noqa: PLC0415  seconds to import, so only where it is used

            for zone, zone_records in by_zone.items():
                cloudflare.publish(name, zone, zone_records, self)
        self.zone_files = Output.all(**{zone.name: _zone_text(dns, zone, found) for zone, found in by_zone.items()})
        self.register_outputs({"zone_files": self.zone_files})


def _dkim_values(dns: Dns, args: MailDnsArgs) -> dict[str, pulumi.Input[str]]:
    if dns.exchange_only:
        return {}
    public_keys = Output.from_input(args.get("dkim_public_keys", {}))

    def value(keys: Mapping[str, Any], name: str) -> str:
        try:
            return dkim.record_value(keys[name])
        except KeyError:
            raise checks.ArgumentsError("MailDns", [f"dkim_public_keys: no key is given for {name}"]) from None
        except ValueError as error:
            raise checks.ArgumentsError("MailDns", [f"dkim_public_keys: {name}: {error}"]) from None

    names = [selector.record_name(domain.name) for domain in dns.domains for selector in domain.dkim_selectors]
    return {name: public_keys.apply(lambda keys, name=name: value(keys, name)) for name in names}


def _zone_text(dns: Dns, zone: Zone, records: Sequence[Record]) -> Output[str]:
    values = Output.all(*(record.value for record in records))

    def render(known: Sequence[str]) -> str:
        resolved = [replace(record, value=value) for record, value in zip(records, known, strict=True)]
        return zone_file.render(zone, resolved, dns.name_servers, dns.ttl_seconds)

    return values.apply(render)
