"""What a running server is told: passwords, directory, recipients, renewed certificates."""

import json

from offline.recorder import Secret, reveal, walk
from tests.conftest import changed, named, only, recorded
from tests.contract.judges import check_manifests

ONE_MIB = 1_048_576
CRON_JOB = "kubernetes:batch/v1:CronJob"


def _pod(resource):
    spec = resource.inputs["spec"]
    return (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]["spec"]


def _steps(resource):
    pod = _pod(resource)
    return [container["name"] for container in (*pod.get("initContainers", []), *pod["containers"])]


def test_first_passwords_come_from_secrets_by_reference():
    accounts = [{"address": "Alice@example.com", "password": {"name": "alice-secret", "key": "first"}}]
    recording = changed("primary", accounts=accounts)
    job = named(recording, "stalwart-follow-up")
    assert _steps(job) == ["passwords", "directory"]
    sources = next(v for v in _pod(job)["volumes"] if v["name"] == "passwords")["projected"]["sources"]
    items = {source["secret"]["name"]: source["secret"]["items"][0] for source in sources}
    assert items["alice-secret"] == {"key": "first", "path": "initial/alice@example.com"}
    assert items["stalwart-recipient-reader"]["path"] == "kept/recipient-reader@example.com"
    assert only(recording, "kubernetes:apps/v1:StatefulSet").urn in job.dependencies


def test_the_mx_record_also_waits_for_the_passwords():
    exchange = changed("primary", domains=[{"name": "example.com", "zoneId": "z"}], dns={"provider": "cloudflare"})
    assert named(exchange, "stalwart-follow-up").urn in named(exchange, "dns-mx-example.com").dependencies


def test_a_directory_is_set_on_a_running_server():
    recording = changed("primary", directory={"oidc": {"issuerUrl": "https://id.example.com"}})
    job = named(recording, "stalwart-follow-up")
    assert _steps(job) == ["directory"]
    files = named(recording, "stalwart-follow-up-files").inputs["data"]
    assert '"object":"Authentication"' in files["directory.ndjson"]
    assert "recipientReader" not in recording.outputs["endpoints"]  # the directory alone knows all recipients


def test_renewed_certificates_are_read_without_a_restart(recording):
    job = named(recording, "stalwart-reload-tls")
    assert job.type == CRON_JOB
    assert _steps(job) == ["reload-tls"]
    files = named(recording, "stalwart-follow-up-files").inputs["data"]
    assert "ReloadTlsCertificates" in files["reload-tls.ndjson"]
    volumes = _pod(only(recording, "kubernetes:apps/v1:StatefulSet"))["volumes"]
    mounts = _pod(only(recording, "kubernetes:apps/v1:StatefulSet"))["containers"][0]["volumeMounts"]
    assert [v["secret"]["secretName"] for v in volumes if v["name"] == "tls-0"] == ["stalwart-tls"]
    assert not any("subPath" in mount for mount in mounts)  # a subPath never shows what was renewed


def test_the_certificate_covers_every_name_that_clients_and_mta_sts_use(primary, backup):
    names = named(primary, "stalwart-certificate").inputs["spec"]["dnsNames"]
    assert names == ["mx1.example.com", "autoconfig.example.com", "autodiscover.example.com", "mta-sts.example.com"]
    for name in names[1:]:
        assert f"{name}. 3600 IN CNAME mx1.example.com." in primary.outputs["zones"]["example.com"]
    assert named(backup, "stalwart-certificate").inputs["spec"]["dnsNames"] == ["mx2.example.com"]


def test_without_files_there_is_nothing_to_read_again():
    for tls in ({}, {"acme": {"contact": "postmaster@example.com"}}):
        jobs = [job.name for job in changed("primary", tls=tls).of_type(CRON_JOB)]
        assert jobs == ["drill-job"]


