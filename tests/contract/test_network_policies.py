"""Who may talk to whom: the network policies of every kind of stack, asked as somebody who reviews them would ask."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from components.backup.jobs import metrics
from components.backup.jobs.scratch import scratch_pod
from components.monitoring.jobs.metrics import PORT as EXPORTER_PORT
from offline.recorder import Recording
from tests.conftest import named
from tests.contract.network_policies import Cluster, End, Outside, Pod, cluster_of, pod_of, pods_of
from tests.program.stacks import run, settings_of
from tests.program.test_storage import DISTRIBUTED

Row = tuple[str, str, str, bool]
"""From, to, ports with a protocol unless it is TCP, and whether it is let through."""

YES, NO = True, False
MAIL = "25 465 587 993 4190 443"
SCRAPED = {"monitoring": {"stalwart-mail/scrape": "true"}}
DRILL_LABELS = {"app.kubernetes.io/name": "mail-backup", "app.kubernetes.io/component": "drill"}
DATABASE_LABELS = {"app.kubernetes.io/name": "postgresql", "cnpg.io/cluster": "stalwart-database"}  # as CloudNativePG sets them
PLAN_LABELS = {"app.kubernetes.io/name": "stalwart", "app.kubernetes.io/component": "plan"}

OTHERS: Mapping[str, End] = {
    "the Internet": Outside("198.18.7.7"),
    "the IPv6 Internet": Outside("2001:db8::7"),
    "the API server": Outside("172.16.0.1"),
    "an app": Pod("apps", {"app": "shop"}),
    "an app that says it is the plan's Job": Pod("apps", PLAN_LABELS),
    "an app that says it is the drill": Pod("apps", DRILL_LABELS),
    "a neighbour": Pod("mail", {"app": "debug"}),  # in the server's own namespace
    "Prometheus": Pod("monitoring", {"app": "prometheus"}),
    "another Prometheus": Pod("metrics", {"app": "prometheus"}),  # whose namespace has no label
    "Velero": Pod("velero", {"app.kubernetes.io/name": "velero"}),
    "DNS": Pod("kube-system", {"k8s-app": "kube-dns"}),
    "the database": Pod("mail", DATABASE_LABELS),
    "the restored database": Pod("mail-2", DATABASE_LABELS),
    "a store": Pod("stores", {"app": "store"}),
    "the drill's server": pod_of("mail-drill", scratch_pod("mail-drill", "image:1", "config", "claim")),
    "a pod of the drill's namespace": Pod("mail-drill", {"app": "unknown"}),
}


def _primary(**changes) -> Recording:
    return run("primary", settings_of("primary", **changes))


def _backup(primary: Recording | None = None, **changes) -> Recording:
    return run("backup", settings_of("backup", **changes), primary or _primary())


def _active(checked: bool, **changes) -> Recording:
    restore = {"namespace": "mail-2", "exposure": {"addresses": ["198.51.100.21"]}, "checked": checked}
    return _backup(mode="active", primaryIsFenced=True, restore=restore, **changes)


def _active_on_stores() -> Recording:
    storage = {**DISTRIBUTED, "archive": {**DISTRIBUTED["archive"], "bucket": "example-mail-database-b"}}
    restore = {"namespace": "mail-2", "storage": storage}
    return _backup(_primary(storage=DISTRIBUTED), mode="active", primaryIsFenced=True, restore=restore)


def _watched_backup() -> Recording:
    backup = settings_of("backup")["mail:backup"]
    return _backup(backup={**backup, "alerts": True, "drill": {"cron": "23 4 2 * *"}})


NAMED = {
    "telemetry": {
        "otlp": {"endpoint": "http://otlp.stores.svc:4318"},
        "webhooks": [{"url": "http://hook.stores.svc:8081/x", "events": ["security.abuse-ban"]}],
    },
    "directory": {"ldap": {"url": "ldap://ldap.stores.svc:3890", "baseDn": "dc=x"}},
    "smarthosts": [{"name": "relay", "hostname": "smtp.example.net", "port": 2525, "username": "u", "password": {"name": "s"}}],
    "spam": {"pyzor": True, "rulesUrl": "https://rules.stores.svc:8444/rules.gz"},
    "tls": {"acme": {"contact": "ca@example.com", "directoryUrl": "https://ca.stores.svc:9000/acme/directory"}},
}
SENTINELS = {"redis": {"sentinels": ["redis://s1.stores.svc:26379"]}}


def _exports(exporter: str, server: str, other: str) -> Sequence[Row]:
    """What an exporter reaches: its server's management port and port 25, DNS, and port 25 of the other exchange."""
    return [
        ("Prometheus", exporter, str(EXPORTER_PORT), YES),
        *(
            (source, exporter, str(EXPORTER_PORT), NO)
            for source in ("the Internet", "an app", "a neighbour", "another Prometheus")
        ),
        (exporter, server, "25 8080", YES),
        (exporter, server, "443 465 587 993 4190 5432", NO),
        (exporter, other, "25", YES),
        (exporter, other, "80 443 465 587 8080", NO),
        (exporter, "DNS", "53 53/UDP", YES),
        (exporter, "the API server", "443 6443", NO),
        (exporter, "the database", "5432", NO),
        (exporter, "a store", "6379 443 9000", NO),
    ]


