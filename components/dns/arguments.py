"""What a `MailDns` is given, and the checked form that everything below works with."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict, TypeVar

import pulumi

from .. import checks
from ..egress import EgressArgs
from ..mail_domain import DnsProvider, MailDomain, MailDomainArgs
from ..mail_domain import resolve as resolve_domains
from ..mta_sts import MtaSts, MtaStsArgs, MtaStsMode
from .records.exchange import HostSwitches
from .records.spf import domain_spf, spf_problems
from .records.tlsa import Tlsa, parse_tlsa
from .zones import ListedZone, Zone, without_id, zone_of, zones_by_name

DEFAULT_TTL_SECONDS = 3600
DEFAULT_PRIORITY = 10
DEFAULT_PORTS = {"submissions": 465, "submission": 587, "imaps": 993, "sieve": 4190, "https": 443}
DEFAULT_OWNER = "stalwart-mail"
MOST_BELOW = "_autodiscover._tcp"  # the longest of the names below a domain
MAX_PREFERENCE = 65_535  # 16 bits (RFC 1035, section 3.3.9)
MAX_TTL_SECONDS = 86_400
MIN_TTL_SECONDS = 60
MAX_OWNER_LENGTH = 50  # the whole comment has at most 100 characters on Cloudflare's free plan


Value = TypeVar("Value", bound=Hashable)


class ZoneArgs(TypedDict):
    """A zone that is not itself one of the mail domains, for example that of the host name."""

    name: str
    """The zone's name."""
    zone_id: NotRequired[str]
    """The provider's id of it. Needed by `cloudflare`."""
    dns_provider: NotRequired[str]
    """`zonefile`, `cloudflare` or `external-dns`. Default: that of `MailDns`."""
    dnssec: NotRequired[bool]
    """True for a signed zone: with `cloudflare` signing is switched on, elsewhere you say that it is. Default false."""


class OtherExchangeArgs(TypedDict):
    """An exchange of another stack, for the same domains."""

    hostname: str
    """Its host name."""
    priority: NotRequired[int]
    """In MX records. Default 20."""
    publish_mx: NotRequired[bool]
    """With `external-dns`, where a record set has one owner: whether this stack publishes its MX records. Set it once the
    exchange takes mail. Default false. With other providers its own stack publishes them."""


class HostRecordsArgs(TypedDict):
    """Which records of the exchange's host are published. False where somebody else does."""

    addresses: NotRequired[bool]
    """A and AAAA. Default true."""
    spf: NotRequired[bool]
    """Who may use its name in EHLO. Default true."""


class ExternalDnsArgs(TypedDict):
    """Where the objects for external-dns are put: 0.22 or newer, with Cloudflare behind it 0.23. docs/dns.md has its flags."""

    namespace: pulumi.Input[str]
    """Their namespace."""
    provider_specific: NotRequired[dict[str, str]]
    """Properties of address records and aliases, as the documentation of your provider there names them."""


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
    other_exchanges: NotRequired[list[OtherExchangeArgs]]
    """The exchanges of other stacks. They are in the MTA-STS policy before they are in MX."""
    dkim_public_keys: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """`<selector>._domainkey.<domain>` to PEM public key, for every selector without `public_key`. Not with `exchange_only`."""
    exchange_only: NotRequired[bool]
    """True in the backup region: only MX and host records; the primary publishes what domains share. Default false."""
    egress: NotRequired[list[EgressArgs]]
    """Addresses mail leaves from, for SPF and EHLO. Give them when a pod's outgoing address is not one of `addresses`."""
    ports: NotRequired[dict[str, int]]
    """The host's public ports by listener (`submissions`, `imaps`, ...), for SRV records. Default: those of a primary."""
    mta_sts: NotRequired[MtaStsArgs]
    """The policy that the host serves. Without it none is announced: give it only where the certificate can be verified."""
    tlsa: NotRequired[list[str]]
    """What the host's certificate is pinned to, such as `3 1 1 <hex>`: the key in use, and the next one before it is used.
    The host's zone must be signed. Default: none."""
    host: NotRequired[HostRecordsArgs]
    """Which records of the host are published. Default: all."""
    provider: NotRequired[str]
    """`zonefile` (default), `cloudflare` or `external-dns`; a domain or zone may name another."""
    external_dns: NotRequired[ExternalDnsArgs]
    """Needed with `external-dns`."""
    zones: NotRequired[list[ZoneArgs]]
    """Zones beside those of the domains."""
    leaving_zones: NotRequired[list[str]]
    """Zones that are about to change their provider: their records stay at the old one when they are no longer published here."""
    name_servers: NotRequired[list[str]]
    """With these, zone files are whole zones with SOA and NS records; without, parts to include."""
    ttl_seconds: NotRequired[int]
    """Of every record. Default 3600."""
    owner: NotRequired[str]
    """Who owns the records, for the comments on them: at most 50 characters. Default `stalwart-mail`."""


