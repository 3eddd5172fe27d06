"""What changed between two builds, as a list of changes of every kind."""

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from . import risks
from .model import Change, Difference, Field, How, StackDifference
from .objects import namespace, pairs, replaces
from .reading import Build, Record, Resource, Stack

# Each has a part of its own: the server's settings and the alerts.
TOLD_ELSEWHERE = ("data.plan.ndjson", "data.applied.ndjson", "spec.groups")
LABELS = ("name", "Sid", "alert", "mountPath", "containerPort")  # what tells the items of a list apart
MAX_TEXT = 2_000  # characters of one value
NOTHING = Stack({}, {}, {}, frozenset(), {}, {})


def compare(old: Build, new: Build) -> Difference:
    """What changes from one build to the other, and what is risky about it.

    Args:
        old: what is deployed, or about to be.
        new: what would be.
    """
    names = sorted({*old, *new}, key=lambda name: (name != "primary", name))
    return Difference(tuple(risks.find(old, new)), tuple(_stack(name, old.get(name), new.get(name)) for name in names))


def _stack(name: str, old: Stack | None, new: Stack | None) -> StackDifference:
    before, after = old or NOTHING, new or NOTHING
    parts: dict[str, Sequence[Change]] = {
        "objects": _objects(before, after),
        "records": _records(before.records, after.records),
        "settings": _settings(before, after),
        "bucket_policies": _things("policy", before.bucket_policies, after.bucket_policies),
        "alerts": _things("alert", alerts(before), alerts(after)),
        "outputs": _outputs(before.outputs, after.outputs),
    }
    state = "new" if old is None else "gone" if new is None else "changed" if any(parts.values()) else "same"
    return StackDifference(stack=name, state=state, **{key: tuple(changes) for key, changes in parts.items()})


def _objects(old: Stack, new: Stack) -> list[Change]:
    return _sorted(change for before, after in pairs(old, new) for change in _object(before, after, new))


def _object(old: Resource | None, new: Resource | None, stack: Stack) -> Iterator[Change]:
    found = new or old
    if not found or not found.custom:
        return  # what a component is given shows in its children
    if old is None or new is None:
        yield Change("removed" if old else "added", found.kind, found.name, namespace(found), ())
        return
    fields = [field for field in fields_of(_told_of(old), _told_of(new)) if not field.path.startswith(TOLD_ELSEWHERE)]
    how: How = "replaced" if replaces(old, new, stack) else "renamed" if old.urn != new.urn else "changed"
    renamed = [Field("name", old.name, new.name)] if old.name != new.name else []
    if renamed or _told_of(old) != _told_of(new):
        yield Change(how, found.kind, found.name, namespace(found), (*renamed, *fields))


def _told_of(resource: Resource) -> dict[str, Any]:
    return {**resource.inputs, "(protected)": resource.protect, "(kept when removed)": resource.retain_on_delete}


def _records(old: frozenset[Record], new: frozenset[Record]) -> list[Change]:
    def by_set(records: Iterable[Record]) -> dict[tuple[str, str, str], list[str]]:
        found: dict[tuple[str, str, str], list[str]] = {}
        for record in sorted(records):
            found.setdefault((record.zone, record.name, record.type), []).append(f"{record.value} (TTL {record.ttl})")
        return found

    changes: list[Change] = []
    before, after = by_set(old), by_set(new)
    for key in before.keys() | after.keys():
        zone, name, kind = key
        was, is_ = before.get(key, []), after.get(key, [])
        gone, come = [value for value in was if value not in is_], [value for value in is_ if value not in was]
        if gone or come:
            how: How = "changed" if was and is_ else "removed" if was else "added"
            changes.append(Change(how, kind, name, zone, (Field("", _short("\n".join(gone)), _short("\n".join(come))),)))
    return _sorted(changes)


def _settings(old: Stack, new: Stack) -> list[Change]:
    def by_object(stack: Stack) -> dict[tuple[str, str, str], list[str]]:
        found: dict[tuple[str, str, str], list[str]] = {}
        for server, rows in stack.settings.items():
            for row in rows:
                found.setdefault((server, row.object, row.label), []).extend(row.settings.split("; "))
        return found

    changes: list[Change] = []
    before, after = by_object(old), by_object(new)
    for key in before.keys() | after.keys():
        server, kind, label = key
        was, is_ = Counter(before.get(key, [])), Counter(after.get(key, []))
        if was != is_:
            how: How = "changed" if key in before and key in after else "removed" if key in before else "added"
            texts = ["\n".join((one - other).elements()) for one, other in ((was, is_), (is_, was))]
            changes.append(Change(how, kind, label, server, (Field("", *map(_short, texts)),)))
    return _sorted(changes)


def alerts(stack: Stack) -> dict[str, Any]:
    """Every alerting rule of a stack, by its name and severity."""
    rules = [
        rule
        for resource in stack.of_kind("PrometheusRule")
        for group in resource.inputs.get("spec", {}).get("groups", [])
        for rule in group.get("rules", [])
        if "alert" in rule
    ]
    seen: Counter[str] = Counter()
    found: dict[str, Any] = {}
    for rule in rules:
        severity = rule.get("labels", {}).get("severity")
        name = f"{rule['alert']} ({severity})" if severity else rule["alert"]
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} {seen[name]}"] = rule
    return found


def _things(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    changes: list[Change] = []
    for name in old.keys() | new.keys():
        if name not in old or name not in new:
            changes.append(Change("removed" if name in old else "added", kind, name, "", ()))
        elif old[name] != new[name]:
            changes.append(Change("changed", kind, name, "", tuple(fields_of(old[name], new[name]))))
    return _sorted(changes)


def _outputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    changes: list[Change] = []
    for field in fields_of(old, new):
        how: How = "changed" if field.old and field.new else "removed" if field.old else "added"
        changes.append(Change(how, "output", field.path, "", (Field("", field.old, field.new),)))
    return changes


def fields_of(old: Any, new: Any) -> Iterator[Field]:
    """The parts of plain data that differ, by path."""
    before, after = dict(_flat(old, "")), dict(_flat(new, ""))
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path) or (path in before) != (path in after):
            yield _field(path, *(_text(found[path]) if path in found else "" for found in (before, after)))


def _field(path: str, old: str, new: str) -> Field:
    if "\n" in old and "\n" in new:
        lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""))[2:]
        old, new = ("\n".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
    return Field(path, _short(old), _short(new))


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Plain data as paths and their values. Items of a list go by their name, where they have one: a new one moves no other."""
    match value:
        case dict() if value:
            for key, item in cast("dict[str, Any]", value).items():
                yield from _flat(item, f"{path}.{key}" if path else str(key))
        case list() if value and all(isinstance(item, dict) for item in cast("list[Any]", value)):
            items = cast("list[dict[str, Any]]", value)
            for name, item in zip(_names(items), items, strict=True):
                yield from _flat(item, f"{path}[{name}]")
        case _:
            yield path, value


def _names(items: Sequence[Mapping[str, Any]]) -> list[str]:
    for label in LABELS:
        names = [str(item.get(label, "")) for item in items]
        if all(names) and len(set(names)) == len(names):
            return names
    return [str(number) for number in range(len(items))]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    # An empty text is said as such: nothing at all stands for what is not there.
    return value if isinstance(value, str) and value else json.dumps(value, sort_keys=True)


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... ({len(text)} characters)"


def _sorted(changes: Iterable[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: (change.place, change.kind, change.name))