def _tells(source: str) -> Sequence[Row]:
    """What a Job reaches that tells the server something: its management port, and nothing else."""
    refused = {
        "the Internet": "25 80 443 6379",
        "the IPv6 Internet": "25 443",
        "the API server": "443 6443",
        "an app": "80 443 8080",
        "a neighbour": "8080",
        "the database": "5432",
        "stalwart-server": MAIL,
    }
    return [
        (source, "stalwart-server", "8080", YES),
        (source, "DNS", "53 53/UDP", YES),
        (source, "the Internet", "53 53/UDP", YES),
        *((source, target, ports, NO) for target, ports in refused.items()),
        *((other, source, "80 443 8080", NO) for other in ("the Internet", "an app", "Prometheus", "stalwart-server")),
    ]


EVERY_SERVER: Sequence[Row] = [
    *((source, "stalwart-server", "25", YES) for source in ("the Internet", "the IPv6 Internet", "an app", "a neighbour")),
    ("the Internet", "stalwart-server", "8080 5432 9090 22", NO),
    ("the Internet", "stalwart-server", "25/UDP", NO),
    ("the IPv6 Internet", "stalwart-server", "8080", NO),
    *((s, "stalwart-server", "8080", NO) for s in ("an app", "a neighbour", "another Prometheus", "Velero", "the API server")),
    ("an app that says it is the plan's Job", "stalwart-server", "8080", NO),
    ("stalwart-server", "stalwart-server", "8080", NO),
    ("Prometheus", "stalwart-server", "8080", YES),
    ("stalwart-server", "the Internet", "25 465 587 80 443", YES),
    ("stalwart-server", "the IPv6 Internet", "25 465 587 80 443", YES),
    ("stalwart-server", "the Internet", "22 389 5432 6379 6443 8080 24441 24441/UDP 443/UDP", NO),
    ("stalwart-server", "an app", "22 5432 6379 8080", NO),
    ("stalwart-server", "the API server", "6443", NO),
    *(("stalwart-server", target, "53 53/UDP", YES) for target in ("DNS", "the Internet")),
    *_tells("stalwart-apply-plan"),
    *_tells("stalwart-reload-tls"),
]
"""Of whichever role."""

PRIMARYS: Sequence[Row] = [
    *EVERY_SERVER,
    *((source, "stalwart-server", MAIL, YES) for source in ("the Internet", "the IPv6 Internet", "an app")),
    ("the Internet", "stalwart-server", "80 110 143 995", NO),
    *_tells("stalwart-follow-up"),
]

BACKUPS: Sequence[Row] = [
    *EVERY_SERVER,
    ("the Internet", "stalwart-server", "80 465 587 993 4190 443", NO),
    ("an app", "stalwart-server", "465 587 993 443", NO),
]

