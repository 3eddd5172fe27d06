"""`DkimKeys` and `MailDns` with the real engine and its plugins, and a stand-in for Cloudflare: what is in the zones then."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.rdata
import dns.zone
import pytest

from .cloudflare_api import TOKEN, CloudflareApi
from .deployments import PLUGINS, missing, unless
from .dns_deployment import DnsDeployment

pytestmark = unless(missing(*PLUGINS))

PRIVATE_KEY = "tls:index/privateKey:PrivateKey"
COM, ORG = "c" * 32, "d" * 32
ZONES = {COM: "example.com", ORG: "example.org"}
SELECTORS = [{"name": "s1-rsa", "algorithm": "rsa"}, {"name": "s1-ed25519", "algorithm": "ed25519"}]
LETS_ENCRYPT = {"authority": "letsencrypt.org", "validation_methods": ["dns-01"]}
DNS = {
    "hostname": "mx1.example.com",
    "addresses": ["203.0.113.10", "2001:db8::10"],
    "provider": "cloudflare",
    "mta_sts": {"mode": "testing"},
    "tlsa": [f"3 1 1 {'ab' * 32}"],
    "domains": [
        {
            "name": "example.com",
            "zone_id": COM,
            "dnssec": True,
            "dkim_selectors": SELECTORS,
            "caa": {"issuers": [LETS_ENCRYPT], "report_address": "postmaster@example.com"},
        },
        {"name": "example.org", "zone_id": ORG, "parked": True},
    ],
}
NOWHERE = "http://127.0.0.1:9/client/v4"  # the discard port: nobody answers


@pytest.fixture
def api() -> Iterator[CloudflareApi]:
    with CloudflareApi(ZONES) as api:
        yield api


@pytest.fixture
def deployed(tmp_path: Path, api: CloudflareApi) -> DnsDeployment:
    """A stack whose first `up` is done."""
    deployment = DnsDeployment(tmp_path, api.url, TOKEN)
    deploy(deployment, api, DNS)
    return deployment


def deploy(deployment: DnsDeployment, api: CloudflareApi, args: dict[str, Any]) -> list[tuple[str, str]]:
    """Deploy, and return which records were written: the method and the name."""
    names = {record["id"]: record["name"] for zone in ZONES for record in api.records(zone)}
    api.forget_requests()
    deployment.configure(args)
    run = deployment.up()
    assert not run.failed, run.output
    records = [request for request in api.writes() if "/dns_records" in request.path]
    return sorted((request.method, request.body.get("name") or names[request.path.rpartition("/")[2]]) for request in records)


def changed(**arguments: Any) -> dict[str, Any]:
    """The arguments with others of the mail domain, or, when they are not the domain's, of `MailDns`."""
    args = copy.deepcopy(DNS)
    for key, value in arguments.items():
        (args if key in ("addresses", "ports", "priority", "tlsa") else args["domains"][0])[key] = value
    return args


def by_hand(api: CloudflareApi, method: str, record: dict[str, Any]) -> None:
    """Somebody else writes a record of the mail domain."""
    path = "/".join(filter(None, ("/client/v4/zones", COM, "dns_records", record["id"])))
    status, _reply = api.answer(method, path, f"Bearer {TOKEN}", record)
    assert status == 200


def parsed(text: str, zone: str) -> set[tuple[str, int, dns.rdata.Rdata]]:
    """A zone's records: name, TTL and data."""
    found = dns.zone.from_text(text, zone, relativize=False, check_origin=False)
    return {(name.to_text(), ttl, rdata) for name, ttl, rdata in found.iterate_rdatas()}


def zone_file(deployment: DnsDeployment) -> set[tuple[str, int, dns.rdata.Rdata]]:
    """What the component says is in the zone of the mail domain."""
    return parsed(deployment.outputs()["zone_files"]["example.com"], "example.com")


def assert_nothing_changes(deployment: DnsDeployment, api: CloudflareApi) -> None:
    api.forget_requests()
    for run in (deployment.refresh(), deployment.preview(expect_no_changes=True)):
        assert not run.failed, run.output
        assert run.counts.keys() == {"same"}
    assert api.writes() == []


def test_a_preview_needs_no_token_and_no_network(tmp_path: Path):
    deployment = DnsDeployment(tmp_path, NOWHERE, None)
    deployment.configure(DNS)
    run = deployment.preview()
    assert not run.failed, run.output
    assert set(run.steps.values()) == {"create"}
    assert {"dns-mx-example.com", "dns-dkim-s1-rsa._domainkey.example.com", "dns-dnssec-example.com"} <= run.steps.keys()


