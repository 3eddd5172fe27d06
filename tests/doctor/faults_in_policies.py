"""Faults in what records mean: SPF, DKIM, DMARC and TLSA."""

import base64
import sys

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .faults import COM, NET, ORG, OUT, TLSA1, apex, both, dmarc, fault, put, spare_selector
from .mail_hosts import key_digest
from .world import DMARC, ED25519, NEXT_KEY, OUT1, RSA, RSA_RECORD, SPF


def unsigned_tlsa(local):
    for outputs in (local.primary, local.backup):
        outputs["signedZones"] = []
    for kind in ("DNSKEY", "DS"):
        local.dns.set(COM, kind)
    local.dns.signed.clear()


def rsa_record(bits):
    key = RSAPublicNumbers(65537, (1 << bits - 1) + 1).public_key()
    data = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    return f"v=DKIM1; k=rsa; h=sha256; p={data}"


def weak_dkim(bits):
    def breaks(local):
        zone = local.primary["zones"][COM]
        good = f"v=DKIM1; k=ed25519; h=sha256; p={ED25519}"
        local.primary["zones"][COM] = zone.replace(good, '" "'.join([rsa_record(bits)[:200], rsa_record(bits)[200:]]))
        local.dns.set("s1-ed25519._domainkey.example.com", "TXT", f'"{rsa_record(bits)[:200]}" "{rsa_record(bits)[200:]}"')

    return breaks


def dkim(text):
    return put("s1-ed25519._domainkey.example.com", "TXT", f'"{text}"')


def withdrawn(name, kind, line):
    """Neither in DNS nor deployed."""

    def breaks(local):
        local.dns.set(name, kind)
        zones = local.primary["zones"]
        for origin, text in zones.items():
            zones[origin] = "\n".join(found for found in text.splitlines() if not found.startswith(line))

    return breaks


def unsigned_customer(local):
    local.dns.signed.discard(NET)
    for kind in ("DNSKEY", "DS"):
        local.dns.set(NET, kind)


