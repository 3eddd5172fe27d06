"""The rules for DNS records."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from .kubernetes import SMTP_PORT, openings
from .model import ADVISORY, MANDATORY, Found, Resource, Rule
from .records import Record, has_proxied_annotation, records

WILDCARD = "*"
ADDRESS_TYPES = ("A", "AAAA", "CNAME")
DMARC_POLICIES = ("none", "quarantine", "reject")  # the weakest first
DMARC_TAGS = {"p": "the policy", "sp": "the policy for subdomains", "np": "the policy for names that do not exist"}
DMARC_NAME = "_dmarc"
ALL_OF_PERCENT = "100"
POLICY_SCHEMA = {"type": "string", "enum": list(DMARC_POLICIES)}


def _mx_not_proxied(resources: Sequence[Resource], _config: Mapping[str, Any]) -> Found:
    found = records(resources)
    exchanges = [record for record in found if record.type == "MX"]
    for record in found:
        if record.is_proxied and record.type == "MX":
            yield record.resource, f"the MX record of {record.name} is proxied; the proxy passes no SMTP: set `proxied` to false"
        elif record.is_proxied and record.type in ADDRESS_TYPES and _is_an_exchange(record, exchanges):
            yield record.resource, f"{record.name} is an MX and its {record.type} record is proxied: set `proxied` to false"
        elif record.is_proxied and record.type in ADDRESS_TYPES:
            covered = [exchange.value for exchange in exchanges if _is_covered(exchange, record, found)]
            if covered:
                message = f"{record.name} is proxied and covers the MX {covered[0]}; give that name A and AAAA records of its own"
                yield record.resource, message
    for opening in openings(resources):
        if SMTP_PORT in opening.ports and has_proxied_annotation(opening.resource):
            message = "it takes mail at port 25, and external-dns is told to proxy its name: leave the annotation out"
            yield opening.resource, message


def _is_an_exchange(record: Record, exchanges: Sequence[Record]) -> bool:
    return any(record.is_of(exchange.value, exchange.zone) for exchange in exchanges if exchange.value)


def _is_covered(exchange: Record, wildcard: Record, found: Sequence[Record]) -> bool:
    """Whether an MX has its addresses from a wildcard: where neither it nor a name nearer to it exists (RFC 4592, section 3.3.1).

    A name exists where it has records of any type, or one below it has. A record whose name is not known may be the one.
    """
    first, _, zone = wildcard.name.partition(".")
    if not zone and wildcard.zone == exchange.zone:
        zone = exchange.name  # Cloudflare takes names relative to the zone
    if first != WILDCARD or "." not in zone or not exchange.value.endswith(f".{zone}"):
        return False
    labels = exchange.value.removesuffix(f".{zone}").split(".")
    nearer = tuple(f".{'.'.join(labels[number:])}.{zone}" for number in range(len(labels)))
    return not any(other.may_be_of(exchange.value, exchange.zone) or f".{other.name}".endswith(nearer) for other in found)


def _mx_names_a_host(resources: Sequence[Resource], _config: Mapping[str, Any]) -> Found:
    found = records(resources)
    aliases = [record for record in found if record.type == "CNAME"]
    for record in found:
        if record.type != "MX":
            continue
        if _is_address(record.value):
            yield record.resource, f"the MX of {record.name} is an address; name a host that has it"
        elif record.value and any(alias.is_of(record.value, record.zone) for alias in aliases):
            message = f"the MX of {record.name} is {record.value}, which is a CNAME; give that name A and AAAA records"
            yield record.resource, message


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _spf_not_open(resources: Sequence[Resource], _config: Mapping[str, Any]) -> Found:
    for record in records(resources):
        terms = record.value.lower().split()
        if record.type == "TXT" and terms[:1] == ["v=spf1"]:
            # A mechanism without a sign means `+` (RFC 7208, section 4.6.2).
            open_ = [term for term in terms[1:] if term.removeprefix("+") == "all" or _names_everybody(term.removeprefix("+"))]
            if open_:
                message = f"SPF of {record.name} has `{open_[0]}`, so that anybody may send in its name; end it in ~all or -all"
                yield record.resource, message


def _names_everybody(term: str) -> bool:
    return term.startswith(("ip4:", "ip6:")) and term.endswith("/0")


def _dmarc_not_weaker(resources: Sequence[Resource], config: Mapping[str, Any]) -> Found:
    for record in records(resources):
        first, _, rest = record.name.partition(".")
        if record.type == "TXT" and first == DMARC_NAME and record.value.lower().replace(" ", "").startswith("v=dmarc1"):
            domain = rest or "this zone"
            minimum = str(config["domains"].get(domain, config["minimum"]))
            for problem in _weaknesses(_tags(record.value), minimum):
                yield record.resource, f"DMARC of {domain}: {problem}; raise it, or set `domains` or `minimum` of this policy"


def _weaknesses(tags: Mapping[str, str], minimum: str) -> list[str]:
    # Without a policy, or with one that nobody knows, receivers take it for none (RFC 9989, section 4.7).
    policies = {tag: tags[tag] if tags[tag] in DMARC_POLICIES else "none" for tag in DMARC_TAGS if tag in tags}
    found = [
        f"{DMARC_TAGS[tag]} is {policy}, which is weaker than {minimum}"
        for tag, policy in {"p": "none", **policies}.items()
        if DMARC_POLICIES.index(policy) < DMARC_POLICIES.index(minimum)
    ]
    is_weakened = tags.get("t") == "y" or tags.get("pct", ALL_OF_PERCENT) != ALL_OF_PERCENT
    if is_weakened and minimum != "none":
        found.append("`t=y` or `pct` asks receivers not to apply the policy to all mail")
    return found


def _tags(value: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in value.lower().split(";"))
    return {tag.strip(): content.strip() for tag, _, content in pairs}


RULES = (
    Rule(
        "mx-not-proxied",
        MANDATORY,
        "No MX, and no host that an MX names, is behind an HTTP proxy.",
        "Mail for the domain stops: the proxy of a DNS provider passes HTTP, not SMTP.",
        _mx_not_proxied,
        of_stack=True,
    ),
    Rule(
        "mx-names-a-host",
        MANDATORY,
        "An MX names a host with addresses, not an address and not a CNAME.",
        "Senders refuse it or find another way than you meant (RFC 5321, section 5.1; RFC 2181, section 10.3).",
        _mx_names_a_host,
        of_stack=True,
    ),
    Rule(
        "spf-not-open",
        MANDATORY,
        "No SPF record lets everybody send.",
        "Anybody's forged mail passes SPF, and with it DMARC.",
        _spf_not_open,
        of_stack=True,
    ),
    Rule(
        "dmarc-not-weaker",
        # A new domain begins with `none`, so that its reports show what would be lost.
        ADVISORY,
        "No DMARC policy is weaker than what is configured.",
        "Forged mail in your name is delivered again, and nothing else shows it.",
        _dmarc_not_weaker,
        of_stack=True,
        settings={
            "minimum": {**POLICY_SCHEMA, "default": "quarantine", "description": "the weakest policy that is allowed"},
            "domains": {
                "type": "object",
                "additionalProperties": POLICY_SCHEMA,
                "default": {},
                "description": "by domain, another minimum",
            },
        },
    ),
)
