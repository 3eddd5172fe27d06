"""Fencing, taking over and going back, as recorded: which objects there are, and what is refused."""

import json

import pulumi
import pytest

from offline.recorder import Recording, has_secret, reveal
from tests.conftest import PRIMARY, changed, named, only, recorded
from tests.program.stacks import run, settings_of
from tests.program.test_storage import DISTRIBUTED

ACTIVE = {"mode": "active", "primaryIsFenced": True}
HERE = {
    "namespace": "mail-2",
    "exposure": {"addresses": ["198.51.100.21"]},
}
JOB = "kubernetes:batch/v1:Job"
HOST = "mx1.example.com"
CLUSTER = "kubernetes:postgresql.cnpg.io/v1:Cluster"


def active(**restore) -> Recording:
    return changed("backup", **ACTIVE, restore={**HERE, **restore})


def _container(recording: Recording, server: str):
    return named(recording, f"{server}-server").inputs["spec"]["template"]["spec"]["containers"][0]


def _variables(container) -> dict[str, object]:
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def _objects(recording: Recording, prefix: str) -> set[str]:
    return {r.name.removeprefix(prefix) for r in recording.resources.values() if r.name.startswith(prefix) and r.custom}


# Taking over


def test_the_restored_server_is_the_primarys_in_every_setting_that_is_not_the_regions():
    told = named(active(checked=True), "mailboxes-plan").inputs["data"]["plan.ndjson"].splitlines()
    usual = named(recorded("primary"), "stalwart-plan").inputs["data"]["plan.ndjson"].splitlines()
    differing = {json.loads(line)["object"] for line in set(told) ^ set(usual)}
    # Only who the other exchange is, and where it comes from, is of the region.
    assert differing <= {
        "AllowedIp",
        "MtaStageEhlo",
        "MtaStageMail",
        "MtaStageRcpt",
        "SenderAuth",
        "MtaInboundThrottle",
        "MtaSts",
    }
    assert [line for line in told if '"Domain"' in line] == [line for line in usual if '"Domain"' in line]


def test_it_signs_with_the_primarys_keys_which_no_output_shows():
    recording = active()
    keys = named(recording, "mailboxes-stalwart-dkim-0")
    assert has_secret(keys.inputs)
    assert reveal(keys.inputs["data"]) == reveal(named(recorded("primary"), "stalwart-stalwart-dkim-0").inputs["data"])
    assert has_secret(recorded("primary").outputs["endpoints"]["dkimPrivateKeys"])
    assert not any(has_secret(value) for name, value in recording.outputs.items() if name != "endpoints")


def test_it_starts_fenced_without_a_way_in_or_out():
    recording = active()
    container = _container(recording, "mailboxes")
    assert _variables(container)["STALWART_RECOVERY_MODE"] == "1"
    policy = named(recording, "mailboxes-server-policy").inputs["spec"]
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == {8080}
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53}
    # Of all times, now the backup's own exchange must be reached.
    assert "mx2.example.com. 3600 IN A 198.51.100.20\n" in recording.outputs["zones"]["example.com"]
    stand_in = recording.outputs["mailboxes"]
    assert (stand_in["hostname"], stand_in["namespace"], stand_in["fenced"]) == ("mx1.example.com", "mail-2", True)


def test_it_serves_once_it_was_checked():
    recording = active(checked=True)
    container = _container(recording, "mailboxes")
    assert "STALWART_RECOVERY_MODE" not in _variables(container)
    assert {25, 993} <= {port["containerPort"] for port in container["ports"]}
    assert named(recording, "mailboxes-mail").inputs["spec"]["type"] == "LoadBalancer"
    zone = recording.outputs["zones"]["example.com"]
    assert "mx1.example.com. 3600 IN A 198.51.100.21\n" in zone
    assert zone.count("IN MX") == 1  # its own: that of the primary's host is where it was
    assert recording.outputs["ptr"]["198.51.100.21"] == "mx1.example.com"
    assert recording.outputs["mailboxes"]["addresses"] == ["198.51.100.21"]


