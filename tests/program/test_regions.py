"""What the two regions are made of, as recorded from the stacks that are shipped."""

import json

import pytest

from offline.program import record, stack_config
from offline.recorder import Secret, reveal, walk
from offline.world import STAND_IN_ADDRESS, OfflineWorld
from settings import SettingsError
from tests.conftest import changed, named, only, recorded


def test_the_primary_exposes_every_mail_port_and_keeps_management_inside(primary):
    public = named(primary, "stalwart-mail").inputs["spec"]
    assert public["type"] == "LoadBalancer"
    assert public["externalTrafficPolicy"] == "Local"
    assert {port["port"] for port in public["ports"]} == {25, 465, 587, 993, 4190, 443}
    internal = named(primary, "stalwart-internal").inputs["spec"]
    assert internal["clusterIP"] == "None"
    assert [port["port"] for port in internal["ports"]] == [8080]
    assert internal["publishNotReadyAddresses"] is True


def test_the_backup_exposes_smtp_alone(backup):
    assert [port["port"] for port in named(backup, "stalwart-mail").inputs["spec"]["ports"]] == [25]


def test_no_public_port_and_no_mx_before_the_plan_is_applied(recording):
    job = named(recording, "stalwart-apply-plan")
    assert job.urn in named(recording, "stalwart-mail").dependencies
    exchange = recording.of_type("stalwart-mail:index:MailDns")[0]
    assert "exchange" not in exchange.inputs  # or the host's address would wait too, and a certificate with it


def test_an_mx_record_waits_for_the_plan_and_an_address_record_does_not():
    config = {
        **stack_config("primary"),
        "mail:domains": [{"name": "example.com", "zoneId": "z1"}],
        "mail:dns": {"provider": "cloudflare"},
    }
    recording = record("primary", config, OfflineWorld())
    job = named(recording, "stalwart-apply-plan")
    mx = named(recording, "dns-mx-example.com")
    address = named(recording, "dns-address-203.0.113.10-mx1.example.com")
    assert job.urn in mx.dependencies
    assert job.urn not in address.dependencies


def test_the_job_and_the_pod_are_of_the_same_plan(recording):
    job = named(recording, "stalwart-apply-plan").inputs
    pod = only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["template"]
    digest = pod["metadata"]["annotations"]["stalwart-mail/plan"]
    assert job["metadata"]["name"] == f"stalwart-plan-{digest}"
    files = named(recording, "stalwart-plan").inputs
    assert files["metadata"]["name"] == f"stalwart-plan-{digest}"
    assert json.loads(files["data"]["applied.ndjson"])["value"]["applied"]["key"] == digest


def test_another_plan_is_another_job_and_another_pod():
    def digest(recording):
        return named(recording, "stalwart-apply-plan").inputs["metadata"]["name"]

    assert digest(changed("primary", logLevel="debug")) != digest(recorded("primary"))
    assert digest(changed("primary", storage={"size": "50Gi"})) == digest(recorded("primary"))


def test_pods_pass_the_restricted_pod_security_standard(recording):
    pods = [
        value
        for resource in recording.resources.values()
        if resource.type.startswith("kubernetes:")
        for value in walk(resource.inputs)
        if isinstance(value, dict) and "containers" in value
    ]
    assert len(pods) >= 3
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        # What drives Velero needs the API server; nothing else does.
        assert pod["automountServiceAccountToken"] is (pod.get("serviceAccountName") in ("mail-drill", "mail-restore"))
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"]["drop"] == ["ALL"]
            assert set(context["capabilities"].get("add", [])) <= {"NET_BIND_SERVICE"}
            assert context["readOnlyRootFilesystem"] is True
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_the_server_waits_for_its_plan_in_recovery_mode(recording):
    pod = only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["template"]["spec"]
    gate, server = pod["initContainers"][0], pod["containers"][0]
    assert {"name": "STALWART_RECOVERY_MODE", "value": "1"} in gate["env"]
    assert "STALWART_RECOVERY_MODE" not in {variable["name"] for variable in server["env"]}
    assert gate["volumeMounts"] == server["volumeMounts"]  # keys are read when the plan is applied


def test_a_pod_that_waits_for_a_failed_plan_can_be_replaced(recording):
    # With ordered pods the controller never replaces one that is not ready (seen on a real controller manager).
    assert only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["podManagementPolicy"] == "Parallel"


