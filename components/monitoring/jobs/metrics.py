"""The metrics of the exporter, by the naming conventions of Prometheus (https://prometheus.io/docs/practices/naming)."""

from dataclasses import dataclass

PREFIX = "stalwart_mail_"
PORT = 9103


@dataclass(frozen=True)
class Metric:
    """A gauge."""

    name: str
    """Without the prefix."""
    help: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """As Prometheus knows it."""
        return PREFIX + self.name


@dataclass(frozen=True)
class Reading:
    """The value of a gauge."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()
    """Their values, in the order of `metric.labels`."""


QUEUE_MESSAGES = Metric("queue_messages", "Messages in the queue.")
QUEUE_OLD_MESSAGES = Metric("queue_old_messages", "Messages that have been in the queue for more than an hour.")
QUEUE_OLDEST = Metric(
    "queue_oldest_message_timestamp_seconds", "When the oldest message of the queue came; absent while it is empty."
)
BANS = Metric("bans", "Addresses and networks that the server has banned.")
OWN_BANS = Metric("own_bans", "Bans in force of own addresses, and of private ones that the server does not trust.")
CERTIFICATE_END = Metric("certificate_not_after_timestamp_seconds", "When the certificate that port 25 shows ends.")
CERTIFICATE_TRUSTED = Metric("certificate_trusted", "1 if clients trust the certificate for the server's name.")
BLOCKLIST_ANSWERS = Metric("blocklist_answers", "1 if the DNS blocklist answers as it must for its test addresses.", ("zone",))
BLOCKLIST_LISTED = Metric(
    "blocklist_listed", "1 if the blocklist lists the address; absent when that cannot be told.", ("zone", "address")
)
PEER_REACHABLE = Metric("peer_reachable", "1 if the exchange of the other region answers at port 25.", ("host",))
CHECK_SUCCESS = Metric("exporter_check_success", "1 if the last run of a check could tell what it is about.", ("check",))
CHECK_DURATION = Metric("exporter_check_duration_seconds", "How long the last run of a check took.", ("check",))
CHECK_TIME = Metric(
    "exporter_check_timestamp_seconds",
    "When the last run of a check ended; before the first, when the exporter began.",
    ("check",),
)
CHECK_INTERVAL = Metric("exporter_check_interval_seconds", "How long a check rests between two runs.", ("check",))

METRICS = (
    *(QUEUE_MESSAGES, QUEUE_OLD_MESSAGES, QUEUE_OLDEST, BANS, OWN_BANS, CERTIFICATE_END, CERTIFICATE_TRUSTED),
    *(BLOCKLIST_ANSWERS, BLOCKLIST_LISTED, PEER_REACHABLE, CHECK_SUCCESS, CHECK_DURATION, CHECK_TIME),
    CHECK_INTERVAL,
)