def test_at_cloudflare_each_region_has_a_record_of_its_own_for_the_host_and_the_primary_drops_its_own_when_told():
    dns = {"provider": "cloudflare", "apiToken": {"secure": "token"}}
    domains = [{"name": "example.com", "zoneId": "zone"}]

    def host_records(recording: Recording) -> set[tuple[str, str]]:
        found = [record.inputs for record in recording.of_type("cloudflare:index/dnsRecord:DnsRecord")]
        return {(record["content"], record["comment"]) for record in found if (record["name"], record["type"]) == (HOST, "A")}

    primary = changed("primary", dns=dns, domains=domains, mode="fenced")
    assert host_records(primary) == {("203.0.113.10", "Managed by Pulumi (mail/primary): address-203.0.113.10")}
    backup = run("backup", settings_of("backup", **ACTIVE, restore=HERE, dns=dns), primary)
    assert host_records(backup) == {("198.51.100.21", "Managed by Pulumi (mail/backup): address-198.51.100.21")}
    told = {**dns, "host": {"addresses": False}}
    assert host_records(changed("primary", dns=told, domains=domains, mode="fenced")) == set()


def test_the_backups_own_exchange_stays_as_it_was():
    before = {urn: r for urn, r in recorded("backup").resources.items() if "::stalwart-mail:index:StalwartServer" in urn}
    for recording in (active(), active(checked=True)):
        for urn, resource in before.items():
            found = recording.resources[urn]
            assert (found.inputs, found.protect) == (resource.inputs, resource.protect), urn


def test_mail_that_the_backups_exchange_hands_over_is_not_judged_by_its_last_hop():
    told = named(active(checked=True), "mailboxes-plan").inputs["data"]["plan.ndjson"]
    for network in ("198.51.100.20/32", "10.0.0.0/8", "fd00::/8"):
        assert f"is_ip_in_cidr(remote_ip, '{network}')" in told
    assert '"exchanger"' not in told or "mx2.example.com" in told


def test_the_recipients_are_read_from_it_with_the_login_that_the_exchange_has():
    given = reveal(named(active(checked=True), "mailboxes-recipient-reader").inputs["data"])
    assert given == reveal(named(recorded("backup"), "stalwart-recipient-reader").inputs["data"])


def test_the_server_waits_for_the_restore_and_makes_no_volume_of_its_own():
    recording = active()
    job = named(recording, "restore-job")
    assert job.urn in named(recording, "mailboxes-config").dependencies
    assert named(recording, "mailboxes-server").inputs["metadata"]["namespace"] == "mail-2"
    assert [r.name for r in recording.of_type("kubernetes:core/v1:PersistentVolumeClaim")] == ["stalwart-data"]
    environment = _variables(job.inputs["spec"]["template"]["spec"]["containers"][0])
    wanted = {
        "VELERO_NAMESPACE": "velero",
        "LOCATION": "mail-primary-archive",
        "SOURCE_NAMESPACE": "mail",
        "TARGET_NAMESPACE": "mail-2",
        "CLAIM": "stalwart-data",
        "BACKUP": "",
        "STORAGE_CLASS": "",
    }
    assert {name: environment[name] for name in wanted} == wanted
    assert named(recording, "backup-location-mail-primary-archive").urn in named(recording, "restore").dependencies


def test_a_chosen_backup_and_storage_class_reach_the_job():
    job = named(active(backupName="mail-primary-archive-20261103024700", storageClass="fast"), "restore-job")
    environment = _variables(job.inputs["spec"]["template"]["spec"]["containers"][0])
    assert (environment["BACKUP"], environment["STORAGE_CLASS"]) == ("mail-primary-archive-20261103024700", "fast")
    assert job.inputs["metadata"]["name"] != named(active(), "restore-job").inputs["metadata"]["name"]


