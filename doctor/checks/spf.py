"""SPF as receivers see it (RFC 7208): one record, within its limits, passing for our addresses and not for everybody."""

from collections.abc import Mapping

# checkdmarc ships no stubs; its own annotations leave a list without a type.
from checkdmarc.spf import (  # pyright: ignore[reportMissingTypeStubs]
    SPFError,
    SPFTooManyDNSLookups,
    SPFTooManyVoidDNSLookups,
    parse_spf_record,  # pyright: ignore[reportUnknownVariableType]
)

from ..findings import Finding, fault, ok, publish, unknown, warning
from ..spf_evaluation import evaluate
from ..world import World
from .texts import SPF, line, the_one

STRANGER = "192.0.2.1"  # TEST-NET-1 (RFC 5737): nobody's address, so nobody's mail


def check(world: World, name: str, wanted: str, senders: Mapping[str, str]) -> list[Finding]:
    """The SPF record of a mail domain or of a host.

    Args:
        world: whom to ask.
        name: whose record.
        wanted: what was deployed; empty when it is not this platform's to publish.
        senders: the addresses it must pass for, and the name each uses in EHLO.
    """
    found = the_one(world, name, name, SPF, line(name, wanted) if wanted else "")
    if isinstance(found, Finding):
        return [found]
    broken = _broken(world, name, found)
    if broken:
        return broken
    findings = _passing(world, name, found, wanted, senders)
    if not findings and wanted and found.lower().split() != wanted.lower().split():
        message = f"The SPF record of {name} is `{found}`, but `{wanted}` was deployed."
        findings.append(warning("spf-different", name, message, publish(line(name, wanted))))
    who = f", passes for {', '.join(senders)}" if senders else ""
    return findings or [ok("spf", name, f"The SPF record of {name} is sound{who}, and for no stranger.")]


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
