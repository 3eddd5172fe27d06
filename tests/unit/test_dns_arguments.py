"""The arguments of `MailDns`: what is refused, and where records go."""

import random

import pytest

from components import checks
from components.dns.arguments import MailDnsArgs, resolve
from components.dns.published import all_records, published
from components.dns.publishers import zone_file
from components.dns.zones import Zone, zone_of
from tests.unit.domains import exchange

DIGEST = "ab" * 32
LONG = ".".join(["a" * 60] * 3 + ["b" * 57, "example"])
ARGS = MailDnsArgs(hostname="mx1.example.com", addresses=["192.0.2.1"], domains=[{"name": "example.com"}])
KEYS = {f"s1-{kind}._domainkey.example.com": f"v=DKIM1; k={kind}; p=abc" for kind in ("rsa", "ed25519")}


def _resolved(**changes):
    return resolve({**ARGS, **changes})


def _refused(**changes):
    with pytest.raises(checks.ArgumentsError) as refused:
        _resolved(**changes)
    return str(refused.value)


def test_a_name_belongs_to_its_most_specific_zone():
    zones = {name: Zone(name) for name in ("example.com", "mail.example.com", "ample.com")}
    assert zone_of("mx1.mail.example.com", zones) == zones["mail.example.com"]
    assert zone_of("example.com", zones) == zones["example.com"]
    assert zone_of("other-example.com", zones) is None


def test_a_domain_below_a_zone_is_part_of_it_unless_it_says_otherwise():
    domains = [
        {"name": "sub.example.com", "aliases": ["mail.example.org", "example.info"]},
        {"name": "example.com", "dnssec": True},
        {"name": "own.example.com", "dns_provider": "zonefile"},
    ]
    zones = _resolved(domains=domains, zones=[{"name": "example.org"}]).zones
    assert zones.keys() == {"example.com", "example.org", "example.info", "own.example.com"}
    found = zone_of("sub.example.com", zones)
    assert found
    assert (found.name, found.is_signed) == ("example.com", True)


def test_what_is_given_twice_is_published_once():
    twice = {"address": "192.0.2.9", "ehlo_hostname": "out1.example.com"}
    domains = [{"name": "example.com", "dnssec": True}]
    dns = _resolved(domains=domains, egress=[twice, twice], tlsa=[f"3 1 1 {DIGEST}", f"3 1 1 {DIGEST.upper()}"])
    found = exchange(egress=dns.egress, tlsa=dns.tlsa)
    keys = [(record.key, record.name) for record in all_records(dns, found, KEYS)]
    assert len(keys) == len(set(keys))


def test_all_mistakes_of_the_arguments_are_told_at_once():
    message = _refused(
        hostname="not a host",
        addresses=["300.0.0.1"],
        domains=[{"name": "bad name.example"}, {"name": "example.com", "dmarc": {"policy": "perhaps"}}],
        provider="carrier-pigeon",
        tlsa=["3 1 1 zz"],
        egress=[{"address": "nowhere", "ehlo_hostname": "out1.example.com"}],
        mta_sts={"mode": "sometimes"},
        name_servers=["ns1"],
    )
    for words in ("not a host", "300.0.0.1", "carrier-pigeon", "3 1 1 zz", "nowhere", "ns1"):
        assert words in message
    for place in ("domains[0].name", "domains[1].dmarc.policy", "mta_sts.mode"):
        assert place in message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hostname": "mx1.elsewhere.example"}, "is in none of the zones example.com; name its zone in `zones`"),
        ({"provider": "cloudflare"}, "example.com has no `zone_id`, which Cloudflare needs"),
        ({"provider": "external-dns"}, "external_dns: is needed with the provider external-dns"),
        ({"tlsa": [f"3 1 1 {DIGEST}"]}, "the zone example.com is not signed"),
        ({"domains": [{"name": "example.com", "hosted_dkim": {"zone": "dkim.example.net"}}]}, "`dkim.example.net` is in none"),
        ({"domains": [{"name": "example.com"}, {"name": "example.com"}]}, "example.com is listed twice"),
        ({"domains": [{"name": "example.com", "spf": {"includes": [f"s{n}.example" for n in range(10)]}}]}, "11 look-ups"),
        ({"egress": [{"address": "192.0.2.9", "ehlo_hostname": "mx1.example.com"}]}, "an `ehlo_hostname` of its own"),
        ({"owner": "x" * 51}, "50 characters"),
        ({"egress": [{"address": "192.0.2.9", "ehlo_hostname": f"o{n}.example.com"} for n in (1, 2)]}, "says two names in EHLO"),
        ({"leaving_zones": ["example.net"]}, "`example.net` is not one of the zones example.com"),
        ({"priority": 70000}, "priority: 70000"),
        ({"ttl_seconds": -5}, "ttl_seconds: -5"),
        ({"other_exchanges": [{"hostname": "mx1.example.com"}]}, "is this exchange itself"),
        ({"tlsa": [f"3 0 1 {DIGEST}"]}, "is not a TLSA record for mail"),
        ({"domains": [{"name": LONG}]}, "DNS has room for 253"),
        ({"domains": [{"name": "example.com", "bimi": {"logo_url": "https://example.com/l.svg;v=2"}}]}, "bimi.logo_url"),
        ({"domains": [{"name": "example.com", "bimi": {"logo_url": "https://example.com/ü.svg"}}]}, "in ASCII"),
        (
            {"domains": [{"name": "example.com", "dkim_selectors": [{"name": "s1", "algorithm": "ed25519"}]}]},
            "no active rsa selector",
        ),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(changes, words):
    assert words in _refused(**changes)


