"""DNS records as pure data."""

import asyncio

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.dns.policies import Dmarc, Spf
from components.dns.records.dmarc import consent, dmarc_text
from components.dns.records.domain import Announcement, mx_records, parked_records, policy_records, report_address
from components.dns.records.exchange import host_records
from components.dns.records.record import Record, presentation, quoted
from components.dns.records.selectors import selector_records
from components.dns.records.services import service_records
from components.dns.records.spf import domain_spf, host_spf, spf_problems
from components.dns.records.tlsa import Tlsa
from components.mta_sts import MtaSts
from tests.unit.domains import domain, exchange

PORTS = {"submissions": 465, "imaps": 993, "https": 443}
ADDRESS = "postmaster@example.com"


def _found(records):
    return {(record.name, record.type): presentation(record) for record in records}


@pytest.mark.parametrize(
    ("text", "written"),
    [("a", '"a"'), ("", '""'), ('say "x" \\', '"say \\"x\\" \\\\"'), ("a" * 256, f'"{"a" * 255}" "a"')],
)
def test_txt_is_quoted_and_split_at_255_bytes(text, written):
    assert quoted(text) == written


@pytest.mark.parametrize("text", ["bücher", "a\nb", "\x00"])
def test_txt_that_is_not_printable_ascii_is_refused(text):
    with pytest.raises(ValueError, match="printable ASCII"):
        quoted(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=1000))
def test_a_dns_library_reads_what_was_quoted(text):
    import dns.rdata

    rdata = dns.rdata.from_text("IN", "TXT", quoted(text))
    assert b"".join(rdata.strings).decode() == text


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (Record("", "a", "MX", "mx1.example.com", 1, (10,)), "10 mx1.example.com."),
        (Record("", "a", "MX", ".", 1, (0,)), "0 ."),
        (Record("", "a", "SRV", "mx1.example.com", 1, (0, 1, 993)), "0 1 993 mx1.example.com."),
        (Record("", "a", "SRV", ".", 1, (0, 0, 0)), "0 0 0 ."),
        (Record("", "a", "TLSA", "AB", 1, (3, 1, 1)), "3 1 1 AB"),
        (Record("", "a", "CAA", "letsencrypt.org", 1, (0, "issue")), '0 issue "letsencrypt.org"'),
        (Record("", "a", "CNAME", "mx1.example.com", 1), "mx1.example.com."),
        (Record("", "a", "AAAA", "2001:db8::1", 1), "2001:db8::1"),
    ],
)
def test_records_are_written_as_zone_files_have_them(record, text):
    assert presentation(record) == text


def test_spf_names_addresses_by_family_and_each_once():
    spf = Spf.model_validate({"includes": ["_spf.example.net"], "networks": ["192.0.2.0/28"], "otherwise": "fail"})
    assert domain_spf(spf, ["192.0.2.1", "2001:db8::1", "192.0.2.1"], is_host=False) == (
        "v=spf1 mx ip4:192.0.2.1 ip6:2001:db8::1 ip4:192.0.2.0/28 include:_spf.example.net -all"
    )
    assert domain_spf(Spf(), [], is_host=True) == "v=spf1 a mx ~all"
    assert host_spf(["192.0.2.9"]) == "v=spf1 a ip4:192.0.2.9 -all"


def test_spf_over_a_limit_is_refused_with_the_count():
    # `mx` is one look-up.
    def problems(includes, networks=0):
        given = {"includes": [f"s{n}.example" for n in range(includes)], "networks": [f"192.0.2.{n}/32" for n in range(networks)]}
        return spf_problems(domain_spf(Spf.model_validate(given), [], is_host=False))

    assert problems(9) == []
    (found,) = problems(10)
    assert "needs 11 look-ups (mx, include:s0.example" in found
    assert "`networks` instead" in found
    (found,) = problems(0, 60)
    assert "characters, and 450 fit" in found


def test_dmarc_has_its_policy_second_and_covers_subdomains():
    assert dmarc_text(Dmarc(), ADDRESS) == f"v=DMARC1; p=quarantine; sp=quarantine; np=reject; rua=mailto:{ADDRESS}"
    given = {"policy": "none", "subdomainPolicy": "reject", "strictAlignment": True, "failureReportAddress": "f@example.com"}
    assert dmarc_text(Dmarc.model_validate(given), None) == (
        "v=DMARC1; p=none; sp=reject; np=reject; adkim=s; aspf=s; ruf=mailto:f@example.com"
    )


@pytest.mark.parametrize(
    ("name", "address", "where"),
    [
        ("example.com", "d@example.com", None),
        ("example.com", "d@reports.example.com", None),
        ("mail.example.com", "d@example.com", None),
        ("example.com", "d@example.net", "example.com._report._dmarc.example.net"),
        ("example.com", "d@notexample.com", "example.com._report._dmarc.notexample.com"),
    ],
)
def test_another_organization_consents_to_reports(name, address, where):
    found = consent(name, address)
    assert (found and found[0]) == where


