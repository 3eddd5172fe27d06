"""What the two regions are made of, as recorded from the stacks that are shipped."""

import json

import pytest

from offline.program import record, stack_config
from offline.recorder import Recording, Secret, reveal
from offline.world import STAND_IN_ADDRESS, OfflineWorld
from settings import SettingsError
from tests.conftest import PRIMARY, recorded


def _only(recording: Recording, type_: str):
    (resource,) = recording.of_type(type_)
    return resource


def _named(recording: Recording, name: str):
    (resource,) = [r for r in recording.resources.values() if r.name == name]
    return resource


def _changed(stack: str, **changes):
    config = {**stack_config(stack), **{f"mail:{key}": value for key, value in changes.items()}}
    stacks = {PRIMARY: dict(recorded("primary").outputs)} if stack == "backup" else {}
    return record(stack, {key: value for key, value in config.items() if value is not None}, OfflineWorld(stacks))


def test_the_primary_exposes_every_mail_port_and_keeps_management_inside(primary):
    public = _named(primary, "stalwart-mail").inputs["spec"]
    assert public["type"] == "LoadBalancer"
    assert public["externalTrafficPolicy"] == "Local"
    assert {port["port"] for port in public["ports"]} == {25, 465, 587, 993, 4190, 443}
    internal = _named(primary, "stalwart-internal").inputs["spec"]
    assert internal["clusterIP"] == "None"
    assert [port["port"] for port in internal["ports"]] == [8080]
    assert internal["publishNotReadyAddresses"] is True


def test_the_backup_exposes_smtp_alone(backup):
    assert [port["port"] for port in _named(backup, "stalwart-mail").inputs["spec"]["ports"]] == [25]


def test_no_public_port_and_no_mx_before_the_plan_is_applied(recording):
    (job,) = recording.of_type("kubernetes:batch/v1:Job")
    assert job.urn in _named(recording, "stalwart-mail").dependencies
    exchange = recording.of_type("stalwart-mail:index:MailDns")[0]
    assert "exchange" not in exchange.inputs  # or the host's address would wait too, and a certificate with it


def test_an_mx_record_waits_for_the_plan_and_an_address_record_does_not():
    config = {
        **stack_config("primary"),
        "mail:domains": [{"name": "example.com", "zoneId": "z1"}],
        "mail:dns": {"provider": "cloudflare"},
    }
    recording = record("primary", config, OfflineWorld())
    job = _only(recording, "kubernetes:batch/v1:Job")
    mx = _named(recording, "dns-mx-example.com")
    address = _named(recording, "dns-address-0-mx1.example.com")
    assert job.urn in mx.dependencies
    assert job.urn not in address.dependencies


def test_the_job_and_the_pod_are_of_the_same_plan(recording):
    job = _only(recording, "kubernetes:batch/v1:Job").inputs
    pod = _only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["template"]
    digest = pod["metadata"]["annotations"]["stalwart-mail/plan"]
    assert job["metadata"]["name"] == f"stalwart-plan-{digest}"
    files = _named(recording, "stalwart-plan").inputs
    assert files["metadata"]["name"] == f"stalwart-plan-{digest}"
    assert json.loads(files["data"]["applied.ndjson"])["value"]["applied"]["key"] == digest


def test_another_plan_is_another_job_and_another_pod():
    def digest(recording):
        return _only(recording, "kubernetes:batch/v1:Job").inputs["metadata"]["name"]

    assert digest(_changed("primary", logLevel="debug")) != digest(recorded("primary"))
    assert digest(_changed("primary", storage={"size": "50Gi"})) == digest(recorded("primary"))


def test_pods_pass_the_restricted_pod_security_standard(recording):
    pods = [
        resource.inputs["spec"]["template"]["spec"]
        for resource in recording.resources.values()
        if resource.custom
        and "template" in resource.inputs.get("spec", {})
        and "containers" in str(resource.inputs["spec"]["template"])
    ]
    assert len(pods) == 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert pod["automountServiceAccountToken"] is False
        for container in [*pod["containers"], *pod["initContainers"]]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"]["drop"] == ["ALL"]
            assert set(context["capabilities"].get("add", [])) <= {"NET_BIND_SERVICE"}
            assert context["readOnlyRootFilesystem"] is True
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_the_server_waits_for_its_plan_in_recovery_mode(recording):
    pod = _only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["template"]["spec"]
    gate, server = pod["initContainers"][0], pod["containers"][0]
    assert {"name": "STALWART_RECOVERY_MODE", "value": "1"} in gate["env"]
    assert "STALWART_RECOVERY_MODE" not in {variable["name"] for variable in server["env"]}
    assert gate["volumeMounts"] == server["volumeMounts"]  # keys are read when the plan is applied


def test_a_pod_that_waits_for_a_failed_plan_can_be_replaced(recording):
    # With ordered pods the controller never replaces one that is not ready (seen on a real controller manager).
    assert _only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["podManagementPolicy"] == "Parallel"