def test_the_restore_may_do_no_more_than_it_must():
    rules = [rule for role in ("restore-velero-role", "restore-target-role") for rule in named(active(), role).inputs["rules"]]
    allowed = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    assert ("secrets", "get") not in allowed
    assert {verb for _resource, verb in allowed} <= {"get", "list", "create", "delete", "patch"}
    named_alone = {"delete": {"restore-mail-2", "volume-consumer"}, "patch": {"restore-mail-2"}}
    for verb, names in named_alone.items():
        assert {name for rule in rules if verb in rule["verbs"] for name in rule["resourceNames"]} == names
    assert not active().of_type("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole")


def test_its_own_backups_run_only_while_it_serves():
    def paused(recording):
        return named(recording, "backup-schedule-mail-backup").inputs["spec"]["paused"]

    assert [paused(found) for found in (recorded("backup"), active(), active(checked=True))] == [True, True, False]
    included = named(active(checked=True), "backup-schedule-mail-backup").inputs["spec"]["template"]["includedNamespaces"]
    assert included == ["mail-2"]


def test_its_namespace_is_kept_and_protected_while_it_serves():
    fenced, serving = named(active(), "restore-namespace"), named(active(checked=True), "restore-namespace")
    assert (fenced.protect, fenced.retain_on_delete) == (False, True)
    assert (serving.protect, serving.retain_on_delete) == (True, True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"mode": "active"},
            "mail:primaryIsFenced = False and `mode` is active: the mailboxes would be served while the primary may",
        ),
        ({"mode": "fenced"}, "is not for a backup stack, which is standby or active"),
        ({**ACTIVE, "backup": None}, "restored from the primary's archive"),
        ({**ACTIVE, "restore": {"namespace": "mail"}}, "where this stack's server is"),
        ({**ACTIVE, "restore": {"source": {"bucket": "a-bucket", "region": "r"}}}, "`source` on a backup"),
        ({**ACTIVE, "restore": {"storage": DISTRIBUTED}}, "the primary's mail is in embedded storage"),
    ],
)
def test_a_backup_that_cannot_take_over_says_why(changes, words):
    with pytest.raises(pulumi.RunError) as refused:
        changed("backup", **changes)
    assert words in str(refused.value)
    assert "Traceback" not in str(refused.value)


def test_a_backup_cannot_take_over_what_has_no_archive():
    primary = changed("primary", backup=None)
    with pytest.raises(pulumi.RunError, match="has no archive to restore from"):
        run("backup", settings_of("backup", **ACTIVE), primary)


def test_a_standby_may_have_its_restore_prepared():
    prepared = changed("backup", restore=HERE)
    assert _objects(prepared, "mailboxes-") == _objects(prepared, "restore-") == set()


# Fencing and going back


def test_a_fenced_primary_takes_and_sends_nothing_and_keeps_everything():
    fenced, usual = changed("primary", mode="fenced"), recorded("primary")
    assert _variables(_container(fenced, "stalwart"))["STALWART_RECOVERY_MODE"] == "1"
    assert all(s.inputs["spec"]["paused"] for s in fenced.of_type("kubernetes:velero.io/v1:Schedule"))
    gone = usual.resources.keys() - fenced.resources.keys()
    assert {usual.resources[urn].type.rpartition(":")[2] for urn in gone} <= {"Job", "CronJob", "ConfigMap"}
    claim = named(fenced, "stalwart-data")
    assert (claim.protect, claim.retain_on_delete) == (False, True)
    assert claim.inputs == named(usual, "stalwart-data").inputs