@dataclass(frozen=True)
class OtherExchange:
    """A checked `OtherExchangeArgs`."""

    hostname: str
    priority: int
    publish_mx: bool


@dataclass(frozen=True)
class Dns:
    """A checked `MailDnsArgs` with its defaults, less the fields that are only known when deployed."""

    hostname: str
    domains: tuple[MailDomain, ...]
    zones: Mapping[str, Zone]
    known_addresses: tuple[str, ...]
    """Those that are plain."""
    priority: int
    other_exchanges: tuple[OtherExchange, ...]
    exchange_only: bool
    egress: tuple[tuple[str, str], ...]
    """Address and EHLO name."""
    ports: Mapping[str, int]
    mta_sts: MtaSts | None
    tlsa: tuple[Tlsa, ...]
    host: HostSwitches
    name_servers: tuple[str, ...]
    ttl_seconds: int
    owner: str

    @property
    def mail_domains(self) -> tuple[MailDomain, ...]:
        """The domains that receive mail."""
        return tuple(domain for domain in self.domains if not domain.parked)

    @property
    def exchanges(self) -> tuple[str, ...]:
        """The host names of all exchanges."""
        return (self.hostname, *(other.hostname for other in self.other_exchanges))

    def providers(self) -> frozenset[DnsProvider]:
        """Who serves the zones."""
        return frozenset(zone.provider for zone in self.zones.values())


def resolve(args: MailDnsArgs) -> Dns:
    """Check the arguments and fill the defaults.

    Raises:
        ArgumentsError: with every problem at once.
    """
    problems = checks.Problems("MailDns")
    domains = resolve_domains(args["domains"], problems)
    mta_sts = problems.model("mta_sts", MtaSts, args["mta_sts"]) if "mta_sts" in args else None
    dns = Dns(
        hostname=problems.checked("hostname", checks.hostname, args["hostname"]),
        domains=domains,
        zones=_zones(args, domains, problems),
        known_addresses=problems.all_checked(
            "addresses", checks.ip_address, [a for a in args["addresses"] if isinstance(a, str)]
        ),
        priority=int(args.get("priority", DEFAULT_PRIORITY)),
        other_exchanges=tuple(
            OtherExchange(
                problems.checked("other_exchanges", checks.hostname, other["hostname"]),
                int(other.get("priority", 2 * DEFAULT_PRIORITY)),
                other.get("publish_mx", False),
            )
            for other in args.get("other_exchanges", [])
        ),
        exchange_only=args.get("exchange_only", False),
        egress=_once(
            (
                problems.checked("egress", checks.ip_address, egress["address"]),
                problems.checked("egress", checks.hostname, egress["ehlo_hostname"]),
            )
            for egress in args.get("egress", [])
        ),
        ports={name: int(port) for name, port in args.get("ports", DEFAULT_PORTS).items()},
        mta_sts=mta_sts if mta_sts and mta_sts.mode != MtaStsMode.DISABLE else None,
        tlsa=_once(tlsa for text in args.get("tlsa", []) for tlsa in _tlsa(text, problems)),
        host=problems.model("host", HostSwitches, args.get("host", {})),
        name_servers=problems.all_checked("name_servers", checks.hostname, args.get("name_servers", [])),
        ttl_seconds=int(args.get("ttl_seconds", DEFAULT_TTL_SECONDS)),
        owner=args.get("owner", DEFAULT_OWNER),
    )
    if not problems.found:
        problems.found += _faults(dns, args)
    problems.refuse()
    return dns


