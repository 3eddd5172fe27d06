"""What the exporter and the cluster tell, as alerting rules. A queue means one thing on a primary and another on a backup."""

from typing import Any

from ..alert_rules import AGE, COUNT, DAY, DOCTOR, FAILOVER, GROW, HOUR, MINUTE, SETTLED, alert
from ..stalwart.arguments import Role
from .jobs.metrics import (
    BLOCKLIST_ANSWERS,
    BLOCKLIST_LISTED,
    CERTIFICATE_END,
    CERTIFICATE_TRUSTED,
    CHECK_INTERVAL,
    CHECK_SUCCESS,
    CHECK_TIME,
    OWN_BANS,
    PEER_REACHABLE,
    QUEUE_MESSAGES,
    QUEUE_OLD_MESSAGES,
    QUEUE_OLDEST,
    Metric,
)
from .promql import grown
from .watched import DELIVERED, Watched

GROWN_FROM = 100  # messages: a queue of 3 that becomes one of 6 is no news
OLD = 100  # messages that wait for more than an hour: some always do, for servers that are away
STUCK, STUCK_S = 5, 2 * HOUR  # as few are enough where nothing at all is delivered
OVERDUE, OVERDUE_S = 3, 15 * MINUTE  # times what a check rests, and at least
HELD_FOR_DAYS = 14  # by a backup; plans/outbound.py
NEAR_THE_END_DAYS = 10
CERTIFICATE_DAYS, LAST_DAYS = 14, 3  # cert-manager renews a month before
FREE, LAST_FREE = 0.15, 0.05
SHARE = "{{ $value | humanizePercentage }}"
# What the kubelet says of a volume.
AVAILABLE, CAPACITY = "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"


def exporter_rules(watched: Watched) -> list[dict[str, Any]]:
    """What the exporter sees."""
    rules = [*_exporter(watched), *_certificate(watched), *_blocklists(watched)]
    if watched.reads_queue:
        rules += [*(_queue(watched) if watched.role == Role.PRIMARY else _held_mail(watched)), _bans(watched)]
    if watched.peer:
        rules.append(_peer(watched, watched.peer))
    return rules


def _gauge(metric: Metric, watched: Watched, shape: str = "{}", of_pods: str = "max") -> str:
    """A metric without the labels of the pod: another pod of the exporter is no other alert.

    Args:
        metric: a gauge.
        watched: whose.
        shape: what is asked of it before that, with `{}` where it is.
        of_pods: which value of two pods counts, `max` or `min`: one that was just replaced is still seen for a while.
    """
    labels = ", ".join(("namespace", "region", *metric.labels))
    return f"{of_pods} by ({labels}) ({shape.format(f'{metric.full_name}{{{watched.exporter}}}')})"


def _exporter(watched: Watched) -> list[dict[str, Any]]:
    down = alert(
        "MailExporterDown",
        "warning",
        f"absent(up{{{watched.exporter}}} == 1)",
        SETTLED,
        "The mail exporter does not answer",
        "Nobody sees the queue, the certificate, bans or blocklists meanwhile. See "
        f"`kubectl -n {watched.namespace} get pods`, then {watched.exporter_logs}.",
    )
    fails = alert(
        "MailCheckFails",
        "warning",
        f"{_gauge(CHECK_SUCCESS, watched)} == 0",
        30 * MINUTE,
        "The exporter cannot check: {{ $labels.check }}",
        "For half an hour it could not tell, and the alerts about it do not work meanwhile. The reason is in its log. See "
        f"{watched.exporter_logs}.",
    )
    silence = f"(time() - {_gauge(CHECK_TIME, watched)})"
    hangs = alert(
        "MailCheckHangs",
        "warning",
        f"{silence} > clamp_min({OVERDUE} * {_gauge(CHECK_INTERVAL, watched)}, {OVERDUE_S})",
        5 * MINUTE,
        "The exporter's check hangs: {{ $labels.check }}",
        f"Its last run ended {AGE} ago, and what it tells is as old. See {watched.exporter_logs}, then restart it: "
        f"`kubectl -n {watched.namespace} rollout restart deployment/mail-exporter`.",
    )
    return [down, fails, hangs]


