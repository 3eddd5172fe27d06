"""What Prometheus sees of a mail server over two days: all is well with it, and another one beside it is not well at all."""

from components.monitoring.jobs.metrics import METRICS, PREFIX
from components.monitoring.watched import STORE_ERRORS, Watched
from components.stalwart.arguments import Role

from .promtool import at, held

HOURS = 48
STEPS = HOURS * 12
CHECKS = {"certificate": 600, "queue": 30, "bans": 60, "blocklists": 900, "peer": 60}  # and how long they rest, in seconds
PRIMARY = Watched(
    *("mail", Role.PRIMARY, "mx1.example.com", "mx2.example.com", True, ("stalwart-data",), 1000), "eu-west-1", True
)
BACKUP = Watched("mail", Role.BACKUP, "mx2.example.com", "mx1.example.com", True, ("stalwart-data",), 1000)

POD = 'job="mail/stalwart",namespace="mail",pod="stalwart-0",region="eu-west-1"'
SECOND_POD = POD.replace("stalwart-0", "stalwart-1")
EXPORTER = 'job="mail/mail-exporter",namespace="mail",pod="mail-exporter-a",region="eu-west-1"'
CLAIM = 'namespace="mail",persistentvolumeclaim="stalwart-data"'


def always(value: float) -> str:
    """A value that stays."""
    return held((value, HOURS))


def counted(each_hour: float, start: float = 0) -> str:
    """A counter that grows by so many an hour."""
    return f"{start}+{each_hour / 12}x{STEPS}"


def server(metric: str, pod: str = POD) -> str:
    """A series of the server."""
    return f"{metric}{{{pod}}}"


def exporter(metric: str, **labels: str) -> str:
    """A series of the exporter."""
    more = "".join(f',{name}="{value}"' for name, value in labels.items())
    return f"{PREFIX}{metric}{{{EXPORTER}{more}}}"


FRESH = {
    # What a server exports from its first moment on. Its counters are absent until they are above zero.
    server("up"): always(1),
    server("server_memory"): always(3e8),
    server("domain_count"): always(2),
    server("user_count"): always(40),
    **{
        server(f"{name}_active_connections"): always(number)
        for number, name in enumerate(("smtp", "delivery", "imap", "pop3", "http", "sieve"))
    },
}
COUNTERS = {
    server("queue_message_queued"): counted(600, 9000),
    server("queue_authenticated_message_queued"): counted(240, 5000),
    server("delivery_delivered"): counted(300, 7000),
    # One in a hundred: somebody mistypes an address.
    server("delivery_dsn_perm_fail"): counted(3, 70),
    server("message_ingest_ham"): counted(500, 8000),
    server("message_ingest_spam"): counted(120, 900),
    server("auth_failed"): counted(60, 40),
    server("auth_success"): counted(900, 40),
    server("security_ip_blocked"): counted(100, 12),
    server("smtp_relay_not_allowed"): counted(30, 12),
    server("smtp_mailbox_does_not_exist"): counted(40, 12),
    server("security_authentication_ban"): counted(2, 3),
    # What no store is to blame for.
    server("store_assert_value_failed"): counted(50),
    server("store_data_write"): counted(5000),
}
EXPORTED = {
    f"up{{{EXPORTER}}}": always(1),
    exporter("queue_messages"): " ".join(["12 30 45 60 20 8"] * (STEPS // 6)),
    exporter("queue_old_messages"): always(6),
    exporter("queue_oldest_message_timestamp_seconds"): f"{at(-0.6)}+300x{STEPS}",
    exporter("bans"): always(30),
    exporter("own_bans"): always(0),
    exporter("certificate_trusted"): always(1),
    exporter("certificate_not_after_timestamp_seconds"): always(at(60 * 24)),
    exporter("blocklist_answers", zone="zen.example"): always(1),
    exporter("blocklist_listed", zone="zen.example", address="203.0.113.10"): always(0),
    exporter("peer_reachable", host="mx2.example.com"): always(1),
    **{exporter("exporter_check_success", check=name): always(1) for name in CHECKS},
    **{exporter("exporter_check_duration_seconds", check=name): always(0.1) for name in CHECKS},
    **{exporter("exporter_check_timestamp_seconds", check=name): f"{at(0)}+300x{STEPS}" for name in CHECKS},
    **{exporter("exporter_check_interval_seconds", check=name): always(rest) for name, rest in CHECKS.items()},
}
VOLUME = {
    f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": always(60e9),
    f"kubelet_volume_stats_capacity_bytes{{{CLAIM}}}": always(100e9),
}
BACKUPS = {
    f'velero_backup_last_successful_timestamp{{schedule="{name}"}}': f"{at(-3)}+300x{STEPS}"
    for name in ("mail-primary-hot", "mail-primary-archive")
}


def _elsewhere(series: str) -> str:
    return series.replace('"mail/', '"shop/').replace('namespace="mail"', 'namespace="shop"')


FAILING = counted(9000)
OTHERS = {
    **{_elsewhere(series): FAILING for series in COUNTERS},
    **{_elsewhere(server(metric)): FAILING for metric in STORE_ERRORS},
    _elsewhere(server("up")): always(0),
    _elsewhere(server("server_memory")): always(3e8),
    **{
        _elsewhere(series): always(0)
        for series in EXPORTED
        if "success" in series or "reachable" in series or "not_after" in series
    },
    _elsewhere(exporter("own_bans")): always(4),
    _elsewhere(exporter("queue_messages")): FAILING,
    **{_elsewhere(series): always(1) for series in VOLUME},
}
MINE = {**FRESH, **COUNTERS, **EXPORTED, **VOLUME, **BACKUPS}
WELL = {**MINE, **OTHERS}
KNOWN = {metric.full_name for metric in METRICS}
