"""The shipped stacks before other people's validators."""

import subprocess
import sys

import dns.rdatatype
import dns.zone
import pytest

from offline.program import PROJECT_FOLDER
from offline.recorder import Recording
from tests.contract import judges

CHECK_PLAN = PROJECT_FOLDER.parent / "shared" / "tools" / "check_plan.py"


def test_every_manifest_validates_strictly(recording: Recording):
    assert judges.check_manifests(recording) >= 14


def test_the_validator_refuses_a_misspelt_field(primary: Recording):
    (service, _) = primary.of_type("kubernetes:core/v1:Service")
    broken = {**service.inputs, "spec": {**service.inputs["spec"], "selectr": {}}}
    import kubernetes_validate

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.37", strict=True)


def test_every_zone_parses(recording: Recording):
    assert judges.check_zones(recording) >= 3


def test_the_primarys_zone_says_what_receivers_need(primary: Recording):
    zone = dns.zone.from_text(primary.outputs["zones"]["example.com"], origin="example.com", relativize=False)

    def found(name, kind):
        return sorted(rdata.to_text() for rdata in zone.find_rdataset(name, kind))

    assert found("example.com.", "MX") == ["10 mx1.example.com."]
    assert found("mx1.example.com.", "A") == ["203.0.113.10"]
    assert found("example.com.", "TXT") == ['"v=spf1 mx ~all"']
    assert found("_dmarc.example.com.", "TXT") == [
        '"v=DMARC1; p=quarantine; sp=quarantine; np=reject; rua=mailto:postmaster@example.com"'
    ]
    assert len(next(iter(zone.find_rdataset("s1-rsa._domainkey.example.com.", "TXT"))).strings) == 2


def test_both_exchanges_together_are_one_mx_set(primary: Recording, backup: Recording):
    parts = [recording.outputs["zones"]["example.com"] for recording in (primary, backup)]
    zone = dns.zone.from_text("\n".join(parts), origin="example.com", relativize=False)
    assert sorted(rdata.to_text() for rdata in zone.find_rdataset("example.com.", dns.rdatatype.MX)) == [
        "10 mx1.example.com.",
        "20 mx2.example.com.",
    ]


def test_every_plan_follows_the_rules_of_the_format(recording: Recording):
    assert judges.check_plan(recording) >= 15


@pytest.mark.skipif(not CHECK_PLAN.exists(), reason="the server's own schema is not beside this project")
def test_every_plan_follows_the_servers_own_schema(recording: Recording, tmp_path):
    plan = tmp_path / "plan.ndjson"
    plan.write_text(judges.plan_of(recording))
    run = subprocess.run([sys.executable, str(CHECK_PLAN), str(plan)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