def test_a_host_has_an_address_record_of_each_family_and_an_spf_record():
    records = host_records(exchange(addresses=("192.0.2.1", "2001:db8::1")), 300, lambda _name: False)
    assert [(r.type, r.value) for r in records] == [("A", "192.0.2.1"), ("AAAA", "2001:db8::1"), ("TXT", "v=spf1 a -all")]


def test_every_name_said_in_ehlo_leads_back_to_its_address():
    found = host_records(
        exchange(egress=(("192.0.2.9", "out1.example.com"), ("2001:db8::9", "out1.example.com"))), 300, lambda _name: False
    )
    assert [(r.type, r.value) for r in found if r.name == "out1.example.com"] == [
        ("A", "192.0.2.9"),
        ("AAAA", "2001:db8::9"),
        ("TXT", "v=spf1 a -all"),
    ]


def test_a_host_that_is_a_mail_domain_has_one_spf_record():
    host = exchange(hostname="example.com", target="example.com")
    found = host_records(host, 300, {"example.com"}.__contains__) + policy_records("example.com", domain(), host, None, None, 300)
    assert [r.value for r in found if "spf1" in str(r.value)] == ["v=spf1 a mx ~all"]


def test_tlsa_is_in_upper_case_with_reports_about_the_very_host():
    pinned = (Tlsa(3, 1, 1, "AB" * 32), Tlsa(3, 1, 1, "CD" * 32))
    records = [r for r in host_records(exchange(tlsa=pinned, report_address=ADDRESS), 300, lambda _n: True) if r.type != "A"]
    assert [(r.name, r.type, presentation(r)) for r in records] == [
        ("_25._tcp.mx1.example.com", "TLSA", f"3 1 1 {'AB' * 32}"),
        ("_25._tcp.mx1.example.com", "TLSA", f"3 1 1 {'CD' * 32}"),
        ("_smtp._tls.mx1.example.com", "TXT", f'"v=TLSRPTv1; rua=mailto:{ADDRESS}"'),
    ]
    assert len({r.key for r in records}) == 3


def test_both_exchanges_are_published_when_record_sets_have_one_owner():
    records = mx_records("example.com", exchange(), {"mx2.example.com": 20}, 300)
    assert [presentation(r) for r in records] == ["10 mx1.example.com.", "20 mx2.example.com."]
    assert all(record.waits for record in records)


def test_what_must_not_be_announced_early_waits_for_the_server():
    async def with_an_event_loop():
        late = pulumi.Output.from_input("mx1.example.com")
        announced = Announcement(MtaSts(), ("mx1.example.com",))
        return policy_records("example.com", domain(), exchange(target=late), announced, ADDRESS, 300)

    records = asyncio.run(with_an_event_loop())
    assert [r.name for r in records if isinstance(r.value, pulumi.Output)] == ["_mta-sts.example.com"]
    assert [r.name for r in records if r.waits] == ["_mta-sts.example.com"]


def test_the_other_exchange_waits_for_the_policy_that_lists_it():
    async def with_an_event_loop():
        late = pulumi.Output.from_input("mx1.example.com")
        return mx_records("example.com", exchange(target=late), {"mx2.example.com": 20}, 300)

    assert all(isinstance(record.value, pulumi.Output) for record in asyncio.run(with_an_event_loop()))


def test_the_id_of_a_policy_changes_with_the_policy_alone():
    hosts = ("mx1.example.com", "mx2.example.com")
    policy = MtaSts()
    assert policy.policy_id(hosts) == policy.policy_id(hosts[::-1])
    others = [MtaSts.model_validate({"mode": "enforce"}).policy_id(hosts), policy.policy_id(hosts[:1])]
    others.append(MtaSts.model_validate({"maxAgeDays": 8}).policy_id(hosts))
    assert len({policy.policy_id(hosts), *others}) == 4
    assert all(len(found) <= 32 and found.isalnum() for found in others)


def test_everything_a_domain_can_say():
    said = domain(
        spf={"includes": ["amazonses.com"]},
        dmarc={"policy": "reject", "report_address": "r@reports.example.net"},
        tls_report_address="tls@example.com",
        bimi={"logo_url": "https://example.com/logo.svg"},
        caa={
            "issuers": [
                {
                    "authority": "letsencrypt.org",
                    "account_uri": "https://acme.example/acct/1",
                    "validation_methods": ["dns-01"],
                    "persistent": True,
                }
            ],
            "report_address": ADDRESS,
        },
    )
    announced = Announcement(MtaSts(), ("mx1.example.com",))
    reports_to = report_address("example.com", said, None)
    records = policy_records("example.com", said, exchange(egress=(("192.0.2.9", "o.example.com"),)), announced, reports_to, 300)
    assert [(r.name.removesuffix("example.com"), r.type, presentation(r)) for r in records] == [
        ("", "TXT", '"v=spf1 mx ip4:192.0.2.9 include:amazonses.com ~all"'),
        ("_dmarc.", "TXT", '"v=DMARC1; p=reject; sp=reject; np=reject; rua=mailto:r@reports.example.net"'),
        ("_mta-sts.", "TXT", f'"v=STSv1; id={MtaSts().policy_id(["mx1.example.com"])}"'),
        ("_smtp._tls.", "TXT", '"v=TLSRPTv1; rua=mailto:tls@example.com"'),
        ("default._bimi.", "TXT", '"v=BIMI1; l=https://example.com/logo.svg; a="'),
        ("", "CAA", '0 issue "letsencrypt.org; accounturi=https://acme.example/acct/1; validationmethods=dns-01"'),
        ("", "CAA", '0 issuewild ";"'),
        ("", "CAA", f'0 iodef "mailto:{ADDRESS}"'),
        ("_validation-persist.", "TXT", '"letsencrypt.org; accounturi=https://acme.example/acct/1"'),
    ]


