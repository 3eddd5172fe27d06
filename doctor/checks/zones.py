"""Zones: can they be asked about at all, and are those signed that are said to be (RFC 4033)?"""

from dataclasses import replace

from ..findings import Finding, fault, ok, unknown
from ..lookup import failed
from ..world import World


def reach(world: World, zone: str) -> Finding:
    """Whether the resolver gets answers about a zone; when it does not, no check of its records means anything."""
    answer = world.ask(zone, "SOA")
    if answer.failure:
        finding = failed(answer, zone)
        return replace(finding, message=f"{finding.message} Nothing in {zone} was checked.")
    if not answer.records:
        message = f"DNS knows no zone {zone}."
        return fault(
            "zone-missing", zone, message, f"See that {zone} is registered, and delegated to the name servers of its zone."
        )
    return ok("zone", zone, f"The name servers of {zone} answer.")


def signed(world: World, zone: str) -> list[Finding]:
    """Whether a zone is signed, and the resolver could verify it."""
    if world.ask(zone, "SOA").authentic:
        return [ok("dnssec", zone, f"{zone} is signed, and its signatures verify.")]
    keys, delegation = world.ask(zone, "DNSKEY"), world.ask(zone, "DS")
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
