"""How a registry object becomes JSON: the server's encoding rules, in one place.

Upstream: https://stalw.art/docs/configuration/object-encoding. Lists are objects with numbers for keys, sets are objects
whose values are true, durations are whole milliseconds, references start with `#`. An array is refused by the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import Enum
from typing import Any, ClassVar, cast

from pydantic.alias_generators import to_camel

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class Structure:
    """A value with fields, inside an object. `VARIANT` is its `@type`, where the server knows several."""

    VARIANT: ClassVar[str | None] = None


@dataclass(frozen=True, kw_only=True)
class RegistryObject(Structure):
    """An object of the registry."""

    OBJECT: ClassVar[str]
    """The type of object, as plans name it."""
    MATCH_ON: ClassVar[tuple[str, ...] | None] = None
    """The fields that tell which stored object is meant; none where only an equal object is the same one."""


@dataclass(frozen=True)
class Reference:
    """An object that an operation above this one creates or updates."""

    client_id: str


@dataclass(frozen=True)
class Expression:
    """A server expression: the result of the first rule whose condition holds, else `otherwise`.

    Conditions and results are text in the server's language (https://stalw.art/docs/configuration/expressions); a result that
    is text needs quotes of its own.
    """

    rules: tuple[tuple[str, str], ...]
    otherwise: str


def when(*rules: tuple[str, str], otherwise: str) -> Expression:
    """An `Expression` of (condition, result) rules."""
    return Expression(rules, otherwise)


def always(result: str) -> Expression:
    """An `Expression` with one result, whatever happens."""
    return Expression((), result)


def encode(value: object) -> Any:  # noqa: PLR0911  one kind of value a return
    """A value as the server reads it.

    Raises:
        TypeError: the value has no place in a plan.
    """
    match value:
        case Structure():
            variant = {"@type": value.VARIANT} if value.VARIANT else {}
            return variant | {to_camel(field.name): encode(getattr(value, field.name)) for field in fields(value)}
        case Expression():
            rules = [{"if": condition, "then": result} for condition, result in value.rules]
            return {"match": {str(number): rule for number, rule in enumerate(rules)}, "else": value.otherwise}
        case Reference():
            return f"#{value.client_id}"
        case Enum():
            return value.value
        case timedelta():
            return value // MILLISECOND
        case tuple():
            return {str(number): encode(item) for number, item in enumerate(cast("tuple[object, ...]", value))}
        case frozenset():
            return dict.fromkeys(sorted(cast("frozenset[str]", value)), True)
        case Mapping():
            return {str(key): encode(item) for key, item in cast("Mapping[str, object]", value).items()}
        case None | bool() | int() | float() | str():
            return value
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a server plan")
