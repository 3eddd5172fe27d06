"""What the server's own metrics tell, as alerting rules."""

from typing import Any

from ..alert_rules import COUNT, DOCTOR, FAILOVER, GROW, HOUR, MINUTE, SETTLED, alert
from ..stalwart.arguments import Role
from .promql import ALWAYS_THERE, all_grown, grown
from .watched import AUTH_FAILED, DELIVERED, FAILED, RELAY_REFUSED, SPAM, STORE_ERRORS, SUBMITTED, Watched

ADD_DOMAIN = "docs/runbooks/add-domain.md"
WINDOW, WINDOW_S = "1800s", 1800
SUCCESS = 0.98
ENOUGH, FEW = 20, 5  # recipients in the window, and those of them that were given up: mistyped addresses are no outage
ATTACK = 300  # failed logins in 15 minutes
REFUSED = 500  # attempts to relay in 15 minutes
SURGE, SURGE_FLOOR = 5, 100  # times the usual of a day, and messages an hour
PERCENT = "{{ $value | humanizePercentage }}"


def server_rules(watched: Watched) -> list[dict[str, Any]]:
    """Whether it runs, delivers and stores, and who attacks it."""
    rules = [*_there(watched), _stores(watched), _relaying(watched)]
    # A backup has neither logins nor mailboxes, and what it gives up is what the primary refused: spam, most of it.
    return [*rules, _delivery(watched), _attack(watched), *_surges(watched)] if watched.role == Role.PRIMARY else rules


def _there(watched: Watched) -> list[dict[str, Any]]:
    up = f"up{{{watched.server}}}"
    held = "The other exchange takes mail for it meanwhile, and people cannot read theirs."
    lost = "While the primary is up no mail is lost, but there is no second exchange."
    last = (
        "Fail over when the region is lost, or this takes longer than your people can wait."
        if watched.role == Role.PRIMARY
        else "Nothing has to fail over for this."
    )
    down = alert(
        "MailServerDown",
        "critical",
        f"absent({up} == 1)",
        5 * MINUTE,
        f"The mail server {watched.hostname} does not answer",
        f"Prometheus has read no metrics of it for 5 minutes. {held if watched.role == Role.PRIMARY else lost} See "
        f"`kubectl -n {watched.namespace} get pods`. If they run: {watched.logs}, and whether the PodMonitor is picked up. "
        f"If not: `kubectl -n {watched.namespace} describe pods` and `kubectl get nodes`, for a node, volume or image that is "
        f"away. {last}",
        runbook=FAILOVER if watched.role == Role.PRIMARY else "",
    )
    pod = alert(
        "MailServerPodDown",
        "warning",
        f"{up} == 0 and on () count({up} == 1) > 0",
        SETTLED,
        "The pod {{ $labels.pod }} of the mail server does not answer",
        "The others still serve, and take its share. See "
        f"`kubectl -n {watched.namespace} describe pod {{{{ $labels.pod }}}}`, and its log.",
    )
    return [down, pod]


def _delivery(watched: Watched) -> dict[str, Any]:
    delivered, failed = (grown(name, watched.server, WINDOW) for name in (DELIVERED, FAILED))
    return alert(
        "MailDeliveryFailing",
        "critical",
        f"{delivered} / ({delivered} + {failed}) < {SUCCESS} and {delivered} + {failed} >= {ENOUGH} and {failed} >= {FEW}",
        SETTLED,
        "Less than 98 % of the mail is delivered",
        f"{PERCENT} of the recipients of the last half hour were reached, for 15 minutes; the others were given up, and their "
        "senders have a bounce. Often an address is on a blocklist, or DKIM or SPF is broken. See `make doctor`, then "
        f"{watched.events('delivery')} for the answers of the other servers.",
        runbook=DOCTOR,
    )


def _stores(watched: Watched) -> dict[str, Any]:
    return alert(
        "MailStoreErrors",
        "critical",
        f"{all_grown(STORE_ERRORS, watched.server, '900s')} > 0",
        5 * MINUTE,
        "The mail server cannot read or write a store",
        f"{COUNT} errors in 15 minutes. Mail may be refused or put off, and mailboxes not be reached. See "
        f"{watched.events('store')} for which store it is; then its volume, database or bucket, and "
        f"`kubectl -n {watched.namespace} get pvc`.",
        runbook=GROW,
    )


def _attack(watched: Watched) -> dict[str, Any]:
    failures = grown(AUTH_FAILED, watched.server, "900s")
    return alert(
        "MailAuthenticationAttack",
        "warning",
        f"{failures} > {ATTACK}",
        5 * MINUTE,
        "Somebody tries passwords",
        f"{COUNT} logins failed in 15 minutes. The server bans who fails too often, and an attack from many addresses goes on. "
        f"See {watched.events('auth.failed')} for which accounts and "
        "from where, and block that network. A failure reveals no password: only an account that then signed in from there needs "
        f"a new one. See {watched.events('auth.success')}.",
    )


def _relaying(watched: Watched) -> dict[str, Any]:
    return alert(
        "MailRelayAttempts",
        "warning",
        f"{grown(RELAY_REFUSED, watched.server, '900s')} > {REFUSED}",
        5 * MINUTE,
        "Somebody tries to relay",
        f"{COUNT} recipients were refused in 15 minutes since they are not of this server. Nothing was relayed. If they are "
        f"yours, a domain is missing from the settings. See {watched.events('smtp.relay-not-allowed')}.",
        runbook=ADD_DOMAIN,
    )


def _surges(watched: Watched) -> list[dict[str, Any]]:
    return [
        _surge(
            watched,
            "MailSpamSurge",
            SPAM,
            "message-ingest.spam",
            "More spam than usual",
            "messages were filed as junk in an hour, 5 times the usual of a day.",
        ),
        _surge(
            watched,
            "MailSubmissionSurge",
            SUBMITTED,
            "queue.authenticated",
            "More mail is sent than usual",
            "messages were submitted in an hour, 5 times the usual of a day. An account whose password is known sends spam like "
            "this, and the addresses are on blocklists soon.",
        ),
    ]


def _surge(watched: Watched, name: str, metric: str, event: str, summary: str, description: str) -> dict[str, Any]:
    now, day = grown(metric, watched.server, f"{HOUR}s"), grown(metric, watched.server, f"{24 * HOUR}s")
    # In its first day nobody knows what is usual.
    known = f"count({ALWAYS_THERE}{{{watched.server}}} offset {24 * HOUR}s)"
    return alert(
        name,
        "warning",
        f"{now} > {SURGE_FLOOR} and {now} > {SURGE} * {day} / 24 and on () {known}",
        SETTLED,
        summary,
        f"{COUNT} {description} See {watched.events(event)} for who it is.",
    )