def test_whole_numbers_from_other_languages_arrive_as_floats():
    dns = _resolved(priority=20.0, ttl_seconds=300.0, ports={"imaps": 993.0})
    assert (str(dns.priority), str(dns.ttl_seconds), str(dns.ports["imaps"])) == ("20", "300", "993")


@pytest.mark.parametrize("addresses", [[object()], []])
def test_an_address_that_is_not_known_yet_is_not_held_against_egress(addresses):
    dns = _resolved(addresses=addresses, egress=[{"address": "192.0.2.9", "ehlo_hostname": "mx1.example.com"}])
    assert dns.egress == (("192.0.2.9", "mx1.example.com"),)


def test_a_backup_publishes_its_host_and_its_place_and_nothing_that_domains_share():
    dns = _resolved(hostname="mx2.example.com", priority=20, exchange_only=True)
    second = exchange(hostname="mx2.example.com", target="mx2.example.com", priority=20)
    records = all_records(dns, second, {})
    assert [(r.name, r.type) for r in records] == [
        ("mx2.example.com", "A"),
        ("mx2.example.com", "TXT"),
        ("example.com", "MX"),
    ]
    without = _resolved(
        hostname="mx2.example.com", exchange_only=True, domains=[{"name": "example.com", "records": {"mx": False}}]
    )
    assert "MX" not in [record.type for record in all_records(without, second, {})]


def test_an_alias_has_the_records_of_its_domain_but_no_key():
    names = ["example.info"]
    dns = _resolved(domains=[{"name": "example.com", "aliases": names, "dmarc": {"report_address": "d@example.com"}}])
    found = {(r.name, r.type) for r in all_records(dns, exchange(), KEYS)}
    for name, kind in (("", "MX"), ("", "TXT"), ("_dmarc.", "TXT"), ("_smtp._tls.", "TXT"), ("_imaps._tcp.", "SRV")):
        assert (f"{name}example.info", kind) in found
    assert not any("_domainkey.example.info" in name for name, _kind in found)
    assert ("example.info._report._dmarc.example.com", "TXT") in found


def test_what_is_in_nobodys_zone_is_left_to_its_owner():
    domains = [{"name": "example.com", "dmarc": {"report_address": "d@reports.example.net"}}]
    dns = _resolved(domains=domains, egress=[{"address": "192.0.2.9", "ehlo_hostname": "out.example.net"}])
    found = published(dns, exchange(egress=dns.egress), KEYS)
    assert {(r.name, r.type) for r in found.elsewhere} == {
        ("example.com._report._dmarc.reports.example.net", "TXT"),
        ("out.example.net", "A"),
        ("out.example.net", "TXT"),
    }
    assert {zone.name for zone in found.by_zone} == {"example.com"}


def test_a_zone_file_does_not_depend_on_the_order_of_records():
    dns = _resolved()
    records = all_records(dns, exchange(), KEYS)
    shuffled = random.Random(1).sample(records, len(records))
    zone = Zone("example.com")
    assert zone_file.render(zone, records, (), 300) == zone_file.render(zone, shuffled, (), 300)
    assert zone_file.render(zone, records, ("ns1.example.net",), 300).count(" IN NS ") == 1