def test_fencing_changes_no_record_and_no_service():
    """The exchange gives up the mail that it holds for a host without an address; one that refuses it tries again."""
    fenced, usual = changed("primary", mode="fenced"), recorded("primary")
    assert fenced.outputs["zones"] == usual.outputs["zones"]
    assert named(fenced, "stalwart-mail").inputs == named(usual, "stalwart-mail").inputs
    refenced, serving = active(), active(checked=True)
    assert refenced.outputs["zones"] == serving.outputs["zones"]
    assert named(refenced, "mailboxes-mail").inputs == named(serving, "mailboxes-mail").inputs
    assert named(serving, "mailboxes-mail").delete_before_replace
    assert (fenced.outputs["addresses"], fenced.outputs["ptr"]) == ([], {})


def test_what_the_other_region_needs_is_the_same_of_a_fenced_primary():
    fenced, usual = (found.outputs["endpoints"] for found in (changed("primary", mode="fenced"), recorded("primary")))
    assert fenced == usual


def test_a_primary_goes_back_to_its_own_name_in_a_new_namespace():
    source = {"bucket": "example-mail-backup", "region": "eu-central-1", "prefix": "backup"}
    before = changed("primary", mode="fenced")
    restore = {"namespace": "mail-2", "source": source, "fromNamespace": "mail-restored"}
    back = run("primary", settings_of("primary", mode="fenced", restore=restore), before=before)
    location = named(back, "backup-location-mail-restore-source").inputs["spec"]
    assert location["accessMode"] == "ReadOnly"
    assert location["objectStorage"] == {"bucket": "example-mail-backup", "prefix": "backup"}
    environment = _variables(named(back, "restore-job").inputs["spec"]["template"]["spec"]["containers"][0])
    assert (environment["LOCATION"], environment["SOURCE_NAMESPACE"]) == ("mail-restore-source", "mail-restored")
    assert back.of_type("kubernetes:core/v1:PersistentVolumeClaim") == []
    assert named(back, "stalwart-server").inputs["metadata"]["namespace"] == "mail-2"
    assert back.outputs["endpoints"]["mailNamespace"] == "mail-2"
    assert back.outputs["deployed"]["left"] == ["mail"]


def test_a_primary_restores_from_its_own_backups_unless_told_otherwise():
    back = run("primary", settings_of("primary", restore={"namespace": "mail-2"}), before=changed("primary", mode="fenced"))
    environment = _variables(named(back, "restore-job").inputs["spec"]["template"]["spec"]["containers"][0])
    assert (environment["LOCATION"], environment["SOURCE_NAMESPACE"]) == ("mail-primary-hot", "mail")
    assert _variables(_container(back, "stalwart"))["STALWART_RECOVERY_MODE"] == "1"
    serving = run("primary", settings_of("primary", restore={"namespace": "mail-2", "checked": True}), before=back)
    assert "STALWART_RECOVERY_MODE" not in _variables(_container(serving, "stalwart"))
    hot = named(serving, "backup-schedule-mail-primary-hot").inputs["spec"]
    assert (hot["template"]["includedNamespaces"], hot["paused"]) == (["mail-2"], False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mode": "standby"}, "is not for a primary stack, which is serving or fenced"),
        ({"primaryIsFenced": True}, "mail:primaryIsFenced = 'true' is for a backup stack"),
        ({"restore": {"namespace": "mail"}}, "where this stack's server is"),
        ({"restore": {"namespace": "mail-2", "exposure": {}}}, "has exposure, which is for a backup"),
        ({"restore": {"namespace": "mail-2"}, "backup": None}, "it says where the backups are"),
    ],
)
def test_a_primary_that_cannot_do_so_says_why(changes, words):
    with pytest.raises(pulumi.RunError) as refused:
        changed("primary", **changes)
    assert words in str(refused.value)


def test_mailboxes_that_are_served_are_not_left_behind():
    with pytest.raises(
        pulumi.RunError, match=r"served from mail: mail that came since .*\n.*mode fenced with the mailboxes where"
    ):
        run("primary", settings_of("primary", restore={"namespace": "mail-2"}), before=recorded("primary"))
    with pytest.raises(pulumi.RunError, match=r"served from mail-2: .*\n.*mode active with restore\.checked false"):
        run("backup", settings_of("backup"), recorded("primary"), before=active(checked=True))


