"""What makes a server a backup exchange: it accepts the primary's mail on port 25, holds it, and relays it to the primary.

The relayed domains are lookup keys, not Domain objects (design A of the Stalwart research). A missing key refuses: the
server's `key_exists` is false for an unknown namespace, so a half-applied plan is never an open relay.
"""

from collections.abc import Mapping

from .arguments import Server
from .operations import DAY_MS, HOUR_MS, MINUTE_MS, Plan, Reconcile, Update, Upsert, Value, expression, listing

RELAY_DOMAINS = "relay-domains"
RELAY_RECIPIENTS = "relay-rcpts"
QUEUE = "backupmx"  # the server allows eight characters
ROUTE = "primary"
SILENCE = "silent"

# The server repeats the last interval, so mail is tried again every 15 minutes until it expires. With its own default list
# the next try after four hours of outage comes a day later.
RETRIES_MS = (2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 15 * MINUTE_MS)
HOLD_MS = 14 * DAY_MS

# Where the recipients are not known, the primary may refuse what was accepted here: a bounce would be backscatter.
# "Silent bounces" in the server's documentation of address rewriting: no DSN is ever sent for this recipient.
SILENT_SCRIPT = 'require ["variables","envelope"];\nset "envelope.notify" "NEVER";\n'

IS_RELAYED = f"key_exists('{RELAY_DOMAINS}', rcpt_domain)"
IS_LISTED = f"key_exists('{RELAY_RECIPIENTS}', rcpt)"


def relay_operations(server: Server) -> Plan:
    """The operations that are a backup's own.

    Args:
        server: a backup, with its peer.
    """
    assert server.peer is not None
    return (
        *_lookups(server),
        *_acceptance(server),
        *_queues(),
        *_routes(server),
    )


def _lookups(server: Server) -> Plan:
    domains = {f"k{n}": {"key": domain.name, "isGlobPattern": False} for n, domain in enumerate(server.mail_domains)}
    patterns: dict[str, bool] = {}  # by key, since one entry a key is all the server takes
    for recipient in server.recipients or ():
        local, _, domain = recipient.lower().rpartition("@")
        patterns |= {f"{local}@{domain}": False, f"{local}+*@{domain}": True}
    recipients = {f"r{n}": {"key": key, "isGlobPattern": is_glob} for n, (key, is_glob) in enumerate(patterns.items())}
    return (
        Reconcile("MemoryLookupKey", ("namespace", "key"), _in(RELAY_DOMAINS, domains), scope={"namespace": RELAY_DOMAINS}),
        Reconcile(
            "MemoryLookupKey", ("namespace", "key"), _in(RELAY_RECIPIENTS, recipients), scope={"namespace": RELAY_RECIPIENTS}
        ),
    )


def _in(namespace: str, keys: Mapping[str, Value]) -> dict[str, dict[str, object]]:
    return {name: {"namespace": namespace, **key} for name, key in keys.items()}


def _acceptance(server: Server) -> Plan:
    known = server.recipients is not None
    accepted = f"local_port == 25 && {IS_RELAYED}" + (f" && {IS_LISTED}" if known else "")
    script = expression(otherwise="false") if known else expression((IS_RELAYED, f"'{SILENCE}'"), otherwise="false")
    description = "No bounces for relayed mail"
    return (
        Upsert(
            "SieveSystemScript",
            ("name",),
            {"silent": {"name": SILENCE, "isActive": True, "description": description, "contents": SILENT_SCRIPT}},
        ),
        Update("MtaStageRcpt", {"allowRelaying": expression((accepted, "true"), otherwise="false"), "script": script}),
    )


def _queues() -> Plan:
    """The four queues and schedules the server would add to an empty database, and the one for held mail."""
    queues = {
        "local": ("Local delivery queue", 25),
        "remote": ("Remote delivery queue", 50),
        "dsn": ("Delivery Status Notification delivery queue", 5),
        "report": ("DMARC and TLS report delivery queue", 5),
        QUEUE: ("Mail held for the primary", 50),
    }
    default = {"@type": "Default"}
    three_days = {"@type": "Ttl", "expire": 3 * DAY_MS}
    half_to_two_hours = (30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS)
    schedules = {
        "local": (default, default, three_days),
        "remote": (default, default, three_days),
        "dsn": (_intervals(15 * MINUTE_MS, *half_to_two_hours), default, {"@type": "Attempts", "maxAttempts": 10}),
        "report": (_intervals(*half_to_two_hours), _intervals(HOLD_MS), {"@type": "Attempts", "maxAttempts": 8}),
        QUEUE: (_intervals(*RETRIES_MS), _intervals(HOLD_MS), {"@type": "Ttl", "expire": HOLD_MS}),
    }
    return (
        Upsert(
            "MtaVirtualQueue",
            ("name",),
            {
                f"q-{name}": {"name": name, "description": description, "threadsPerNode": threads}
                for name, (description, threads) in queues.items()
            },
        ),
        Upsert(
            "MtaDeliverySchedule",
            ("name",),
            {
                f"s-{name}": {"name": name, "queueId": f"#q-{name}", "retry": retry, "notify": notify, "expiry": expiry}
                for name, (retry, notify, expiry) in schedules.items()
            },
        ),
    )


def _intervals(*durations_ms: int) -> dict[str, object]:
    return {"@type": "Custom", "intervals": listing({"duration": duration} for duration in durations_ms)}


def _routes(server: Server) -> Plan:
    assert server.peer is not None
    relay = {
        "@type": "Relay",
        "name": ROUTE,
        "description": "The primary exchange, never by MX: this server would find itself there",
        "address": server.peer.hostname,
        "port": 25,
        "protocol": "smtp",
        "implicitTls": False,
        "allowInvalidCerts": False,
        "authSecret": {"@type": "None"},
    }
    # With the default strategy every held message would lose its first try after the primary's return. Without DANE or MTA-STS:
    # neither may hold back mail whose destination is fixed here.
    strategy = {"startTls": "require", "dane": "disable", "mtaSts": "disable", "allowInvalidCerts": not server.peer.verified}
    return (
        Upsert(
            "MtaRoute",
            ("name",),
            {
                "r-mx": {"@type": "Mx", "name": "mx", "description": "MX delivery route", "maxMxHosts": 2},
                "r-local": {"@type": "Local", "name": "local", "description": "Local delivery route"},
                "r-primary": relay,
            },
        ),
        Upsert(
            "MtaTlsStrategy",
            ("name",),
            {
                "t-invalid": {"name": "invalid-tls", "description": "Allow invalid TLS certificates", "allowInvalidCerts": True},
                "t-default": {"name": "default", "description": "Default TLS settings", "allowInvalidCerts": False},
                "t-primary": {"name": ROUTE, "description": "To the primary exchange", **strategy},
            },
        ),
        Update(
            "MtaOutboundStrategy",
            {
                "route": expression(("is_local_domain(rcpt_domain)", "'local'"), (IS_RELAYED, f"'{ROUTE}'"), otherwise="'mx'"),
                "schedule": expression(
                    ("is_local_domain(rcpt_domain)", "'local'"),
                    ("source == 'dsn'", "'dsn'"),
                    ("source == 'report'", "'report'"),
                    (IS_RELAYED, f"'{QUEUE}'"),
                    otherwise="'remote'",
                ),
                "tls": expression(
                    # A certificate that fails delays a message by one try; it never strands it.
                    ("retry_num > 0 && last_error == 'tls'", "'invalid-tls'"),
                    (IS_RELAYED, f"'{ROUTE}'"),
                    otherwise="'default'",
                ),
            },
        ),
    )
