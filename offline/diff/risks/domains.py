"""Which domains a build takes mail for, and what DNS says of them, whichever stack says it."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.stalwart.plans.relay import RELAY_DOMAINS

from ..objects import at, mapping
from ..reading import Build, Record, Stack


def domains(build: Build) -> dict[str, str]:
    """Every mail domain, and the first stack that knows it."""
    return {name: stack for stack in sorted(build, reverse=True) for name in sorted(_of(build[stack]))}


def removed(old: Build, new: Build) -> dict[str, str]:
    """The domains of the old build that the new one no longer knows."""
    kept = domains(new)
    return {name: stack for name, stack in domains(old).items() if name not in kept}


def _of(stack: Stack) -> set[str]:
    hosts = {stack.outputs.get("hostname"), at(stack.outputs, "mailboxes.hostname")}
    named = {name for entry in entries(stack, "Domain") for name in (entry["name"], *entry.get("aliases", {}))}
    relayed = {entry["key"] for entry in entries(stack, "MemoryLookupKey") if entry["namespace"] == RELAY_DOMAINS}
    # A parked domain has no mail, and not every publisher can say so in its MX record.
    parked = mapping(stack.outputs, "deployed.names").keys()
    return (named | relayed | parked | {record.name for record in stack.records if record.type == "MX"}) - hosts


def entries(stack: Stack, kind: str) -> Iterator[Mapping[str, Any]]:
    """What a plan writes of one type of object, on every server of a stack; of an update, the object itself."""
    for operations in stack.plans.values():
        for operation in operations:
            if operation["object"] == kind and operation["@type"] != "destroy":
                value = operation.get("value", {})
                yield from (value,) if operation["@type"] == "update" else value.values()


def records(build: Build, kind: str, leaving: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The records of one type: by name, every value and the stack that publishes it.

    Args:
        build: the build.
        kind: such as `MX`.
        leaving: domains that are removed anyway, whose records are no risk of their own.
    """
    found: dict[str, dict[str, str]] = {}
    for stack in sorted(build, reverse=True):
        for record in sorted(build[stack].records):
            if record.type == kind and not _belongs(record, leaving):
                found.setdefault(record.name, {})[record.value] = stack
    return found


def _belongs(record: Record, leaving: Mapping[str, str]) -> bool:
    return any(record.name == domain or record.name.endswith(f".{domain}") for domain in leaving)
