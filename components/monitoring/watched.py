"""What the alerts and the dashboard are about, and the names of the server's metrics.

The server exports what is in its list of metrics, and no other event: `MetricType` in crates/trc/src/event of Stalwart 0.16.
"""

from dataclasses import dataclass

from ..stalwart.arguments import Role

SERVER = "stalwart"  # the PodMonitors, and so the last part of the label `job`
EXPORTER = "mail-exporter"
PAGE = "docs/monitoring.md"  # which says of every alert what to do

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

    @property
    def server(self) -> str:
        """What selects the server's own metrics."""
        return f'job="{self.namespace}/{SERVER}"'

    @property
    def exporter(self) -> str:
        """What selects the exporter's."""
        return f'job="{self.namespace}/{EXPORTER}"'

    @property
    def logs(self) -> str:
        """The command that shows what the server says."""
        return f"`kubectl -n {self.namespace} logs statefulset/stalwart --since=1h`"

    def events(self, pattern: str) -> str:
        """The command that shows what the server says of an event, such as `auth.failed`."""
        return f"`kubectl -n {self.namespace} logs statefulset/stalwart --since=1h | grep {pattern}`"

    @property
    def exporter_logs(self) -> str:
        """The command that shows what the exporter says."""
        return f"`kubectl -n {self.namespace} logs deployment/{EXPORTER}`"
