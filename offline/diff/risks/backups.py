"""Backups that are no longer made, are kept for less time, or go elsewhere."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from components.cron import longest_gap_s

from ..model import Risk
from ..objects import at, both, mapping, pairs
from ..reading import Build, Resource

SCHEDULES = ("Schedule", "ScheduledBackup")
# Where a bucket's backups are found again.
PLACES = {
    "BackupStorageLocation": (
        "spec.objectStorage.bucket",
        "spec.objectStorage.prefix",
        "spec.config.s3Url",
        "spec.config.region",
    ),
    "ObjectStore": ("spec.configuration.destinationPath", "spec.configuration.endpointURL"),
}
KEPT = {"Schedule": "spec.template.ttl", "ObjectStore": "spec.retentionPolicy"}
DURATION = re.compile(r"(\d+)(h|m|s|d|w)")
UNITS = {"h": "hours", "m": "minutes", "s": "seconds", "d": "days", "w": "weeks"}


def backup_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Schedules and places of backups: those of Velero, and those of the database."""
    for stack, was, now in both(old, new):
        for before, after in pairs(was, now):
            if before and before.kind in (*SCHEDULES, *PLACES):
                yield from _removed(stack, before) if after is None else _changed(stack, before, after)


def _removed(stack: str, before: Resource) -> Iterator[Risk]:
    is_schedule = before.kind in SCHEDULES
    rule = "schedule-removed" if is_schedule else "location-removed"
    loss = "makes no more backups" if is_schedule else "is gone: this region no longer knows the backups there"
    yield Risk("danger", rule, stack, _subject(before), loss, "keep it until another one has made a backup that a drill restored")


def _changed(stack: str, before: Resource, after: Resource) -> Iterator[Risk]:
    subject = _subject(before)
    for path in ("spec.paused", "spec.suspend"):
        if at(after.inputs, path) and not at(before.inputs, path):
            yield Risk(
                "danger",
                "schedule-paused",
                stack,
                subject,
                "is paused: no more backups are made by it",
                "let it run, unless the region is fenced on purpose",
            )
    path = KEPT.get(before.kind, "")
    was, now = (str(at(found.inputs, path) or "") for found in (before, after))
    if path and was and now and _duration(now) < _duration(was):
        advice = "older backups than that are deleted, also those made before: copy what you still need"
        yield Risk("warning", "kept-shorter", stack, subject, f"its backups are kept for {now} instead of {was}", advice)
    moved = [path for path in PLACES.get(before.kind, ()) if at(before.inputs, path) != at(after.inputs, path)]
    if moved:
        changes = ", ".join(f"{path.rpartition('.')[2]} {at(before.inputs, path)} -> {at(after.inputs, path)}" for path in moved)
        yield Risk(
            "danger",
            "location-changed",
            stack,
            subject,
            f"points elsewhere ({changes}): the backups made so far are no longer found there, nor by the other region",
            "copy them over first, or add a second location and let the first run out",
        )
    places = [at(found.inputs, "spec.template.storageLocation") for found in (before, after)]
    if places[0] != places[1]:
        message = f"its backups go to {places[1]} instead of {places[0]}"
        yield Risk("warning", "schedule-moved", stack, subject, message, "see that the other region reads the new location")
    yield from _rarer(stack, before, after)
    if before.kind == "Schedule":
        lost = _left_out(mapping(before.inputs, "spec.template"), mapping(after.inputs, "spec.template"))
        if lost:
            message = f"its backups no longer hold {'; '.join(lost)}"
            yield Risk("danger", "backups-narrowed", stack, subject, message, "a restore brings back only what a backup holds")


def _left_out(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What Velero took into a backup, and no longer takes (its API reference of `Schedule`)."""
    found: list[str] = []
    if _has_volumes(old) and not _has_volumes(new):
        found.append("volumes")
    if old.get("snapshotMoveData") and _has_volumes(new) and not (new.get("snapshotMoveData") or _is_copied(new)):
        found.append("the data of volumes, only snapshots beside them")
    for what in ("namespaces", "resources"):
        was, now = (_included(one.get(f"included{what.capitalize()}")) for one in (old, new))
        excluded, excludes = (set[str](one.get(f"excluded{what.capitalize()}") or ()) for one in (old, new))
        lost = (excludes - excluded) | ((was or {"others"}) - now if now else set[str]())
        if lost:
            found.append(f"{what} {', '.join(sorted(lost))}")
    return found


def _has_volumes(template: Mapping[str, Any]) -> bool:
    return template.get("snapshotVolumes") is not False or _is_copied(template)


def _is_copied(template: Mapping[str, Any]) -> bool:
    return bool(template.get("defaultVolumesToFsBackup"))


def _included(names: Sequence[str] | None) -> set[str]:
    """What is included by name; nothing when that is everything."""
    return set() if names is None or "*" in names else set(names)


def _rarer(stack: str, before: Resource, after: Resource) -> Iterator[Risk]:
    if before.kind not in SCHEDULES or before.inputs["spec"].get("schedule") == after.inputs["spec"].get("schedule"):
        return
    was, now = (longest_gap_s(_five_fields(found)) for found in (before, after))
    if now > was:
        message = f"runs every {timedelta(seconds=now)} at most instead of {timedelta(seconds=was)} (hours, minutes, seconds)"
        yield Risk("warning", "backups-rarer", stack, _subject(before), message, "a loss costs that much more mail")


def _five_fields(resource: Resource) -> str:
    # CloudNativePG has the seconds before them.
    return str(resource.inputs["spec"]["schedule"]).removeprefix("0 " if resource.kind == "ScheduledBackup" else "")


def _duration(text: str) -> timedelta:
    return sum((timedelta(**{UNITS[unit]: int(number)}) for number, unit in DURATION.findall(text)), timedelta())


def _subject(resource: Resource) -> str:
    return f"{resource.kind} {at(resource.inputs, 'metadata.name')}"