def test_host_ports_are_taken_only_for_mail_and_need_a_privileged_namespace():
    recording = changed("primary", exposure={"kind": "HostPort", "addresses": ["203.0.113.10"]})
    ports = only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert {port["hostPort"] for port in ports if "hostPort" in port} == {25, 465, 587, 993, 4190, 443}
    assert named(recording, "stalwart-mail").inputs["spec"]["type"] == "ClusterIP"
    labels = named(recording, "stalwart-namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_a_load_balancers_address_reaches_dns():
    recording = changed("primary", exposure={"kind": "LoadBalancer"})
    assert recording.outputs["addresses"] == [STAND_IN_ADDRESS]
    assert f"mx1.example.com. 3600 IN A {STAND_IN_ADDRESS}" in recording.outputs["zones"]["example.com"]


def test_a_given_namespace_and_secret_are_used_and_not_made():
    recording = changed("primary", createNamespace=False, namespace="post", adminSecretName="my-admin")
    assert [found.name for found in recording.of_type("kubernetes:core/v1:Namespace")] == ["drill-namespace"]
    assert [r.name for r in recording.of_type("random:index/randomPassword:RandomPassword")] == ["stalwart-reader-password"]
    pod = only(recording, "kubernetes:apps/v1:StatefulSet").inputs
    assert pod["metadata"]["namespace"] == "post"
    assert pod["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "my-admin"


def test_dkim_keys_reach_the_signer_and_dns_under_one_name(primary):
    name = "s1-ed25519._domainkey.example.com"
    assert name in reveal(named(primary, "stalwart-stalwart-dkim-0").inputs["data"])
    assert f"{name}. 3600 IN TXT" in primary.outputs["zones"]["example.com"]
    plan = named(primary, "stalwart-plan").inputs["data"]["plan.ndjson"]
    assert f"/etc/stalwart-mail/dkim/{name}" in plan


def test_many_domains_keep_every_object_below_the_limit_of_kubernetes():
    domains = [{"name": "example.com"}, *({"name": f"d{n}.example"} for n in range(200))]
    recording = changed("primary", domains=domains)
    secrets = [resource for resource in recording.of_type("kubernetes:core/v1:Secret") if "dkim" in resource.name]
    assert len(secrets) == 2  # 402 keys
    key_bytes = 2_400  # of an RSA key in PEM and base64
    assert all(len(reveal(secret.inputs["data"])) * key_bytes < 1_048_576 for secret in secrets)
    sources = only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["template"]["spec"]["volumes"][3]["projected"][
        "sources"
    ]
    assert len(sources) == 2


def test_the_backup_holds_no_key_and_no_account_of_the_primary(backup):
    assert backup.of_type("tls:index/privateKey:PrivateKey") == []
    plan = named(backup, "stalwart-plan").inputs["data"]["plan.ndjson"]
    assert "DkimSignature" not in plan
    assert '"object":"Account"' not in plan


def test_the_archive_is_read_only_in_the_other_region(primary, backup):
    written = named(primary, "backup-location-mail-primary-archive").inputs["spec"]
    mounted = named(backup, "backup-location-mail-primary-archive").inputs["spec"]
    assert (written["accessMode"], mounted["accessMode"]) == ("ReadWrite", "ReadOnly")
    assert written["objectStorage"] == mounted["objectStorage"]
    own = named(backup, "backup-location-mail-backup").inputs["spec"]
    assert own["accessMode"] == "ReadWrite"
    assert own["objectStorage"] != mounted["objectStorage"]
    (schedule,) = backup.of_type("kubernetes:velero.io/v1:Schedule")
    assert schedule.inputs["spec"]["paused"] is True
    assert schedule.inputs["spec"]["template"]["storageLocation"] == "mail-backup"


def test_schedules_are_hot_archive_and_long_term(primary):
    names = ("hot", "archive", "long-term")
    hot, archive, long_term = (named(primary, f"backup-schedule-mail-primary-{name}").inputs["spec"] for name in names)
    assert (hot["schedule"], hot["template"]["ttl"]) == ("17 */6 * * *", "720h0m0s")
    assert (archive["schedule"], archive["template"]["ttl"]) == ("47 */6 * * *", "720h0m0s")
    assert (long_term["schedule"], long_term["template"]["ttl"]) == ("47 3 * * 0", "9600h0m0s")
    places = [spec["template"]["storageLocation"] for spec in (hot, archive, long_term)]
    assert places == ["mail-primary-hot", "mail-primary-archive", "mail-primary-archive"]
    for spec in (hot, archive, long_term):
        assert spec["paused"] is False
        assert spec["useOwnerReferencesInBackup"] is False
        assert spec["template"]["includedNamespaces"] == ["mail"]
        assert spec["template"]["snapshotMoveData"] is True
        assert spec["template"]["defaultVolumesToFsBackup"] is False
        script = spec["template"]["hooks"]["resources"][0]["pre"][0]["exec"]["command"][2]
        assert "MAILBOX=role-mailbox@example.com\n" in script
        assert script.endswith("sync -f /var/lib/stalwart\n")


def test_velero_is_installed_when_asked_with_its_password_first():
    backup = {**stack_config("primary")["mail:backup"], "installVelero": True}
    recording = changed("primary", backup=backup)
    release = only(recording, "kubernetes:helm.sh/v3:Release")
    secret = named(recording, "backup-repository-credentials")
    assert secret.urn in release.dependencies
    assert secret.protect
    assert secret.inputs["metadata"]["name"] == "velero-repo-credentials"
    password = recording.outputs["endpoints"]["archive"]["repositoryPassword"]
    assert isinstance(password, Secret)
    for name in ("backup-location-mail-primary-hot", "backup-location-mail-primary-archive"):
        assert release.urn in named(recording, name).dependencies


def test_location_keys_are_a_secret_in_the_form_of_a_credentials_file():
    backup = stack_config("primary")["mail:backup"]
    location = {**backup["location"], "accessKeyId": {"secure": "AKIAEXAMPLE"}, "secretAccessKey": {"secure": "hush"}}
    recording = changed("primary", backup={**backup, "location": location})
    secret = named(recording, "backup-velero-mail-primary-hot")
    assert isinstance(secret.inputs["data"], Secret)
    import base64

    text = base64.b64decode(reveal(secret.inputs["data"])["cloud"]).decode()
    assert text == "[default]\naws_access_key_id=AKIAEXAMPLE\naws_secret_access_key=hush\n"
    spec = named(recording, "backup-location-mail-primary-hot").inputs["spec"]
    assert spec["credential"] == {"name": "velero-mail-primary-hot", "key": "cloud"}


def test_a_backup_that_installs_velero_needs_the_primarys_repository_password():
    backup = {**stack_config("backup")["mail:backup"], "installVelero": True}
    with pytest.raises(SettingsError, match=r"mail:backup\.repositoryPassword is not set"):
        changed("backup", backup=backup)
    given = changed("backup", backup={**backup, "repositoryPassword": {"secure": "hush"}})
    assert isinstance(named(given, "backup-repository-credentials").inputs["data"], Secret)
