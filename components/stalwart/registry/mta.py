"""The mail path: what is accepted from whom, where it goes, how often it is tried, and what is reported."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from .encoding import Expression, Reference, RegistryObject, Structure
from .values import OptionalSecret, Rate


@dataclass(frozen=True, kw_only=True)
class MtaStageRcpt(RegistryObject):
    """Who may be written to (RCPT). A script's name, or `false`."""

    OBJECT: ClassVar = "MtaStageRcpt"
    allow_relaying: Expression
    script: Expression
    max_recipients: Expression


@dataclass(frozen=True, kw_only=True)
class MtaStageAuth(RegistryObject):
    """How a client may say who it is (AUTH)."""

    OBJECT: ClassVar = "MtaStageAuth"
    sasl_mechanisms: Expression


@dataclass(frozen=True, kw_only=True)
class MtaStageData(RegistryObject):
    """What a message may be (DATA). Sizes in bytes."""

    OBJECT: ClassVar = "MtaStageData"
    enable_spam_filter: Expression
    max_message_size: Expression


@dataclass(frozen=True, kw_only=True)
class SenderAuth(RegistryObject):
    """Which checks of the sender are made: `strict`, `relaxed` or `disable`."""

    OBJECT: ClassVar = "SenderAuth"
    spf_ehlo_verify: Expression
    spf_from_verify: Expression
    dmarc_verify: Expression
    reverse_ip_verify: Expression


@dataclass(frozen=True, kw_only=True)
class MtaInboundThrottle(RegistryObject):
    """How much one client may hand over; above it the answer is 452."""

    OBJECT: ClassVar = "MtaInboundThrottle"
    MATCH_ON: ClassVar = ("description",)
    description: str
    key: frozenset[str]
    match: Expression
    rate: Rate
    enable: bool = True


@dataclass(frozen=True, kw_only=True)
class MtaOutboundThrottle(RegistryObject):
    """How fast mail is handed to others; the rest waits."""

    OBJECT: ClassVar = "MtaOutboundThrottle"
    MATCH_ON: ClassVar = ("description",)
    description: str
    key: frozenset[str]
    match: Expression
    rate: Rate
    enable: bool = True


@dataclass(frozen=True, kw_only=True)
class MtaQueueQuota(RegistryObject):
    """How much may wait at once. Size in bytes."""

    OBJECT: ClassVar = "MtaQueueQuota"
    MATCH_ON: ClassVar = ("description",)
    description: str
    key: frozenset[str]
    match: Expression
    messages: int
    size: int
    enable: bool = True


@dataclass(frozen=True, kw_only=True)
class MtaVirtualQueue(RegistryObject):
    """A queue with threads of its own. The server allows a name of eight characters."""

    OBJECT: ClassVar = "MtaVirtualQueue"
    MATCH_ON: ClassVar = ("name",)
    name: str
    description: str
    threads_per_node: int


@dataclass(frozen=True, kw_only=True)
class DefaultIntervals(Structure):
    """The server's own list."""

    VARIANT: ClassVar = "Default"


@dataclass(frozen=True, kw_only=True)
class Interval(Structure):
    """A wait."""

    duration: timedelta


@dataclass(frozen=True, kw_only=True)
class CustomIntervals(Structure):
    """One wait after another; the last one repeats. The server refuses an empty list."""

    VARIANT: ClassVar = "Custom"
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, kw_only=True)
class TimeToLive(Structure):
    """Given up after so long."""

    VARIANT: ClassVar = "Ttl"
    expire: timedelta


@dataclass(frozen=True, kw_only=True)
class Attempts(Structure):
    """Given up after so many tries."""

    VARIANT: ClassVar = "Attempts"
    max_attempts: int


@dataclass(frozen=True, kw_only=True)
class MtaDeliverySchedule(RegistryObject):
    """When mail is tried again, when its sender is told, and when it is given up."""

    OBJECT: ClassVar = "MtaDeliverySchedule"
    MATCH_ON: ClassVar = ("name",)
    name: str
    description: str
    queue_id: Reference
    retry: DefaultIntervals | CustomIntervals
    notify: DefaultIntervals | CustomIntervals
    expiry: TimeToLive | Attempts


@dataclass(frozen=True, kw_only=True)
class MtaRoute(RegistryObject):
    """Where mail goes."""

    OBJECT: ClassVar = "MtaRoute"
    MATCH_ON: ClassVar = ("name",)
    name: str
    description: str


