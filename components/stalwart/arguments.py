"""What a `StalwartServer` is given, and the checked form that everything below works with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NotRequired, TypedDict

import pulumi

from .. import checks
from ..mail_domain import MailDomain, MailDomainArgs
from ..mail_domain import resolve as resolve_domains
from ..mta_sts import MtaSts, MtaStsArgs
from .options.accounts import Account, AccountArgs, Directory, DirectoryArgs, account_problems
from .options.delivery import (
    Exposure,
    ExposureArgs,
    ExposureKind,
    ExtraListener,
    Peer,
    PeerArgs,
    Smarthost,
    SmarthostArgs,
    one_smarthost_a_domain,
)
from .options.limits import Limits, LimitsArgs
from .options.policies import Reports, ReportsArgs
from .options.recipients import Recipients, RecipientsArgs, RecipientSource
from .options.restored import Restored, RestoredArgs, restored_problems
from .options.spam import Spam, SpamArgs
from .options.storage import Storage, StorageArgs, StorageKind
from .options.telemetry import LogLevel, Telemetry, TelemetryArgs
from .options.tls import Tls, TlsArgs

DEFAULT_SERVER_IMAGE = "stalwartlabs/stalwart:v0.16.27"
DEFAULT_CLI_IMAGE = "stalwartlabs/cli:1.0.12"
DEFAULT_JOB_IMAGE = "library/python:3.13.9-slim-trixie"
DEFAULT_NAMESPACE = "mail"
# RFC 1918 and RFC 4193: where nodes, pods and load balancers of a cluster usually are. A ban on one of them is an outage.
DEFAULT_TRUSTED_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")


class Role(StrEnum):
    """What a server does with the mail it takes."""

    PRIMARY = "primary"  # MX 10: holds the mailboxes
    BACKUP = "backup"  # MX 20: holds mail while the primary is away, then hands it over


class RecipientReaderArgs(TypedDict):
    """How a backup reads the recipients from the primary: an account there that may read accounts and nothing else."""

    url: str
    """The primary's management URL, such as `https://mx1.example.com`. Its certificate is verified."""
    username: str
    """The account, as the primary's output `recipient_reader_username` says."""
    password: pulumi.Input[str]
    """Its password; a secret."""


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
    recipients: NotRequired[RecipientsArgs]
    """On a backup: whose mail it takes."""
    recipient_reader: NotRequired[RecipientReaderArgs]
    """On a backup with `recipients.source` `primary`: how it reads them. On a primary: whom it lets read them, when it stands in
    for another that did. Default there: an account of its own with a random password."""
    accounts: NotRequired[list[AccountArgs]]
    """On a primary: mailboxes. Accounts that are not listed are left alone. `postmaster` and `abuse` are always somebody."""
    directory: NotRequired[DirectoryArgs]
    """On a primary: where accounts are, when not in the server's own database."""
    extra_listeners: NotRequired[list[str]]
    """On a primary, for old clients: `imap` (143), `pop3` (110), `pop3s` (995)."""
    smarthosts: NotRequired[list[SmarthostArgs]]
    """Hosts that take outgoing mail."""
    spam: NotRequired[SpamArgs]
    """The spam filter."""
    limits: NotRequired[LimitsArgs]
    """Rates, sizes and bans."""
    mta_sts: NotRequired[MtaStsArgs]
    """On a primary: the MTA-STS policy it serves."""
    reports: NotRequired[ReportsArgs]
    """On a primary: what it reports to other domains."""
    telemetry: NotRequired[TelemetryArgs]
    """What goes out beside the console and the Prometheus endpoint."""
    dkim_private_keys: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """On a primary: `<selector>._domainkey.<domain>` to PEM private key (PKCS#8), one for every selector that signs here."""
    namespace: NotRequired[pulumi.Input[str]]
    """The Kubernetes namespace. Default `mail`."""
    create_namespace: NotRequired[bool]
    """Make the namespace, with Pod Security `restricted` enforced. Default true; false when it exists."""
    server_image: NotRequired[str]
    """The server image with an exact 0.16 tag, and with a digest if you have it."""
    cli_image: NotRequired[str]
    """The image of stalwart-cli with an exact tag, 1.0.12 or newer."""
    job_image: NotRequired[str]
    """An image with Python 3.11 or newer as `python`, exact tag: for the Jobs with passwords and recipients."""
    admin_secret_name: NotRequired[str]
    """An existing Secret with `admin-password` and `metrics-password`. Default: `stalwart-credentials`, with random ones."""
    storage: NotRequired[StorageArgs]
    """Where mail is kept, or on a backup held mail."""
    restored: NotRequired[RestoredArgs]
    """What the data was restored from; empty for a volume claim that is there already. Default: the server begins empty."""
    fenced: NotRequired[bool]
    """True to run it in recovery mode: no mail comes in or goes out, and no client gets in. Its data can be looked at by the
    admin, and no longer counts as the one place the mail is in: it loses its protection, and is kept. Its addresses stay.
    Default false."""
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
    monitored: NotRequired[bool]
    """True for an account that reads the queue and the bans, and nothing else, and a way in for the exporter of
    `MailMonitoring`. Default false."""


