"""MTA-STS (RFC 8461): what a primary promises about TLS, as its server serves it and as DNS announces it."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import NotRequired, TypedDict

from pydantic import Field

from .model import Model

SECONDS_PER_DAY = 86_400
ID_LENGTH = 20  # of at most 32 letters and digits (RFC 8461, section 3.1)


class MtaStsMode(StrEnum):
    """What a sender does when our TLS fails (RFC 8461, section 5)."""

    ENFORCE = "enforce"  # it does not deliver
    TESTING = "testing"  # it delivers and reports
    DISABLE = "disable"  # no policy is served


class MtaStsArgs(TypedDict):
    """The MTA-STS policy, which lists both exchanges."""

    mode: NotRequired[str]
    """`testing` (default), `enforce` or `disable`."""
    max_age_days: NotRequired[int]
    """How long senders remember it. Default 7; a month and more once it is enforced."""


class MtaSts(Model):
    """A checked `MtaStsArgs`."""

    mode: MtaStsMode = Field(MtaStsMode.TESTING, description="testing, enforce or disable", examples=["enforce"])
    max_age_days: int = Field(7, ge=1, le=365, description="days from 1 to 365", examples=["30"])

    @property
    def max_age_seconds(self) -> int:
        """How long senders remember it."""
        return self.max_age_days * SECONDS_PER_DAY

    def policy_id(self, exchanges: Sequence[str]) -> str:
        """The id under which DNS announces the policy: another for another policy, and the same for the same.

        Args:
            exchanges: the host names the policy lists, in any order.
        """
        policy = "\n".join([self.mode, str(self.max_age_seconds), *sorted(exchanges)])
        return hashlib.sha256(policy.encode()).hexdigest()[:ID_LENGTH]
