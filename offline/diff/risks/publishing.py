"""Records that are still wanted, and that nobody publishes any more; signing that stops while the registrar counts on it."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..model import Risk
from ..objects import both, mapping, pairs, replaces
from ..reading import Build, Resource, Stack

Key = tuple[str, str, str]
"""Of a record: its name, its type and, since two stacks may publish exchanges of one domain, the host of an MX record."""
ADVICE = (
    "let the other provider answer first, and keep the records at this one: `dns.leavingZones`, and docs/runbooks/dns-provider.md"
)
DNSSEC_ADVICE = "have the registrar take the DS record away, and wait for its TTL, before: docs/runbooks/dns-provider.md"


def publishing_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Records that are deleted where they are published although the zone still has them, and zones no longer signed."""
    zones = {_key(one.name, one.type, one.value): one.zone for stack in new.values() for one in stack.records}
    published = {key for stack in new.values() for found in stack.resources.values() for key in _published(found)}
    for stack, was, now in both(old, new):
        lost: dict[str, list[Key]] = {}
        for before, after in pairs(was, now):
            if before and not before.retain_on_delete:
                # A record that is replaced moves to another zone, and leaves the one that the world asks.
                is_moved = before.kind == "DnsRecord" and after and replaces(before, after, now)
                for key in _published(before) if is_moved else sorted(_published(before) - published):
                    if key in zones:  # what the zone no longer has is judged by what it says
                        lost.setdefault(zones[key], []).append(key)
            if before and before.kind == "ZoneDnssec":
                yield from _signing(stack, before, after, was, now)
        for zone, keys in sorted(lost.items()):
            types = ", ".join(sorted({type_ for _name, type_, _host in keys}))
            count = f"{len(keys)} record{' is' if len(keys) == 1 else 's are'}"
            message = f"{count} deleted at the provider that the world asks ({types}), and the zone needs them still"
            yield Risk("danger", "records-unpublished", stack, f"zone {zone}", message, ADVICE)


def _published(resource: Resource) -> set[Key]:
    inputs = resource.inputs
    match resource.kind:
        case "DnsRecord":
            return {_key(inputs["name"], inputs["type"], inputs.get("content", ""))}
        case "DNSEndpoint":
            sets = cast("list[Mapping[str, Any]]", mapping(inputs, "spec").get("endpoints", []))
            return {_key(found["dnsName"], found["recordType"], value) for found in sets for value in found["targets"]}
        case _:
            return set()


def _key(name: str, kind: str, value: str) -> Key:
    return name, kind, value.rpartition(" ")[2].rstrip(".") if kind == "MX" else ""


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
