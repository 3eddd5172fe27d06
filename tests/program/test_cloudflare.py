"""The Cloudflare publisher: every record as the API stores it, so that a refresh finds no change."""

import pytest

from offline.program import record, stack_config
from offline.recorder import Recording, Secret
from offline.world import OfflineWorld
from tests.conftest import changed, named, only

DNS = {"provider": "cloudflare", "apiToken": {"secure": "token"}, "tlsa": [f"3 1 1 {'ab' * 32}"]}
RECORD = "cloudflare:index/dnsRecord:DnsRecord"
DNSSEC = "cloudflare:index/zoneDnssec:ZoneDnssec"


@pytest.fixture(scope="module")
def cloudflare() -> Recording:
    config = stack_config("primary")
    domains = [{**domain, "zoneId": f"zone-{number}"} for number, domain in enumerate(config["mail:domains"])]
    domains[0] |= {"dnssec": True, "caa": {"issuers": [{"authority": "letsencrypt.org"}]}}
    config["mail:tls"] = {"issuer": "letsencrypt", "keepKey": True}
    config["mail:exposure"] = {"addresses": ["203.0.113.10", "2001:db8::10"]}
    return record(
        "primary",
        {**config, "mail:domains": domains, "mail:dns": DNS},
        OfflineWorld(),
    )


def test_every_record_of_the_zone_files_is_published(cloudflare: Recording):
    published = {(r.inputs["name"], r.inputs["type"], _data(r.inputs).rstrip(".")) for r in cloudflare.of_type(RECORD)}
    lines = [
        line.split(" ", 4)
        for text in cloudflare.outputs["zones"].values()
        for line in text.splitlines()
        if " IN " in line and not line.startswith("@")
    ]
    written = {(name.rstrip("."), kind, value.rstrip(".")) for name, _ttl, _class, kind, value in lines}
    assert published == written
    assert {kind for _name, kind, _value in written} == {"A", "AAAA", "CNAME", "MX", "TXT", "SRV", "TLSA", "CAA"}


def _data(inputs):
    """The data of a record as a zone file has it."""
    kind, data = inputs["type"], inputs.get("data")
    if kind == "MX":
        return f"{inputs['priority']} {inputs['content']}"
    if data is None:
        return inputs["content"]
    assert "content" not in inputs
    if kind == "CAA":
        return f'{data["flags"]} {data["tag"]} "{data["value"]}"'
    if kind == "SRV":
        assert inputs["priority"] == data["priority"]  # the API says both; one left out is a change at every refresh
        return f"{data['priority']} {data['weight']} {data['port']} {data['target']}"
    return f"{data['usage']} {data['selector']} {data['matchingType']} {data['certificate']}"


def test_a_zone_is_signed_when_asked_and_its_ds_record_put_out(cloudflare: Recording):
    signed = only(cloudflare, DNSSEC)
    assert (signed.inputs["zoneId"], signed.inputs["status"]) == ("zone-0", "active")
    assert signed.retain_on_delete
    assert cloudflare.outputs["ds"].keys() == {"example.com"}
    assert cloudflare.outputs["signedZones"] == ["example.com"]


def test_records_of_a_leaving_zone_stay():
    domains = [{**domain, "zoneId": domain["name"]} for domain in stack_config("primary")["mail:domains"]]
    leaving = changed("primary", dns={**DNS, "tlsa": [], "leavingZones": ["example.org"]}, domains=domains)
    assert {(r.inputs["zoneId"], r.retain_on_delete) for r in leaving.of_type(RECORD)} == {
        ("example.com", False),
        ("example.org", True),
    }


def test_a_record_says_whose_it_is(cloudflare: Recording):
    assert named(cloudflare, "dns-mx-example.com").inputs["comment"] == "Managed by Pulumi (mail/primary): mx"


def test_names_are_whole_and_targets_without_the_dot(cloudflare: Recording):
    for resource in cloudflare.of_type(RECORD):
        name = resource.inputs["name"]
        assert name.endswith(("example.com", "example.org"))
        assert name == name.lower()
        assert resource.inputs["zoneId"] == ("zone-0" if name.endswith("example.com") else "zone-1")
    (mx,) = [r for r in cloudflare.of_type(RECORD) if r.name == "dns-mx-example.com"]
    assert (mx.inputs["content"], mx.inputs["priority"]) == ("mx1.example.com", 10)
    (null,) = [r for r in cloudflare.of_type(RECORD) if r.name == "dns-mx-example.org"]
    assert (null.inputs["content"], null.inputs["priority"]) == (".", 0)


def test_text_is_quoted_and_no_record_is_proxied(cloudflare: Recording):
    for resource in cloudflare.of_type(RECORD):
        assert resource.inputs["proxied"] is False
        assert len(resource.inputs["comment"]) <= 100
        if resource.inputs["type"] == "TXT":
            assert resource.inputs["content"].startswith('"')
            assert resource.inputs["content"].endswith('"')


def test_records_use_the_explicit_provider_with_a_secret_token(cloudflare: Recording):
    (provider,) = cloudflare.of_type("pulumi:providers:cloudflare")
    assert provider.inputs["apiToken"] == Secret("token")
    assert all(r.provider.startswith(provider.urn) for r in cloudflare.of_type(RECORD))
    assert cloudflare.duplicates == []


def test_a_pinned_key_is_kept_when_the_certificate_is_renewed(cloudflare: Recording):
    assert named(cloudflare, "stalwart-certificate").inputs["spec"]["privateKey"] == {"rotationPolicy": "Never"}


def test_a_record_is_never_made_beside_the_one_it_replaces(cloudflare: Recording):
    assert all(record.delete_before_replace for record in cloudflare.of_type(RECORD))
    former = {r.name: r.aliases for r in cloudflare.of_type(RECORD) if r.inputs["name"] == "mx1.example.com" and r.aliases}
    assert former == {
        "dns-address-203.0.113.10-mx1.example.com": ("dns-address-0-mx1.example.com",),
        "dns-address-2001-db8--10-mx1.example.com": ("dns-address-1-mx1.example.com",),
    }


def test_a_zone_is_signed_once_and_by_the_stack_that_publishes_what_domains_share():
    signed = {"zoneId": "one", "dnssec": True}
    domains = [{"name": "example.com", **signed}, {"name": "sub.example.com", **signed}]
    primary = changed("primary", dns={**DNS, "tlsa": []}, domains=domains)
    assert [r.inputs["zoneId"] for r in primary.of_type(DNSSEC)] == ["one"]
    outputs = {"mail/primary": dict(primary.outputs)}
    config = {**stack_config("backup"), "mail:dns": {**DNS, "tlsa": []}}
    assert record("backup", config, OfflineWorld(outputs)).of_type(DNSSEC) == []