def test_the_zones_hold_what_the_zone_files_say(deployed: DnsDeployment, api: CloudflareApi):
    files = deployed.outputs()["zone_files"]
    for zone_id, name in ZONES.items():
        assert parsed(api.export(zone_id), name) == parsed(files[name], name)
    records = [record for zone_id in ZONES for record in api.records(zone_id)]
    assert {record["type"] for record in records} == {"A", "AAAA", "CAA", "CNAME", "MX", "SRV", "TLSA", "TXT"}
    assert {(r["type"], r["content"]) for r in records if r["content"].endswith(".")} == {("MX", "."), ("SRV", "0 0 .")}
    assert not any(record["proxied"] for record in records)
    assert deployed.outputs()["ds"] == {"example.com": api.dnssec(COM)["ds"]}


def test_nothing_changes_when_nothing_has_changed(deployed: DnsDeployment, api: CloudflareApi):
    assert deploy(deployed, api, DNS) == []
    assert_nothing_changes(deployed, api)


def test_what_others_changed_is_put_back_after_a_refresh(deployed: DnsDeployment, api: CloudflareApi):
    found = {(record["type"], record["name"]): record for record in api.records(COM)}
    mx, dmarc = found["MX", "example.com"], found["TXT", "_dmarc.example.com"]
    by_hand(api, "DELETE", mx)
    by_hand(api, "PUT", {**dmarc, "content": '"v=DMARC1; p=none"'})
    assert not deployed.refresh().failed
    assert deploy(deployed, api, DNS) == [("POST", "example.com"), ("PUT", "_dmarc.example.com")]
    assert parsed(api.export(COM), "example.com") == zone_file(deployed)


def test_a_record_that_was_there_before_is_named(tmp_path: Path, api: CloudflareApi):
    by_hand(api, "POST", {"id": "", "type": "MX", "name": "example.com", "content": "mx1.example.com", "priority": 10, "ttl": 60})
    deployment = DnsDeployment(tmp_path, api.url, TOKEN)
    deployment.configure(DNS)
    run = deployment.up()
    assert run.failed
    assert "(dns-mx-example.com)" in run.output
    assert "The record already exists." in run.output


def test_a_token_that_is_refused_is_not_tried_for_long(tmp_path: Path, api: CloudflareApi):
    deployment = DnsDeployment(tmp_path, api.url, "x" * 40)
    deployment.configure(DNS)
    run = deployment.up()
    assert run.failed
    assert "Authentication error" in run.output
    assert {request.status for request in api.requests} == {403}
    assert len(api.requests) == len({(request.path, request.body.get("name"), str(request.body)) for request in api.requests})


def test_a_change_is_one_request(deployed: DnsDeployment, api: CloudflareApi):
    args = changed(priority=20)
    assert deploy(deployed, api, args) == [("PUT", "example.com")]
    args["domains"][0]["spf"] = {"includes": ["amazonses.com"]}
    assert deploy(deployed, api, args) == [("PUT", "example.com")]
    args["ports"] = {"submissions": 465, "submission": 587, "imaps": 993, "imap": 143, "sieve": 4190, "https": 443}
    assert deploy(deployed, api, args) == [("PUT", "_imap._tcp.example.com")]
    args["domains"][0]["caa"]["issuers"] = [{"authority": "letsencrypt.org"}]
    assert deploy(deployed, api, args) == [("PUT", "example.com")]
    args["tlsa"].append(f"3 1 1 {'cd' * 32}")
    assert deploy(deployed, api, args) == [("POST", "_25._tcp.mx1.example.com")]
    assert_nothing_changes(deployed, api)
    assert parsed(api.export(COM), "example.com") == zone_file(deployed)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"addresses": ["203.0.113.10", "203.0.113.11"]}, {"addresses": ["203.0.113.11"]}),
        ({"addresses": ["203.0.113.10", "203.0.113.11"]}, {"addresses": ["203.0.113.11", "203.0.113.10"]}),
        ({"addresses": ["203.0.113.10"]}, {"addresses": ["2001:db8::10", "203.0.113.10"]}),
        ({"caa": {"issuers": [LETS_ENCRYPT]}}, {"caa": {"issuers": [{"authority": "sectigo.com"}, LETS_ENCRYPT]}}),
    ],
    ids=["fewer addresses", "addresses in another order", "another family", "more issuers"],
)
def test_what_stays_is_not_in_the_way_of_what_comes(
    tmp_path: Path, api: CloudflareApi, before: dict[str, Any], after: dict[str, Any]
):
    # Cloudflare refuses a record that is there already, even when it would go a moment later.
    deployment = DnsDeployment(tmp_path, api.url, TOKEN)
    deploy(deployment, api, changed(**before))
    deploy(deployment, api, changed(**after))
    assert parsed(api.export(COM), "example.com") == zone_file(deployment)


