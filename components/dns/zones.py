"""DNS zones: which there are, which one a name belongs to, and who serves it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field

from ..mail_domain import DnsProvider
from ..model import Hostname, Model


@dataclass(frozen=True)
class Zone:
    """A zone records are published in."""

    name: str
    id: str | None = None
    """The provider's id of it."""
    provider: DnsProvider = DnsProvider.ZONE_FILE
    is_signed: bool = False
    """Whether it is signed (DNSSEC), or shall be."""
    is_kept: bool = False
    """Whether its records stay at the provider when they are no longer published here."""


class ListedZone(Model):
    """A zone that is not one of the mail domains, for example that of the host name."""

    name: Hostname = Field(description="a zone name", examples=["example.net"])
    zone_id: str | None = Field(
        None, min_length=1, description="the DNS provider's id of the zone", examples=["0123456789abcdef0123456789abcdef"]
    )
    dns_provider: DnsProvider | None = Field(
        None, description="zonefile, cloudflare or external-dns; default: dns.provider", examples=["zonefile"]
    )
    dnssec: bool = Field(False, description="true for a signed zone; Cloudflare is told to sign it", examples=["true"])


class _Domain(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def aliases(self) -> Sequence[str]: ...
    @property
    def zone_id(self) -> str | None: ...
    @property
    def dns_provider(self) -> DnsProvider | None: ...
    @property
    def dnssec(self) -> bool: ...


def zones_by_name(
    domains: Sequence[_Domain], listed: Iterable[ListedZone], default: DnsProvider, kept: Sequence[str] = ()
) -> dict[str, Zone]:
    """Every zone: those that are listed, and those of the domains and of their aliases.

    A domain or an alias below another zone is part of that zone, unless it says something of a zone of its own.

    Args:
        domains: the mail domains.
        listed: zones beside those of the domains.
        default: who serves a zone that does not say.
        kept: zones whose records stay when they are no longer published here.
    """
    zones = {zone.name: Zone(zone.name, zone.zone_id, zone.dns_provider or default, zone.dnssec) for zone in listed}
    own = [domain for domain in domains if domain.zone_id or domain.dns_provider or domain.dnssec]
    zones |= {d.name: Zone(d.name, d.zone_id, d.dns_provider or default, d.dnssec) for d in own if d.name not in zones}
    rest = {name: domain for domain in domains for name in (domain.name, *domain.aliases)}
    for name in sorted(rest, key=lambda name: name.count(".")):
        if zone_of(name, zones) is None:
            zones[name] = Zone(name, None, rest[name].dns_provider or default)
    return {name: Zone(z.name, z.id, z.provider, z.is_signed, name in kept) for name, z in zones.items()}


def without_id(zones: Mapping[str, Zone]) -> list[str]:
    """The zones that Cloudflare serves and that have no id."""
    return [zone.name for zone in zones.values() if zone.provider == DnsProvider.CLOUDFLARE and not zone.id]


def zone_of(name: str, zones: Mapping[str, Zone]) -> Zone | None:
    """The most specific zone that holds a name, or None when no zone does.

    Args:
        name: a fully qualified name, lower-case and without the trailing dot.
        zones: the zones by name.
    """
    while name:
        if name in zones:
            return zones[name]
        name = name.partition(".")[2]
    return None
