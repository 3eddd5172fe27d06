"""Zones: can they be asked about at all, and are those signed that are said to be (RFC 4033)?"""

from dataclasses import replace

from ..findings import Finding, fault, ok, unknown
from ..lookup import Answer, failed
from ..world import World

ROOT = "."


def reach(world: World, zone: str) -> Finding:
    """Whether the resolver gets answers about a zone; when it does not, no check of its records means anything."""
    if not world.ask(zone, "SOA").exists:
        fix = f"See that {zone} is registered, and delegated to the name servers of its zone"
        fix += "; if it is part of a zone above, that its records are published there."
        return fault("zone-missing", zone, f"DNS knows no zone {zone}, nor such a name in the zone above.", fix)
    answer = apex(world, zone)
    if answer.failure:
        finding = failed(answer, zone)
        return replace(finding, message=f"{finding.message} Nothing in {zone} was checked.")
    if answer.name != zone:
        return ok("zone", zone, f"{zone} is part of the zone {answer.name}, whose name servers answer.")
    return ok("zone", zone, f"The name servers of {zone} answer.")


def apex(world: World, name: str) -> Answer:
    """The SOA of the zone that a name is in, at the zone's own name; or the first question on the way up that failed."""
    answer = world.ask(name, "SOA")
    while not answer.records and not answer.failure and answer.name != ROOT:
        answer = world.ask(answer.name.partition(".")[2] or ROOT, "SOA")
    return answer


def is_signed(world: World, name: str) -> bool | None:
    """Whether the zone that a name is in has keys and a DS record for them; None when it cannot be told."""
    soa = apex(world, name)
    if not soa.records:
        return None
    answers = [world.ask(soa.name, kind) for kind in ("DNSKEY", "DS")]
    return None if any(answer.failure for answer in answers) else all(answer.records for answer in answers)


def signed(world: World, zone: str) -> list[Finding]:
    """Whether a zone is signed, and the resolver could verify it."""
    soa = apex(world, zone)
    if soa.authentic:
        return [ok("dnssec", zone, f"{zone} is signed, and its signatures verify.")]
    keys, delegation = world.ask(soa.name, "DNSKEY"), world.ask(soa.name, "DS")
    if keys.failure or delegation.failure:
        return [failed(keys if keys.failure else delegation, zone)]
    if not keys.records:
        message = f"{zone} is not signed: it has no DNSKEY. Without DNSSEC senders ignore its TLSA records."
        return [fault("dnssec-unsigned", zone, message, f"Sign {zone} where it is served, then give its DS to the registrar.")]
    if not delegation.records:
        message = f"{zone} is signed, but the zone above has no DS record for it, so nobody can verify it."
        return [fault("dnssec-no-ds", zone, message, f"Enter the DS record of {zone} at its registrar.")]
    message = f"{zone} has keys and a DS record, but the resolver does not say whether the signatures verify."
    return [unknown("dnssec-untold", zone, message, "Ask a validating resolver: --resolver 9.9.9.9.")]
