"""What a server is watched by, as plain data: names that are real, alerts that are complete, and a dashboard that fits."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from components.checks import ArgumentsError
from components.monitoring import dashboard
from components.monitoring.alerts import spec
from components.monitoring.arguments import MailMonitoringArgs, resolve
from components.monitoring.jobs.metrics import METRICS
from components.monitoring.promql import grown
from components.monitoring.server_alerts import SUCCESS
from components.monitoring.watched import Watched
from components.stalwart.arguments import Role
from offline.program import PROJECT_FOLDER

PRIMARY = Watched("mail", Role.PRIMARY, "mx1.example.com", "mx2.example.com", True, ("stalwart-data",), 1000)
BACKUP = replace(PRIMARY, role=Role.BACKUP, hostname="mx2.example.com", peer="mx1.example.com")
ARGS = MailMonitoringArgs(hostname="mx1.example.com")

LISTED = [line for line in (Path(__file__).parent / "server_metrics.txt").read_text().splitlines() if not line.startswith("#")]
OF_THE_SERVER = {re.sub(r"[^A-Za-z0-9]", "_", name) for name in LISTED}
# The Community edition exports neither: crates/trc/src/ipc/metrics.rs, `collect_gauges` and `collect_histograms`.
ENTERPRISE = {
    *("queue_count", "message_ingest_time", "message_ingest_index_time", "outgoing_report_size", "dns_lookup_time"),
    *("store_data_read_time", "store_data_write_time", "store_blob_read_time", "store_blob_write_time"),
}
# The end of a connection is no counter: crates/trc/src/ipc/metrics.rs, `record_metric`.
NOT_COUNTED = {name for name in OF_THE_SERVER if name.endswith(("_connection_end", "delivery_attempt_end"))}
OF_OTHERS = {
    "up",  # Prometheus itself, of every scrape
    # Kubernetes v1.35, pkg/kubelet/metrics/collectors/volume_stats.go
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
    "velero_backup_last_successful_timestamp",  # Velero v1.18.3, pkg/metrics/metrics.go
}
REAL = (OF_THE_SERVER - ENTERPRISE - NOT_COUNTED) | {metric.full_name for metric in METRICS} | OF_OTHERS


def rules(watched):
    return [rule for group in spec(watched)["groups"] for rule in group["rules"]]


def names(watched):
    return {rule["alert"] for rule in rules(watched)}


def metrics_in(expression):
    return set(re.findall(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{", expression))


QUERIES = [target["expr"] for panel in dashboard.model()["panels"] for target in panel["targets"]]
QUERIES += [
    re.sub(r"label_values\((\w+)(\{[^}]*\})?.*", r"\1{}", item["query"]["query"])
    for item in dashboard.model()["templating"]["list"][1:]
]


@pytest.mark.parametrize("expression", [*(rule["expr"] for w in (PRIMARY, BACKUP) for rule in rules(w)), *QUERIES])
def test_every_metric_that_is_asked_for_is_real(expression):
    asked = metrics_in(expression)
    assert asked
    assert asked - REAL == set()


def test_the_list_of_real_names_can_say_no():
    assert len(LISTED) > 300
    for name in ("queue_count", "delivery_failed", "stalwart_messages_received_total", "smtp_connection_end"):
        assert name not in REAL


BOTH = {"MailServerDown", "MailServerPodDown", "MailStoreErrors", "MailRelayAttempts"}
SERVER = BOTH | {"MailDeliveryFailing", "MailAuthenticationAttack", "MailSpamSurge", "MailSubmissionSurge"}
SEEN = {"MailExporterDown", "MailCheckFails", "MailCertificateEnds", "MailCertificateAlmostOver", "MailAddressListed"}
SEEN |= {"MailBlocklistSilent", "MailCheckHangs"}
QUEUE = {"MailQueueLong", "MailQueueGrowing", "MailQueueOld", "MailNothingDelivered"}
HELD = {"MailHeldMailStuck", "MailHeldMailNearItsEnd"}
VOLUMES = {"MailVolumeFills", "MailVolumeFull"}


@pytest.mark.parametrize(
    ("watched", "expected"),
    [
        (PRIMARY, SERVER | SEEN | QUEUE | VOLUMES | {"MailOwnAddressBanned", "MailBackupUnreachable"}),
        (BACKUP, BOTH | SEEN | HELD | VOLUMES | {"MailOwnAddressBanned", "MailPrimaryUnreachable"}),
        (replace(PRIMARY, peer=None), SERVER | SEEN | QUEUE | VOLUMES | {"MailOwnAddressBanned"}),
        (replace(PRIMARY, reads_queue=False), SERVER | SEEN | VOLUMES | {"MailBackupUnreachable"}),
        (
            replace(PRIMARY, certificate_verified=True),
            SERVER | SEEN | QUEUE | VOLUMES | {"MailOwnAddressBanned", "MailBackupUnreachable", "MailCertificateRefused"},
        ),
        (replace(PRIMARY, claims=()), SERVER | SEEN | QUEUE | {"MailOwnAddressBanned", "MailBackupUnreachable"}),
    ],
    ids=["primary", "backup", "one region", "accounts in a directory", "a public certificate", "a database elsewhere"],
)
def test_there_are_alerts_of_what_is_watched_and_no_others(watched, expected):
    assert names(watched) == expected


@pytest.mark.parametrize("rule", [*rules(PRIMARY), *rules(BACKUP)], ids=lambda rule: rule["alert"])
def test_every_alert_is_complete(rule):
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Mail([A-Z][a-z]+)+", rule["alert"])
    assert int(re.fullmatch(r"(\d+)s", rule["for"])[1]) >= 300
    assert rule["labels"].keys() == {"severity", "namespace", "host"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() - {"runbook"} == {"summary", "description"}
    description = rule["annotations"]["description"]
    assert description.endswith(".")
    assert re.search(r"[Ss]ee (`(kubectl|make)|the runbook)", description), "it says what to type next"


def test_no_alert_of_two_servers_is_the_same():
    first = replace(PRIMARY, region="eu-west-1")
    # One has the mailboxes of the other after a failover: the same name in the same region, for a while.
    for second in (
        replace(BACKUP, region="eu-central-1"),
        replace(first, namespace="mail-2"),
        replace(first, region="eu-central-1"),
    ):
        told = [{(rule["alert"], *sorted(rule["labels"].items())) for rule in rules(watched)} for watched in (first, second)]
        assert not told[0] & told[1]
    assert {rule["labels"]["region"] for rule in rules(first)} == {"eu-west-1"}
    assert {rule["labels"]["host"] for rule in rules(first)} == {"mx1.example.com"}


def test_a_runbook_is_there_and_more_than_a_repetition():
    found = {rule["annotations"]["runbook"] for w in (PRIMARY, BACKUP) for rule in rules(w) if "runbook" in rule["annotations"]}
    assert "docs/runbooks/grow.md" in found
    assert not [page for page in found if page.startswith("docs/monitoring.md")]
    for page, _, anchor in (runbook.partition("#") for runbook in found):
        text = (PROJECT_FOLDER / page).read_text()
        headings = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)}
        assert anchor in {"", *headings}


def test_the_log_of_every_pod_is_read():
    commands = {c for w in (PRIMARY, BACKUP) for r in rules(w) for c in re.findall(r"`(kubectl -n mail logs [^`]*)`", str(r))}
    pods = "-l app.kubernetes.io/name=stalwart,app.kubernetes.io/component=server --tail=-1 --since=1h --prefix"
    assert {command.partition(" | ")[0] for command in commands} == {
        f"kubectl -n mail logs {pods}",
        "kubectl -n mail logs deployment/mail-exporter",
    }


@pytest.mark.parametrize("watched", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_only_the_own_namespace_is_looked_at(watched):
    for rule in rules(replace(watched, namespace="post")):
        assert len(re.findall(r'job="post/(stalwart|mail-exporter)"|namespace="post"', rule["expr"])) == rule["expr"].count("{")


def test_a_counter_that_is_there_for_the_first_time_has_grown():
    text = grown("auth_failed", 'job="mail/stalwart"', "900s")
    assert "unless" in text
    assert text.endswith("or vector(0))")


def test_the_dashboard_is_the_same_every_time_and_fills_its_rows():
    assert dashboard.text() == dashboard.text()
    model = json.loads(dashboard.text())
    places = [panel["gridPos"] for panel in model["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells)), "no two panels overlap"
    assert {x for x, _ in cells} == set(range(24))
    assert len(cells) == 24 * (1 + max(y for _, y in cells)), "and there is no hole"
    assert len({panel["id"] for panel in model["panels"]}) == len(model["panels"])


def test_the_first_row_has_the_four_figures():
    first = [panel["title"] for panel in dashboard.model()["panels"] if panel["gridPos"]["y"] == 0]
    assert first == ["Received", "Sent", "Spam caught", "Queue length"]


def test_a_success_below_the_limit_can_be_seen():
    (panel,) = [p for p in dashboard.model()["panels"] if p["title"] == "Delivery success" and p["type"] == "timeseries"]
    defaults = panel["fieldConfig"]["defaults"]
    assert (defaults["custom"]["axisSoftMin"], defaults["max"]) == (0.9, 1)
    assert "min" not in defaults, "worse is seen too"
    assert defaults["custom"]["thresholdsStyle"] == {"mode": "line"}
    assert [step["value"] for step in defaults["thresholds"]["steps"]] == [None, SUCCESS]


def test_every_panel_says_what_it_shows_and_asks_the_chosen_source():
    for panel in dashboard.model()["panels"]:
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            assert "increase(" not in target["expr"] or "or vector(0)" in target["expr"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hostname": "mx1"}, "hostname: `mx1` is not a fully qualified host name"),
        ({"role": "third"}, "role: `third` is not one of primary, backup"),
        ({"peer": "mx1.example.com"}, "peer: `mx1.example.com` is this server itself"),
        ({"trusted_networks": ["10.0.0.0/33"]}, "trusted_networks: `10.0.0.0/33`"),
        ({"blocklists": ["zen"]}, "blocklists: `zen`"),
        ({"queue_limit": 0}, "queue_limit: `0` is not 1 or more"),
        ({"job_image": "python:latest"}, "job_image: `python:latest`"),
    ],
)
def test_a_wrong_argument_is_named(changes, message):
    with pytest.raises(ArgumentsError, match=re.escape(message)):
        resolve({**ARGS, **changes})


def test_every_wrong_argument_is_named_at_once():
    with pytest.raises(ArgumentsError) as refused:
        resolve({**ARGS, "role": "third", "queue_limit": -1, "blocklists": ["zen"]})
    assert len(str(refused.value).splitlines()) == 4


def test_a_whole_number_that_arrives_as_a_float_stays_whole():
    assert str(resolve({**ARGS, "queue_limit": 500.0}).queue_limit) == "500"