@dataclass(frozen=True, kw_only=True)
class MxRoute(MtaRoute):
    """To the exchanges of the recipient's domain (RFC 5321, section 5.1)."""

    VARIANT: ClassVar = "Mx"
    max_mx_hosts: int
    max_multihomed: int
    ip_lookup_strategy: str


@dataclass(frozen=True, kw_only=True)
class LocalRoute(MtaRoute):
    """Into the mailboxes of this server."""

    VARIANT: ClassVar = "Local"


@dataclass(frozen=True, kw_only=True)
class RelayRoute(MtaRoute):
    """To one host, whatever the MX records say."""

    VARIANT: ClassVar = "Relay"
    address: str
    port: int
    implicit_tls: bool
    allow_invalid_certs: bool
    auth_username: str | None
    auth_secret: OptionalSecret
    protocol: str = "smtp"


@dataclass(frozen=True, kw_only=True)
class MtaTlsStrategy(RegistryObject):
    """How a connection out is encrypted: each of `optional`, `require` or `disable`."""

    OBJECT: ClassVar = "MtaTlsStrategy"
    MATCH_ON: ClassVar = ("name",)
    name: str
    description: str
    start_tls: str
    dane: str
    mta_sts: str
    allow_invalid_certs: bool


@dataclass(frozen=True, kw_only=True)
class SourceAddress(Structure):
    """An address of this host to connect from, and the name to say on it."""

    source_ip: str
    ehlo_hostname: str


@dataclass(frozen=True, kw_only=True)
class MtaConnectionStrategy(RegistryObject):
    """What the server calls itself when it connects out (EHLO), and from where."""

    OBJECT: ClassVar = "MtaConnectionStrategy"
    MATCH_ON: ClassVar = ("name",)
    name: str
    description: str
    ehlo_hostname: str
    source_ips: tuple[SourceAddress, ...]


@dataclass(frozen=True, kw_only=True)
class MtaOutboundStrategy(RegistryObject):
    """Which route, schedule, encryption and connection a recipient's mail gets, each by name."""

    OBJECT: ClassVar = "MtaOutboundStrategy"
    route: Expression
    schedule: Expression
    tls: Expression
    connection: Expression


@dataclass(frozen=True, kw_only=True)
class SieveSystemScript(RegistryObject):
    """A trusted Sieve script (RFC 5228), run at a stage of the conversation."""

    OBJECT: ClassVar = "SieveSystemScript"
    MATCH_ON: ClassVar = ("name",)
    name: str
    description: str
    is_active: bool
    contents: str


@dataclass(frozen=True, kw_only=True)
class MemoryLookupKey(RegistryObject):
    """A member of a list that expressions ask with `key_exists`."""

    OBJECT: ClassVar = "MemoryLookupKey"
    MATCH_ON: ClassVar = ("namespace", "key")
    namespace: str
    key: str
    is_glob_pattern: bool = False


@dataclass(frozen=True, kw_only=True)
class MtaSts(RegistryObject):
    """The MTA-STS policy this server serves (RFC 8461)."""

    OBJECT: ClassVar = "MtaSts"
    mode: str
    max_age: timedelta
    mx_hosts: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class TlsReportSettings(RegistryObject):
    """Reports to other domains on TLS failures (RFC 8460)."""

    OBJECT: ClassVar = "TlsReportSettings"
    send_frequency: Expression


@dataclass(frozen=True, kw_only=True)
class DmarcReportSettings(RegistryObject):
    """Reports to other domains on mail in their name (RFC 9990, RFC 9991)."""

    OBJECT: ClassVar = "DmarcReportSettings"
    aggregate_send_frequency: Expression
    failure_send_frequency: Expression


@dataclass(frozen=True, kw_only=True)
class SpfReportSettings(RegistryObject):
    """Reports to other domains on SPF failures (RFC 6652)."""

    OBJECT: ClassVar = "SpfReportSettings"
    send_frequency: Expression


@dataclass(frozen=True, kw_only=True)
class DkimReportSettings(RegistryObject):
    """Reports to other domains on DKIM failures (RFC 6651)."""

    OBJECT: ClassVar = "DkimReportSettings"
    send_frequency: Expression


@dataclass(frozen=True, kw_only=True)
class ReportSettings(RegistryObject):
    """Which addresses take others' reports, and whether these also reach the mailbox."""

    OBJECT: ClassVar = "ReportSettings"
    inbound_report_addresses: frozenset[str]
    inbound_report_forwarding: bool
