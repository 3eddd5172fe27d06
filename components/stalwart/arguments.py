"""What a `StalwartServer` is given, and the checked form that everything below works with."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NotRequired, TypedDict

import pulumi

from .. import checks
from ..mail_domain import MailDomain, MailDomainArgs
from ..mail_domain import resolve as resolve_domains
from .names import TLS_SECRET

DEFAULT_SERVER_IMAGE = "stalwartlabs/stalwart:v0.16.27"
DEFAULT_CLI_IMAGE = "stalwartlabs/cli:1.0.12"
DEFAULT_NAMESPACE = "mail"
DEFAULT_VOLUME_SIZE = "20Gi"
# RFC 1918 and RFC 4193: where nodes, pods and load balancers of a cluster usually are. A ban on one of them is an outage.
DEFAULT_TRUSTED_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")


class Role(StrEnum):
    """What a server does with the mail it takes."""

    PRIMARY = "primary"  # MX 10: holds the mailboxes
    BACKUP = "backup"  # MX 20: holds mail while the primary is away, then hands it over


class ExposureKind(StrEnum):
    """How the mail ports reach the Internet."""

    LOAD_BALANCER = "LoadBalancer"  # the cluster gives the Service an address
    NODE_PORT = "NodePort"  # a balancer of your own forwards to ports of the nodes
    HOST_PORT = "HostPort"  # the pod takes the ports of its node


class ExposureArgs(TypedDict):
    """How the mail ports reach the Internet."""

    kind: NotRequired[str]
    """`LoadBalancer` (default), `NodePort` or `HostPort`."""
    addresses: NotRequired[list[str]]
    """The public addresses of this host, if known before. NodePort and HostPort need them (or `addresses` of the server)."""
    annotations: NotRequired[dict[str, str]]
    """Annotations for the Service, as your load balancer's documentation names them."""
    load_balancer_class: NotRequired[str]
    """The class of load balancer. Default: the cluster's."""


class TlsArgs(TypedDict):
    """Where the server's certificate comes from. With neither field the server signs its own, which clients warn about."""

    secret_name: NotRequired[str]
    """An existing Secret of type kubernetes.io/tls in the server's namespace."""
    issuer: NotRequired[str]
    """A cert-manager issuer; a Certificate for the host name is made and its Secret used."""
    issuer_kind: NotRequired[str]
    """`ClusterIssuer` (default) or `Issuer`."""


class PeerArgs(TypedDict):
    """The exchange in the other region."""

    hostname: str
    """Its host name, as in MX records."""
    addresses: NotRequired[list[str]]
    """The addresses it connects from. On the primary they are exempt from bans, SPF, DMARC and rate limits."""
    verified: NotRequired[bool]
    """True when its certificate is from a public authority: it is then verified at the first try of a message. Default false."""


class StalwartServerArgs(TypedDict):
    """Arguments of `StalwartServer`. Plain fields decide which resources exist; `Input` fields may be known late."""

    hostname: str
    """The host name: what the server calls itself, and the target of the MX record. Must equal the address's PTR name."""
    domains: list[MailDomainArgs]
    """The mail domains. On a backup: those of the primary, to accept and hold mail for."""
    role: NotRequired[str]
    """`primary` (default) or `backup`."""
    peer: NotRequired[PeerArgs]
    """The exchange in the other region. A backup needs it: it is where held mail is delivered."""
    recipients: NotRequired[list[str]]
    """On a backup: the addresses to accept. Default: every address of the domains, and then no bounce is ever sent."""
    dkim_private_keys: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """On a primary: `<selector>._domainkey.<domain>` to PEM private key (PKCS#8), one for every selector of every domain."""
    namespace: NotRequired[pulumi.Input[str]]
    """The Kubernetes namespace. Default `mail`."""
    create_namespace: NotRequired[bool]
    """Make the namespace, with Pod Security `restricted` enforced. Default true; false when it exists."""
    server_image: NotRequired[str]
    """The server image with an exact 0.16 tag, and with a digest if you have it."""
    cli_image: NotRequired[str]
    """The image of stalwart-cli with an exact tag, 1.0.12 or newer."""
    admin_secret_name: NotRequired[str]
    """An existing Secret with `admin-password` and `metrics-password`. Default: `stalwart-credentials`, with random ones."""
    volume_size: NotRequired[str]
    """Size of the volume for mail, or on a backup for held mail, such as `20Gi`."""
    storage_class: NotRequired[str]
    """The volume's storage class. Default: the cluster's."""
    exposure: NotRequired[ExposureArgs]
    """How the mail ports reach the Internet."""
    addresses: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """The public addresses when they come from another resource. Default: `exposure.addresses`, else the load balancer's."""
    trusted_networks: NotRequired[list[str]]
    """Networks of nodes, pods and load balancers: never banned. They may not relay. Default: the private ranges."""
    tls: NotRequired[TlsArgs]
    """Where the certificate comes from."""
    log_level: NotRequired[str]
    """`error`, `warn`, `info` (default), `debug` or `trace`."""


@dataclass(frozen=True)
class Exposure:
    """A checked `ExposureArgs`."""

    kind: ExposureKind = ExposureKind.LOAD_BALANCER
    addresses: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    load_balancer_class: str | None = None


@dataclass(frozen=True)
class Tls:
    """A checked `TlsArgs`."""

    secret_name: str | None = None
    issuer: str | None = None
    issuer_kind: str = "ClusterIssuer"