RECIPIENT_READER = "recipient-reader"  # accounts that are no person's
EXPORTER = "mail-exporter"
SECRET_ARGUMENTS = ("dkim_private_keys", "recipient_reader")
ONLY_ON_A_PRIMARY = ("accounts", "directory", "extra_listeners", "mta_sts", "reports")


@dataclass(frozen=True)
class Server:
    """A checked `StalwartServerArgs` with its defaults, less the fields that are only known when deployed."""

    hostname: str
    domains: tuple[MailDomain, ...]
    role: Role
    peer: Peer | None
    recipients: Recipients
    accounts: tuple[Account, ...]
    directory: Directory | None
    extra_listeners: tuple[ExtraListener, ...]
    smarthosts: tuple[Smarthost, ...]
    spam: Spam
    limits: Limits
    mta_sts: MtaSts
    reports: Reports
    telemetry: Telemetry
    create_namespace: bool
    server_image: str
    cli_image: str
    job_image: str
    admin_secret_name: str | None
    storage: Storage
    restored: Restored | None
    fenced: bool
    exposure: Exposure
    trusted_networks: tuple[str, ...]
    tls: Tls
    log_level: LogLevel
    monitored: bool

    @property
    def mail_domains(self) -> tuple[MailDomain, ...]:
        """The domains that receive mail."""
        return tuple(domain for domain in self.domains if not domain.parked)

    @property
    def is_distributed(self) -> bool:
        """Whether several pods share its stores."""
        return self.storage.kind == StorageKind.DISTRIBUTED

    @property
    def pods(self) -> int:
        """How many pods there are at least."""
        # Fenced, a second pod would wait for the first to take mail, which it never does.
        return 1 if self.fenced else self.storage.pods

    @property
    def pod_security(self) -> str:
        """The level of Pod Security that its pod passes: host ports are outside every level but the last."""
        return "privileged" if self.exposure.kind == ExposureKind.HOST_PORT else "restricted"

    @property
    def has_recipient_reader(self) -> bool:
        """Whether it has an account that the backup reads recipients with: a directory elsewhere knows of no such account."""
        return self.role == Role.PRIMARY and self.peer is not None and self.directory is None

    @property
    def has_exporter_account(self) -> bool:
        """Whether it has an account that the exporter reads the queue with. A directory elsewhere knows of no such account."""
        return self.monitored and self.directory is None

    @property
    def machines(self) -> tuple[str, ...]:
        """The names of the accounts that are no person's, in `own_domain`. They take no mail."""
        return (
            *((RECIPIENT_READER,) if self.has_recipient_reader else ()),
            *((EXPORTER,) if self.has_exporter_account else ()),
        )

    @property
    def own_domain(self) -> str:
        """The domain of accounts that are no person's: on a backup the host itself, which has no other."""
        return self.hostname if self.role == Role.BACKUP else self.mail_domains[0].name


