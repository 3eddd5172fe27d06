"""DMARC (RFC 9989): one record, as strict as deployed, whose reports (RFC 9990) arrive."""

from checkdmarc.dmarc import (  # pyright: ignore[reportMissingTypeStubs]
    DMARCError,
    UnverifiedDMARCURIDestination,
    parse_dmarc_record,
    query_dmarc_record,
    verify_dmarc_report_destination,
)

from ..deployment import Deployment
from ..findings import Finding, fault, ok, publish, warning
from ..lookup import failed
from ..world import World
from .texts import DMARC, line, none_deployed, tags, the_one

SWITCH = "`records.dmarc` of the domain"
STRENGTH = ("none", "quarantine", "reject")
REMOVED_TAGS = ("pct", "rf", "ri")  # RFC 7489 had them, RFC 9989 has not


def check(world: World, deployment: Deployment, domain: str, wanted: str) -> list[Finding]:
    """The DMARC record that holds for a domain.

    Args:
        world: whom to ask.
        deployment: the stacks.
        domain: the mail domain.
        wanted: the record that was deployed at `_dmarc.` of it; empty when none of these stacks did.
    """
    name = f"_dmarc.{domain}"
    found = the_one(world, name, domain, DMARC, line(name, wanted)) if wanted else _anywhere(world, deployment, domain)
    if isinstance(found, Finding):
        return [found]
    try:
        parse_dmarc_record(found, domain, resolver=world.resolver, timeout=world.timeout)
    except DMARCError as error:
        message = f"The DMARC record of {domain}, `{found}`, cannot be read: {error}"
        return [fault("dmarc-syntax", domain, message, publish(line(name, wanted)) if wanted else f"Correct it at {name}.")]
    findings = [*_compared(domain, found, wanted), *_reports(world, domain, found)]
    return findings or [ok("dmarc", domain, f"The DMARC policy of {domain} is `{tags(found).get('p', 'none')}`.")]


def _anywhere(world: World, deployment: Deployment, domain: str) -> str | Finding:
    """The record another stack has published, or a parent domain has."""
    name = f"_dmarc.{domain}"
    answer = world.ask(name, "TXT")
    if answer.failure:
        return failed(answer, domain)
    try:
        return query_dmarc_record(domain, resolver=world.resolver, timeout=world.timeout)["record"]
    except DMARCError as error:
        message = f"No DMARC record holds for {domain}: {error}"
        return fault("dmarc-missing", domain, message, none_deployed(deployment, name, domain, SWITCH))


def _compared(domain: str, found: str, wanted: str) -> list[Finding]:
    has, wants = tags(found), tags(wanted)
    fix = publish(line(f"_dmarc.{domain}", wanted))
    weaker = [tag for tag, strength in _strengths(has).items() if strength < _strengths(wants)[tag]] if wanted else []
    removed = [tag for tag in REMOVED_TAGS if tag in has]
    if weaker:
        message = f"The DMARC policy of {domain} is weaker than deployed ({', '.join(weaker)}): `{found}` in place of `{wanted}`."
        return [fault("dmarc-weaker", domain, message, fix)]
    if removed:
        message = f"The DMARC record of {domain} has tags that no longer exist ({', '.join(removed)}): `{found}`."
        return [warning("dmarc-removed-tag", domain, message, f"Remove {', '.join(removed)} from it (RFC 9989).")]
    if wanted and has != wants:
        message = f"The DMARC record of {domain} is `{found}`, but `{wanted}` was deployed."
        return [warning("dmarc-different", domain, message, fix)]
    return []


def _strengths(has: dict[str, str]) -> dict[str, int]:
    domain = has.get("p", "none").lower()
    subdomains = has.get("sp", domain).lower()
    policies = {"p": domain, "sp": subdomains, "np": has.get("np", subdomains).lower()}
    # t=y asks for one step less (RFC 9989, section 4.7).
    less = has.get("t", "n").lower() == "y"
    return {tag: max(0, STRENGTH.index(policy) - less) for tag, policy in policies.items()}


def _reports(world: World, domain: str, found: str) -> list[Finding]:
    findings: list[Finding] = []
    addresses = ",".join(tags(found).get(tag, "") for tag in ("rua", "ruf")).lower()
    for address in dict.fromkeys(uri.removeprefix("mailto:").partition("!")[0] for uri in addresses.split(",") if "@" in uri):
        there = address.rpartition("@")[2]
        try:
            verify_dmarc_report_destination(domain, there, resolver=world.resolver, timeout=world.timeout)
        except UnverifiedDMARCURIDestination:
            authorisation = world.ask(f"{domain}._report._dmarc.{there}", "TXT")
            if authorisation.failure:
                findings.append(failed(authorisation, domain))
                continue
            message = f"{there} does not say that it takes DMARC reports about {domain}, so none are sent to {address}."
            fix = f'Publish `{domain}._report._dmarc.{there}. TXT "v=DMARC1"` in the zone of {there}.'
            findings.append(warning("dmarc-report-unauthorised", domain, message, fix))
        mx = world.ask(there, "MX")
        if not mx.failure and mx.hosts in ((), (".",)):
            message = f"DMARC reports of {domain} go to {address}, but {there} takes no mail: it has no MX record."
            findings.append(warning("dmarc-report-undeliverable", domain, message, "Let rua name a mailbox that exists."))
    return findings
