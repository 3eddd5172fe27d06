"""The tables of the page: everything that a preview says of every stack, as rows to filter."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from offline.backups import AS_WRITTEN, DAY_S, backups, every
from offline.build import HELM_RELEASE, hide
from offline.recorder import Recording, Resource
from offline.rows import errands, records
from offline.summary import MAILBOXES, SERVER, plan_text
from offline.told import told
from policy.rules import Violation

from .templating import folded, prose

RULE = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
# With 1,000 domains a page of everything would be 10 MB; the files beside it have the rest.
MAX_OF_A_KIND = 100
MAX_ZONES = 40
MAX_RECORDS = 60  # of one zone
MAX_VALUE = 600  # characters
SEVERITIES = ("critical", "warning", "info")
LEVELS = ("mandatory", "advisory")
LABEL = re.compile(r"\{\{\s*\$labels\.(\w+)\s*\}\}")
VALUE = re.compile(r"\{\{\s*\$value[^}]*\}\}")


@dataclass(frozen=True)
class Stack:
    """All that the page is made of, for one stack."""

    recording: Recording
    config: Mapping[str, Any]
    """By key, without prefix."""
    violations: Sequence[Violation] = ()
    """The policies that it breaks."""


@dataclass(frozen=True)
class Row:
    """A row: the first three cells are of every table."""

    kind: str
    name: str
    stack: str
    cells: tuple[str, ...]
    """Texts; markup where one is more than that."""


@dataclass(frozen=True)
class Table:
    """A table of the page."""

    id: str
    title: str
    about: str
    """What it shows and how to read it."""
    columns: tuple[str, ...]
    """Of which the first three are those of the rows' kind, name and stack."""
    rows: tuple[Row, ...]
    left: str
    """What was left out, and where it is; empty when nothing was."""
    nothing: str
    """What is said when there is no row."""

    @property
    def kinds(self) -> list[str]:
        """What the rows are of, each once, in their order."""
        return list(dict.fromkeys(row.kind for row in self.rows))


def tables(stacks: Mapping[str, Stack]) -> list[Table]:
    """Every table, in the order of the page.

    Args:
        stacks: by name.
    """
    ordered = [stacks[name] for name in sorted(stacks, key=lambda name: (stacks[name].config["role"] != "primary", name))]
    return [make(ordered) for make in (_objects, _records, _settings, _backups, _losses, _alerts, _risks, _errands)]


def _objects(stacks: Sequence[Stack]) -> Table:
    rows = [row for stack in stacks for row in _objects_of(stack.recording)]
    shown, left = _limited(rows)
    return Table(
        "objects",
        "Objects",
        "Everything that Pulumi registers: Kubernetes objects, keys, passwords, records at a provider, and the components "
        "that they are in. Protected objects are not deleted, whatever a change says.",
        ("kind", "name", "stack", "namespace", "part of", "protection"),
        shown,
        f"{left} They are in resources.json, in the folder of each stack." if left else "",
        "Nothing is registered.",
    )


def _objects_of(recording: Recording) -> Iterable[Row]:
    found = [resource for resource in recording.resources.values() if not resource.type.startswith("pulumi:providers:")]
    for resource in sorted(found, key=lambda resource: (resource.type.rpartition(":")[2], resource.name, resource.urn)):
        parent = recording.resources.get(resource.parent)
        kept = ("protected" if resource.protect else "", "kept when removed" if resource.retain_on_delete else "")
        name, namespace = _named(resource)
        cells = (namespace, parent.name if parent else "", ", ".join(word for word in kept if word))
        yield Row(resource.type.rpartition(":")[2], name, recording.stack, cells)


def _named(resource: Resource) -> tuple[str, str]:
    """What a cluster calls an object, else what Pulumi calls it; and its namespace."""
    if not resource.type.startswith("kubernetes:"):
        return resource.name, ""
    inputs = cast("Mapping[str, Any]", hide(dict(resource.inputs)))
    metadata = inputs if resource.type == HELM_RELEASE else inputs["metadata"]
    return str(metadata["name"]), str(metadata.get("namespace", ""))


def _records(stacks: Sequence[Stack]) -> Table:
    rows: list[Row] = []
    left: list[str] = []
    for stack in stacks:
        zones = stack.recording.outputs["zones"]
        for zone in sorted(zones)[:MAX_ZONES]:
            found = records(zone, zones[zone])
            rows += [
                Row(record.type, record.name, stack.recording.stack, (_short(record.value), zone))
                for record in found[:MAX_RECORDS]
            ]
            if len(found) > MAX_RECORDS:
                left.append(f"{len(found) - MAX_RECORDS:,} more of {zone}")
        if len(zones) > MAX_ZONES:
            left.append(f"{len(zones) - MAX_ZONES:,} more zones of {stack.recording.stack}")
    return Table(
        "records",
        "DNS records",
        "What each stack publishes, or hands you as a zone file. In a preview the public keys of DKIM are stand-ins.",
        ("type", "name", "stack", "value", "zone"),
        tuple(rows),
        f"Not shown: {', '.join(left)}. They are in zones/, in the folder of each stack." if left else "",
        "No record is published.",
    )


def _settings(stacks: Sequence[Stack]) -> Table:
    rows: list[Row] = []
    for stack in stacks:
        for server in (SERVER, MAILBOXES):
            for row in told(plan_text(stack.recording, server)):
                host = "stand-in" if server == MAILBOXES else "own"
                rows.append(Row(row.object, row.label, stack.recording.stack, (_short(row.settings), host)))
    has_stand_in = any(row.cells[1] != "own" for row in rows)
    shown, left = _limited(rows)
    return Table(
        "settings",
        "Server settings",
        "What each mail server is told, object by object, in the server's own names; in the order in which it is told.",
        ("object", "which", "stack", "settings", *(("server",) if has_stand_in else ())),
        shown if has_stand_in else tuple(Row(row.kind, row.name, row.stack, row.cells[:1]) for row in shown),
        f"{left} They are in server.md, in the folder of each stack." if left else "",
        "No server is told anything.",
    )


