"""One DNS record as plain data, and its text form.

Names and targets are fully qualified, lower-case and without the trailing dot; TXT values are unquoted text. A value that
is only known when deployed (an address, an exchange that is ready) may be an `Input`: nothing here looks into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pulumi

TXT_STRING_BYTES = 255  # RFC 1035, section 3.3
TARGETS = ("MX", "CNAME", "SRV")


@dataclass(frozen=True)
class Record:
    """One DNS record."""

    key: str
    """What the record is for. With the name it identifies the record over its life, whatever its value becomes."""
    name: str
    type: str
    value: pulumi.Input[str]
    """An address, a host name (MX, CNAME, SRV; `.` for none), a certificate's digest in hex (TLSA), or text (TXT, CAA)."""
    ttl_seconds: int
    before: tuple[int | str, ...] = ()
    """What stands before the value: MX has its priority (the lowest is tried first); SRV priority, weight and port (RFC 2782);
    TLSA usage, selector and matching type (RFC 6698); CAA flags and tag (RFC 8659)."""
    formerly: str | None = None
    """Its key before it was known better: the same record then, for publishers that keep one resource a record."""
    waits: bool = False
    """Whether the value waits for a server that takes mail: publishers of whole record sets keep these apart from the rest."""


def with_values(records: Sequence[Record], values: Sequence[str]) -> list[Record]:
    """The records with their values, once these are known."""
    return [replace(record, value=value) for record, value in zip(records, values, strict=True)]


def presentation(record: Record) -> str:
    """The data as zone files have it (RFC 1035, section 5.1), of a record whose value is known."""
    value = str(record.value)
    if record.type in TARGETS:
        value = f"{value.rstrip('.')}."
    if record.type in ("TXT", "CAA"):
        value = quoted(value)
    return " ".join([*(str(part) for part in record.before), value])


def quoted(text: str) -> str:
    """TXT text as quoted strings of at most 255 bytes (RFC 1035, section 5.1), as zone files and providers take it.

    Raises:
        ValueError: the text is not printable ASCII.
    """
    if not (text.isascii() and text.isprintable()):
        raise ValueError("TXT records hold printable ASCII")
    parts = [text[start : start + TXT_STRING_BYTES] for start in range(0, len(text), TXT_STRING_BYTES)] or [""]
    return " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
