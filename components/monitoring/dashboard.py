"""The dashboard: what operators ask for first, then what explains it. Both regions, where one Prometheus has both."""

import json
from collections.abc import Sequence
from typing import Any

from .jobs.metrics import (
    BANS,
    BLOCKLIST_LISTED,
    CERTIFICATE_END,
    CHECK_SUCCESS,
    OWN_BANS,
    PEER_REACHABLE,
    QUEUE_MESSAGES,
    QUEUE_OLD_MESSAGES,
    QUEUE_OLDEST,
    Metric,
)
from .panels import GREEN, ORANGE, RED, Panel, Query, dashboard, variable
from .watched import AUTH_FAILED, BANNED, DELIVERED, FAILED, RECEIVED, RELAY_REFUSED, SPAM, STORE_ERRORS, SUBMITTED

FILE = "stalwart-mail.json"
UID = "stalwart-mail"
SELECTED = 'region=~"$region",namespace=~"$namespace"'
IN_NAMESPACE = 'namespace=~"$namespace"'  # what the kubelet says has no region
RANGE, RATE = "$__range", "$__rate_interval"
BLOCKED, UNKNOWN_MAILBOX = "security_ip_blocked", "smtp_mailbox_does_not_exist"
PROTOCOLS = ("smtp", "delivery", "imap", "pop3", "http", "sieve")
DAY = 86_400


def model() -> dict[str, Any]:
    """The JSON model of the dashboard."""
    variables = [
        variable("region", "Region", "label_values(server_memory, region)"),
        variable("namespace", "Namespace", 'label_values(server_memory{region=~"$region"}, namespace)'),
    ]
    return dashboard("Mail", UID, [*_figures(), *_states(), *_mail(), *_abuse(), *_machine()], variables)


def text() -> str:
    """The same as a file."""
    return json.dumps(model(), indent=1) + "\n"


def _increase(metrics: Sequence[str]) -> str:
    # The server has no counter that is zero: it is absent.
    return " + ".join(f"(sum(increase({metric}{{{SELECTED}}}[{RANGE}])) or vector(0))" for metric in metrics)


def _rate(metrics: Sequence[str], legend: str) -> Query:
    """A minute."""
    rates = " + ".join(f"(sum(rate({metric}{{{SELECTED}}}[{RATE}])) or vector(0))" for metric in metrics)
    return Query(f"60 * ({rates})", legend)


def _gauge(metric: Metric) -> str:
    return f"{metric.full_name}{{{SELECTED}}}"


def _stat(title: str, description: str, expression: str, **options: Any) -> Panel:
    shape: dict[str, Any] = {"kind": "stat", "height": 4, "width": 6, "decimals": 0}
    return Panel(title, description, (Query(expression),), **{**shape, **options})


def _figures() -> list[Panel]:
    """The four that operators ask for."""
    return [
        _stat("Received", "Messages from other servers, in the time shown.", _increase(RECEIVED), first_colour="blue"),
        _stat("Sent", "Recipients reached at other servers, in the time shown.", _increase([DELIVERED]), first_colour="blue"),
        _stat(
            "Spam caught",
            "Messages filed as junk, in the time shown. What the server refuses for its score alone it does not count; banned "
            "addresses, who may be after passwords as well, are below.",
            _increase([SPAM]),
            first_colour="purple",
        ),
        _stat(
            "Queue length",
            "Messages that wait now. On a backup: for the primary.",
            f"sum({_gauge(QUEUE_MESSAGES)})",
            steps=((500, ORANGE), (2000, RED)),
        ),
    ]


def _states() -> list[Panel]:
    delivered, failed = _increase([DELIVERED]), _increase([FAILED])
    left = f"min({_gauge(CERTIFICATE_END)} - time()) / {DAY}"
    return [
        _stat(
            "Delivery success",
            "Of the recipients of the time shown: those reached, and not given up. 100 % while nothing is sent.",
            f"({delivered}) / ((({delivered}) + ({failed})) > 0) or vector(1)",
            unit="percentunit",
            decimals=1,
            width=4,
            first_colour=RED,
            steps=((0.95, ORANGE), (0.98, GREEN)),
        ),
        _stat(
            "Oldest in the queue",
            "How long the oldest message has waited.",
            f"max(time() - {_gauge(QUEUE_OLDEST)}) or 0 * sum({_gauge(QUEUE_MESSAGES)})",
            unit="s",
            width=4,
            steps=((4 * 3600, ORANGE), (DAY, RED)),
        ),
        _stat(
            "Certificate",
            "Days until the first certificate ends.",
            left,
            unit="d",
            width=4,
            first_colour=RED,
            steps=((3, ORANGE), (14, GREEN)),
        ),
        _stat(
            "On blocklists",
            "Own addresses on a DNS blocklist, once a list.",
            f"sum({_gauge(BLOCKLIST_LISTED)})",
            width=4,
            steps=((1, RED),),
        ),
        _stat(
            "Own bans",
            "Bans of own addresses and trusted networks: each is an outage.",
            f"sum({_gauge(OWN_BANS)})",
            width=4,
            steps=((1, RED),),
        ),
        _stat(
            "Oldest last backup",
            "Each schedule has its newest complete backup: this is the age of the oldest of them. Each has a line below. Of all "
            "regions, since Velero knows none.",
            'max(time() - max by (schedule) (velero_backup_last_successful_timestamp{schedule=~"mail-.*"}))',
            unit="s",
            width=4,
            steps=((DAY / 2, ORANGE), (2 * DAY, RED)),
        ),
    ]


