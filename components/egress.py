"""The addresses that mail leaves from, and the names the server says on them: DNS must confirm these."""

from typing import TypedDict

from pydantic import Field

from .model import Address, Hostname, Model


class EgressArgs(TypedDict):
    """An address that mail leaves from."""

    address: str
    """The public address. Where there are several, the pod itself must own them (host network or a second interface)."""
    ehlo_hostname: str
    """What the server calls itself on it: the address's PTR name."""


class Egress(Model):
    """A checked `EgressArgs`."""

    address: Address = Field(description="a public address", examples=["203.0.113.99"])
    ehlo_hostname: Hostname = Field(description="the PTR name of the address", examples=["out1.example.com"])
