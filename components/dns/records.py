"""Which DNS records an exchange and a mail domain need, as plain data.

Names and targets are fully qualified, lower-case and without the trailing dot; TXT values are unquoted text. A value that
is only known when deployed (an address, an exchange that is ready) may be an `Input`: the functions here only carry it.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from ..mail_domain import SERVICE_LABELS, DmarcPolicy, MailDomain

NULL_MX = "."  # RFC 7505
IPV6 = 6
TXT_STRING_BYTES = 255  # RFC 1035, section 3.3


@dataclass(frozen=True)
class Record:
    """One DNS record."""

    key: str
    """What the record is for. With the name it identifies the record over its life, whatever its value becomes."""
    name: str
    type: str
    value: pulumi.Input[str]
    """An address, a host name (MX, CNAME; `.` for the null MX), or text."""
    ttl_seconds: int
    priority: int | None = None
    """Of an MX record; the lowest is tried first."""


@dataclass(frozen=True)
class Exchange:
    """A mail exchange as DNS sees it."""

    hostname: str
    priority: int
    target: pulumi.Input[str]
    """The host name again, as an MX target; an `Input` that resolves when the exchange may be published."""
    addresses: tuple[pulumi.Input[str], ...]
    """An address that is not known yet is taken for IPv4."""
    egress_addresses: tuple[str, ...] = ()
    """The addresses its mail leaves from, when they are not those it is reached at."""


def host_records(exchange: Exchange, ttl_seconds: int, merged_spf: bool = False) -> list[Record]:
    """The exchange's addresses, and who may use its name in EHLO (RFC 7208, section 2.3).

    Args:
        exchange: the host.
        ttl_seconds: for every record.
        merged_spf: True when the host is itself a mail domain, whose one SPF record covers both.
    """
    records = [
        Record(f"address-{number}", exchange.hostname, _family(address), address, ttl_seconds)
        for number, address in enumerate(exchange.addresses)
    ]
    if not merged_spf:
        records.append(Record("spf", exchange.hostname, "TXT", spf(("a",), exchange.egress_addresses, "-all"), ttl_seconds))
    return records


def mx_record(domain: MailDomain, exchange: Exchange, ttl_seconds: int) -> Record:
    """The exchange as one of the domain's (RFC 5321, section 5.1)."""
    return Record("mx", domain.name, "MX", exchange.target, ttl_seconds, exchange.priority)


def policy_records(
    domain: MailDomain, exchange: Exchange, dkim: Mapping[str, pulumi.Input[str]], ttl_seconds: int
) -> list[Record]:
    """What a domain tells receivers about its mail: SPF, a DKIM key per selector, DMARC. One stack publishes these.

    Args:
        domain: a domain that receives mail.
        exchange: where its mail leaves from.
        dkim: `<selector>._domainkey.<domain>` to the value of that record.
        ttl_seconds: for every record.
    """
    # `~all`: with `-all` some servers refuse forwarded mail before they look at its DKIM signature.
    own_host = ("a",) if domain.name == exchange.hostname else ()
    records = [Record("spf", domain.name, "TXT", spf((*own_host, "mx"), exchange.egress_addresses, "~all"), ttl_seconds)]
    for selector in domain.dkim_selectors:
        name = selector.record_name(domain.name)
        records.append(Record("dkim", name, "TXT", dkim[name], ttl_seconds))
    report = domain.dmarc_report_address
    records.append(Record("dmarc", f"_dmarc.{domain.name}", "TXT", dmarc(domain.dmarc_policy, report), ttl_seconds))
    # A certificate covers these names, and an authority asks at them.
    records += [
        Record(label, f"{label}.{domain.name}", "CNAME", exchange.hostname, ttl_seconds)
        for label in SERVICE_LABELS
        if f"{label}.{domain.name}" != exchange.hostname
    ]
    return records


def parked_records(domain: MailDomain, ttl_seconds: int) -> list[Record]:
    """What says that a domain has no mail: the null MX (RFC 7505), no sender, no key, everything refused."""
    return [
        Record("mx", domain.name, "MX", NULL_MX, ttl_seconds, 0),
        Record("spf", domain.name, "TXT", "v=spf1 -all", ttl_seconds),
        Record("dkim", f"*._domainkey.{domain.name}", "TXT", "v=DKIM1; p=", ttl_seconds),
        Record("dmarc", f"_dmarc.{domain.name}", "TXT", dmarc(DmarcPolicy.REJECT, domain.dmarc_report_address), ttl_seconds),
    ]


def spf(mechanisms: Sequence[str], addresses: Sequence[str], otherwise: str) -> str:
    """An SPF record (RFC 7208): the mechanisms, then each address, then `-all` or `~all` for the rest."""
    networks = [f"ip{ipaddress.ip_address(address).version}:{address}" for address in addresses]
    return " ".join(["v=spf1", *mechanisms, *networks, otherwise])


def dmarc(policy: DmarcPolicy, report_address: str | None) -> str:
    """A DMARC record (RFC 9989): the policy for the domain and its subdomains; names that do not exist never send."""
    tags = ["v=DMARC1", f"p={policy}", f"sp={policy}", "np=reject"]
    if report_address:
        tags.append(f"rua=mailto:{report_address}")
    return "; ".join(tags)


def quoted(text: str) -> str:
    """TXT text as quoted strings of at most 255 bytes (RFC 1035, section 5.1), as zone files and providers take it.

    Raises:
        ValueError: the text is not printable ASCII.
    """
    if not (text.isascii() and text.isprintable()):
        raise ValueError("TXT records hold printable ASCII")
    parts = [text[start : start + TXT_STRING_BYTES] for start in range(0, len(text), TXT_STRING_BYTES)] or [""]
    return " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)


def _family(address: pulumi.Input[str]) -> str:
    return "AAAA" if isinstance(address, str) and ipaddress.ip_address(address).version == IPV6 else "A"
