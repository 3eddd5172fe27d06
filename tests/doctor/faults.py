"""Single faults: each breaks one thing in a healthy world, and must be called by its name."""

from collections.abc import Callable
from typing import NamedTuple

from .mail_hosts import key_digest, smtp
from .world import DMARC, MX1, MX1_V6, NEXT_KEY, RSA, SPF, Local

COM, NET, ORG, HOST1, HOST2, OUT = (
    "example.com",
    "example.net",
    "example.org",
    "mx1.example.com",
    "mx2.example.com",
    "out1.example.com",
)
SITE = '"google-site-verification=abc"'
TLSA1 = "_25._tcp.mx1.example.com"


class Fault(NamedTuple):
    name: str
    breaks: Callable[[Local], object]
    check: str
    words: tuple[str, ...]
    """What the finding must say, in its message or its fix."""
    also: frozenset[str] = frozenset()
    """Other findings that follow from it."""


def fault(name, breaks, check, *words, also=()):
    return Fault(name, breaks, check, words, frozenset(also))


def put(name, kind, *values):
    return lambda local: local.dns.set(name, kind, *values)


def apex(*texts):
    return put(COM, "TXT", SITE, *(f'"{text}"' for text in texts))


def dmarc(text):
    return put("_dmarc.example.com", "TXT", f'"{text}"')


def both(*breaks):
    return lambda local: [one(local) for one in breaks]


def _both_keys():
    return (f"3 1 1 {NEXT_KEY.upper()}", f"3 1 1 {key_digest('mx1').upper()}")


def spare_selector(local):
    """The owner of a domain has an alias for the next DKIM key."""
    local.deploy(local.primary, NET, "s2._domainkey.example.net. IN CNAME s2.example.net.dkim.example.com.\n")


def part_of_another_zone(local):
    """A mail domain below another zone, with no SOA of its own."""
    records = f"""
sub.example.com. IN MX 10 mx1.example.com.
sub.example.com. IN TXT "{SPF}"
_dmarc.sub.example.com. IN TXT "{DMARC}"
"""
    local.deploy(local.primary, "sub.example.com", records)
    local.dns.add("sub.example.com", "MX", "20 mx2.example.com.")


def backup_with_egress(local):
    """The backup hands mail over from another address than it takes it at."""
    records = """
out2.example.com. IN A 198.51.100.21
out2.example.com. IN TXT "v=spf1 a -all"
"""
    local.deploy(local.backup, COM, records)
    local.backup["ptr"] = {"198.51.100.21": "out2.example.com"}
    local.dns.add(local.reverse("198.51.100.21"), "PTR", "out2.example.com.")


def another_platform(local):
    """A second primary that has nothing to do with the first."""
    records = """
other.example. IN MX 10 mail.other.example.
other.example. IN TXT "v=spf1 mx -all"
_dmarc.other.example. IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"
mail.other.example. IN A 198.51.100.50
mail.other.example. IN TXT "v=spf1 a -all"
"""
    other = {
        "hostname": "mail.other.example",
        "addresses": ["198.51.100.50"],
        "ports": {},
        "zones": {},
        "ptr": {"198.51.100.50": "mail.other.example"},
        "exchanges": ["mail.other.example"],
        "mtaSts": None,
        "signedZones": [],
    }
    local.deploy(other, "other.example", records)
    local.dns.add("other.example", "SOA", "ns1.example.net. hostmaster.other.example. 1 86400 7200 3600000 3600")
    local.dns.add("other.example._report._dmarc.example.com", "TXT", '"v=DMARC1"')
    local.dns.add(local.reverse("198.51.100.50"), "PTR", "mail.other.example.")
    local.route("198.51.100.50", 25, smtp("mail.other.example", "other"))
    local.others["Stack other"] = other


def only_reached_at(local):
    """No mail leaves from an address of the host, so nobody asks for its name."""
    del local.primary["ptr"][MX1]
    local.dns.set(local.reverse(MX1), "PTR")


HARMLESS = {
    "a domain that is no zone of its own": part_of_another_zone,
    "a hosted selector that has no key yet": spare_selector,
    "a domain without MTA-STS": lambda local: local.withdraw("_mta-sts.example.net", "mta-sts.example.net"),
    "a backup that sends from another address": backup_with_egress,
    "two platforms that have nothing to do with each other": another_platform,
    "an address that mail only arrives at": only_reached_at,
    "somebody else's text at the domain": both(apex(SPF), lambda local: local.dns.add(COM, "TXT", '"MS=ms123"')),
    "an alias answered with addresses": both(
        put("autoconfig.example.com", "CNAME"),
        put("autoconfig.example.com", "A", MX1),
        put("autoconfig.example.com", "AAAA", MX1_V6),
    ),
    "another order of tags": dmarc("v=DMARC1;p=quarantine;np=reject;sp=quarantine;rua=mailto:dmarc@example.com;"),
    "text in other pieces": put(
        "s1-rsa._domainkey.example.com", "TXT", f'"v=DKIM1; k=rsa; h=sha256; p=" "{RSA[:199]}" "{RSA[199:]}"'
    ),
    "other case": put(COM, "MX", "10 MX1.Example.COM.", "20 mx2.EXAMPLE.com."),
    "another authority's CAA": lambda local: local.dns.add(COM, "CAA", '0 issue "ca.example"'),
    "the next key already served": lambda local: local.dns.set(TLSA1, "TLSA", *_both_keys()),
    "a second PTR": lambda local: local.dns.add(local.reverse(MX1), "PTR", "www.example.com."),
}