SCRATCH: Sequence[Row] = [
    *(
        (source, target, ports, NO)
        for source in ("the drill's server", "a pod of the drill's namespace")
        for target, ports in {
            "the Internet": "25 53 53/UDP 80 443 465 587 6379 8080",
            "the IPv6 Internet": "25 53/UDP 443",
            "DNS": "53 53/UDP",
            "the API server": "443 6443",
            "stalwart-server": "25 443 8080",
            "the drill's server": "8080",
            "an app": "80",
            "drill-job": "8080",
        }.items()
    ),
    ("drill-job", "the drill's server", "8080", YES),
    ("drill-job", "the drill's server", "25 443", NO),
    ("drill-job", "the API server", "443 6443", YES),
    ("drill-job", "DNS", "53 53/UDP", YES),
    ("drill-job", "stalwart-server", "8080", NO),
    *(
        (source, "the drill's server", "25 443 8080", NO)
        for source in ("the Internet", "an app", "an app that says it is the drill", "Velero", "Prometheus", "stalwart-server")
    ),
]
"""The drill's namespace: nothing gets out of it, and only the drill gets in."""

FENCED: Sequence[Row] = [
    *((s, "stalwart-server", MAIL, NO) for s in ("the Internet", "the IPv6 Internet", "an app", "a neighbour", "Prometheus")),
    ("the Internet", "stalwart-server", "8080", NO),
    ("an app", "stalwart-server", "8080", NO),
    ("Prometheus", "stalwart-server", "8080", YES),
    ("stalwart-server", "DNS", "53 53/UDP", YES),
    ("stalwart-server", "the Internet", "25 80 465 587 2525 6379 24441/UDP", NO),
    ("stalwart-server", "the IPv6 Internet", "25 80", NO),
    ("stalwart-server", "a store", "25 3890 4318 8081 8444 9000", NO),
]
"""A server that neither takes nor sends, whatever its settings name."""

DISTRIBUTED_SERVERS: Sequence[Row] = [
    ("stalwart-server", "the database", "5432", YES),
    ("stalwart-server", "the Internet", "5432", NO),  # the database is made here, so nowhere else
    ("stalwart-server", "a store", "5432", NO),
    ("stalwart-server", "the database", "8000 9187", NO),  # what the operator and Prometheus talk to
    ("stalwart-server", "a store", "6380 443", YES),
    ("stalwart-server", "a store", "6379 4222 26379", NO),
    ("the database", "the Internet", "443", YES),  # its archive
    ("the database", "the API server", "443 6443", YES),
]

