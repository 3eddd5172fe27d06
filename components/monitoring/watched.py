"""What the alerts and the dashboard are about, and the names of the server's metrics.

The server exports what is in its list of metrics, and no other event: `MetricType` in crates/trc/src/event of Stalwart 0.16.
"""

from dataclasses import dataclass

from .. import labels
from ..stalwart import names
from ..stalwart.arguments import Role

SERVER = "stalwart"  # the PodMonitors, and so the last part of the label `job`
EXPORTER = "mail-exporter"

RECEIVED = ("queue_message_queued",)  # by SMTP, from those who did not sign in
SUBMITTED = "queue_authenticated_message_queued"
DELIVERED = "delivery_delivered"  # a recipient each, at other servers
FAILED = "delivery_dsn_perm_fail"  # a recipient each, given up
SPAM = "message_ingest_spam"  # filed as junk
RELAY_REFUSED = "smtp_relay_not_allowed"
AUTH_FAILED = "auth_failed"
BANNED = ("security_authentication_ban", "security_abuse_ban", "security_scan_ban", "security_loiter_ban")
STORE_ERRORS = (
    *("store_rocksdb_error", "store_sqlite_error", "store_postgresql_error", "store_mysql_error", "store_foundationdb_error"),
    *("store_redis_error", "store_s3_error", "store_azure_error", "store_filesystem_error", "store_pool_error"),
    *("store_data_corruption", "store_blob_missing_marker", "store_unexpected_error"),
)


@dataclass(frozen=True)
class Watched:
    """The server of a region."""

    namespace: str
    role: Role
    hostname: str
    peer: str | None
    """The exchange of the other region."""
    reads_queue: bool
    """Whether the exporter may ask the server for its queue and its bans."""
    claims: tuple[str, ...]
    """The volume claims that must not fill up, as patterns of Prometheus."""
    queue_limit: int
    """How many messages in the queue are too many."""
    region: str | None = None
    """Its name, where it is known."""
    certificate_verified: bool = False
    """Whether clients should trust its certificate."""

    @property
    def server(self) -> str:
        """What selects the server's own metrics."""
        return self._of(SERVER)

    @property
    def exporter(self) -> str:
        """What selects the exporter's."""
        return self._of(EXPORTER)

    def _of(self, monitor: str) -> str:
        # Namespaces are called alike in both regions, and one Prometheus may have both.
        of_region = f', region="{self.region}"' if self.region else ""
        return f'job="{self.namespace}/{monitor}"{of_region}'

    @property
    def logs(self) -> str:
        """The command that shows what the server says."""
        return f"`{self._logs}`"

    def events(self, pattern: str) -> str:
        """The command that shows what the server says of an event, such as `auth.failed`."""
        return f"`{self._logs} | grep {pattern}`"

    @property
    def _logs(self) -> str:
        # By their labels: of a StatefulSet's name kubectl shows one pod, and by labels ten lines of each unless told otherwise.
        pods = ",".join(f"{key}={value}" for key, value in labels.selector(names.APPLICATION, names.SERVER).items())
        return f"kubectl -n {self.namespace} logs -l {pods} --tail=-1 --since=1h --prefix"

    @property
    def exporter_logs(self) -> str:
        """The command that shows what the exporter says."""
        return f"`kubectl -n {self.namespace} logs deployment/{EXPORTER}`"
