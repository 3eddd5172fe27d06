"""DNS records as pure data, and their text forms."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components import checks
from components.dns import dkim, zone_file
from components.dns.mail_dns import resolve
from components.dns.records import Exchange, Record, dmarc, host_records, parked_records, policy_records, quoted, spf
from components.dns.zones import Zone, zone_of
from components.mail_domain import DkimAlgorithm, DkimSelector, DmarcPolicy, MailDomain

# RFC 8463, appendix A.2
RFC_8463_SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
RFC_8463_RECORD = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def _pem(key):
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_the_ed25519_record_is_that_of_rfc_8463():
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(RFC_8463_SEED)).public_key()
    assert dkim.record_value(_pem(key)) == f"v=DKIM1; k=ed25519; h=sha256; p={RFC_8463_RECORD}"


def test_the_rsa_record_holds_the_key_that_was_given():
    key = rsa.generate_private_key(65537, 2048).public_key()
    value = dkim.record_value(_pem(key))
    assert value.startswith("v=DKIM1; k=rsa; h=sha256; p=MII")
    der = base64.b64decode(value.partition("p=")[2])
    assert der == key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert len(value) == 420


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        (lambda: _pem(rsa.generate_private_key(65537, 1024).public_key()), "1024 bits"),
        (lambda: _pem(ec.generate_private_key(ec.SECP256R1()).public_key()), "cannot sign mail"),
        (lambda: "no key", "PEM"),
    ],
)
def test_a_key_that_receivers_would_not_take_is_refused(pem, reason):
    with pytest.raises(ValueError, match=reason):
        dkim.record_value(pem())


def test_spf_names_addresses_by_family():
    assert spf(("mx",), ("192.0.2.1", "2001:db8::1"), "~all") == "v=spf1 mx ip4:192.0.2.1 ip6:2001:db8::1 ~all"


def test_dmarc_has_its_policy_second_and_covers_subdomains():
    assert (
        dmarc(DmarcPolicy.QUARANTINE, "d@example.com")
        == "v=DMARC1; p=quarantine; sp=quarantine; np=reject; rua=mailto:d@example.com"
    )
    assert "pct" not in dmarc(DmarcPolicy.NONE, None)


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


def _exchange(**changes):
    return Exchange(
        **{"hostname": "mx1.example.com", "priority": 10, "target": "mx1.example.com", "addresses": ("192.0.2.1",), **changes}
    )


def test_a_host_has_an_address_record_of_each_family_and_an_spf_record():
    records = host_records(_exchange(addresses=("192.0.2.1", "2001:db8::1"), egress_addresses=("192.0.2.9",)), 300)
    assert [(r.type, r.value) for r in records] == [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("TXT", "v=spf1 a ip4:192.0.2.9 -all"),
    ]


def test_a_host_that_is_a_mail_domain_has_one_spf_record():
    exchange = _exchange(hostname="example.com", target="example.com")
    domain = MailDomain("example.com", dkim_selectors=())
    texts = [
        r.value
        for r in [*host_records(exchange, 300, merged_spf=True), *policy_records(domain, exchange, {}, 300)]
        if "spf1" in str(r.value)
    ]
    assert texts == ["v=spf1 a mx ~all"]


def test_every_selector_is_published():
    domain = MailDomain(
        "example.com", dkim_selectors=(DkimSelector("a", DkimAlgorithm.RSA), DkimSelector("b", DkimAlgorithm.ED25519))
    )
    values = {"a._domainkey.example.com": "one", "b._domainkey.example.com": "two"}
    records = policy_records(domain, _exchange(), values, 300)
    assert {r.name: r.value for r in records if r.key == "dkim"} == values


def test_a_parked_domain_refuses_everything():
    assert [(r.name, r.type, r.value, r.priority) for r in parked_records(MailDomain("example.org", parked=True), 300)] == [
        ("example.org", "MX", ".", 0),
        ("example.org", "TXT", "v=spf1 -all", None),
        ("*._domainkey.example.org", "TXT", "v=DKIM1; p=", None),
        ("_dmarc.example.org", "TXT", "v=DMARC1; p=reject; sp=reject; np=reject", None),
    ]


def test_a_name_belongs_to_its_most_specific_zone():
    zones = {name: Zone(name) for name in ("example.com", "mail.example.com", "ample.com")}
    assert zone_of("mx1.mail.example.com", zones) == zones["mail.example.com"]
    assert zone_of("example.com", zones) == zones["example.com"]
    assert zone_of("other-example.com", zones) is None


def test_a_zone_file_does_not_depend_on_the_order_of_records():
    records = [
        Record("mx", "example.com", "MX", "mx1.example.com", 300, 10),
        Record("spf", "example.com", "TXT", "v=spf1 -all", 300),
    ]
    zone = Zone("example.com")
    assert zone_file.render(zone, records, (), 300) == zone_file.render(zone, records[::-1], (), 300)


def test_all_mistakes_of_the_arguments_are_told_at_once():
    with pytest.raises(checks.ArgumentsError) as refused:
        resolve(
            {
                "hostname": "mx1.elsewhere.example",
                "addresses": ["300.0.0.1"],
                "domains": [{"name": "bad_name.example"}, {"name": "example.com", "dmarc_policy": "perhaps"}],
                "publisher": "carrier-pigeon",
            }
        )
    message = str(refused.value)
    for words in ("elsewhere", "300.0.0.1", "bad_name", "perhaps", "carrier-pigeon"):
        assert words in message


def test_whole_numbers_from_other_languages_arrive_as_floats():
    dns = resolve(
        {
            "hostname": "mx1.example.com",
            "addresses": [],
            "domains": [{"name": "example.com"}],
            "priority": 20.0,
            "ttl_seconds": 300.0,
        }
    )
    assert (str(dns.priority), str(dns.ttl_seconds)) == ("20", "300")


def test_cloudflare_needs_the_id_of_every_zone():
    with pytest.raises(checks.ArgumentsError, match=r"example\.com has no `zone_id`"):
        resolve({"hostname": "mx1.example.com", "addresses": [], "domains": [{"name": "example.com"}], "publisher": "cloudflare"})