SPF_FAULTS = [
    fault("no SPF", apex(), "spf-missing", "example.com has no SPF record", SPF),
    fault(
        "second SPF", apex(SPF, "v=spf1 include:_spf.example -all"), "spf-duplicate", "2 SPF records", "keep `example.com. TXT"
    ),
    fault("SPF without the egress address", apex("v=spf1 mx ~all"), "spf-fails", OUT1, "softfail"),
    fault("SPF of the host without it", put(OUT, "TXT", '"v=spf1 ip4:203.0.113.99 -all"'), "spf-fails", OUT1, "out1.example.com"),
    fault("another SPF that passes", apex(f"v=spf1 mx ip4:{OUT1} -all"), "spf-different", "-all", "~all"),
    fault("SPF for everybody", apex("v=spf1 mx +all"), "spf-passes-all", "anybody may send"),
    fault("SPF syntax", apex("v=spf1 mx ipv4:203.0.113.11 ~all"), "spf-syntax", "ipv4"),
    fault(
        "SPF with too many lookups",
        apex("v=spf1 " + " ".join(f"a:{host}.example.com" for host in ["mx1", "mx2", "out1"] * 4) + " ~all"),
        "spf-too-many-lookups",
        "11/10",
    ),
    fault(
        "SPF with too many voids",
        apex(f"{SPF[:-5]} a:a.gone.example a:b.gone.example a:c.gone.example ~all"),
        "spf-too-many-voids",
        "no longer exist",
    ),
    fault("parked domain that sends", put(ORG, "TXT", '"v=spf1 ip4:198.51.100.7 -all"'), "spf-different", "example.org"),
]
DKIM = [
    fault("no DKIM key", put("s1-rsa._domainkey.example.com", "TXT"), "dkim-missing", "s1-rsa._domainkey.example.com"),
    fault("another DKIM key", dkim(f"v=DKIM1; k=ed25519; h=sha256; p={ED25519[::-1][1:]}="), "dkim-different", "s1-ed25519"),
    fault("revoked DKIM key", dkim("v=DKIM1; k=ed25519; h=sha256; p="), "dkim-revoked", "revoked"),
    fault("other DKIM tags", dkim(f"v=DKIM1; k=ed25519; h=sha256; t=y; p={ED25519}"), "dkim-tags", "(t)"),
    fault(
        "two DKIM keys", put("s1-rsa._domainkey.example.com", "TXT", RSA_RECORD, '"v=DKIM1; p="'), "dkim-duplicate", "2 DKIM keys"
    ),
    fault("weak DKIM key", weak_dkim(1024), "dkim-weak", "1024 bits", "2048"),
    fault("hopeless DKIM key", weak_dkim(768), "dkim-weak", "768 bits", "ignore"),
    fault(
        "hosted DKIM alias missing", put("s1._domainkey.example.net", "CNAME"), "dkim-missing", "s1._domainkey.example.net. CNAME"
    ),
    fault(
        "hosted DKIM key gone",
        put("s1.example.net.dkim.example.com", "TXT"),
        "dkim-missing",
        "s1.example.net.dkim.example.com. TXT",
    ),
    fault(
        "no alias for the next hosted DKIM key",
        both(spare_selector, put("s2._domainkey.example.net", "CNAME")),
        "dkim-spare",
        "Publish `s2._domainkey.example.net. CNAME s2.example.net.dkim.example.com.`",
    ),
    fault(
        "alias of another for the next hosted DKIM key",
        both(spare_selector, put("s2._domainkey.example.net", "CNAME", "s2.example.net.dkim.old.example.")),
        "dkim-spare",
        "s2.example.net.dkim.old.example",
    ),
    fault(
        "parked domain with a key",
        put("*._domainkey.example.org", "TXT", f'"v=DKIM1; p={RSA[:200]}" "{RSA[200:]}"'),
        "dkim-different",
        "example.org",
    ),
]
DMARC_FAULTS = [
    fault("no DMARC", put("_dmarc.example.com", "TXT"), "dmarc-missing", "_dmarc.example.com", DMARC),
    fault(
        "two DMARC", put("_dmarc.example.com", "TXT", f'"{DMARC}"', '"v=DMARC1; p=none"'), "dmarc-duplicate", "2 DMARC records"
    ),
    fault(
        "weaker DMARC",
        dmarc(DMARC.replace("p=quarantine;", "p=none;", 1)),
        "dmarc-weaker",
        "weaker than deployed (p",
        "quarantine",
    ),
    fault("weaker DMARC by t=y", dmarc(f"{DMARC}; t=y"), "dmarc-weaker", "t=y"),
    fault("DMARC syntax", dmarc("v=DMARC1; p=quarantin"), "dmarc-syntax", "quarantin"),
    fault("DMARC with a removed tag", dmarc(f"{DMARC}; pct=50"), "dmarc-removed-tag", "pct"),
    fault("other DMARC tags", dmarc(f"{DMARC}; adkim=s"), "dmarc-different", "adkim=s"),
    fault(
        "reports not authorised",
        put("example.net._report._dmarc.example.com", "TXT"),
        "dmarc-report-unauthorised",
        'example.net._report._dmarc.example.com. TXT "v=DMARC1"',
        also={"dmarc-report-missing"},
    ),
    fault(
        "reports to nobody",
        dmarc(DMARC.replace("dmarc@example.com", "dmarc@no-mail.example.com")),
        "dmarc-report-undeliverable",
        "no-mail.example.com",
        also={"dmarc-different"},
    ),
]
TLSA = [
    fault("no TLSA", put(TLSA1, "TLSA"), "record-missing", TLSA1),
    fault("stale TLSA", put(TLSA1, "TLSA", f"3 1 1 {'cd' * 32}"), "tlsa-mismatch", key_digest("mx1"), also={"record-different"}),
    fault(
        "one TLSA too many",
        put(TLSA1, "TLSA", *(f"3 1 1 {digest}" for digest in (key_digest("mx1"), NEXT_KEY, "cd" * 32))),
        "record-extra",
        "cdcd",
    ),
    fault(
        "TLSA with a useless usage",
        put(TLSA1, "TLSA", *(f"3 1 1 {digest}" for digest in (key_digest("mx1"), NEXT_KEY)), f"1 1 1 {NEXT_KEY}"),
        "tlsa-usage",
        "usage 0 or 1",
        also={"record-extra"},
    ),
    fault(
        "TLSA for a domain whose zone is not signed",
        unsigned_customer,
        "tlsa-domain-unsigned",
        "MX records of example.net",
        "mx1.example.com",
        "Sign the zone of example.net",
    ),
    fault("TLSA in an unsigned zone", unsigned_tlsa, "tlsa-unsigned", "not signed"),
    fault(
        "TLSA of another authority",
        put(TLSA1, "TLSA", f"2 0 1 {NEXT_KEY}"),
        "tlsa-mismatch" if sys.version_info >= (3, 13) else "tlsa-untold",
        TLSA1,
        also={"record-different"},
    ),
]
OFF = [
    # What is not deployed on purpose is still needed.
    fault(
        "SPF switched off",
        withdrawn(NET, "TXT", "example.net. IN TXT"),
        "spf-missing",
        "`records.spf` of the domain is off in the stack's settings",
    ),
    fault(
        "SPF of a parked domain switched off",
        withdrawn(ORG, "TXT", "example.org. IN TXT"),
        "spf-missing",
        "`records.spf`",
        "is off",
    ),
    fault(
        "SPF of the host switched off",
        withdrawn(OUT, "TXT", "out1.example.com. IN TXT"),
        "spf-missing",
        "`dns.host.spf` is off in the stack's settings",
    ),
    fault(
        "DMARC switched off",
        withdrawn("_dmarc.example.net", "TXT", "_dmarc.example.net. IN TXT"),
        "dmarc-missing",
        "`records.dmarc` of the domain is off in the stack's settings",
    ),
    fault(
        "SPF of somebody else's making without our address",
        both(withdrawn(NET, "TXT", "example.net. IN TXT"), put(NET, "TXT", '"v=spf1 mx -all"')),
        "spf-fails",
        OUT1,
    ),
]
IN_POLICIES = [*OFF, *SPF_FAULTS, *DKIM, *DMARC_FAULTS, *TLSA]
