"""A server plan in words: one row an object, durations and sizes as people say them, rules as sentences."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

# Operations that make stored settings live, or clear the way for others: nothing the server is told to be.
WITHOUT_SETTINGS = ("Action",)
LABELS = ("name", "description", "address", "selector", "tag", "url", "key")
UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)), ("s", timedelta(seconds=1)))
DURATIONS = ("duration", "expire", "period", "maxAge", "greylistFor", "interval")
SIZES = ("size", "maxDiskQuota")
MIB = 2**20
GIB = 2**30


@dataclass(frozen=True)
class Told:
    """One object of a plan."""

    object: str
    """Its type, as the server names it."""
    label: str
    """Which one, where there are several."""
    settings: str
    """What it says."""


def told(plan: str) -> list[Told]:
    """What a plan says, in its own order.

    Args:
        plan: the plan as NDJSON.
    """
    rows: list[Told] = []
    operations = [json.loads(line) for line in plan.splitlines()]
    # Of an object that is written twice, as accounts are to move an alias, only the last counts.
    last = {(op["object"], client_id): number for number, op in enumerate(operations) for client_id in op.get("value", {})}
    for number, operation in enumerate(operations):
        kind, value = operation["object"], operation.get("value", {})
        if kind in WITHOUT_SETTINGS or operation["@type"] == "destroy":
            continue
        if operation["@type"] == "update":
            rows.append(Told(kind, "", _settings(value, "")))
            continue
        rows += [_row(kind, entry) for client_id, entry in value.items() if last[kind, client_id] == number]
        if not value:
            scope = ", ".join(operation.get("scope", {}).values())
            rows.append(Told(kind, scope, "none"))
    return rows


def _row(kind: str, entry: Mapping[str, Any]) -> Told:
    label = next((name for name in LABELS if entry.get(name)), "")
    return Told(kind, str(entry.get(label, "")), _settings(entry, label))


def _settings(entry: Mapping[str, Any], label: str) -> str:
    variant = [str(entry["@type"])] if "@type" in entry else []
    rest = [f"{key} {_words(key, value)}" for key, value in entry.items() if key not in ("@type", label, "description")]
    return "; ".join(variant + rest)


def _words(key: str, value: Any) -> str:
    if value is None or value == {}:
        return "none"
    if isinstance(value, dict):
        return _structure(cast("dict[str, Any]", value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and (key in DURATIONS or key.endswith("Period")):
        return _duration(value)
    if isinstance(value, int) and key in SIZES:
        return f"{value // GIB} GiB" if value % GIB == 0 else f"{value // MIB} MiB"
    return " ".join(str(value).split())


def _structure(value: Mapping[str, Any]) -> str:
    match value:
        case {"match": rules, "else": otherwise}:
            return _rules(rules, otherwise)
        case {"filePath": path}:
            return path
        case {"variableName": name}:
            return f"${name}"
        case {"count": count, "period": period}:
            return f"{count} in {_duration(period)}"
        case _:
            return _members(value)


def _members(value: Mapping[str, Any]) -> str:
    variant = str(value["@type"]) if "@type" in value else ""
    items = {key: item for key, item in value.items() if key != "@type"}
    if all(item is True for item in items.values()):
        words = list(items)
    elif all(key.isdigit() for key in items):
        words = [_words("", item) for item in items.values()]
    else:
        words = [_words(key, item) if len(items) == 1 else f"{key} {_words(key, item)}" for key, item in items.items()]
    return " ".join(part for part in (variant, ", ".join(words)) if part)


def _rules(rules: Mapping[str, Mapping[str, str]], otherwise: str) -> str:
    conditions = [f"{rule['then']} if {rule['if']}" for rule in rules.values()]
    return ", else ".join([*conditions, otherwise]) if conditions else otherwise


def _duration(milliseconds: int) -> str:
    duration = timedelta(milliseconds=milliseconds)
    return next((f"{duration // unit} {name}" for name, unit in UNITS if duration % unit == timedelta()), f"{milliseconds} ms")
