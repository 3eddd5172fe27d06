"""Reads a build, as `make preview` writes it, into plain data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.exception
import dns.rdatatype
import dns.zone
from dns.rdtypes.txtbase import TXTBase

from policy.rules import Violation

from ..told import Told, told

MARK = "resources.json"  # what makes a folder a stack's
KEY_TYPE = "tls:index/privateKey:PrivateKey"
KUBERNETES = "pulumi:providers:kubernetes"
MADE_KEY = "(a key that `pulumi up` makes)"


class BuildError(Exception):
    """A folder is no build; the message says which, and how to make one."""


@dataclass(frozen=True)
class Resource:
    """A resource as the engine is told of it."""

    urn: str
    type: str
    name: str
    custom: bool
    protect: bool
    retain_on_delete: bool
    aliases: tuple[str, ...]
    inputs: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The last part of its type, such as `StatefulSet`."""
        return self.type.rpartition(":")[2]


@dataclass(frozen=True, order=True)
class Record:
    """A DNS record. Names have no dot at their end; of text, the pieces are put together."""

    zone: str
    name: str
    type: str
    value: str
    ttl: int


@dataclass(frozen=True)
class Stack:
    """What one stack would create."""

    resources: Mapping[str, Resource]
    """By URN."""
    plans: Mapping[str, Sequence[Mapping[str, Any]]]
    """By server, the operations of its plan: `""` is the stack's own, `mailboxes` the one that stands in for the primary."""
    settings: Mapping[str, Sequence[Told]]
    """The same in words."""
    records: frozenset[Record]
    outputs: Mapping[str, Any]
    """Without the zones and bucket policies, which are read from their own files."""
    bucket_policies: Mapping[str, Any]
    violations: tuple[Violation, ...] = ()
    """The policies that it breaks."""

    def of_kind(self, *kinds: str) -> list[Resource]:
        """The resources of these kinds."""
        return [resource for resource in self.resources.values() if resource.custom and resource.kind in kinds]


Build = Mapping[str, Stack]
"""By name of the stack."""


def read(folder: Path) -> Build:
    """The build in a folder.

    Args:
        folder: as `make preview` writes it: a folder for each stack.

    Raises:
        BuildError: it is none, or one of its files cannot be read.
    """
    if not folder.is_dir():
        raise BuildError(f"{folder}: there is no such folder. Make one: python -m offline --output {folder}")
    stacks = sorted(path.parent for path in folder.glob(f"*/{MARK}"))
    if not stacks:
        hint = "; it is one stack of a build: name the folder above it" if (folder / MARK).is_file() else ""
        raise BuildError(f"{folder}: no stack has a {MARK} here{hint}. Make a build: python -m offline --output {folder}")
    return {path.name: _stack(path) for path in stacks}


def _stack(folder: Path) -> Stack:
    resources = {urn: _resource(urn, found) for urn, found in _json(folder / MARK).items()}
    made = tuple(found.name for found in resources.values() if found.type == KEY_TYPE)
    files = {"": folder / "plan.ndjson", "mailboxes": folder / "mailboxes.ndjson"}
    plans = {server: path.read_text() for server, path in files.items() if path.is_file()}
    outputs = {key: value for key, value in _json(folder / "outputs.json").items() if key not in ("zones", "bucketPolicies")}
    try:
        return Stack(
            resources=resources,
            plans={server: [json.loads(line) for line in text.splitlines()] for server, text in plans.items()},
            settings={server: told(text) for server, text in plans.items()},
            records=frozenset(record for path in folder.glob("zones/*.zone") for record in _zone(path, made)),
            outputs=outputs,
            bucket_policies={path.stem: _json(path) for path in sorted(folder.glob("iam/*.json"))},
            violations=tuple(Violation(**found) for path in folder.glob("policy.json") for found in json.loads(path.read_text())),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(f"{folder}: a plan, or the policy.json there, is none of this project: {error}") from None


def _resource(urn: str, found: Mapping[str, Any]) -> Resource:
    try:
        return Resource(
            urn=urn,
            type=found["type"],
            name=found["name"],
            custom=found["custom"],
            protect=found["protect"],
            retain_on_delete=found["retainOnDelete"],
            aliases=tuple(found["aliases"]),
            inputs=found["inputs"],
        )
    except (KeyError, TypeError) as error:
        raise BuildError(f"{urn}: its registration in {MARK} is incomplete: {error}; make the build again") from None


def _zone(path: Path, made_keys: Sequence[str]) -> list[Record]:
    zone = path.name.removesuffix(".zone")
    try:
        found = dns.zone.from_text(path.read_text(), origin=zone, relativize=False, check_origin=False)
    except dns.exception.DNSException as error:
        raise BuildError(f"{path}: {error}") from None
    records: list[Record] = []
    for owner, ttl, item in found.iterate_rdatas():
        name, kind = owner.to_text(omit_final_dot=True), dns.rdatatype.to_text(item.rdtype)
        value = b"".join(item.strings).decode() if isinstance(item, TXTBase) else item.to_text()
        if kind == "TXT" and any(key.endswith(f"-{name}") for key in made_keys):
            value = f"{value.partition('p=')[0]}p={MADE_KEY}"
        records.append(Record(zone, name, kind, value, ttl))
    return records


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise BuildError(f"{path}: there is no such file; make the build again") from None
    except ValueError as error:
        raise BuildError(f"{path}: {error}") from None
    if not isinstance(found, dict):
        raise BuildError(f"{path}: is no JSON object")
    return found  # pyright: ignore[reportUnknownVariableType]
