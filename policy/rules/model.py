"""What rules are made of: resources as plain data, violations, and the rule itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, cast

MANDATORY = "mandatory"
ADVISORY = "advisory"
DISABLED = "disabled"
LEVELS = (MANDATORY, ADVISORY, DISABLED)

EXCEPTIONS = "exceptions"
EXCEPTIONS_SCHEMA = {
    "type": "array",
    "items": {"type": "string"},
    "description": "names of resources that it does not judge; * stands for anything",
}


class Unknown:
    """The type of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
"""A value that is not known in a preview, or is a secret: no rule may judge it."""


@dataclass(frozen=True)
class Resource:
    """A resource as a rule sees it."""

    type: str
    """Its type token, such as `kubernetes:core/v1:Service`."""
    name: str
    """Its name in the program."""
    urn: str
    inputs: Mapping[str, Any]
    """Plain data, with `UNKNOWN` for what is not known or secret."""
    protect: bool
    """Whether the engine refuses to delete it."""


@dataclass(frozen=True)
class Violation:
    """What one rule says of one resource."""

    rule: str
    level: str
    """`mandatory` or `advisory`."""
    resource: str
    """The resource's name in the program."""
    urn: str
    message: str
    """What is wrong and how it is mended. No value that may be secret is in it."""


Found = Iterator[tuple[Resource, str]]
"""Resources that break a rule, each with a message."""


@dataclass(frozen=True)
class Rule:
    """One policy."""

    name: str
    level: str
    """What a violation does unless the configuration says otherwise: `mandatory` stops, `advisory` warns."""
    description: str
    """What it forbids, in one sentence."""
    why: str
    """What happens without it, in one sentence."""
    find: Callable[[Sequence[Resource], Mapping[str, Any]], Found]
    """From resources and the values of `settings`, what breaks the rule."""
    of_stack: bool = False
    """Whether it looks at all resources together. One that does not is asked before each resource is made."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """What can be configured: by name, a JSON schema with a default and a description."""

    @property
    def schema(self) -> dict[str, dict[str, Any]]:
        """What can be configured, with what can be of every rule."""
        return {name: dict(schema) for name, schema in self.settings.items()} | {EXCEPTIONS: EXCEPTIONS_SCHEMA}

    def judge(self, resources: Sequence[Resource], config: Mapping[str, Any]) -> Found:
        """What breaks the rule and is no exception.

        Args:
            resources: all of a stack, or one of them when the rule is not `of_stack`.
            config: what is configured; the rest has its default.
        """
        given = {name: config.get(name, schema["default"]) for name, schema in self.settings.items()}
        exceptions: Sequence[str] = config.get(EXCEPTIONS, ())
        for resource, message in self.find(resources, given):
            if not any(fnmatchcase(resource.name, pattern) for pattern in exceptions):
                yield resource, message


def at(value: Any, *path: str) -> Any:
    """What lies at a path of keys: None when nothing does, `UNKNOWN` when the way there is not known."""
    for key in path:
        if value is UNKNOWN:
            return UNKNOWN
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    return value


def entries(value: Any) -> list[Any]:
    """The entries of a list; of anything else, none."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def members(value: Any) -> Mapping[str, Any]:
    """A mapping; of anything else, an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def text(value: Any) -> str:
    """A text; of anything else, an empty one."""
    return value if isinstance(value, str) else ""


def walk(value: Any) -> Iterator[Any]:
    """A value and everything inside it."""
    yield value
    for item in (*members(value).values(), *entries(value)):
        yield from walk(item)