def test_a_backup_reads_the_recipients_with_the_primarys_read_only_account():
    recording = changed("backup", recipients={"source": "primary", "syncMinutes": 10})
    job = named(recording, "stalwart-recipients")
    assert job.type == CRON_JOB
    spec = job.inputs["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("*/10 * * * *", "Forbid")
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0  # one failure is one failed Job, which is counted
    assert spec["failedJobsHistoryLimit"] == 3
    assert _pod(job)["restartPolicy"] == "Never"  # or the pod goes, and its log with the reason
    environment = {variable["name"]: variable for variable in _pod(job)["containers"][0]["env"]}
    assert environment["PRIMARY_URL"]["value"] == "https://mx1.example.com"
    assert environment["PRIMARY_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"] == "stalwart-recipient-reader"
    secret = named(recording, "stalwart-recipient-reader").inputs["data"]
    assert isinstance(secret, Secret)
    theirs = named(recorded("primary"), "stalwart-recipient-reader").inputs["data"]
    assert reveal(secret) == reveal(theirs)
    policy = named(recording, "stalwart-recipients-policy").inputs["spec"]
    assert [port["port"] for rule in policy["egress"] for port in rule["ports"]] == [53, 53, 8080, 443]
    assert check_manifests(recording) >= 14


def test_the_password_of_the_reader_is_a_secret_of_the_contract(primary):
    reader = primary.outputs["endpoints"]["recipientReader"]
    assert reader["url"] == "https://mx1.example.com"
    assert isinstance(reader["password"], Secret)


def test_a_given_list_is_written_before_mail_may_come():
    recording = changed("backup", recipients={"source": "list", "addresses": ["alice@example.com", "bob@example.com"]})
    job = named(recording, "stalwart-recipients")
    assert named(recording, "stalwart-recipients-0").inputs["data"] == {"0.txt": "alice@example.com\nbob@example.com\n"}
    environment = {variable["name"]: variable for variable in _pod(job)["containers"][0]["env"]}
    assert json.loads(environment["DOMAINS"]["value"]) == [
        {"name": "example.com", "aliases": [], "subAddressing": True, "catchAll": False}
    ]
    assert check_manifests(recording) >= 14


def test_another_list_is_another_job_and_the_server_goes_on():
    def parts(addresses):
        recording = changed("backup", recipients={"source": "list", "addresses": addresses})
        return named(recording, "stalwart-recipients").inputs["metadata"]["name"], only(
            recording, "kubernetes:apps/v1:StatefulSet"
        ).inputs

    first, second = parts(["alice@example.com"]), parts(["alice@example.com", "bob@example.com"])
    assert first[0] != second[0]
    assert first[1] == second[1]


def test_a_hundred_thousand_recipients_fit_the_objects_of_kubernetes():
    addresses = [f"a-rather-long-name-{number:06}@example.com" for number in range(100_000)]
    recording = changed("backup", recipients={"source": "list", "addresses": addresses})
    written = ""
    for resource in recording.resources.values():
        if resource.type.startswith("kubernetes:"):
            assert sum(len(str(value)) for value in walk(reveal(resource.inputs)) if isinstance(value, str)) < ONE_MIB, (
                resource.urn
            )
        if resource.name.startswith("stalwart-recipients-") and "data" in resource.inputs:
            written += "".join(resource.inputs["data"].values())
    assert written.split() == addresses


def test_every_program_of_the_jobs_is_shipped(primary):
    files = named(primary, "stalwart-programs").inputs["data"]
    assert files.keys() == {"__init__.py", "jmap.py", "passwords.py", "recipients.py"}


def test_a_job_waits_for_the_files_it_mounts(recording):
    for name in ("stalwart-follow-up", "stalwart-reload-tls", "stalwart-recipients"):
        for job in [resource for resource in recording.resources.values() if resource.name == name]:
            mounted = {v["configMap"]["name"] for v in _pod(job)["volumes"] if "configMap" in v}
            files = [r for r in recording.of_type("kubernetes:core/v1:ConfigMap") if r.inputs["metadata"]["name"] in mounted]
            assert len(files) == len(mounted) >= 1
            assert all(file.urn in job.dependencies for file in files), name