def _mail() -> list[Panel]:
    delivered, failed = (f"(sum(rate({name}{{{SELECTED}}}[{RATE}])) or vector(0))" for name in (DELIVERED, FAILED))
    return [
        Panel(
            "Mail a minute",
            "Received and submitted are messages; reached and given up are recipients.",
            (
                _rate(RECEIVED, "received"),
                _rate([SUBMITTED], "submitted"),
                _rate([DELIVERED], "reached"),
                _rate([FAILED], "given up"),
                _rate([SPAM], "junk"),
            ),
        ),
        Panel(
            "Queue",
            "Messages that wait, and those of them that have waited for more than an hour.",
            (
                Query(f"sum by (region, namespace) ({_gauge(QUEUE_MESSAGES)})", "{{region}} {{namespace}}"),
                Query(f"sum by (region, namespace) ({_gauge(QUEUE_OLD_MESSAGES)})", "{{region}} {{namespace}}, over an hour"),
            ),
        ),
        Panel(
            "Delivery success",
            "The share of recipients reached. Below 98 % there is an alert.",
            (Query(f"{delivered} / (({delivered} + {failed}) > 0) or vector(1)", "reached"),),
            unit="percentunit",
            from_at_most=0.9,
            maximum=1,
            line=0.98,
        ),
        Panel(
            "Connections",
            "Open now, by protocol. `delivery` is what the server itself has open to others.",
            tuple(Query(f"sum({protocol}_active_connections{{{SELECTED}}})", protocol) for protocol in PROTOCOLS),
        ),
    ]


def _abuse() -> list[Panel]:
    return [
        Panel(
            "Logins that failed, and bans, a minute",
            "Bans are for failed logins, abuse, port scans and connections that do nothing.",
            (_rate([AUTH_FAILED], "failed logins"), _rate(BANNED, "bans")),
        ),
        Panel(
            "Refused a minute",
            "Connections of banned addresses; recipients of foreign domains; recipients that do not exist.",
            (_rate([BLOCKED], "banned"), _rate([RELAY_REFUSED], "relay"), _rate([UNKNOWN_MAILBOX], "no such mailbox")),
        ),
    ]


def _machine() -> list[Panel]:
    volume = f'{IN_NAMESPACE},persistentvolumeclaim=~"stalwart-.*"'
    return [
        Panel(
            "Store errors a minute",
            "Of every kind of store. Any is an alert.",
            (_rate(STORE_ERRORS, "errors"),),
            width=8,
        ),
        Panel(
            "Memory",
            "Of each pod of the server.",
            (Query(f"sum by (region, pod) (server_memory{{{SELECTED}}})", "{{region}} {{pod}}"),),
            unit="bytes",
            width=8,
        ),
        Panel(
            "Free on volumes",
            "The share that is free. Of the namespaces chosen, in all regions, since the kubelet knows none.",
            (
                Query(
                    f"min by (namespace, persistentvolumeclaim) (kubelet_volume_stats_available_bytes{{{volume}}}"
                    f" / kubelet_volume_stats_capacity_bytes{{{volume}}})",
                    "{{namespace}} {{persistentvolumeclaim}}",
                ),
            ),
            unit="percentunit",
            maximum=1,
            width=8,
        ),
        Panel(
            "Age of backups",
            "Of the newest complete one, by schedule. Of all regions, since Velero knows none.",
            (Query('time() - max by (schedule) (velero_backup_last_successful_timestamp{schedule=~"mail-.*"})', "{{schedule}}"),),
            unit="s",
            width=8,
        ),
        Panel(
            "Other exchange, and checks",
            "1 while the exchange of the other region answers at port 25, and while every check of the exporter can tell.",
            (
                Query(f"min by (region, host) ({_gauge(PEER_REACHABLE)})", "{{region}} to {{host}}"),
                Query(f"min by (region) ({_gauge(CHECK_SUCCESS)})", "{{region}} checks"),
            ),
            maximum=1,
            width=8,
        ),
        Panel(
            "Banned addresses",
            "Those that the server lets in no more, whoever they are.",
            (Query(f"sum by (region) ({_gauge(BANS)})", "{{region}}"),),
            width=8,
        ),
    ]