def _queue(watched: Watched) -> list[dict[str, Any]]:
    messages = _gauge(QUEUE_MESSAGES, watched)
    see = (
        f"See {watched.events('delivery')} for the answers of other servers, and the queue itself with "
        f"`kubectl -n {watched.namespace} port-forward stalwart-0 8080` at http://localhost:8080."
    )
    long = alert(
        "MailQueueLong",
        "warning",
        f"{messages} > {watched.queue_limit}",
        30 * MINUTE,
        "The queue is long",
        f"{COUNT} messages wait, and for half an hour it has been more than {watched.queue_limit}. Either much is sent, or other "
        f"servers put it off. {see}",
    )
    an_hour_ago, slope = (_gauge(QUEUE_MESSAGES, watched, shape) for shape in ("{} offset 1h", "deriv({}[30m])"))
    growing = alert(
        "MailQueueGrowing",
        "warning",
        f"{messages} > {GROWN_FROM} and {messages} > 2 * {an_hour_ago} and {slope} > 0",
        SETTLED,
        "The queue grows",
        f"{COUNT} messages wait, more than twice as many as an hour ago. Mail comes in faster than it gets out. {see}",
    )
    old = alert(
        "MailQueueOld",
        "warning",
        f"{_gauge(QUEUE_OLD_MESSAGES, watched)} > {OLD}",
        30 * MINUTE,
        "Much of the queue is old",
        f"{COUNT} messages have waited for more than an hour. Others put off what you send, or nothing gets out: port 25 is "
        f"blocked, or DNS is away. {see}",
    )
    waits, waited = (_gauge(QUEUE_OLD_MESSAGES, watched, shape) for shape in ("{}", f"{{}} offset {STUCK_S}s"))
    nothing = alert(
        "MailNothingDelivered",
        "warning",
        # What waits for one dead domain neither becomes more by itself, nor keeps other mail from getting out.
        f"{waits} >= {STUCK} and {waits} > {waited} and on () {grown(DELIVERED, watched.server, f'{STUCK_S}s')} == 0",
        SETTLED,
        "No mail gets out",
        f"{COUNT} messages have waited for more than an hour. They become more, and in two hours no other server took one. "
        f"Port 25 is blocked, DNS is away, a smarthost refuses, or all that was sent is for servers that are away. {see}",
    )
    return [long, growing, old, nothing]


def _held_mail(watched: Watched) -> list[dict[str, Any]]:
    """A backup's queue is there to grow while the primary is away; once that is back, it has to empty."""
    age = f"(time() - {_gauge(QUEUE_OLDEST, watched)})"
    primary = watched.peer or "the primary"
    stuck = alert(
        "MailHeldMailStuck",
        "critical",
        # It is tried every 15 minutes.
        f"{age} > {HOUR} and on () {_gauge(PEER_REACHABLE, watched, 'min_over_time({}[1h])', 'min')} == 1",
        SETTLED,
        f"Held mail does not reach {primary}",
        f"The oldest message is {AGE} old, while {primary} has answered for an hour. The primary refuses it or puts it off. See "
        f"{watched.events('delivery')} for its answers, then the primary's settings of the backup's address.",
        runbook=FAILOVER,
    )
    ending = alert(
        "MailHeldMailNearItsEnd",
        "critical",
        f"{age} > {NEAR_THE_END_DAYS * DAY}",
        SETTLED,
        "Held mail is given up soon",
        f"The oldest message is {AGE} old, and after {HELD_FOR_DAYS} days it goes back to its sender. Bring the primary back, or "
        "have this region serve the mailboxes. See the runbook of a failover.",
        runbook=FAILOVER,
    )
    return [stuck, ending]


def _bans(watched: Watched) -> dict[str, Any]:
    return alert(
        "MailOwnAddressBanned",
        "critical",
        f"{_gauge(OWN_BANS, watched)} > 0",
        5 * MINUTE,
        "The mail server has banned an address of its own",
        f"{COUNT} bans are of own addresses, or of private ones outside of `trustedNetworks`: a node or a load balancer that "
        "mail comes through. That shuts everybody out, without a "
        f"word in the log. See {watched.exporter_logs} for which; remove it in the console, and add its network to "
        "`trustedNetworks`.",
    )


