"""The external-dns publisher: what its source accepts and what it would write anew for ever (seen with 0.22 and 0.23)."""

import pytest

from offline.program import stack_config
from offline.recorder import Recording
from settings import SettingsError
from tests.conftest import changed, named

ENDPOINT = "kubernetes:externaldns.k8s.io/v1alpha1:DNSEndpoint"
PEER = {"hostname": "mx2.example.com", "addresses": ["198.51.100.20"], "publishMx": True}
DNS = {"provider": "external-dns", "externalDns": {"providerSpecific": {"cloudflare/proxied": "false"}}}
DOMAINS = [
    {"name": "example.com", "caa": {"issuers": [{"authority": "letsencrypt.org"}]}},
    {"name": "example.org", "parked": True},
    {"name": "example.net", "dnsProvider": "zonefile"},
]


@pytest.fixture(scope="module")
def stack() -> Recording:
    return changed("primary", dns=DNS, backupExchange=PEER, domains=DOMAINS)


def _endpoints(recording):
    found = [endpoint for object_ in recording.of_type(ENDPOINT) for endpoint in object_.inputs["spec"]["endpoints"]]
    return {(endpoint["dnsName"], endpoint["recordType"]): endpoint for endpoint in found}


def test_a_record_set_is_in_one_object_once(stack):
    found = [
        (endpoint["dnsName"], endpoint["recordType"])
        for object_ in stack.of_type(ENDPOINT)
        for endpoint in object_.inputs["spec"]["endpoints"]
    ]
    assert len(found) == len(set(found)) >= 25
    fields = {"dnsName", "recordType", "recordTTL", "targets", "providerSpecific"}
    assert all(endpoint.keys() <= fields for endpoint in _endpoints(stack).values())


def test_targets_are_in_the_form_that_is_kept(stack):
    found = _endpoints(stack)
    assert found["example.com", "MX"]["targets"] == ["10 mx1.example.com", "20 mx2.example.com"]
    assert found["_imaps._tcp.example.com", "SRV"]["targets"] == ["0 1 993 mx1.example.com."]
    assert found["_imap._tcp.example.com", "SRV"]["targets"] == ["0 0 0 ."]
    assert found["mta-sts.example.com", "CNAME"]["targets"] == ["mx1.example.com"]
    (key,) = found["s1-rsa._domainkey.example.com", "TXT"]["targets"]
    assert key.startswith('"v=DKIM1')
    assert '" "' in key
    assert found["mx1.example.com", "A"]["recordTTL"] == 3600


def test_only_what_a_provider_may_proxy_has_its_properties(stack):
    for (_name, kind), endpoint in _endpoints(stack).items():
        assert ("providerSpecific" in endpoint) == (kind in ("A", "AAAA", "CNAME"))


def test_what_it_cannot_carry_is_left_to_others_and_said(stack):
    kinds = {kind for _name, kind in _endpoints(stack)}
    assert kinds == {"A", "CNAME", "MX", "SRV", "TXT"}
    assert ("example.org", "MX") not in _endpoints(stack)
    assert "example.org. 3600 IN MX 0 ." in stack.outputs["elsewhere"]
    assert 'example.com. 3600 IN CAA 0 issue "letsencrypt.org"' in stack.outputs["elsewhere"]
    assert "IN MX 0 ." not in stack.outputs["zones"]["example.org"]


def test_a_domain_may_differ_from_the_others(stack):
    assert not any(name.endswith("example.net") for name, _kind in _endpoints(stack))
    assert "example.net. 3600 IN MX 10 mx1.example.com." in stack.outputs["zones"]["example.net"]


def test_addresses_do_not_wait_for_the_server_and_mx_does(stack):
    job = named(stack, "stalwart-apply-plan").urn
    assert job in named(stack, "dns-example.com-when-ready").dependencies
    assert job not in named(stack, "dns-example.com").dependencies


def test_a_record_set_of_another_provider_is_the_backups_own_part(stack):
    assert "mx2.example.com" not in stack.outputs["zones"]["example.net"]


def test_a_backup_does_not_write_into_a_set_of_the_primarys():
    with pytest.raises(SettingsError, match="a record set has one owner"):
        changed("backup", dns=DNS)


def test_objects_of_a_leaving_zone_stay(stack):
    assert not any(found.retain_on_delete for found in stack.of_type(ENDPOINT))
    leaving = changed("primary", dns={**DNS, "leavingZones": ["example.com"]}, domains=DOMAINS)
    kept = {found.name: found.retain_on_delete for found in leaving.of_type(ENDPOINT)}
    assert kept == {name: "example.com" in name for name in kept}
    assert len(kept) >= 3


def test_a_backup_leaves_record_sets_to_the_primary(stack):
    from offline.program import record
    from offline.world import OfflineWorld

    backup = record("backup", {**stack_config("backup"), "mail:dns": DNS}, OfflineWorld({"mail/primary": dict(stack.outputs)}))
    assert _endpoints(backup).keys() == {("mx2.example.com", "A"), ("mx2.example.com", "TXT")}
    assert [zone for zone, text in backup.outputs["zones"].items() if " MX " in text] == ["example.net"]
