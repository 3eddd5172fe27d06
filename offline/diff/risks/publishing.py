"""Records that are still wanted, and that nobody publishes any more; signing that stops while the registrar counts on it."""

from collections.abc import Iterator, Mapping
from typing import cast

from ..model import Risk
from ..objects import both, mapping, pairs, replaces
from ..reading import Build, Resource, Stack

Name = tuple[str, str]
"""Of a record set: its name and type."""
ADVICE = (
    "let the other provider answer first, and keep the records at this one: `dns.leavingZones`, and docs/runbooks/dns-provider.md"
)
DNSSEC_ADVICE = "have the registrar take the DS record away, and wait for its TTL, before: docs/runbooks/dns-provider.md"


def publishing_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Records that are deleted where they are published although the zone still has them, and zones no longer signed."""
    zones = {(record.name, record.type): record.zone for stack in new.values() for record in stack.records}
    published = {name for stack in new.values() for found in stack.resources.values() for name in _names(found)}
    for stack, was, now in both(old, new):
        lost: dict[str, list[Name]] = {}
        for before, after in pairs(was, now):
            if before and not before.retain_on_delete:
                # A record that is replaced moves to another zone, and leaves the one that the world asks.
                is_moved = before.kind == "DnsRecord" and after and replaces(before, after, now)
                for name in sorted(set(_names(before)) - (set[Name]() if is_moved else published)):
                    if name in zones:  # what the zone no longer has is judged by what it says
                        lost.setdefault(zones[name], []).append(name)
            if before and before.kind == "ZoneDnssec":
                yield from _signing(stack, before, after, was, now)
        for zone, names in sorted(lost.items()):
            types = ", ".join(sorted({type_ for _name, type_ in names}))
            count = f"{len(names)} record{' is' if len(names) == 1 else 's are'}"
            message = f"{count} deleted at the provider that the world asks ({types}), and the zone needs them still"
            yield Risk("danger", "records-unpublished", stack, f"zone {zone}", message, ADVICE)


def _names(resource: Resource) -> list[Name]:
    match resource.kind:
        case "DnsRecord":
            return [(resource.inputs["name"], resource.inputs["type"])]
        case "DNSEndpoint":
            endpoints = cast("list[Mapping[str, str]]", mapping(resource.inputs, "spec").get("endpoints", []))
            return [(found["dnsName"], found["recordType"]) for found in endpoints]
        case _:
            return []


def _signing(stack: str, before: Resource, after: Resource | None, old: Stack, new: Stack) -> Iterator[Risk]:
    if after and not replaces(before, after, new):
        return
    names = mapping(old.outputs, "deployed.names").values()
    zone = next((found["zone"] for found in names if found["id"] == before.inputs["zoneId"]), before.name)
    if not before.retain_on_delete:
        message = "is no longer signed: with a DS record at the registrar, whoever checks signatures no longer finds it"
    elif zone in new.outputs.get("signedZones", []):
        message = "moves away from the provider that signs it: with a DS record of its keys, nobody believes other name servers"
    else:
        return  # it stays signed
    yield Risk("danger", "signing-stops", stack, f"DNSSEC of {zone}", message, DNSSEC_ADVICE)
