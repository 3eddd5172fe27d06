"""How much is taken from whom, how much may wait, and how long a ban lasts."""

from typing import NotRequired, TypedDict

from pydantic import Field

from ...model import Model


class LimitsArgs(TypedDict):
    """Rates, sizes and bans."""

    message_size_mib: NotRequired[int]
    """The largest message that is taken, in MiB. Default 100."""
    recipients_per_message: NotRequired[int]
    """Default 100."""
    connections_per_second_per_address: NotRequired[int]
    """From one client address, ten messages each; above it a connection is closed. The other exchange is exempt. Default 5."""
    messages_per_hour_per_sender: NotRequired[int]
    """From one sender domain to one recipient. The other exchange is exempt. Default 25."""
    outbound_per_minute_per_domain: NotRequired[int]
    """To one recipient domain; the rest waits. 0, the default, is no limit."""
    queued_messages: NotRequired[int]
    """How many messages may wait for one recipient domain; above it the answer is 452. Default 100,000."""
    queued_gib: NotRequired[int]
    """How much may wait for one recipient domain, in GiB. On a backup it must fit the volume. Default 10."""
    ban_hours: NotRequired[int]
    """How long a client is shut out after too many failures. Default 24."""


class Limits(Model):
    """A checked `LimitsArgs`."""

    message_size_mib: int = Field(100, ge=1, le=1024, description="MiB from 1 to 1024", examples=["50"])
    recipients_per_message: int = Field(100, ge=100, le=10_000, description="100 (RFC 5321) to 10000", examples=["100"])
    connections_per_second_per_address: int = Field(5, ge=1, le=10_000, description="1 to 10000", examples=["5"])
    messages_per_hour_per_sender: int = Field(25, ge=1, le=1_000_000, description="1 to 1000000", examples=["25"])
    outbound_per_minute_per_domain: int = Field(0, ge=0, le=1_000_000, description="0 for no limit", examples=["600"])
    queued_messages: int = Field(
        100_000, ge=1, description="messages that may wait for one recipient domain", examples=["100000"]
    )
    queued_gib: int = Field(10, ge=1, description="GiB that may wait for one recipient domain", examples=["10"])
    ban_hours: int = Field(24, ge=1, le=8_760, description="hours up to a year", examples=["24"])