def test_every_policy_has_its_switch():
    off = dict.fromkeys(("spf", "dmarc", "mta_sts", "tls_reports", "services", "autoconfig", "autodiscover"), False)
    silent = domain(records=off)
    announced = Announcement(MtaSts(), ("mx1.example.com",))
    assert policy_records("example.com", silent, exchange(), announced, ADDRESS, 300) == []
    assert service_records("example.com", silent, "mx1.example.com", PORTS, 300) == []


def test_mail_programs_find_what_is_on_and_hear_of_what_is_off():
    found = _found(service_records("example.com", domain(records={"ua_auto_config": True}), "mx1.example.com", PORTS, 300))
    assert found["_submissions._tcp.example.com", "SRV"] == "0 1 465 mx1.example.com."
    assert found["_imap._tcp.example.com", "SRV"] == found["_submission._tcp.example.com", "SRV"] == "0 0 0 ."
    for service in ("_jmap", "_caldavs", "_carddavs", "_autodiscover"):
        assert found[f"{service}._tcp.example.com", "SRV"] == "0 1 443 mx1.example.com."
    for label in ("autoconfig", "autodiscover", "mta-sts", "ua-auto-config"):
        assert found[f"{label}.example.com", "CNAME"] == "mx1.example.com."


SELECTORS = [
    {"name": "new", "algorithm": "rsa", "state": "pending"},
    {"name": "now", "algorithm": "rsa"},
    {"name": "old", "algorithm": "rsa", "state": "retired"},
    {"name": "hsm", "algorithm": "ed25519", "public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
]


def test_every_selector_is_published_and_a_retired_one_as_revoked():
    values = {"new._domainkey.example.com": "one", "now._domainkey.example.com": "two"}
    found = {r.name.partition(".")[0]: r.value for r in selector_records(domain(dkim_selectors=SELECTORS), values, 300)}
    assert found == {
        "new": "one",
        "now": "two",
        "old": "v=DKIM1; k=rsa; p=",
        "hsm": "v=DKIM1; k=ed25519; h=sha256; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    }


def test_hosted_keys_are_in_our_zone_and_the_domain_leads_there():
    hosted = domain(dkim_selectors=SELECTORS[1:2], hosted_dkim={"zone": "dkim.example.net", "selectors": ["next"]})
    found = _found(selector_records(hosted, {"now._domainkey.example.com": "two"}, 300))
    assert found == {
        ("now.example.com.dkim.example.net", "TXT"): '"two"',
        ("now._domainkey.example.com", "CNAME"): "now.example.com.dkim.example.net.",
        ("next._domainkey.example.com", "CNAME"): "next.example.com.dkim.example.net.",
    }


def test_a_parked_domain_refuses_everything():
    parked = domain("example.org", parked=True, dmarc={"policy": "none"})
    records = parked_records(parked, report_address("example.org", parked, "example.com"), 300)
    assert [(r.name, r.type, presentation(r)) for r in records] == [
        ("example.org", "MX", "0 ."),
        ("example.org", "TXT", '"v=spf1 -all"'),
        ("*._domainkey.example.org", "TXT", '"v=DKIM1; p="'),
        ("_dmarc.example.org", "TXT", f'"v=DMARC1; p=reject; sp=reject; np=reject; rua=mailto:{ADDRESS}"'),
    ]


def test_reports_go_to_the_postmaster_unless_somebody_else_is_named_or_nobody():
    assert report_address("example.com", domain(), None) == ADDRESS
    assert report_address("example.info", domain(aliases=["example.info"]), None) == "postmaster@example.info"
    assert report_address("example.com", domain(dmarc={"reports": False}), None) is None
    assert report_address("example.com", domain(dmarc={"report_address": "d@example.net"}), None) == "d@example.net"
    assert report_address("example.org", domain("example.org", parked=True), None) is None


def test_records_keep_their_identity_when_a_list_changes_its_order():
    def keys(addresses, issuers):
        said = domain(caa={"issuers": [{"authority": found} for found in issuers]})
        records = host_records(exchange(addresses=addresses), 300, lambda _name: False)
        records += policy_records("example.com", said, exchange(), None, ADDRESS, 300)
        return {(r.key, r.name): presentation(r) for r in records}

    one = keys(("192.0.2.1", "2001:db8::1"), ("a.example", "b.example"))
    assert keys(("2001:db8::1", "192.0.2.1"), ("b.example", "a.example")) == one
    assert keys(("2001:db8::1",), ("b.example",)).items() <= one.items()
    assert not any("::" in key for key, _name in one)
