"""A difference as JSON, and back. Nothing but the standard library: it is also read where nothing is installed, from strangers.

The shape, version 1, is that of the classes in `model.py`, with lists for tuples, beside `"version": 1`. It is at most
`MAX_BYTES` long: of a large difference the first items of every part are there, and how many are not.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from .model import Change, Difference, Field, How, LeftOut, Level, Part, StackDifference

VERSION = 1
MAX_BYTES = 4 * 2**20
MAX_COUNT = 10**9
# So many items of each part, and so many fields of each item: the first number that fits.
LIMITS = (10_000, 3_000, 1_000, 300, 100, 30, 10, 3, 0)
CHANGES: tuple[Part, ...] = ("objects", "records", "settings", "bucket_policies", "alerts", "outputs")
Found = TypeVar("Found")


def to_json(difference: Difference) -> str:
    """A difference as JSON of at most `MAX_BYTES`, the same bytes for the same difference."""
    texts = (json.dumps({"version": VERSION, **asdict(_first(difference, limit))}, indent=1) + "\n" for limit in LIMITS)
    return next(text for text in texts if len(text) <= MAX_BYTES)  # it is ASCII


def _first(difference: Difference, limit: int) -> Difference:
    """The first items of every part, and of every item the first fields."""
    left_out = [_left_out("", "risks", (risk.level for risk in difference.risks[limit:]))]
    stacks: list[StackDifference] = []
    for stack in difference.stacks:
        parts: dict[str, Sequence[Change]] = {part: getattr(stack, part) for part in CHANGES}
        left_out += [_left_out(stack.stack, part, (change.how for change in parts[part][limit:])) for part in CHANGES]
        stacks.append(replace(stack, **{part: tuple(_shortened(one, limit) for one in parts[part][:limit]) for part in CHANGES}))
    return Difference(difference.risks[:limit], tuple(stacks), tuple(found for some in left_out for found in some))


def _left_out(stack: str, part: Part, kinds: Iterable[Level | How]) -> list[LeftOut]:
    return [LeftOut(stack, part, what, count) for what, count in sorted(Counter(kinds).items())]


def _shortened(change: Change, limit: int) -> Change:
    more = len(change.fields) - limit
    note = (Field("", "", f"and {more} more parts"),) if more > 0 else ()
    return replace(change, fields=(*change.fields[:limit], *note))


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
    if kind is int:
        if type(value) is not int or not 0 < value <= MAX_COUNT:
            raise ValueError(f"{where} is no count of at most {MAX_COUNT}")
        return value
    if not isinstance(value, str):
        raise ValueError(f"{where} is no text")
    allowed = [one for literal in _literals(kind) for one in get_args(literal)]
    if allowed and value not in allowed:
        raise ValueError(f"{where} is none of {', '.join(allowed)}")
    return value


def _literals(kind: Any) -> list[Any]:
    found = [kind] if get_origin(kind) is Literal else get_args(kind)
    return [one for one in found if get_origin(one) is Literal]
