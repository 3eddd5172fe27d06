"""Monitoring in a region: what is registered, who may ask whom, and that nothing is there until it is wanted."""

import base64
import json

import pytest

from components.monitoring.jobs.metrics import PORT
from offline.recorder import Secret, has_secret, reveal
from tests.conftest import changed, manifests, named, recorded
from tests.contract import judges
from tests.program.stacks import run, settings_of
from tests.program.test_failover import ACTIVE, HERE

CHILDREN = {
    *("metrics-user", "programs", "libraries", "policy", "exporter", "server-monitor", "exporter-monitor", "alerts", "dashboard"),
}


def children(recording, name="monitoring"):
    return {r.name.removeprefix(f"{name}-") for r in recording.resources.values() if r.name.startswith(f"{name}-")}


def environment(recording, name="monitoring"):
    (container,) = named(recording, f"{name}-exporter").inputs["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in container["env"]}


def alerts(recording, name="monitoring"):
    return {rule["alert"] for group in named(recording, f"{name}-alerts").inputs["spec"]["groups"] for rule in group["rules"]}


@pytest.fixture(params=["primary", "backup"])
def watched(request):
    return changed(request.param, monitoring={})


def test_without_the_setting_nothing_is_there(recording):
    assert children(recording) == set()
    assert not [name for name in recording.resources if "exporter" in name]


def test_with_it_everything_is(watched):
    assert children(watched) == CHILDREN
    assert judges.check_manifests(watched) > 20
    assert not watched.duplicates


def test_the_server_is_read_with_the_password_it_has(watched):
    (endpoint,) = named(watched, "monitoring-server-monitor").inputs["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("http", "/metrics/prometheus")
    secrets = {m["metadata"]["name"]: m["data"] for m in manifests(watched) if m["kind"] == "Secret"}
    given = {part: secrets[ref["name"]][ref["key"]] for part, ref in endpoint["basicAuth"].items()}
    assert base64.b64decode(given["username"]) == b"prometheus"
    assert base64.b64decode(given["password"])
    labels = named(watched, "stalwart-server").inputs["spec"]["template"]["metadata"]["labels"]
    selector = named(watched, "monitoring-server-monitor").inputs["spec"]["selector"]["matchLabels"]
    assert selector.items() <= labels.items()
    ports = named(watched, "stalwart-server").inputs["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert endpoint["port"] in {port["name"] for port in ports}


def test_the_exporter_knows_only_its_own_password(watched):
    pod = named(watched, "monitoring-exporter").inputs["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    found = environment(watched)
    assert found["STALWART_PASSWORD"]["secretKeyRef"] == {"name": "stalwart-exporter", "key": "password", "optional": True}
    passwords = json.dumps(reveal(named(watched, "stalwart-follow-up").inputs))
    assert f'"path": "kept/{found["STALWART_USER"]}"' in passwords
    account = found["STALWART_USER"].partition("@")[0]
    assert account in next(m["data"]["plan.ndjson"] for m in manifests(watched) if "plan.ndjson" in m.get("data", {}))


def test_what_is_secret_is_in_secrets_alone(watched):
    for resource in watched.resources.values():
        if has_secret(resource.inputs):
            assert resource.type == "kubernetes:core/v1:Secret", resource.urn
    assert isinstance(named(watched, "stalwart-exporter").inputs["data"], Secret)


def test_the_library_in_the_config_map_is_on_the_path(watched):
    programs, libraries = (named(watched, f"monitoring-{name}").inputs for name in ("programs", "libraries"))
    assert environment(watched)["PYTHONPATH"] == "/program"
    assert {"exporter.py", "jmap.py", "__init__.py"} <= programs["data"].keys()
    pod = named(watched, "monitoring-exporter").inputs["spec"]["template"]["spec"]
    places = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    maps = {volume["name"]: volume["configMap"] for volume in pod["volumes"]}
    assert maps[places["/program/jobs"]] == {"name": programs["metadata"]["name"]}
    library = maps[places["/program/prometheus_client"]]
    assert library["name"] == libraries["metadata"]["name"]
    assert {item["key"] for item in library["items"]} == libraries["data"].keys()
    assert {"__init__.py", "openmetrics/exposition.py", "LICENSE"} <= {item["path"] for item in library["items"]}


def test_every_object_fits_the_annotation_of_a_client_side_apply(watched):
    # kubectl writes the whole object into one, and Kubernetes takes 262,144 bytes of them together.
    sizes = {f"{m['kind']}/{m['metadata']['name']}": len(json.dumps(m)) for m in manifests(watched)}
    assert {name: size for name, size in sizes.items() if size > 200_000} == {}
    assert max(sizes.values()) > 100_000, "the library is among them"


def test_an_exporter_that_answers_nobody_is_started_again(watched):
    (container,) = named(watched, "monitoring-exporter").inputs["spec"]["template"]["spec"]["containers"]
    probe = container["livenessProbe"]
    assert probe["httpGet"] == {"path": "/metrics", "port": container["ports"][0]["name"]}
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 300


def test_each_region_watches_the_other():
    primary, backup = (changed(stack, monitoring={}) for stack in ("primary", "backup"))
    assert environment(primary)["PEER"] == "mx2.example.com"
    assert environment(backup)["PEER"] == "mx1.example.com"
    assert json.loads(environment(primary)["ADDRESSES"]) == ["203.0.113.10"]
    assert "MailBackupUnreachable" in alerts(primary)
    assert {"MailPrimaryUnreachable", "MailHeldMailStuck"} <= alerts(backup)
    assert "MailQueueLong" not in alerts(backup)
    for recording, about in ((primary, "eu-west-1"), (backup, "eu-central-1")):
        labels = [
            rule["labels"] for group in named(recording, "monitoring-alerts").inputs["spec"]["groups"] for rule in group["rules"]
        ]
        assert {found["region"] for found in labels} == {about}
    regions = {named(r, "monitoring-alerts").inputs["metadata"]["namespace"] for r in (primary, backup)}
    assert regions == {"mail"}


def test_a_smarthost_for_all_mail_hides_the_own_addresses():
    ses = {"name": "ses", "hostname": "smtp.example.net"}
    hidden = environment(changed("primary", monitoring={}, smarthosts=[ses]))
    assert "PEER" not in hidden
    assert json.loads(hidden["ADDRESSES"]) == []
    shown = environment(changed("primary", monitoring={}, smarthosts=[{**ses, "domains": ["partner.example"]}]))
    assert (shown["PEER"], json.loads(shown["ADDRESSES"])) == ("mx2.example.com", ["203.0.113.10"])


def test_where_accounts_are_in_a_directory_the_queue_is_left_alone():
    found = changed("primary", monitoring={}, directory={"oidc": {"issuerUrl": "https://id.example.com"}})
    assert "STALWART_PASSWORD" not in environment(found)
    assert not {"MailQueueLong", "MailOwnAddressBanned"} & alerts(found)
    assert "stalwart-exporter" not in {resource.name for resource in found.resources.values()}


def test_a_fenced_server_is_not_watched():
    assert children(changed("primary", monitoring={}, mode="fenced")) == set()


def test_mailboxes_that_stand_in_are_watched_as_a_primary_and_share_the_dashboard():
    found = run("backup", settings_of("backup", **ACTIVE, monitoring={}, restore={**HERE, "checked": True}), recorded("primary"))
    assert children(found, "mailboxes-monitoring") == CHILDREN - {"dashboard"}
    assert children(found) == CHILDREN
    assert environment(found, "mailboxes-monitoring")["HOST"] == "mx1.example.com"
    assert environment(found, "mailboxes-monitoring")["STALWART_USER"] == "mail-exporter@example.com"
    assert environment(found)["STALWART_USER"] == "mail-exporter@mx2.example.com"
    assert "MailQueueLong" in alerts(found, "mailboxes-monitoring")


def test_the_settings_reach_the_objects():
    monitoring = {
        "labels": {"release": "prometheus"},
        "blocklists": ["zen.example.org"],
        "queueLimit": 77,
        "dashboardLabels": {"dashboards": "mail"},
        "dashboardNamespace": "grafana",
    }
    found = changed("primary", monitoring=monitoring)
    for name in ("alerts", "server-monitor", "exporter-monitor"):
        assert named(found, f"monitoring-{name}").inputs["metadata"]["labels"]["release"] == "prometheus"
    shown = named(found, "monitoring-dashboard").inputs["metadata"]
    assert (shown["namespace"], shown["labels"]["dashboards"]) == ("grafana", "mail")
    assert json.loads(environment(found)["BLOCKLISTS"]) == ["zen.example.org"]
    assert "> 77" in json.dumps(named(found, "monitoring-alerts").inputs["spec"])
    assert "dashboard" not in children(changed("primary", monitoring={"dashboard": False}))


@pytest.mark.parametrize(
    ("settings", "is_watched"),
    [
        ({"monitoring": {}}, True),
        ({"monitoring": {"publicCertificate": False}}, False),
        ({"monitoring": {}, "tls": {}}, False),  # one that the server signs itself
    ],
)
def test_a_certificate_that_clients_should_trust_is_watched(settings, is_watched):
    found = changed("primary", **settings)
    assert ("CERTIFICATE" in environment(found)) == is_watched
    assert ("MailCertificateRefused" in alerts(found)) == is_watched


def test_of_a_database_the_volumes_are_watched_that_are_here():
    from tests.program.test_storage import DISTRIBUTED

    text = json.dumps(named(changed("primary", monitoring={}, storage=DISTRIBUTED), "monitoring-alerts").inputs["spec"])
    assert "stalwart-database-[0-9]+(-wal)?" in text
    assert "stalwart-data|" not in text


def test_a_brought_secret_has_the_password():
    found = changed("primary", monitoring={}, adminSecretName="brought")
    (endpoint,) = named(found, "monitoring-server-monitor").inputs["spec"]["podMetricsEndpoints"]
    assert endpoint["basicAuth"]["password"] == {"name": "brought", "key": "metrics-password"}


def test_scrapers_find_the_port_of_the_exporter(watched):
    (container,) = named(watched, "monitoring-exporter").inputs["spec"]["template"]["spec"]["containers"]
    (endpoint,) = named(watched, "monitoring-exporter-monitor").inputs["spec"]["podMetricsEndpoints"]
    assert container["ports"] == [{"name": endpoint["port"], "containerPort": PORT}]
    assert environment(watched)["PORT"] == str(PORT)
