"""SPF as receivers see it (RFC 7208): one record, within its limits, passing for our addresses and not for everybody."""

from collections.abc import Mapping

# checkdmarc ships no stubs; its own annotations leave a list without a type.
from checkdmarc.spf import (  # pyright: ignore[reportMissingTypeStubs]
    SPFError,
    SPFTooManyDNSLookups,
    SPFTooManyVoidDNSLookups,
    parse_spf_record,  # pyright: ignore[reportUnknownVariableType]
)

from ..deployment import Deployment, Expected
from ..findings import Finding, fault, ok, publish, unknown, warning
from ..spf_evaluation import evaluate
from ..world import World
from .texts import SPF, kind_of, line, none_deployed, the_one

DOMAIN_SWITCH, HOST_SWITCH = "`records.spf` of the domain", "`dns.host.spf`"
STRANGER = "192.0.2.1"  # TEST-NET-1 (RFC 5737): nobody's address, so nobody's mail


def check(world: World, deployment: Deployment, name: str, wanted: str) -> list[Finding]:
    """The SPF record of a mail domain or of a host.

    Args:
        world: whom to ask.
        deployment: the stacks, which say where its mail leaves from.
        name: whose record.
        wanted: what was deployed; empty when none of these stacks publishes it.
    """
    switch = DOMAIN_SWITCH if deployment.at(name, "MX") else HOST_SWITCH
    otherwise = none_deployed(deployment, name, name, switch)
    found = the_one(world, name, name, SPF, line(name, wanted) if wanted else "", otherwise)
    if isinstance(found, Finding):
        return [found]
    senders = senders_of(deployment, name)
    broken = _broken(world, name, found)
    if broken:
        return broken
    findings = _passing(world, name, found, wanted, senders)
    if not findings and wanted and found.lower().split() != wanted.lower().split():
        message = f"The SPF record of {name} is `{found}`, but `{wanted}` was deployed."
        findings.append(warning("spf-different", name, message, publish(line(name, wanted))))
    who = f", passes for {', '.join(senders)}" if senders else ""
    return findings or [ok("spf", name, f"The SPF record of {name} is sound{who}, and for no stranger.")]


def senders_of(deployment: Deployment, name: str) -> Mapping[str, str]:
    """The addresses that mail of a domain or host leaves from, and the name each uses in EHLO.

    Mail of a domain leaves from the stack that publishes its SPF record, or else what it says of itself otherwise. A backup only
    takes its mail, and hands it to the primary, which knows it by its address.
    """
    hosts = {address: host for address, host in deployment.ptr.items() if host == name}
    if name not in deployment.mail_domains:
        return hosts
    stacks = [stack for stack in deployment.publishers(name, "TXT") if _has_spf(stack.expected[name, "TXT"])]
    stacks = stacks or [stack for stack in deployment.stacks if stack.speaks_for(name)]
    return {address: host for stack in stacks for address, host in stack.ptr.items()} | hosts


def _has_spf(expected: Expected) -> bool:
    return any(kind_of(expected.name, text) is SPF for text in expected.strings)


def _broken(world: World, name: str, record: str) -> list[Finding]:
    try:
        parse_spf_record(record, name, resolver=world.resolver, timeout=world.timeout)
    except SPFTooManyDNSLookups as error:
        fix = "Remove `include:` and `a:` terms, or replace them by the addresses they stand for (ip4:, ip6:)."
        return [fault("spf-too-many-lookups", name, f"Receivers give up on the SPF record of {name}: {error}", fix)]
    except SPFTooManyVoidDNSLookups as error:
        fix = f"Remove the terms whose names no longer exist from `{record}`."
        return [fault("spf-too-many-voids", name, f"Receivers give up on the SPF record of {name}: {error}", fix)]
    except SPFError as error:
        fix = f"Correct `{record}`; until then receivers treat {name} as having a permanent error."
        return [fault("spf-syntax", name, f"The SPF record of {name} cannot be used: {error}", fix)]
    return []


def _passing(world: World, name: str, found: str, wanted: str, senders: Mapping[str, str]) -> list[Finding]:
    if evaluate(world, name, STRANGER, "stranger.invalid")[0] == "pass":
        message = f"The SPF record of {name}, `{found}`, passes for every address: anybody may send as {name}."
        return [fault("spf-passes-all", name, message, f"End it with ~all or -all; deployed was `{wanted or 'another'}`.")]
    findings: list[Finding] = []
    for address, ehlo in senders.items():
        result, why = evaluate(world, name, address, ehlo)
        message = (
            f"SPF of {name} gives `{result}` for {address} ({ehlo}), from which its mail leaves: {why}. The record is `{found}`."
        )
        if result == "temperror":
            findings.append(unknown("spf-untold", name, message, "Run this again, with a longer --timeout."))
        elif result != "pass":
            mechanism = f"{'ip6' if ':' in address else 'ip4'}:{address}"
            fix = f"{publish(line(name, wanted))} " if wanted and wanted != found else ""
            fix += f"The record must cover {mechanism}: add {address} to the stack's egress addresses."
            findings.append(fault("spf-fails", name, message, fix))
    return findings
