"""Builds to compare: written once from recorded stacks and read back, and changed in memory."""

import copy
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from offline.build import write
from offline.diff.reading import Build, Record, Resource, Stack, read
from offline.recorder import Recording
from tests.conftest import changed, recorded
from tests.program.stacks import run, settings_of
from tests.program.test_storage import DISTRIBUTED

PRIMARY, BACKUP = "primary", "backup"
LOCATIONS = {
    "location": {"bucket": "example-mail-hot", "region": "eu-west-1", "prefix": "primary"},
    "archive": {"bucket": "example-mail-archive", "region": "eu-central-1", "prefix": "primary"},
    "alerts": True,
}
# Everything a risk can be about, beside what is shipped.
FULL = {
    "storage": DISTRIBUTED,
    "domains": [{"name": "example.com", "dnssec": True}, {"name": "example.org", "parked": True}],
    "dns": {"provider": "zonefile", "tlsa": [f"3 1 1 {'ab' * 32}"]},
    "tls": {"issuer": "letsencrypt", "keepKey": True},
    "mtaSts": {"mode": "enforce", "maxAgeDays": 30},
    "backup": LOCATIONS,
}


def built(recordings: Mapping[str, Recording]) -> Build:
    """What is read back of a build of recorded stacks."""
    with tempfile.TemporaryDirectory() as folder:
        for stack, recording in recordings.items():
            write(recording, "", Path(folder) / stack)
        return read(Path(folder))


@cache
def shipped() -> Build:
    """Both stacks as they are shipped."""
    return built({PRIMARY: recorded("primary"), BACKUP: recorded("backup")})


@cache
def full() -> Build:
    """A primary with a database, alerts, pins and an enforced MTA-STS policy, and its backup."""
    primary = changed("primary", **FULL)
    return built({PRIMARY: primary, BACKUP: run("backup", settings_of("backup"), primary)})


Change = Callable[[Build], Build]


def stack_with(build: Build, stack: str, **parts: Any) -> Build:
    return {**build, stack: replace(build[stack], **parts)}


def the(build: Build, stack: str, kind: str, name: str) -> Resource:
    (found,) = [one for one in build[stack].of_kind(kind) if one.name == name]
    return found


def without(stack: str, kind: str, name: str) -> Change:
    """A build without a resource."""

    def change(build: Build) -> Build:
        gone = the(build, stack, kind, name)
        return stack_with(build, stack, resources={u: r for u, r in build[stack].resources.items() if u != gone.urn})

    return change


def option(stack: str, kind: str, name: str, **options: Any) -> Change:
    """A build in which a resource has other options."""

    def change(build: Build) -> Build:
        found = the(build, stack, kind, name)
        return stack_with(build, stack, resources={**build[stack].resources, found.urn: replace(found, **options)})

    return change


def given(stack: str, kind: str, name: str, path: str, value: Any) -> Change:
    """A build in which a resource has another input, at a path such as `spec.ports.0.port`; None takes it away."""

    def change(build: Build) -> Build:
        found = the(build, stack, kind, name)
        inputs = copy.deepcopy(dict(found.inputs))
        put(inputs, path, value)
        return option(stack, kind, name, inputs=inputs)(build)

    return change


def put(data: Any, path: str, value: Any) -> None:
    *way, last = path.split("|") if "|" in path else path.split(".")
    for key in way:
        data = data[int(key)] if isinstance(data, list) else data.setdefault(key, {})
    if isinstance(data, list):
        data[int(last) :] = [value, *data[int(last) + 1 :]]
    elif value is None:
        data.pop(last, None)
    else:
        data[last] = value


def renamed(stack: str, kind: str, name: str, to: str, alias: bool) -> Change:
    """A build in which a resource has another name, with or without an alias."""

    def change(build: Build) -> Build:
        found = the(build, stack, kind, name)
        other = replace(found, name=to, urn=found.urn.replace(f"::{name}", f"::{to}"), aliases=(name,) if alias else ())
        rest = {urn: one for urn, one in build[stack].resources.items() if urn != found.urn}
        return stack_with(build, stack, resources={**rest, other.urn: other})

    return change


def dns(stack: str, name: str, kind: str, old: str | None, new: str | None) -> Change:
    """A build in which a record has another value: `old` is how its value begins, None is no record."""

    def change(build: Build) -> Build:
        records = build[stack].records
        if old is None:
            zone = max(record.zone for record in records if name.endswith(record.zone))
            return stack_with(build, stack, records=records | {Record(zone, name, kind, str(new), 3600)})
        (found,) = [one for one in records if (one.name, one.type) == (name, kind) and one.value.startswith(old)]
        more = {replace(found, value=new)} if new is not None else set()
        return stack_with(build, stack, records=(records - {found}) | more)

    return change


def planned(stack: str, kind: str, edit: Callable[[dict[str, Any]], None]) -> Change:
    """A build in which the operation of a plan that writes this type of object is edited."""

    def change(build: Build) -> Build:
        operations = copy.deepcopy(build[stack].plans[""])
        edit(next(operation for operation in operations if operation["object"] == kind)["value"])
        return stack_with(build, stack, plans={**build[stack].plans, "": operations})

    return change


def output(stack: str, path: str, value: Any) -> Change:
    """A build in which an output is another, at a path whose parts have `|` between them."""

    def change(build: Build) -> Build:
        outputs = json.loads(json.dumps(build[stack].outputs))
        put(outputs, path, value)
        return stack_with(build, stack, outputs=outputs)

    return change


def all_of(*changes: Change) -> Change:
    def change(build: Build) -> Build:
        for one in changes:
            build = one(build)
        return build

    return change


def swapped(stack: str, part: Stack) -> Change:
    return lambda build: {**build, stack: part}