def test_mailboxes_that_are_fenced_may_be_left_and_are_not_taken_up_again_by_the_way():
    standby = run("backup", settings_of("backup"), recorded("primary"), before=active())
    assert standby.outputs["deployed"]["left"] == ["mail-2"]
    again = settings_of("backup", **ACTIVE, restore=HERE)
    with pytest.raises(pulumi.RunError, match="mail-2, where this stack had mailboxes before"):
        run("backup", again, recorded("primary"), before=standby)
    other = run("backup", settings_of("backup", **ACTIVE, restore={"namespace": "mail-3"}), recorded("primary"), before=standby)
    assert other.outputs["deployed"]["left"] == ["mail-2"]
    meant = run("backup", settings_of("backup", **ACTIVE, restore=HERE, returnTo="mail-2"), recorded("primary"), before=standby)
    assert meant.outputs["mailboxes"]["namespace"] == "mail-2"
    assert meant.outputs["deployed"]["left"] == []


# Distributed storage


def test_a_databases_archive_is_another_folder_for_every_incarnation():
    usual = changed("primary", storage=DISTRIBUTED)
    assert only(usual, CLUSTER).inputs["spec"]["plugins"][0]["parameters"]["serverName"] == "mail"
    back = run(
        "primary",
        settings_of("primary", storage=DISTRIBUTED, restore={"namespace": "mail-2"}),
        before=run("primary", settings_of("primary", storage=DISTRIBUTED, mode="fenced"), before=usual),
    )
    spec = only(back, CLUSTER).inputs["spec"]
    assert spec["plugins"][0]["parameters"]["serverName"] == "mail-2"
    assert spec["externalClusters"][0]["plugin"]["parameters"]["serverName"] == "mail"
    assert "recovery" in spec["bootstrap"]


@pytest.mark.parametrize(
    ("changes", "restore", "source"),
    [
        ({"namespace": "post"}, {}, "post"),
        ({"namespace": "post"}, {"fromNamespace": "mail-1"}, "mail-1"),
        ({"storage": {**DISTRIBUTED, "archive": {**DISTRIBUTED["archive"], "serverName": "mine"}}}, {"database": {}}, "given"),
    ],
)
def test_a_database_is_restored_from_the_folder_that_was_written(changes, restore, source):
    given = {**DISTRIBUTED["archive"], "serverName": "given"}
    more = {**restore, **({"database": given} if "database" in restore else {})}
    config = {"storage": DISTRIBUTED, **changes}
    before = run("primary", settings_of("primary", **config, mode="fenced"))
    back = run("primary", settings_of("primary", **config, restore={"namespace": "mail-2", **more}), before=before)
    assert only(back, CLUSTER).inputs["spec"]["externalClusters"][0]["plugin"]["parameters"]["serverName"] == source


def test_what_was_left_is_taken_over_only_when_that_is_meant():
    def upserts(recording):
        return only(recording, "pulumi:providers:kubernetes").inputs.get("upsertExistingObjects")

    fenced = run("primary", settings_of("primary", mode="fenced"), before=recorded("primary"))
    assert upserts(fenced) is None
    assert upserts(run("primary", settings_of("primary", returnTo="mail"), before=fenced)) in (True, "true")


