"""The certificates a server needs: every name that clients, MTA-STS and other servers reach it by."""

from dataclasses import dataclass

from . import names
from .arguments import Role, Server

MAX_NAMES = 100  # of one certificate, at Let's Encrypt


@dataclass(frozen=True)
class Certificate:
    """A certificate in a Secret."""

    secret_name: str
    names: tuple[str, ...]
    """What it covers; empty for one that is given."""


def service_names(server: Server) -> tuple[str, ...]:
    """The host, and the names below each domain and alias at which a primary answers web requests."""
    if server.role == Role.BACKUP:
        return (server.hostname,)
    services = [f"{label}.{name}" for domain in server.mail_domains for name in domain.names for label in domain.service_labels]
    return tuple(dict.fromkeys([server.hostname, *services]))


def certificates(server: Server) -> tuple[Certificate, ...]:
    """The certificates that are mounted; the first is for the host. None when the server signs or gets its own."""
    if server.tls.secret_name:
        return (Certificate(server.tls.secret_name, ()),)
    if not server.tls.issuer:
        return ()
    wanted = service_names(server)
    groups = [wanted[start : start + MAX_NAMES] for start in range(0, len(wanted), MAX_NAMES)]
    return tuple(
        Certificate(names.TLS_SECRET if number == 0 else f"{names.TLS_SECRET}-{number}", group)
        for number, group in enumerate(groups)
    )