def resolve(args: StalwartServerArgs) -> Server:
    """Check the arguments and fill the defaults.

    Raises:
        ArgumentsError: with every problem at once.
    """
    problems = checks.Problems("StalwartServer")
    server = Server(
        hostname=problems.checked("hostname", checks.hostname, args["hostname"]),
        domains=resolve_domains(args["domains"], problems),
        role=problems.one_of("role", Role, args.get("role", Role.PRIMARY)),
        peer=problems.model("peer", Peer, args["peer"]) if "peer" in args else None,
        recipients=problems.model("recipients", Recipients, args.get("recipients", {})),
        accounts=tuple(
            problems.model(f"accounts[{number}]", Account, account) for number, account in enumerate(args.get("accounts", []))
        ),
        directory=problems.model("directory", Directory, args["directory"]) if "directory" in args else None,
        extra_listeners=tuple(
            problems.one_of("extra_listeners", ExtraListener, listener) for listener in args.get("extra_listeners", [])
        ),
        smarthosts=tuple(
            problems.model(f"smarthosts[{number}]", Smarthost, host) for number, host in enumerate(args.get("smarthosts", []))
        ),
        spam=problems.model("spam", Spam, args.get("spam", {})),
        limits=problems.model("limits", Limits, args.get("limits", {})),
        mta_sts=problems.model("mta_sts", MtaSts, args.get("mta_sts", {})),
        reports=problems.model("reports", Reports, args.get("reports", {})),
        telemetry=problems.model("telemetry", Telemetry, args.get("telemetry", {})),
        create_namespace=args.get("create_namespace", True),
        server_image=problems.checked("server_image", checks.server_image, args.get("server_image", DEFAULT_SERVER_IMAGE)),
        cli_image=problems.checked("cli_image", checks.cli_image, args.get("cli_image", DEFAULT_CLI_IMAGE)),
        job_image=problems.checked("job_image", checks.exact_image, args.get("job_image", DEFAULT_JOB_IMAGE)),
        admin_secret_name=args.get("admin_secret_name"),
        storage=problems.model("storage", Storage, args.get("storage", {})),
        restored=problems.model("restored", Restored, args["restored"]) if "restored" in args else None,
        fenced=args.get("fenced", False),
        exposure=problems.model("exposure", Exposure, args.get("exposure", {})),
        trusted_networks=problems.all_checked(
            "trusted_networks", checks.ip_network, args.get("trusted_networks", DEFAULT_TRUSTED_NETWORKS)
        ),
        tls=problems.model("tls", Tls, args.get("tls", {})),
        log_level=problems.one_of("log_level", LogLevel, args.get("log_level", LogLevel.INFO)),
        monitored=args.get("monitored", False),
    )
    if not problems.found:
        problems.found += [*_faults(server), *_faults_of_role(server, args)]
    problems.refuse()
    return server


def _faults(server: Server) -> list[str]:
    """What is wrong with arguments beside each other."""
    faults: list[str] = []
    if not server.mail_domains:
        faults.append("domains: at least one domain that receives mail is needed")
    names = frozenset(domain.name for domain in server.mail_domains)
    taken = {address for account in server.accounts for address in account.addresses}
    purposes = {RECIPIENT_READER: "backup reads recipients", EXPORTER: "exporter reads the queue"}
    faults += [
        f"accounts: {name} is the account that the {purposes[name]} with; take another name"
        for name in server.machines
        if f"{name}@{server.own_domain}" in taken
    ]
    if server.restored:
        faults += [f"restored.{fault}" for fault in restored_problems(server.restored, server.storage)]
    faults += [f"accounts: {fault}" for fault in account_problems(server.accounts, server.directory, names)]
    if server.peer and server.peer.hostname == server.hostname:
        faults.append(f"peer.hostname: `{server.hostname}` is this server itself; mail would be relayed in a circle")
    try:
        _ = one_smarthost_a_domain(server.smarthosts)
    except ValueError as error:
        faults.append(f"smarthosts: {error}")
    return faults


def _faults_of_role(server: Server, args: StalwartServerArgs) -> list[str]:
    """What does not go with the role, and what is missing for it."""
    faults: list[str] = []
    kind = server.exposure.kind
    if kind != ExposureKind.LOAD_BALANCER and not server.exposure.addresses and "addresses" not in args:
        faults.append(f"exposure.addresses: {kind} needs the public addresses of the node or of your balancer")
    if kind == ExposureKind.HOST_PORT and (server.storage.max_replicas or server.storage.pods) > 1:
        faults.append("exposure.kind: HostPort is for one pod; with more than one use LoadBalancer or NodePort")
    if server.role == Role.PRIMARY:
        if "recipients" in args:
            faults.append("recipients: only a backup takes them; a primary knows its accounts")
        return faults
    if server.peer is None:
        faults.append("peer: a backup needs the primary's host name to deliver held mail to")
    faults += [f"{name}: is for a primary; a backup has no mailboxes" for name in ONLY_ON_A_PRIMARY if name in args]
    if server.tls.acme:
        faults.append("tls.acme: a backup listens on port 25 only, so no authority can reach it; use `issuer` or `secret_name`")
    relayed = {name for domain in server.mail_domains for name in domain.names}
    foreign = [address for address in server.recipients.addresses if address.rpartition("@")[2] not in relayed]
    if foreign:
        faults.append(
            f"recipients.addresses: {', '.join(foreign[:5])} is in none of the domains {', '.join(sorted(relayed)[:5])}"
        )
    if server.recipients.source == RecipientSource.PRIMARY and "recipient_reader" not in args:
        faults.append("recipient_reader: is needed to read the recipients from the primary; else take `list` or `any`")
    return faults
