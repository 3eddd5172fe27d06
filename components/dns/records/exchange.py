"""The records of an exchange's host: its addresses, who may use its names in EHLO, and what its certificate is pinned to."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

import pulumi
from pydantic import Field

from ...model import Model
from .record import Record
from .spf import host_spf
from .tlsa import Tlsa

IPV6 = 6


class HostSwitches(Model):
    """Which records of the exchange's host are published."""

    addresses: bool = Field(True, description="whether A and AAAA are published here", examples=["false"])
    spf: bool = Field(True, description="whether SPF is published here", examples=["false"])


EVERYTHING = HostSwitches.model_validate({})


@dataclass(frozen=True)
class Exchange:
    """A mail exchange as DNS sees it."""

    hostname: str
    priority: int
    target: pulumi.Input[str]
    """The host name again, as an MX target; an `Input` that resolves when the exchange may be published."""
    addresses: tuple[pulumi.Input[str], ...]
    """An address that is not known yet is taken for IPv4."""
    egress: tuple[tuple[str, str], ...] = ()
    """The addresses its mail leaves from, when they are not those it is reached at, each with the name it says in EHLO."""
    tlsa: tuple[Tlsa, ...] = ()
    report_address: str | None = None
    """Where reports about TLS with this very host go."""
    switches: HostSwitches = EVERYTHING

    @property
    def egress_addresses(self) -> tuple[str, ...]:
        """The addresses its mail leaves from, when they are not those it is reached at."""
        return tuple(address for address, _name in self.egress)

    @property
    def ehlo_names(self) -> dict[str, list[str]]:
        """The other names it says in EHLO, each with its addresses."""
        names: dict[str, list[str]] = {}
        for address, name in self.egress:
            if name != self.hostname:
                names.setdefault(name, []).append(address)
        return names

    def when_ready(self, value: str) -> pulumi.Input[str]:
        """A value that resolves when the exchange may be published."""
        return value if isinstance(self.target, str) else pulumi.Output.from_input(self.target).apply(lambda _target: value)


def host_records(exchange: Exchange, ttl_seconds: int, has_spf: Callable[[str], bool]) -> list[Record]:
    """The exchange's addresses, who may use its names in EHLO (RFC 7208, section 2.3), and its TLSA records.

    Args:
        exchange: the host.
        ttl_seconds: for every record.
        has_spf: whether a name has an SPF record as a mail domain, which speaks for the host as well.
    """
    hosts = {exchange.hostname: list(exchange.addresses), **exchange.ehlo_names}
    records: list[Record] = []
    for name, addresses in hosts.items():
        if exchange.switches.addresses:
            records += [
                Record(_address_key(address, number), name, _family(address), address, ttl_seconds, formerly=f"address-{number}")
                for number, address in enumerate(addresses)
            ]
        if exchange.switches.spf and not has_spf(name):
            own = exchange.egress_addresses if name == exchange.hostname else ()
            records.append(Record("spf", name, "TXT", host_spf(own), ttl_seconds))
    return records + _tlsa_records(exchange, ttl_seconds)


def _tlsa_records(exchange: Exchange, ttl_seconds: int) -> list[Record]:
    records = [
        # Named by the digest: the next key's record appears, and the old one's goes, without touching the one in use.
        Record(
            f"tlsa-{tlsa.usage}{tlsa.selector}{tlsa.matching_type}-{tlsa.digest[:12].lower()}",
            f"_25._tcp.{exchange.hostname}",
            "TLSA",
            tlsa.digest,
            ttl_seconds,
            (tlsa.usage, tlsa.selector, tlsa.matching_type),
        )
        for tlsa in exchange.tlsa
    ]
    if records and exchange.report_address:
        # With DANE the policy's domain is the host (RFC 8460, section 3).
        text = f"v=TLSRPTv1; rua=mailto:{exchange.report_address}"
        records.append(Record("tls-reports", f"_smtp._tls.{exchange.hostname}", "TXT", text, ttl_seconds))
    return records


def _address_key(address: pulumi.Input[str], number: int) -> str:
    # By its value where that is known: by its place, a change of order would make two records equal for a moment, which providers
    # refuse. A URN cannot have `::` in it.
    return f"address-{address.replace(':', '-') if isinstance(address, str) else number}"


def _family(address: pulumi.Input[str]) -> str:
    return "AAAA" if isinstance(address, str) and ipaddress.ip_address(address).version == IPV6 else "A"
