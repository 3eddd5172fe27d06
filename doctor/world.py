"""Everything the doctor touches outside itself, in one place; tests put local servers behind it."""

import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import dns.exception
import dns.flags
import dns.inet
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver

from .lookup import Answer, ask

TRIES = 3
DNS_PORT = 53
EDNS_PAYLOAD = 1232  # what passes every path unfragmented: DNS flag day 2020


@dataclass(frozen=True)
class Addresses:
    """The addresses of a host."""

    found: tuple[str, ...]
    unanswered: Answer | None
    """The question without an answer, when no address is known: there may be some."""


@dataclass(frozen=True)
class World:
    """Who is asked, and how."""

    resolver: dns.resolver.Resolver
    timeout: float
    """Seconds to wait for an answer or a connection."""
    dial: Callable[[str, int], socket.socket]
    """A TCP connection to an address and port; raises `OSError`."""
    trust: Callable[[], ssl.SSLContext]
    """A client context with the roots the world trusts."""
    now: Callable[[], datetime]
    """The time, with its zone."""

    def ask(self, name: str, kind: str) -> Answer:
        """The answer to one DNS question."""
        return ask(self.resolver, name, kind)

    def addresses(self, host: str) -> "Addresses":
        """The IPv4 and IPv6 addresses DNS has for a host."""
        answers = [self.ask(host, kind) for kind in ("A", "AAAA")]
        found = tuple(record.to_text() for answer in answers for record in answer.records)
        # With one family known, the host is reached; that the other cannot be asked for is told where its records are judged.
        return Addresses(found, None if found else next((answer for answer in answers if answer.failure), None))


class _Resolver(dns.resolver.Resolver):
    """Waits once for an answer that does not come, whichever checks ask for it: a cache keeps what was answered only."""

    def __init__(self, configure: bool) -> None:
        super().__init__(configure=configure)  # pyright: ignore[reportUnknownMemberType]
        self._unanswered: set[tuple[str, str, int | None]] = set()

    def resolve(
        self,
        qname: dns.name.Name | str,
        rdtype: dns.rdatatype.RdataType | str = dns.rdatatype.A,
        *args: Any,
        **options: Any,
    ) -> dns.resolver.Answer:
        question = str(qname).lower().rstrip("."), str(rdtype), self.flags
        if question in self._unanswered:
            raise dns.resolver.LifetimeTimeout(timeout=self.lifetime, errors=[])
        try:
            return super().resolve(qname, rdtype, *args, **options)
        except dns.exception.Timeout:
            self._unanswered.add(question)
            raise


def real_world(resolvers: Sequence[str], timeout: float) -> World:
    """The Internet.

    Args:
        resolvers: the resolvers to ask, as `address`, `address:port` or `[address]:port`; none for the system's own.
        timeout: seconds to wait for an answer or a connection.

    Raises:
        ValueError: a resolver is not an address, or the system has none.
    """
    return World(
        resolver=resolver_of([nameserver(text) for text in resolvers], timeout),
        timeout=timeout,
        dial=lambda address, port: socket.create_connection((address, port), timeout),
        trust=ssl.create_default_context,
        now=lambda: datetime.now(UTC),
    )


def resolver_of(servers: Sequence[dns.nameserver.Nameserver], timeout: float) -> dns.resolver.Resolver:
    """A resolver that asks each server up to three times within the timeout, and asks a question once for all checks."""
    try:
        resolver = _Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        raise ValueError("this machine has no resolver; name one with --resolver") from None
    if servers:
        resolver.nameservers = list(servers)
    resolver.timeout, resolver.lifetime = timeout / TRIES, timeout
    resolver.cache = dns.resolver.LRUCache()
    # AD in a question asks for AD in the answer, without the signatures themselves (RFC 6840, section 5.7).
    resolver.flags = dns.flags.RD | dns.flags.AD
    resolver.use_edns(0, 0, EDNS_PAYLOAD)
    return resolver


def nameserver(text: str) -> dns.nameserver.Do53Nameserver:
    """A resolver by its address, with or without a port.

    Raises:
        ValueError: it is neither.
    """
    try:
        if dns.inet.is_address(text):
            return dns.nameserver.Do53Nameserver(text)
        parts = urlsplit(f"//{text}")
        if parts.hostname and dns.inet.is_address(parts.hostname):
            return dns.nameserver.Do53Nameserver(parts.hostname, parts.port or DNS_PORT)
    except ValueError:  # brackets that do not match, a port that is none
        pass
    raise ValueError(f"--resolver {text} is not an address, such as 9.9.9.9, 127.0.0.1:5353 or [2620:fe::fe]:53")