def _certificate(watched: Watched) -> list[dict[str, Any]]:
    left = f"({_gauge(CERTIFICATE_END, watched)} - time())"
    see = (
        f"Then other servers and clients refuse {watched.hostname}. See `kubectl -n {watched.namespace} describe certificates`; "
        f"with a certificate of your own, put the new one into its Secret; else {watched.events('acme')}."
    )
    soon = alert(
        "MailCertificateEnds",
        "warning",
        f"{left} < {CERTIFICATE_DAYS * DAY} and {left} >= {LAST_DAYS * DAY}",
        HOUR,
        f"The certificate of {watched.hostname} was not renewed",
        f"It ends in {AGE}. {see}",
    )
    last = alert(
        "MailCertificateAlmostOver",
        "critical",
        f"{left} < {LAST_DAYS * DAY}",
        SETTLED,
        f"The certificate of {watched.hostname} is over, or will be in days",
        f"{AGE} are left. {see}",
    )
    if not watched.certificate_verified:
        return [soon, last]
    refused = alert(
        "MailCertificateRefused",
        "critical",
        f"{_gauge(CERTIFICATE_TRUSTED, watched)} == 0",
        30 * MINUTE,
        f"Clients refuse the certificate of {watched.hostname}",
        "It is of an authority that they do not know, or not for this name. A server that has no certificate signs one itself: "
        f"see {watched.exporter_logs} for the reason, and `kubectl -n {watched.namespace} describe certificates`, or "
        f"{watched.events('acme')}.",
    )
    return [soon, last, refused]


def _blocklists(watched: Watched) -> list[dict[str, Any]]:
    listed = alert(
        "MailAddressListed",
        "critical",
        f"{_gauge(BLOCKLIST_LISTED, watched)} == 1",
        SETTLED,
        "{{ $labels.address }} is on the blocklist {{ $labels.zone }}",
        "Receivers that use the list refuse its mail. Find out what was sent and stop it, then ask the list to remove the "
        f"address. See `make doctor`, and {watched.events('queue.authenticated')} for who sent.",
        runbook=DOCTOR,
    )
    silent = alert(
        "MailBlocklistSilent",
        "warning",
        # One that has never answered refuses the cluster's resolver, and says so on the dashboard.
        f"{_gauge(BLOCKLIST_ANSWERS, watched)} == 0 and {_gauge(BLOCKLIST_ANSWERS, watched, 'max_over_time({}[7d])')} == 1",
        DAY,
        "The blocklist {{ $labels.zone }} does not answer",
        "For a day it has not answered as it must for its test addresses, so nobody knows whether an own address is on it. Lists "
        "refuse public resolvers: have the cluster's DNS ask by itself, or leave the list out of `monitoring.blocklists`. See "
        "`make doctor`.",
    )
    return [listed, silent]


def _peer(watched: Watched, peer: str) -> dict[str, Any]:
    reachable = f"{_gauge(PEER_REACHABLE, watched)} == 0"
    see = f"See {watched.exporter_logs} for what it met, and `make doctor` for what the world sees."
    if watched.role == Role.PRIMARY:
        return alert(
            "MailBackupUnreachable",
            "warning",
            reachable,
            SETTLED,
            f"The backup exchange {peer} cannot be reached from the primary",
            "For 15 minutes it has not answered at port 25. No mail is lost while this region is up, and if it goes down now, "
            f"nobody takes mail for it. {see}",
        )
    return alert(
        "MailPrimaryUnreachable",
        "critical",
        reachable,
        SETTLED,
        f"The primary exchange {peer} cannot be reached from the backup",
        f"For 15 minutes it has not answered at port 25. Mail is held here for up to {HELD_FOR_DAYS} days and handed over when "
        f"it is back; a growing queue is right until then. {see}",
        runbook=FAILOVER,
    )


def volume_rules(watched: Watched) -> list[dict[str, Any]]:
    """The volumes with the mail, as the kubelet sees them."""
    of = f'{{namespace="{watched.namespace}",persistentvolumeclaim=~"{"|".join(watched.claims)}"}}'
    free = f"min by (namespace, persistentvolumeclaim) ({AVAILABLE}{of} / {CAPACITY}{of})"
    see = f"Make it larger: see `kubectl -n {watched.namespace} get pvc`, and `storage.size`."
    filling = alert(
        "MailVolumeFills",
        "warning",
        f"{free} < {FREE} and {free} >= {LAST_FREE}",
        SETTLED,
        "The volume {{ $labels.persistentvolumeclaim }} fills up",
        f"{SHARE} of it is free. When it is full, no mail is taken any more. {see}",
        runbook=GROW,
    )
    full = alert(
        "MailVolumeFull",
        "critical",
        f"{free} < {LAST_FREE}",
        5 * MINUTE,
        "The volume {{ $labels.persistentvolumeclaim }} is nearly full",
        f"{SHARE} of it is free. When it is full, no mail is taken any more. {see}",
        runbook=GROW,
    )
    return [filling, full]
