"""Single faults: each breaks one thing in a healthy world, and must be called by its name."""

from collections.abc import Callable
from typing import NamedTuple

from .mail_hosts import key_digest
from .world import MX1, MX1_V6, NEXT_KEY, RSA, SPF, Local

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


HARMLESS = {
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