def test_a_key_is_rotated_without_touching_other_records(deployed: DnsDeployment, api: CloudflareApi):
    old, new, other = {"name": "s1-rsa", "algorithm": "rsa"}, {"name": "s2-rsa", "algorithm": "rsa"}, SELECTORS[1]
    record = "{}._domainkey.example.com"

    def step(*selectors: dict[str, str]) -> list[tuple[str, str]]:
        return deploy(deployed, api, changed(dkim_selectors=[*selectors, other]))

    assert step(old, {**new, "state": "pending"}) == [("POST", record.format("s2-rsa"))]
    assert step({**old, "state": "retiring"}, new) == []
    assert step({**old, "state": "retired"}, new) == [("PUT", record.format("s1-rsa"))]
    (revoked,) = [found for found in api.records(COM) if found["name"] == record.format("s1-rsa")]
    assert revoked["content"] == '"v=DKIM1; k=rsa; p="'
    assert_nothing_changes(deployed, api)
    assert step(new) == [("DELETE", record.format("s1-rsa"))]
    keys = [pair["urn"].rpartition("::")[2] for pair in deployed.of_type(PRIVATE_KEY)]
    assert sorted(keys) == ["dkim-s1-ed25519._domainkey.example.com", "dkim-s2-rsa._domainkey.example.com"]


def test_a_key_that_signs_is_not_taken_out_by_mistake(deployed: DnsDeployment, api: CloudflareApi):
    api.forget_requests()
    deployed.configure(changed(dkim_selectors=SELECTORS[:1]))
    run = deployed.up(preview=True)
    assert run.failed
    assert "dkim-s1-ed25519._domainkey.example.com" in run.output
    assert "because it is protected" in run.output
    assert api.writes() == []


def test_a_zone_stays_signed_when_nobody_asks_for_it_any_more(deployed: DnsDeployment, api: CloudflareApi):
    # Its DS record is still in the parent zone: without signatures nobody could look the zone up.
    assert deploy(deployed, api, changed(dnssec=False, tlsa=[])) == [
        ("DELETE", "_25._tcp.mx1.example.com"),
        ("DELETE", "_smtp._tls.mx1.example.com"),
    ]
    assert api.dnssec(COM)["status"] == "active"


def test_destroy_stops_at_the_keys_before_it_deletes_anything(deployed: DnsDeployment, api: CloudflareApi):
    api.forget_requests()
    run = deployed.destroy()
    assert run.failed
    assert "dkim-s1-rsa._domainkey.example.com" in run.output
    assert "because it is protected" in run.output
    assert api.writes() == []


def test_until_the_registrar_has_the_ds_record_only_dnssec_is_asked_for_again(tmp_path: Path):
    with CloudflareApi(ZONES, ds_at_registrar=False) as api:
        deployment = DnsDeployment(tmp_path, api.url, TOKEN)
        deploy(deployment, api, DNS)
        api.forget_requests()
        assert not deployment.refresh().failed
        assert deployment.up().steps == {"dns-dnssec-example.com": "update"}
        assert [(request.method, request.body) for request in api.writes()] == [("PATCH", {"status": "active"})]


def test_no_secret_is_in_the_clear(deployed: DnsDeployment):
    deployed.preview()
    deployed.refresh()
    secrets = {TOKEN}
    for pair in deployed.of_type(PRIVATE_KEY):
        for field in ("privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"):
            # The last lines: those at the top of an RSA key hold its public half as well.
            lines = json.loads(pair["outputs"][field]["plaintext"]).splitlines()[-3:-1]
            secrets |= {line for line in lines if len(line) >= 40 and "-----" not in line}
    assert len(secrets) >= 5
    seen = "".join([deployed.on_disk(), *deployed.told, json.dumps(deployed.outputs())])
    assert "example.com" in seen
    assert not any(secret in seen for secret in secrets)
    assert "PRIVATE KEY" not in seen
