"""DNS zones: which zone a name belongs to, and who serves it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..mail_domain import DnsProvider


@dataclass(frozen=True)
class Zone:
    """A zone records are published in."""

    name: str
    id: str | None = None
    """The provider's id of it."""
    provider: DnsProvider = DnsProvider.ZONE_FILE
    is_signed: bool = False
    """Whether it is signed (DNSSEC), or shall be."""


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