def _backups(stacks: Sequence[Stack]) -> Table:
    rows: list[Row] = []
    for stack in stacks:
        found = backups(stack.recording, stack.config)
        name = stack.recording.stack
        for copy in found.copies:
            kind = "database" if copy.what == "database" else "volume"
            rows.append(Row(kind, copy.what, name, (str(copy.place), copy.when or "paused", f"{copy.kept_days} days")))
        rows += [Row("read only", location, name, (str(place), AS_WRITTEN, "as there")) for location, place in found.read.items()]
        if found.drill:
            rows.append(Row("rehearsal", "a restore", name, ("a namespace of its own", found.drill.replace("`", ""), "")))
    return Table(
        "backups",
        "Backups",
        "What is copied where, how often, and how long each copy is kept. Paused ones begin when the region gets the mailboxes.",
        ("kind", "what", "stack", "where", "when", "kept"),
        tuple(rows),
        "",
        "Nothing is backed up: mail:backup is not set.",
    )


def _losses(stacks: Sequence[Stack]) -> Table:
    rows = [
        Row("loss", loss.part, stack.recording.stack, (loss.lost,))
        for stack in stacks
        for loss in backups(stack.recording, stack.config).losses
    ]
    return Table(
        "losses",
        "Losses",
        "If a part is gone for good, this is what is gone with it.",
        ("kind", "what is lost", "stack", "what it costs"),
        tuple(rows),
        "",
        "Nothing is backed up: a lost volume is lost mail.",
    )


def _alerts(stacks: Sequence[Stack]) -> Table:
    rows = [row for stack in stacks for row in _alerts_of(stack.recording)]
    return Table(
        "alerts",
        "Alerts",
        "The rules that Prometheus gets: when each fires, and what to do then. Critical: mail is at stake now.",
        ("severity", "name", "stack", "what to do", "when", "for"),
        tuple(sorted(rows, key=lambda row: _rank(SEVERITIES, row.kind))),
        "",
        "No alert is set. Where the Prometheus operator is, `monitoring: {}` sets those of the mail, and "
        "`backup.alerts: true` those of the backups.",
    )


def _alerts_of(recording: Recording) -> Iterable[Row]:
    for resource in sorted(recording.of_type(RULE), key=lambda resource: resource.urn):
        spec = cast("Mapping[str, Any]", hide(dict(resource.inputs)))["spec"]
        for rule in (rule for group in spec["groups"] for rule in group["rules"] if "alert" in rule):
            about = rule.get("annotations", {})
            said = [str(about[key]).rstrip(".") for key in ("summary", "description") if key in about]
            runbook = about.get("runbook", about.get("runbook_url"))
            words = ". ".join([*said, f"See {runbook}" if runbook else ""]).removesuffix(". ")
            cells = (
                prose(_plain(words) + "." if words else ""),
                folded(str(rule["expr"])),
                _wait(str(rule.get("for", "at once"))),
            )
            yield Row(str(rule.get("labels", {}).get("severity", "none")), str(rule["alert"]), recording.stack, cells)


def _wait(duration: str) -> str:
    """For how long it must hold, in words; Prometheus writes `900s`."""
    seconds = duration.removesuffix("s")
    if not seconds.isdigit():
        return duration
    return every(int(seconds)).replace("day", "1 day") if int(seconds) == DAY_S else every(int(seconds))


def _plain(text: str) -> str:
    """The words of an alert without its template: what is only known when it fires is a name or an ellipsis."""
    return VALUE.sub("…", LABEL.sub(r"<\1>", text))


def _risks(stacks: Sequence[Stack]) -> Table:
    rows = [
        Row(found.level, found.rule, stack.recording.stack, (found.resource, prose(found.message)))
        for stack in stacks
        for found in stack.violations
    ]
    return Table(
        "risks",
        "Risks",
        "Policies that a stack breaks. With `--policy-pack policy` a mandatory one stops `pulumi up`. You judge an advisory one.",
        ("level", "policy", "stack", "what", "why, and what to do"),
        tuple(sorted(rows, key=lambda row: _rank(LEVELS, row.kind))),
        "",
        "No policy is broken.",
    )


def _errands(stacks: Sequence[Stack]) -> Table:
    rows = [
        Row(errand.type or "other", errand.who, stack.recording.stack, (errand.what,))
        for stack in stacks
        for errand in errands(stack.recording.outputs)
    ]
    shown, left = _limited(rows)
    return Table(
        "others",
        "For others",
        "What this program cannot publish: ask whoever owns the address, the other zone or the zone above.",
        ("record", "who", "stack", "what"),
        shown,
        f"{left} They are in outputs.json, in the folder of each stack." if left else "",
        "Nothing is left for others.",
    )


def _limited(rows: Sequence[Row]) -> tuple[tuple[Row, ...], str]:
    """The first rows of each kind of each stack, and a sentence on those that are left out."""
    seen: Counter[tuple[str, str]] = Counter()
    shown: list[Row] = []
    for row in rows:
        seen[row.stack, row.kind] += 1
        if seen[row.stack, row.kind] <= MAX_OF_A_KIND:
            shown.append(row)
    left = [f"{n - MAX_OF_A_KIND:,} more {kind} of {stack}" for (stack, kind), n in seen.items() if n > MAX_OF_A_KIND]
    return tuple(shown), f"Not shown: {', '.join(left)}." if left else ""


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def _rank(order: Sequence[str], word: str) -> int:
    return order.index(word) if word in order else len(order)