def test_host_ports_are_taken_only_for_mail_and_need_a_privileged_namespace():
    recording = _changed("primary", exposure={"kind": "HostPort", "addresses": ["203.0.113.10"]})
    ports = _only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert {port["hostPort"] for port in ports if "hostPort" in port} == {25, 465, 587, 993, 4190, 443}
    assert _named(recording, "stalwart-mail").inputs["spec"]["type"] == "ClusterIP"
    labels = _only(recording, "kubernetes:core/v1:Namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_a_load_balancers_address_reaches_dns():
    recording = _changed("primary", exposure={"kind": "LoadBalancer"})
    assert recording.outputs["addresses"] == [STAND_IN_ADDRESS]
    assert f"mx1.example.com. 3600 IN A {STAND_IN_ADDRESS}" in recording.outputs["zones"]["example.com"]


def test_a_given_namespace_and_secret_are_used_and_not_made():
    recording = _changed("primary", createNamespace=False, namespace="post", adminSecretName="my-admin")
    assert recording.of_type("kubernetes:core/v1:Namespace") == []
    assert recording.of_type("random:index/randomPassword:RandomPassword") == []
    pod = _only(recording, "kubernetes:apps/v1:StatefulSet").inputs
    assert pod["metadata"]["namespace"] == "post"
    assert pod["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "my-admin"


def test_dkim_keys_reach_the_signer_and_dns_under_one_name(primary):
    name = "s1-ed25519._domainkey.example.com"
    assert name in reveal(_named(primary, "stalwart-stalwart-dkim-0").inputs["data"])
    assert f"{name}. 3600 IN TXT" in primary.outputs["zones"]["example.com"]
    plan = _named(primary, "stalwart-plan").inputs["data"]["plan.ndjson"]
    assert f"/etc/stalwart-mail/dkim/{name}" in plan


def test_many_domains_keep_every_object_below_the_limit_of_kubernetes():
    domains = [{"name": "example.com"}, *({"name": f"d{n}.example"} for n in range(450))]
    recording = _changed("primary", domains=domains)
    secrets = [resource for resource in recording.of_type("kubernetes:core/v1:Secret") if "dkim" in resource.name]
    assert len(secrets) == 3
    key_bytes = 2_400  # of an RSA key in PEM and base64
    assert all(len(reveal(secret.inputs["data"])) * key_bytes < 1_048_576 for secret in secrets)
    sources = _only(recording, "kubernetes:apps/v1:StatefulSet").inputs["spec"]["template"]["spec"]["volumes"][3]["projected"][
        "sources"
    ]
    assert len(sources) == 3


def test_the_backup_holds_no_key_and_no_account_of_the_primary(backup):
    assert backup.of_type("tls:index/privateKey:PrivateKey") == []
    plan = _named(backup, "stalwart-plan").inputs["data"]["plan.ndjson"]
    assert "DkimSignature" not in plan
    assert '"object":"Account"' not in plan


def test_the_archive_is_read_only_in_the_other_region(primary, backup):
    written = _named(primary, "backup-location-mail-primary-archive").inputs["spec"]
    mounted = _named(backup, "backup-location-mail-primary-archive").inputs["spec"]
    assert (written["accessMode"], mounted["accessMode"]) == ("ReadWrite", "ReadOnly")
    assert written["objectStorage"] == mounted["objectStorage"]
    own = _named(backup, "backup-location-mail-backup").inputs["spec"]
    assert own["accessMode"] == "ReadWrite"
    assert own["objectStorage"] != mounted["objectStorage"]
    assert backup.of_type("kubernetes:velero.io/v1:Schedule") == []


def test_schedules_are_hot_and_archive(primary):
    hot = _named(primary, "backup-schedule-mail-primary-hot").inputs["spec"]
    archive = _named(primary, "backup-schedule-mail-primary-archive").inputs["spec"]
    assert (hot["schedule"], hot["template"]["ttl"]) == ("17 */6 * * *", "720h0m0s")
    assert (archive["schedule"], archive["template"]["ttl"]) == ("47 2 * * 0", "9600h0m0s")
    assert hot["template"]["storageLocation"] != archive["template"]["storageLocation"]
    for spec in (hot, archive):
        assert spec["useOwnerReferencesInBackup"] is False
        assert spec["template"]["snapshotMoveData"] is True
        assert spec["template"]["defaultVolumesToFsBackup"] is False
        assert spec["template"]["hooks"]["resources"][0]["pre"][0]["exec"]["command"][0] == "sync"


def test_velero_is_installed_when_asked_with_its_password_first():
    backup = {**stack_config("primary")["mail:backup"], "installVelero": True}
    recording = _changed("primary", backup=backup)
    release = _only(recording, "kubernetes:helm.sh/v3:Release")
    secret = _named(recording, "backup-repository-credentials")
    assert secret.urn in release.dependencies
    assert secret.protect
    assert secret.inputs["metadata"]["name"] == "velero-repo-credentials"
    password = recording.outputs["endpoints"]["archive"]["repositoryPassword"]
    assert isinstance(password, Secret)
    for name in ("backup-location-mail-primary-hot", "backup-location-mail-primary-archive"):
        assert release.urn in _named(recording, name).dependencies


def test_location_keys_are_a_secret_in_the_form_of_a_credentials_file():
    backup = stack_config("primary")["mail:backup"]
    location = {**backup["location"], "accessKeyId": {"secure": "AKIAEXAMPLE"}, "secretAccessKey": {"secure": "hush"}}
    recording = _changed("primary", backup={**backup, "location": location})
    secret = _named(recording, "backup-velero-mail-primary-hot")
    assert isinstance(secret.inputs["data"], Secret)
    import base64

    text = base64.b64decode(reveal(secret.inputs["data"])["cloud"]).decode()
    assert text == "[default]\naws_access_key_id=AKIAEXAMPLE\naws_secret_access_key=hush\n"
    spec = _named(recording, "backup-location-mail-primary-hot").inputs["spec"]
    assert spec["credential"] == {"name": "velero-mail-primary-hot", "key": "cloud"}


def test_a_backup_that_installs_velero_needs_the_primarys_repository_password():
    backup = {**stack_config("backup")["mail:backup"], "installVelero": True}
    with pytest.raises(SettingsError, match=r"mail:backup\.repositoryPassword is not set"):
        _changed("backup", backup=backup)
    given = _changed("backup", backup={**backup, "repositoryPassword": {"secure": "hush"}})
    assert isinstance(_named(given, "backup-repository-credentials").inputs["data"], Secret)
