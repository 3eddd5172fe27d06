"""The operations of a declarative server plan, and their NDJSON form.

A plan is what `stalwart-cli apply` reads: one JSON object a line, applied in three passes (destroys, everything else in
order, then what a reconcile left over). Upstream: https://stalw.art/docs/management/cli/apply.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .registry.encoding import RegistryObject, encode

# A Kubernetes object name, and so a Job's name, has room for the start of a digest only.
DIGEST_LENGTH = 10


@dataclass(frozen=True)
class Upsert:
    """Create each object, or update the one that has the same key. Nothing is ever deleted."""

    objects: Mapping[str, RegistryObject]
    """Client id, by which later operations refer to it, to object. Not empty; all of one type."""

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        first = next(iter(self.objects.values()))
        return {"@type": "upsert", "object": first.OBJECT, "matchOn": _match_on(type(first)), "value": encode(self.objects)}


@dataclass(frozen=True)
class Reconcile:
    """As `Upsert`, and delete every other object of this type inside `scope` (the whole type when it is empty)."""

    type: type[RegistryObject]
    objects: Mapping[str, RegistryObject]
    scope: Mapping[str, str] = field(default_factory=dict[str, str])

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        scope = {"scope": dict(self.scope)} if self.scope else {}
        head = {"@type": "reconcile", "object": self.type.OBJECT, "matchOn": _match_on(self.type)}
        return {**head, **scope, "value": encode(self.objects)}


@dataclass(frozen=True)
class Update:
    """Set the fields of a singleton."""

    value: RegistryObject

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        return {"@type": "update", "object": self.value.OBJECT, "value": encode(self.value)}


@dataclass(frozen=True)
class Create:
    """Create objects each time the plan is applied; right only for actions and for what a `Destroy` has just removed."""

    objects: Mapping[str, RegistryObject]

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        first = next(iter(self.objects.values()))
        return {"@type": "create", "object": first.OBJECT, "value": encode(self.objects)}


@dataclass(frozen=True)
class Destroy:
    """Delete every object of a type. All destroys run before anything else."""

    type: type[RegistryObject]

    def encode(self) -> dict[str, Any]:
        """The operation as one JSON object."""
        return {"@type": "destroy", "object": self.type.OBJECT}


Operation = Upsert | Reconcile | Update | Create | Destroy
Plan = tuple[Operation, ...]


def to_ndjson(plan: Plan) -> str:
    """The plan as text, one operation a line, the same bytes for the same plan."""
    return "".join(json.dumps(operation.encode(), separators=(",", ":"), ensure_ascii=True) + "\n" for operation in plan)


def digest(text: str) -> str:
    """A short name for this exact text, fit for a Kubernetes object name."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def _match_on(kind: type[RegistryObject]) -> list[str] | str:
    return list(kind.MATCH_ON) if kind.MATCH_ON else "*"
