"""What a stack says to DNS, as rows that both the summary and the page show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """One DNS record."""

    zone: str
    name: str
    type: str
    value: str


@dataclass(frozen=True)
class Errand:
    """What only the owner of an address, of another zone or of a parent zone can publish."""

    who: str
    type: str
    """Of the record; empty where it is said in `what`."""
    what: str


def records(zone: str, text: str) -> list[Record]:
    """The records of a zone in their order.

    Args:
        zone: its name.
        text: in the form of BIND (RFC 1035, section 5), as the output `zones` has it.
    """
    lines = [line.split(" ", 4) for line in text.splitlines() if " IN " in line and not line.startswith("@")]
    return [Record(zone, name, kind, value) for name, _ttl, _class, kind, value in lines]


def errands(outputs: Mapping[str, Any]) -> list[Errand]:
    """What others must publish, from a stack's outputs."""
    rows = [Errand(f"the owner of {address}", "PTR", name) for address, name in sorted(outputs["ptr"].items())]
    rows += [Errand("the owner of the zone", "", line) for line in outputs["elsewhere"]]
    return rows + [Errand(f"the registrar of {zone}", "DS", "the record in the output `ds`") for zone in sorted(outputs["ds"])]
