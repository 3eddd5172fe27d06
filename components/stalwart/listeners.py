"""The ports a server listens on. Listeners, container ports, Services and network policies all come from here."""

from dataclasses import dataclass

from .arguments import Role, Server

SMTP_PORT = 25  # must be 25 inside the pod too: the server's expressions look at the bound port
SUBMISSION_PORT = 587
HTTPS_PORT = 443
MANAGEMENT_PORT = 8080  # plain HTTP inside the cluster: management, probes and metrics; never public


@dataclass(frozen=True)
class Listener:
    """A port the server listens on, under the name the server and Kubernetes know it by."""

    name: str
    port: int
    protocol: str
    implicit_tls: bool = False
    public: bool = True


SMTP = Listener("smtp", SMTP_PORT, "smtp")
MANAGEMENT = Listener("http", MANAGEMENT_PORT, "http", public=False)
PRIMARY = (
    SMTP,
    Listener("submissions", 465, "smtp", implicit_tls=True),  # RFC 8314
    Listener("submission", SUBMISSION_PORT, "smtp"),  # RFC 6409
    Listener("imaps", 993, "imap", implicit_tls=True),
    Listener("sieve", 4190, "manageSieve"),  # RFC 5804
    Listener("https", HTTPS_PORT, "http", implicit_tls=True),  # JMAP, DAV, MTA-STS policy, autoconfiguration
    MANAGEMENT,
)
BACKUP = (SMTP, MANAGEMENT)
EXTRA = (
    Listener("imap", 143, "imap"),
    Listener("pop3", 110, "pop3"),
    Listener("pop3s", 995, "pop3", implicit_tls=True),
)


def of(server: Server) -> tuple[Listener, ...]:
    """Every listener of a server."""
    if server.role == Role.BACKUP:
        return BACKUP
    return (*PRIMARY, *(listener for listener in EXTRA if listener.name in server.extra_listeners))


def public(server: Server) -> tuple[Listener, ...]:
    """The listeners that the Internet reaches."""
    return tuple(listener for listener in of(server) if listener.public)
