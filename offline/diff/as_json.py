"""A difference as JSON, and back. Nothing but the standard library: it is also read where nothing is installed, from strangers.

The shape, version 1, is that of the classes in `model.py`, with lists for tuples, beside `"version": 1`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from .model import Difference

VERSION = 1
Found = TypeVar("Found")


def to_json(difference: Difference) -> str:
    """A difference as JSON, the same bytes for the same difference."""
    return json.dumps({"version": VERSION, **asdict(difference)}, indent=1) + "\n"


def from_json(text: str) -> Difference:
    """A difference out of JSON.

    Raises:
        ValueError: it has another shape; the message says where.
    """
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    given = cast("dict[str, Any]", found)
    if given.pop("version", None) != VERSION:
        raise ValueError(f"version is not {VERSION}")
    return _object(Difference, given, "difference")


def _object(kind: type[Found], value: Any, where: str) -> Found:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no object")
    given = cast("Mapping[str, Any]", value)
    types = get_type_hints(kind)
    if set(given) != set(types):
        raise ValueError(f"{where} must have exactly {', '.join(types)}")
    names = [field.name for field in fields(cast("Any", kind))]
    return kind(**{name: _value(types[name], given[name], f"{where}.{name}") for name in names})


def _value(kind: Any, value: Any, where: str) -> Any:
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where} is no list")
        (item, _) = get_args(kind)
        return tuple(_object(item, one, f"{where}[{number}]") for number, one in enumerate(cast("list[Any]", value)))
    if not isinstance(value, str):
        raise ValueError(f"{where} is no text")
    if get_origin(kind) is Literal and value not in get_args(kind):
        raise ValueError(f"{where} is none of {', '.join(get_args(kind))}")
    return value
