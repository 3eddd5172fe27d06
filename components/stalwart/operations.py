"""The operations of a declarative server plan, and their NDJSON form.

A plan is what `stalwart-cli apply` reads: one JSON object a line, applied in three passes (destroys, everything else in
order, then what a reconcile left over). Upstream: https://stalw.art/docs/management/cli/apply. The dialect is the
server's 0.16 line; its encoding rules (https://stalw.art/docs/configuration/object-encoding) are `listing`, `members`
and whole milliseconds for every duration.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

type_tag = "@type"
Value = Mapping[str, Any]

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class Upsert:
    """Create each object, or update the one that has the same `match_on` fields."""

    object: str
    match_on: tuple[str, ...]
    value: Mapping[str, Value]

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        return {type_tag: "upsert", "object": self.object, "matchOn": list(self.match_on), "value": self.value}


@dataclass(frozen=True)
class Reconcile:
    """As `Upsert`, and delete every other object of this type inside `scope` (the whole type when it is empty)."""

    object: str
    match_on: tuple[str, ...]
    value: Mapping[str, Value]
    scope: Mapping[str, str] = field(default_factory=dict[str, str])

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        scope = {"scope": self.scope} if self.scope else {}
        return {type_tag: "reconcile", "object": self.object, "matchOn": list(self.match_on), **scope, "value": self.value}


@dataclass(frozen=True)
class UpsertByValue:
    """Create one object of a type that has no natural key, unless an equal one is there."""

    object: str
    value: Mapping[str, Value]

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        return {type_tag: "upsert", "object": self.object, "matchOn": "*", "value": self.value}


@dataclass(frozen=True)
class Update:
    """Change fields of a singleton."""

    object: str
    value: Value

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        return {type_tag: "update", "object": self.object, "value": self.value}


@dataclass(frozen=True)
class Create:
    """Create an object each time the plan is applied; right only for actions and for what a `Destroy` has just removed."""

    object: str
    value: Mapping[str, Value]

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        return {type_tag: "create", "object": self.object, "value": self.value}


@dataclass(frozen=True)
class Destroy:
    """Delete every object of a type. All destroys run before anything else."""

    object: str

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        return {type_tag: "destroy", "object": self.object}


Operation = Upsert | UpsertByValue | Reconcile | Update | Create | Destroy
Plan = tuple[Operation, ...]


def listing(items: Iterable[Any]) -> dict[str, Any]:
    """A list in the server's encoding: an object with numbers for keys."""
    return {str(number): item for number, item in enumerate(items)}


def members(items: Iterable[str]) -> dict[str, bool]:
    """A set in the server's encoding: an object whose values are all true."""
    return dict.fromkeys(items, True)


def expression(*rules: tuple[str, str], otherwise: str) -> dict[str, Any]:
    """A server expression: the first (condition, result) whose condition holds, else `otherwise`."""
    return {"match": listing({"if": condition, "then": result} for condition, result in rules), "else": otherwise}


def to_ndjson(plan: Plan) -> str:
    """The plan as text, one operation a line, the same bytes for the same plan."""
    return "".join(json.dumps(operation.encode(), separators=(",", ":"), ensure_ascii=True) + "\n" for operation in plan)


def digest(text: str) -> str:
    """A short name for this exact text, fit for a Kubernetes object name."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]