@dataclass(frozen=True)
class Peer:
    """A checked `PeerArgs`."""

    hostname: str
    addresses: tuple[str, ...] = ()
    verified: bool = False

    def networks(self) -> tuple[str, ...]:
        """Its addresses as networks of one host each."""
        return tuple(str(ipaddress.ip_network(address)) for address in self.addresses)


@dataclass(frozen=True)
class Server:
    """A checked `StalwartServerArgs` with its defaults, less the fields that are only known when deployed."""

    hostname: str
    domains: tuple[MailDomain, ...]
    role: Role = Role.PRIMARY
    peer: Peer | None = None
    recipients: tuple[str, ...] | None = None
    create_namespace: bool = True
    server_image: str = DEFAULT_SERVER_IMAGE
    cli_image: str = DEFAULT_CLI_IMAGE
    admin_secret_name: str | None = None
    volume_size: str = DEFAULT_VOLUME_SIZE
    storage_class: str | None = None
    exposure: Exposure = Exposure()
    trusted_networks: tuple[str, ...] = DEFAULT_TRUSTED_NETWORKS
    tls: Tls = Tls()
    log_level: str = "info"

    @property
    def mail_domains(self) -> tuple[MailDomain, ...]:
        """The domains that receive mail."""
        return tuple(domain for domain in self.domains if not domain.parked)

    @property
    def tls_secret_name(self) -> str | None:
        """The Secret the certificate is mounted from; none when the server signs its own."""
        return self.tls.secret_name or (TLS_SECRET if self.tls.issuer else None)


class LogLevel(StrEnum):
    """How much the server writes to its console (enum TracingLevel of the server)."""

    ERROR = "error"  # only what needs somebody
    WARN = "warn"  # and what may soon
    INFO = "info"  # and every session and delivery
    DEBUG = "debug"  # and what led to it
    TRACE = "trace"  # and the protocols' text, with the mail in it


def resolve(args: StalwartServerArgs) -> Server:
    """Check the arguments and fill the defaults.

    Raises:
        ArgumentsError: with every problem at once.
    """
    problems = checks.Problems("StalwartServer")
    role = problems.one_of("role", Role, args.get("role", Role.PRIMARY))
    recipients = args.get("recipients")
    server = Server(
        hostname=problems.checked("hostname", checks.hostname, args["hostname"]),
        domains=resolve_domains(args["domains"], problems),
        role=role,
        peer=_peer(args["peer"], problems) if "peer" in args else None,
        recipients=None if recipients is None else problems.all_checked("recipients", checks.email_address, recipients),
        create_namespace=args.get("create_namespace", True),
        server_image=problems.checked("server_image", checks.server_image, args.get("server_image", DEFAULT_SERVER_IMAGE)),
        cli_image=problems.checked("cli_image", checks.cli_image, args.get("cli_image", DEFAULT_CLI_IMAGE)),
        admin_secret_name=args.get("admin_secret_name"),
        volume_size=problems.checked("volume_size", checks.quantity, args.get("volume_size", DEFAULT_VOLUME_SIZE)),
        storage_class=args.get("storage_class"),
        exposure=_exposure(args.get("exposure", ExposureArgs()), problems),
        trusted_networks=problems.all_checked(
            "trusted_networks", checks.ip_network, args.get("trusted_networks", DEFAULT_TRUSTED_NETWORKS)
        ),
        tls=_tls(args.get("tls", TlsArgs()), problems),
        log_level=problems.one_of("log_level", LogLevel, args.get("log_level", LogLevel.INFO)),
    )
    if role == Role.BACKUP and server.peer is None:
        problems.add("peer: a backup needs the primary's host name to deliver held mail to")
    if role == Role.PRIMARY and recipients is not None:
        problems.add("recipients: only a backup takes a list; a primary knows its accounts")
    names = {domain.name for domain in server.mail_domains}
    foreign = [recipient for recipient in server.recipients or () if recipient.rpartition("@")[2] not in names]
    if foreign:
        problems.add(f"recipients: {', '.join(foreign[:5])} is in none of the domains {', '.join(sorted(names))}")
    if server.peer and server.peer.hostname == server.hostname:
        problems.add(f"peer.hostname: `{server.hostname}` is this server itself; mail would be relayed in a circle")
    if not server.mail_domains:
        problems.add("domains: at least one domain that receives mail is needed")
    kind = server.exposure.kind
    if kind != ExposureKind.LOAD_BALANCER and not server.exposure.addresses and "addresses" not in args:
        problems.add(f"exposure.addresses: {kind} needs the public addresses of the node or of your balancer")
    problems.refuse()
    return server


def _peer(args: PeerArgs, problems: checks.Problems) -> Peer:
    return Peer(
        hostname=problems.checked("peer.hostname", checks.hostname, args["hostname"]),
        addresses=problems.all_checked("peer.addresses", checks.ip_address, args.get("addresses", [])),
        verified=args.get("verified", False),
    )


def _exposure(args: ExposureArgs, problems: checks.Problems) -> Exposure:
    return Exposure(
        kind=problems.one_of("exposure.kind", ExposureKind, args.get("kind", ExposureKind.LOAD_BALANCER)),
        addresses=problems.all_checked("exposure.addresses", checks.ip_address, args.get("addresses", [])),
        annotations=args.get("annotations", {}),
        load_balancer_class=args.get("load_balancer_class"),
    )


def _tls(args: TlsArgs, problems: checks.Problems) -> Tls:
    if "secret_name" in args and "issuer" in args:
        problems.add("tls: give `secret_name` or `issuer`, not both")
    return Tls(
        secret_name=args.get("secret_name"), issuer=args.get("issuer"), issuer_kind=args.get("issuer_kind", "ClusterIssuer")
    )
