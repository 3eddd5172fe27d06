"""What the server reports to other servers: DMARC, TLS and SPF reports."""

from enum import StrEnum
from typing import NotRequired, TypedDict

from pydantic import Field

from ...model import Model


class Frequency(StrEnum):
    """How often collected reports go out."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    DISABLE = "disable"


class ReportsArgs(TypedDict):
    """Reports to the domains that others' mail claims to be from. They say what failed, never what was written."""

    tls: NotRequired[str]
    """`daily` (default), `hourly`, `weekly` or `disable`."""
    dmarc: NotRequired[str]
    """Aggregate reports; as `tls`."""
    failures: NotRequired[bool]
    """Also one report for each failure of DMARC, SPF and DKIM, at most one a day to a domain. Default false."""
    addresses: NotRequired[list[str]]
    """Which addresses take others' reports; `*` for any domain. Default `postmaster@*`."""


class Reports(Model):
    """A checked `ReportsArgs`."""

    tls: Frequency = Field(Frequency.DAILY, description="hourly, daily, weekly or disable", examples=["daily"])
    dmarc: Frequency = Field(Frequency.DAILY, description="hourly, daily, weekly or disable", examples=["daily"])
    failures: bool = Field(False, description="true for a report of each failure", examples=["true"])
    addresses: tuple[str, ...] = Field(
        ("postmaster@*",), description="addresses that take others' reports", examples=['["dmarc@example.com"]']
    )