def test_the_other_region_recovers_the_database_and_reads_the_replicated_bodies():
    primary = changed("primary", storage=DISTRIBUTED)
    blobs = {"bucket": "example-mail-bodies-replica", "region": "eu-central-1", "keysSecret": "blobs"}
    archive = {"bucket": "example-mail-database-b", "region": "eu-west-1", "keysSecret": "archive-b"}
    here = {**DISTRIBUTED, "blobs": blobs, "archive": archive}
    recording = run("backup", settings_of("backup", **ACTIVE, restore={"storage": here}), primary)
    cluster = only(recording, CLUSTER)
    spec = cluster.inputs["spec"]
    assert spec["externalClusters"][0]["plugin"]["parameters"]["serverName"] == "mail"
    assert spec["plugins"][0]["parameters"]["serverName"] == "mail-restored"
    assert named(recording, "restore-job").urn in cluster.dependencies
    assert _variables(named(recording, "restore-job").inputs["spec"]["template"]["spec"]["containers"][0])["CLAIM"] == ""
    assert "example-mail-bodies-replica" in named(recording, "mailboxes-plan").inputs["data"]["plan.ndjson"]
    assert not [r for r in recording.resources.values() if r.name.startswith("drill-")]


def test_the_other_region_says_what_it_must_know_of_its_stores():
    with pytest.raises(pulumi.RunError, match=r"mail:restore\.storage is not set"):
        run("backup", settings_of("backup", **ACTIVE), changed("primary", storage=DISTRIBUTED))


def test_nothing_but_the_primarys_outputs_is_needed():
    """The primary's region may be gone: what the program reads of it is in the state, and nothing else is asked for."""
    outputs = {PRIMARY: {"endpoints": reveal(recorded("primary").outputs["endpoints"])}}
    from offline.program import record
    from offline.world import OfflineWorld

    recording = record("backup", settings_of("backup", **ACTIVE, restore={"checked": True}), OfflineWorld(outputs))
    assert named(recording, "mailboxes-server")
    hosts = [str(value) for r in recording.resources.values() if "location" in r.name for value in r.inputs["spec"].values()]
    assert not any("example-mail-hot" in host for host in hosts)  # that bucket is in the region that is gone


def test_mailboxes_that_were_served_and_fenced_serve_again_only_when_nobody_else_has_them():
    fenced = run("primary", settings_of("primary", mode="fenced"), before=recorded("primary"))
    with pytest.raises(pulumi.RunError, match=r"would serve mail again.*\n.*\n.*pulumi config set returnTo mail"):
        run("primary", settings_of("primary"), before=fenced)
    assert run("primary", settings_of("primary", returnTo="mail"), before=fenced).outputs["deployed"]["fenced"] is False
    refenced = run("backup", settings_of("backup", **ACTIVE, restore=HERE), recorded("primary"), before=active(checked=True))
    with pytest.raises(pulumi.RunError, match="would serve mail-2 again"):
        run("backup", settings_of("backup", **ACTIVE, restore={**HERE, "checked": True}), recorded("primary"), before=refenced)


def test_what_was_never_served_is_served_without_further_words():
    checked = settings_of("backup", **ACTIVE, restore={**HERE, "checked": True})
    assert run("backup", checked, recorded("primary"), before=active()).outputs["deployed"]["served"] is True


def test_a_target_whose_restore_would_not_fit_a_label_is_refused():
    with pytest.raises(pulumi.RunError, match=r"mail:restore\.namespace = .* at most 50 characters"):
        changed("backup", **ACTIVE, restore={"namespace": "m" * 51})


def test_a_fenced_distributed_server_is_one_pod_that_reaches_its_stores_and_nothing_else():
    more = {"telemetry": {"otlp": {"endpoint": "http://otlp:4318"}}}
    fenced = changed("primary", storage={**DISTRIBUTED, "replicas": 3, "maxReplicas": 6}, mode="fenced", **more)
    server = named(fenced, "stalwart-server")
    assert (server.inputs["spec"]["replicas"], server.ignore_changes) == (1, ())
    assert fenced.of_type("kubernetes:autoscaling/v2:HorizontalPodAutoscaler") == []
    policy = named(fenced, "stalwart-server-policy").inputs["spec"]
    ports = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert {5432, 6380, 443} <= ports  # database, Redis, bucket
    assert not {25, 4318} & ports


