"""What the server promises to other servers, and what it reports to them: MTA-STS, DMARC, TLS and SPF reports."""

from enum import StrEnum
from typing import NotRequired, TypedDict

from pydantic import Field

from ...model import Model


class MtaStsMode(StrEnum):
    """What a sender does when our TLS fails (RFC 8461, section 5)."""

    ENFORCE = "enforce"  # it does not deliver
    TESTING = "testing"  # it delivers and reports
    DISABLE = "disable"  # no policy is served


class Frequency(StrEnum):
    """How often collected reports go out."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    DISABLE = "disable"


class MtaStsArgs(TypedDict):
    """The MTA-STS policy, which lists both exchanges."""

    mode: NotRequired[str]
    """`testing` (default), `enforce` or `disable`."""
    max_age_days: NotRequired[int]
    """How long senders remember it. Default 7; a month and more once it is enforced."""


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


class MtaSts(Model):
    """A checked `MtaStsArgs`."""

    mode: MtaStsMode = Field(MtaStsMode.TESTING, description="testing, enforce or disable", examples=["enforce"])
    max_age_days: int = Field(7, ge=1, le=365, description="days from 1 to 365", examples=["30"])


class Reports(Model):
    """A checked `ReportsArgs`."""

    tls: Frequency = Field(Frequency.DAILY, description="hourly, daily, weekly or disable", examples=["daily"])
    dmarc: Frequency = Field(Frequency.DAILY, description="hourly, daily, weekly or disable", examples=["daily"])
    failures: bool = Field(False, description="true for a report of each failure", examples=["true"])
    addresses: tuple[str, ...] = Field(
        ("postmaster@*",), description="addresses that take others' reports", examples=['["dmarc@example.com"]']
    )