def _zones(args: MailDnsArgs, domains: Sequence[MailDomain], problems: checks.Problems) -> dict[str, Zone]:
    listed = [problems.model(f"zones[{number}]", ListedZone, zone) for number, zone in enumerate(args.get("zones", []))]
    default = problems.one_of("provider", DnsProvider, args.get("provider", DnsProvider.ZONE_FILE))
    if problems.found:
        return {}
    leaving = problems.all_checked("leaving_zones", checks.hostname, args.get("leaving_zones", []))
    zones = zones_by_name(domains, listed, default, leaving)
    unknown = [name for name in leaving if name not in zones]
    problems.found += [f"leaving_zones: `{name}` is not one of the zones {', '.join(zones)}" for name in unknown]
    return zones


def _once(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(values))


def _tlsa(text: str, problems: checks.Problems) -> list[Tlsa]:
    try:
        return [parse_tlsa(text)]
    except ValueError as error:
        problems.add(f"tlsa: `{text}` {error}")
        return []


def _faults(dns: Dns, args: MailDnsArgs) -> list[str]:
    """What is wrong with arguments beside each other."""
    faults: list[str] = []
    zone = zone_of(dns.hostname, dns.zones)
    if zone is None:
        faults.append(f"hostname: `{dns.hostname}` is in none of the zones {', '.join(dns.zones)}; name its zone in `zones`")
    elif dns.tlsa and not zone.is_signed:
        faults.append(f"tlsa: the zone {zone.name} is not signed, so nobody would believe it; sign it, then set its `dnssec`")
    faults += [f"zones: {name} has no `zone_id`, which Cloudflare needs" for name in without_id(dns.zones)]
    if DnsProvider.EXTERNAL_DNS in dns.providers() and "external_dns" not in args:
        faults.append("external_dns: is needed with the provider external-dns; it says where the objects are put")
    faults += [fault for domain in dns.domains for fault in _domain_faults(dns, domain)]
    faults += [f"egress: {address} says two names in EHLO" for address, n in Counter(a for a, _ in dns.egress).items() if n > 1]
    for address, name in dns.egress:
        if name == dns.hostname and dns.known_addresses and address not in dns.known_addresses:
            faults.append(
                f"egress: mail from {address} says `{name}`, which leads to {', '.join(dns.known_addresses)}: receivers look "
                "both ways (forward-confirmed reverse DNS); give it an `ehlo_hostname` of its own"
            )
    if not 0 <= dns.priority <= MAX_PREFERENCE:
        faults.append(f"priority: {dns.priority} is not a number from 0 to {MAX_PREFERENCE}")
    if not MIN_TTL_SECONDS <= dns.ttl_seconds <= MAX_TTL_SECONDS:
        faults.append(f"ttl_seconds: {dns.ttl_seconds} is not from {MIN_TTL_SECONDS} to {MAX_TTL_SECONDS}")
    if dns.hostname in {other.hostname for other in dns.other_exchanges}:
        faults.append(f"other_exchanges: `{dns.hostname}` is this exchange itself")
    if len(dns.owner) > MAX_OWNER_LENGTH or not dns.owner.isprintable():
        faults.append(f"owner: `{dns.owner}` is longer than {MAX_OWNER_LENGTH} characters, which is what fits into a comment")
    return faults


def _domain_faults(dns: Dns, domain: MailDomain) -> list[str]:
    faults: list[str] = []
    names = [f"{MOST_BELOW}.{name}" for name in domain.names]
    names += [selector.record_name(domain.name) for selector in domain.selectors]
    if domain.hosted_dkim:
        names += [f"{selector.name}.{domain.name}.{domain.hosted_dkim.zone}" for selector in domain.selectors]
    faults += [
        f"name: the record `{name}` has {len(name)} characters; DNS has room for {checks.MAX_HOSTNAME_LENGTH}"
        for name in names
        if len(name) > checks.MAX_HOSTNAME_LENGTH
    ]
    if domain.hosted_dkim and zone_of(domain.hosted_dkim.zone, dns.zones) is None:
        faults.append(f"hosted_dkim.zone: `{domain.hosted_dkim.zone}` is in none of the zones; name it in `zones`")
    if not domain.parked and not dns.exchange_only:
        addresses = [address for address, _name in dns.egress]
        faults += spf_problems(domain_spf(domain.spf, addresses, is_host=domain.name == dns.hostname))
    return [f"domains: {domain.name}: {fault}" for fault in faults]
