"""The zone-file publisher: BIND master file text (RFC 1035, section 5) for any DNS server, and for review."""

from collections.abc import Sequence

from ..records.record import Record, presentation
from ..zones import Zone

# SOA timers in seconds, as RIPE-203 recommends; the last is the TTL of a negative answer.
SOA_REFRESH, SOA_RETRY, SOA_EXPIRE, SOA_MINIMUM = 86_400, 7_200, 3_600_000, 3_600
TYPE_ORDER = ("MX", "A", "AAAA", "CNAME", "TXT", "CAA", "SRV", "TLSA")


def render(zone: Zone, records: Sequence[Record], name_servers: Sequence[str], ttl_seconds: int) -> str:
    """The zone as text, in a stable order.

    Args:
        zone: the zone.
        records: its records, with every value known.
        name_servers: with some, the text is a whole zone with SOA and NS; with none, a part to `$INCLUDE` in one.
        ttl_seconds: the default TTL.
    """
    lines = [f"$ORIGIN {zone.name}.", f"$TTL {ttl_seconds}"]
    if name_servers:
        timers = f"{SOA_REFRESH} {SOA_RETRY} {SOA_EXPIRE} {SOA_MINIMUM}"
        # No time stamp: the same input gives the same bytes. Whoever loads the zone keeps the serial.
        lines.append(f"@ IN SOA {name_servers[0]}. hostmaster.{zone.name}. 1 {timers}")
        lines += [f"@ IN NS {server}." for server in name_servers]
    else:
        lines.insert(0, f"; Part of the zone {zone.name}: $INCLUDE it in the zone file that holds SOA and NS.")
    ordered = sorted((record.name.split(".")[::-1], TYPE_ORDER.index(record.type), line(record)) for record in records)
    return "\n".join([*lines, *(text for _name, _type, text in ordered)]) + "\n"


def line(record: Record) -> str:
    """A record whose value is known, as a line of a zone file."""
    return f"{record.name}. {record.ttl_seconds} IN {record.type} {presentation(record)}"