def test_what_this_program_makes_anew_is_in_no_backup():
    for recording in (recorded("primary"), active()):
        made = [s for s in recording.of_type("kubernetes:core/v1:Secret") if s.name.startswith(("stalwart-", "mailboxes-"))]
        assert len(made) >= 3
        for secret in made:
            assert secret.inputs["metadata"]["labels"]["velero.io/exclude-from-backup"] == "true", secret.urn


def test_mailboxes_come_back_only_when_the_other_region_has_let_them_go():
    source = {"bucket": "example-mail-backup", "region": "eu-central-1", "prefix": "backup"}
    restore = {"namespace": "mail-3", "source": source, "fromNamespace": "mail-2", "checked": True}
    fenced = run("primary", settings_of("primary", mode="fenced"), before=recorded("primary"))
    with pytest.raises(pulumi.RunError, match="`backupIsFenced` is false"):
        run("primary", settings_of("primary", restore=restore), before=fenced)
    assert run("primary", settings_of("primary", restore=restore, backupIsFenced=True), before=fenced)
    assert run("primary", settings_of("primary", mode="fenced", restore=restore), before=fenced)


def test_what_is_rehearsed_is_what_would_be_restored_next():
    def location(recording):
        return _variables(
            named(recording, "drill-job").inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
        )

    standby, serving = location(recorded("backup")), location(active(checked=True))
    assert (standby["LOCATION"], standby["SOURCE_NAMESPACE"]) == ("mail-primary-archive", "mail")
    assert (serving["LOCATION"], serving["SOURCE_NAMESPACE"]) == ("mail-backup", "mail-2")


def test_an_active_region_with_a_database_of_its_own_needs_an_archive_of_it_and_watches_that():
    primary = changed("primary", storage=DISTRIBUTED)
    here = {**DISTRIBUTED, "archive": {"bucket": "example-mail-database-b", "region": "eu-central-1", "keysSecret": "b"}}
    backup = {**settings_of("backup")["mail:backup"], "alerts": True}
    without = settings_of("backup", **ACTIVE, restore={"storage": {**here, "archive": None}})
    with pytest.raises(pulumi.RunError, match=r"mail:restore\.storage\.archive is not set"):
        run("backup", without, primary)
    serving = run("backup", settings_of("backup", **ACTIVE, restore={"storage": here, "checked": True}, backup=backup), primary)
    groups = {
        group["name"] for group in only(serving, "kubernetes:monitoring.coreos.com/v1:PrometheusRule").inputs["spec"]["groups"]
    }
    assert "mail-database-backups" in groups
    assert "arn:aws:s3:::example-mail-database-b" in json.dumps(serving.outputs["bucketPolicies"]["database"])


def test_restored_mailboxes_are_looked_at_while_they_are_fenced():
    looked = named(active(), "restore-check-job").inputs["spec"]["template"]
    assert _variables(looked["spec"]["containers"][0])["MAILBOX"] == "role-mailbox@example.com"
    # As a Job of the server's own: its network policies know no other.
    assert looked["metadata"]["labels"]["app.kubernetes.io/component"] == "follow-up"
    assert not [r for r in active(checked=True).resources.values() if r.name.startswith("restore-check")]
    assert not [r for r in changed("primary", mode="fenced").resources.values() if r.name.startswith("restore-check")]


def test_a_restored_server_with_host_ports_gets_a_namespace_that_lets_it_in():
    ports = {"exposure": {"kind": "HostPort", "addresses": ["203.0.113.10"]}}
    fenced = run("primary", settings_of("primary", **ports, mode="fenced"))
    back = run("primary", settings_of("primary", **ports, restore={"namespace": "mail-2"}), before=fenced)

    def enforced(recording):
        return named(recording, "restore-namespace").inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]

    assert enforced(back) == "privileged"
    assert enforced(active()) == "restricted"
