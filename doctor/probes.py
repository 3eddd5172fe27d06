"""Handshakes with hosts: connect, read the greeting, start TLS, look at the certificate, leave. Nothing is sent beyond that."""

import errno
import smtplib
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .world import World

SMTP_SERVICES = frozenset({"smtp", "submission"})  # in clear until STARTTLS
GREETING_SERVICES = frozenset({"sieve", "imap", "pop3"})  # of the others, those that speak before TLS
EHLO_NAME = "doctor.invalid"  # a host name to greet with that is nobody's (RFC 2606)
# What a machine without IPv6 says when it is asked to use it.
NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


class Problem(StrEnum):
    """Why a handshake did not come to its end."""

    SILENT = "does not answer in time"
    REFUSED = "refuses the connection"
    NO_ROUTE = "cannot be reached from this machine, which has no route to it"
    NOT_READY = "answers, but not as a server that is ready"
    NO_STARTTLS = "does not offer STARTTLS"
    NO_TLS = "fails at the TLS handshake"


@dataclass(frozen=True)
class Endpoint:
    """A place to knock."""

    host: str
    address: str
    service: str
    port: int


@dataclass(frozen=True)
class Served:
    """The certificate a host showed."""

    certificate: bytes
    """In DER."""
    untrusted: str = ""
    """Why its chain does not lead to a trusted root; empty when it does."""
    issuers: tuple[bytes, ...] | None = None
    """The rest of the chain in DER; None when this Python (before 3.13) cannot show it."""


@dataclass(frozen=True)
class Probe:
    """What happened at an endpoint."""

    endpoint: Endpoint
    problem: Problem | None = None
    detail: str = ""
    """What the other side or the system said about the problem."""
    ehlo_name: str = ""
    """The name an SMTP server answers EHLO with (RFC 5321, section 4.1.1.1)."""
    served: Served | None = None


class _HandshakeError(Exception):
    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(detail)
        self.problem, self.detail = problem, detail


class _Session(smtplib.SMTP):
    """An SMTP session with a named host at a chosen address."""

    def __init__(self, world: World, endpoint: Endpoint) -> None:
        self._connect = lambda: world.dial(endpoint.address, endpoint.port)
        super().__init__(endpoint.host, endpoint.port, local_hostname=EHLO_NAME, timeout=world.timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = self._connect()
        connection.settimeout(timeout)
        return connection


def probe(world: World, endpoint: Endpoint) -> Probe:
    """Knock at one endpoint."""
    try:
        if endpoint.service in SMTP_SERVICES:
            return _smtp(world, endpoint)
        if endpoint.service in GREETING_SERVICES:
            return _greeting(world, endpoint)
        return Probe(endpoint, served=look_at(world, lambda context: tls(world, endpoint, context)))
    except (_HandshakeError, smtplib.SMTPException, OSError) as error:
        problem, detail = problem_of(error)
        return Probe(endpoint, problem, detail)


def problem_of(error: Exception) -> tuple[Problem, str]:
    """What an error of a handshake means, and what the other side or the system said about it."""
    match error:
        case _HandshakeError():
            return error.problem, error.detail
        # smtplib says that it was disconnected when it has waited in vain.
        case _ if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            return Problem.SILENT, ""
        case smtplib.SMTPException():
            return Problem.NOT_READY, _reply(error)
        case ssl.SSLError():
            return Problem.NO_TLS, error.reason or str(error)
        case OSError() if error.errno in NO_ROUTE:
            return Problem.NO_ROUTE, error.strerror or ""
        case _:
            return Problem.REFUSED, getattr(error, "strerror", None) or str(error)


def answers(world: World, endpoint: Endpoint) -> bool:
    """Whether any SMTP greeting comes from there; leaves with QUIT at once."""
    try:
        with _Session(world, endpoint):
            return True
    except smtplib.SMTPResponseException:
        return True
    except (OSError, smtplib.SMTPException):
        return False


@contextmanager
def tls(world: World, endpoint: Endpoint, context: ssl.SSLContext) -> Generator[ssl.SSLSocket]:
    """A TLS connection to an endpoint, for the host's name; closed at the end."""
    with world.dial(endpoint.address, endpoint.port) as plain:
        plain.settimeout(world.timeout)
        with context.wrap_socket(plain, server_hostname=endpoint.host) as secured:
            yield secured


def look_at(world: World, connect: Callable[[ssl.SSLContext], Any]) -> Served:
    """The certificate that is shown, and whether it is trusted, whatever its name.

    Args:
        world: whose roots are trusted.
        connect: gives a context manager of a connection secured with a context.
    """
    context = world.trust()
    context.check_hostname = False
    try:
        with connect(context) as secured:
            return _served(secured, "")
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message
    context = world.trust()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connect(context) as secured:
        return _served(secured, reason)


def _served(secured: ssl.SSLSocket, untrusted: str) -> Served:
    certificate = secured.getpeercert(binary_form=True)
    assert certificate is not None  # a TLS client is always shown one
    chain: Callable[[], list[bytes]] | None = getattr(secured, "get_unverified_chain", None)
    return Served(certificate, untrusted, None if chain is None else tuple(chain()[1:]))


def _smtp(world: World, endpoint: Endpoint) -> Probe:
    names: list[str] = []

    @contextmanager
    def secured(context: ssl.SSLContext) -> Generator[ssl.SSLSocket]:
        with _Session(world, endpoint) as session:
            _code, reply = session.ehlo()
            names.append(reply.decode(errors="replace").split(maxsplit=1)[0].lower() if reply.strip() else "")
            if not session.has_extn("starttls"):
                raise _HandshakeError(Problem.NO_STARTTLS)
            session.starttls(context=context)
            assert isinstance(session.sock, ssl.SSLSocket)
            yield session.sock

    served = look_at(world, secured)
    return Probe(endpoint, ehlo_name=names[-1], served=served)


def _greeting(world: World, endpoint: Endpoint) -> Probe:
    with world.dial(endpoint.address, endpoint.port) as plain:
        plain.settimeout(world.timeout)
        if not plain.recv(512):
            raise _HandshakeError(Problem.NOT_READY, "it closes the connection without a greeting")
    return Probe(endpoint)


def _reply(error: smtplib.SMTPException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
    return str(error)