CASES: Mapping[str, tuple[Callable[[], Recording], Sequence[Row]]] = {
    "primary": (_primary, [*PRIMARYS, *SCRATCH, ("stalwart-server", "a store", "389 3890 4318 5432 6380 8081", NO)]),
    "backup": (
        _backup,
        [
            *BACKUPS,
            *SCRATCH,
            ("stalwart-recipients", "stalwart-server", "8080", YES),
            ("stalwart-recipients", "the Internet", "443 53 53/UDP", YES),
            ("stalwart-recipients", "the IPv6 Internet", "443", YES),
            ("stalwart-recipients", "the Internet", "25 80 587 8080", NO),
            ("stalwart-recipients", "stalwart-server", "25", NO),
            ("stalwart-recipients", "the API server", "6443", NO),
            ("the Internet", "stalwart-recipients", "443 8080", NO),
        ],
    ),
    "backup with a list of recipients": (
        lambda: _backup(recipients={"source": "list", "addresses": ["a@example.com"]}),
        [
            *BACKUPS,
            *_tells("stalwart-recipients"),
        ],
    ),
    "extra listeners": (
        lambda: _primary(extraListeners=["imap", "pop3", "pop3s"]),
        [*EVERY_SERVER, ("the Internet", "stalwart-server", f"{MAIL} 110 143 995", YES)],
    ),
    "host ports": (lambda: _primary(exposure={"kind": "HostPort", "addresses": ["203.0.113.10"]}), PRIMARYS),
    "node ports": (lambda: _primary(exposure={"kind": "NodePort", "addresses": ["203.0.113.10"]}), PRIMARYS),
    "named hosts": (
        lambda: _primary(**NAMED),
        [
            ("stalwart-server", "a store", "3890 4318 8081 8444 9000 2525", YES),
            ("stalwart-server", "the Internet", "2525 24441/UDP", YES),
            ("stalwart-server", "the Internet", "389 24441 6379", NO),
            ("stalwart-apply-plan", "a store", "3890 4318 8081", NO),
            ("stalwart-follow-up", "a store", "3890", NO),
            ("the Internet", "stalwart-server", "8080", NO),
        ],
    ),
    "distributed": (
        lambda: _primary(storage=DISTRIBUTED),
        [*PRIMARYS, *DISTRIBUTED_SERVERS, ("stalwart-server", "stalwart-server", "25", YES)],
    ),
    "distributed, with an autoscaler": (
        lambda: _primary(storage={**DISTRIBUTED, "replicas": 1, "maxReplicas": 6}),
        # A pod waits for the one before it to serve, also when it is the autoscaler that adds it.
        [*DISTRIBUTED_SERVERS, ("stalwart-server", "stalwart-server", "25", YES)],
    ),
    "distributed, with Sentinels": (
        lambda: _primary(storage={**DISTRIBUTED, **SENTINELS}),
        [("stalwart-server", "a store", "26379 6379 443", YES), ("stalwart-server", "a store", "6380 4222", NO)],
    ),
    "distributed, with NATS": (
        lambda: _primary(storage={**DISTRIBUTED, "redis": None, "nats": {"addresses": ["nats.stores.svc:4333"]}}),
        [("stalwart-server", "a store", "4333 443", YES), ("stalwart-server", "a store", "6379 6380 4222", NO)],
    ),
    "distributed, with a database elsewhere": (
        lambda: _primary(
            storage={
                **DISTRIBUTED,
                "archive": None,
                "database": {"host": "pg.stores.svc", "port": 6432, "password": {"name": "pg"}},
            }
        ),
        [("stalwart-server", "a store", "6432 6380 443", YES), ("stalwart-server", "a store", "5432", NO)],
    ),
    "fenced": (
        lambda: _primary(mode="fenced", **NAMED),
        [*FENCED, *_tells("stalwart-apply-plan"), *SCRATCH, ("stalwart-server", "the Internet", "443", NO)],
    ),
    "fenced and distributed": (
        lambda: _primary(mode="fenced", storage=DISTRIBUTED, **NAMED),
        [*FENCED, *DISTRIBUTED_SERVERS],
    ),
    "drill that is watched": (
        _watched_backup,
        [*SCRATCH, ("Prometheus", "drill-metrics", str(metrics.PORT), YES), ("drill-metrics", "the drill's server", "8080", NO)],
    ),
    "monitored": (
        lambda: _primary(monitoring={}),
        [*PRIMARYS, *_exports("monitoring-exporter", "stalwart-server", "the Internet")],
    ),
    "monitored backup": (
        lambda: _backup(monitoring={}),
        [*BACKUPS, *_exports("monitoring-exporter", "stalwart-server", "the Internet")],
    ),
    "monitored, and one region alone": (
        lambda: _primary(monitoring={}, backupExchange=None, directory={"oidc": {"issuerUrl": "https://id.example.com"}}),
        [
            ("monitoring-exporter", "stalwart-server", "25", YES),
            ("monitoring-exporter", "stalwart-server", "8080", NO),  # it has no account there
            ("monitoring-exporter", "the Internet", "25", NO),
        ],
    ),
    "monitored, restored and serving": (
        lambda: _active(checked=True, monitoring={}),
        [
            *_exports("mailboxes-monitoring-exporter", "mailboxes-server", "stalwart-server"),
            *_exports("monitoring-exporter", "stalwart-server", "mailboxes-server"),
        ],
    ),
    "restored and fenced": (
        lambda: _active(checked=False),
        [
            *BACKUPS,
            *SCRATCH,
            *((s, "mailboxes-server", f"{MAIL} 8080", NO) for s in ("the Internet", "an app", "stalwart-server")),
            *((s, "mailboxes-server", "8080", NO) for s in ("stalwart-apply-plan", "stalwart-recipients", "drill-job")),
            ("mailboxes-server", "the Internet", "25 80 443 587", NO),
            ("mailboxes-server", "stalwart-server", "25 8080", NO),
            ("mailboxes-server", "DNS", "53 53/UDP", YES),
            ("mailboxes-apply-plan", "mailboxes-server", "8080", YES),
            ("restore-check-job", "mailboxes-server", "8080", YES),
            ("restore-check-job", "stalwart-server", "8080", NO),
            ("restore-check-job", "the Internet", "25 80 443", NO),
            ("restore-check-job", "the API server", "443 6443", NO),
            ("restore-job", "the API server", "443 6443", YES),
            ("restore-job", "mailboxes-server", f"{MAIL} 8080", NO),
        ],
    ),
    "restored to a database, and fenced": (
        _active_on_stores,
        [
            ("mailboxes-server", "the restored database", "5432", YES),
            ("mailboxes-server", "a store", "6380 443", YES),
            ("mailboxes-server", "the Internet", "25 80 587 5432", NO),
            ("mailboxes-server", "an app", "5432", NO),
            ("the Internet", "mailboxes-server", f"{MAIL} 8080", NO),
            ("the restored database", "the Internet", "443", YES),
        ],
    ),
    "restored and serving": (
        lambda: _active(checked=True),
        [
            *BACKUPS,
            *SCRATCH,
            ("the Internet", "mailboxes-server", MAIL, YES),
            ("the IPv6 Internet", "mailboxes-server", MAIL, YES),
            ("the Internet", "mailboxes-server", "8080", NO),
            ("Prometheus", "mailboxes-server", "8080", YES),
            ("mailboxes-server", "the Internet", "25 80 443 465 587", YES),
            ("mailboxes-follow-up", "mailboxes-server", "8080", YES),
            ("mailboxes-follow-up", "stalwart-server", "8080", NO),
            ("stalwart-apply-plan", "mailboxes-server", "8080", NO),
            # The exchange hands over what it holds, and reads the recipients, now inside one cluster.
            ("stalwart-server", "mailboxes-server", "25", YES),
            ("stalwart-recipients", "mailboxes-server", "443", YES),
            ("stalwart-recipients", "mailboxes-server", "8080 25", NO),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_who_may_talk_to_whom(case: str):
    record, rows = CASES[case]
    recording = record()
    cluster, ends = cluster_of(recording, SCRAPED), {**OTHERS, **pods_of(recording)}
    wrong = [
        f"{source} -> {target} {port} is {'refused' if expected else 'allowed'} where blocks match {reading}"
        for source, target, ports, expected in rows
        for port in ports.split()
        for reading, blocks_match_pods in (("pods", True), ("no pod", False))
        if _asked(cluster, ends[source], ends[target], port, blocks_match_pods) != expected
    ]
    assert not wrong, "\n".join(wrong)


def _asked(cluster: Cluster, source: End, target: End, port: str, blocks_match_pods: bool) -> bool:
    number, _, protocol = port.partition("/")
    return cluster.allows(source, target, int(number), protocol or "TCP", blocks_match_pods=blocks_match_pods)


@pytest.mark.parametrize("case", CASES)
def test_every_pod_beside_the_mail_is_behind_a_policy_in_both_directions(case: str):
    """But those in Velero's namespace, and the Job that restores: it comes before the server, and asks the API server alone."""
    recording = CASES[case][0]()
    cluster = cluster_of(recording)
    pods = {name: pod for name, pod in pods_of(recording).items() if pod.namespace != "velero" and name != "restore-job"}
    assert pods
    for name, pod in pods.items():
        for direction in ("Ingress", "Egress"):
            assert cluster.governing(pod, direction), (name, direction)


def test_the_usual_authority_is_in_the_world_and_nothing_more_is_opened_for_it():
    issued, own = (
        named(_primary(tls=tls), "stalwart-server-policy").inputs["spec"]["egress"]
        for tls in ({"issuer": "letsencrypt"}, {"acme": {"contact": "ca@example.com"}})
    )
    assert own == issued
