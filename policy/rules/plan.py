"""The plan of a Stalwart server, as far as rules ask it.

It is what `stalwart-cli apply` takes, in a ConfigMap under a key that ends in `.ndjson`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .kubernetes import namespace, of_kind
from .model import UNKNOWN, Resource, at, members, text

SUFFIX = ".ndjson"


@dataclass(frozen=True)
class Plan:
    """What a server is told."""

    resource: Resource
    namespace: str
    operations: tuple[Any, ...]

    def objects(self, kind: str) -> Iterator[Any]:
        """Every object of a type that it writes; of a type that there is one of, each change to it."""
        for operation in self.operations:
            if at(operation, "object") == kind and at(operation, "@type") != "destroy":
                value = at(operation, "value")
                yield from (value,) if at(operation, "@type") == "update" else members(value).values()

    def signing_names(self) -> Iterator[str]:
        """Under which names the public keys of its DKIM signatures are published."""
        written = (members(at(operation, "value")) for operation in self.operations if at(operation, "object") == "Domain")
        domains = {f"#{client_id}": text(at(value, "name")) for found in written for client_id, value in found.items()}
        for signature in self.objects("DkimSignature"):
            yield f"{text(at(signature, 'selector'))}._domainkey.{domains.get(text(at(signature, 'domainId')), '')}"


def plans(resources: Sequence[Resource]) -> list[Plan]:
    """The plans of a stack."""
    return [
        Plan(resource, namespace(resource), tuple(_operations(value)))
        for resource in of_kind(resources, "ConfigMap")
        for key, value in members(at(resource.inputs, "data")).items()
        if key.endswith(SUFFIX) and isinstance(value, str)
    ]


def unknown_plans(resources: Sequence[Resource]) -> list[str]:
    """The namespaces in which a plan may be there that is not known yet."""
    found = [(namespace(resource), at(resource.inputs, "data")) for resource in of_kind(resources, "ConfigMap")]
    return [place for place, data in found if data is UNKNOWN or _has_unknown_plan(data)]


def _has_unknown_plan(data: Any) -> bool:
    return any(key.endswith(SUFFIX) and value is UNKNOWN for key, value in members(data).items())


def _operations(plan: str) -> Iterator[Any]:
    for line in plan.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue  # the server says so when it is applied
