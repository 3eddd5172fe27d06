"""The one-page summary of a recorded stack: what is created, what DNS says, and which way mail takes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.stalwart.listeners import SMTP_PORT
from components.stalwart.plans.outbound import HOLD

from .recorder import Recording, Resource
from .told import told

MAX_ZONES = 8
MAX_RECORDS = 40  # of one zone
MAX_PROTECTED = 12
MAX_VALUE = 58
MAX_OBJECTS = 8  # of one type
MAX_SETTINGS = 110


def summarize(recording: Recording, config: Mapping[str, Any]) -> str:
    """The summary as Markdown.

    Args:
        recording: what the program registered.
        config: the stack's configuration by key, without prefix.
    """
    outputs = recording.outputs
    title = f"# {recording.stack}: {outputs['hostname']} in {config['region']}"
    sections = [
        title,
        _mail_path(recording, config),
        _resources(recording),
        _records(outputs["zones"]),
        _for_others(outputs),
        _server(recording),
        _backups(recording),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _mail_path(recording: Recording, config: Mapping[str, Any]) -> str:
    outputs = recording.outputs
    host, addresses = outputs["hostname"], ", ".join(outputs["addresses"])
    if config["role"] == "primary":
        clients = " ".join(str(port) for port in sorted(outputs["ports"].values()) if port != SMTP_PORT)
        lines = [f"Internet --25--> {host} (MX 10, {addresses}) --> mailboxes", f"clients  --{clients}--> {host}"]
        lines.append(f"cluster  --submission--> {outputs['relayEndpoint']}")
        peer = config.get("backupExchange")
        if peer:
            lines.insert(1, f"   while it is away --25--> {peer['hostname']} (MX 20) --holds, then relays--> {host}")
    else:
        route = next(step for step in _relay_routes(recording))
        lines = [
            f"Internet --25--> {host} (MX 20, {addresses}) --> queue, up to {HOLD.days} days",
            f"   queue --25, at least every 15 minutes--> {route} (MX 10)",
        ]
    return "## Mail\n\n```\n" + "\n".join(lines) + "\n```"


def _relay_routes(recording: Recording) -> Iterable[str]:
    servers = recording.of_type("stalwart-mail:index:StalwartServer")
    return (server.inputs["peer"]["hostname"] for server in servers)


def _resources(recording: Recording) -> str:
    found = [resource for resource in recording.resources.values() if not resource.type.startswith("pulumi:providers:")]
    kinds = Counter(resource.type.rpartition(":")[2] for resource in found)
    protected = sorted(resource.name for resource in recording.resources.values() if resource.protect)
    table = _table(("kind", "number"), [(kind, str(number)) for kind, number in sorted(kinds.items())])
    more = f" and {len(protected) - MAX_PROTECTED} more" if len(protected) > MAX_PROTECTED else ""
    named = ", ".join(protected[:MAX_PROTECTED])
    return f"## Resources\n\n{len(found)} in all.\n\n{table}\n\nProtected from deletion: {named}{more}."


def _records(zones: Mapping[str, str]) -> str:
    rows: list[tuple[str, ...]] = []
    for zone in sorted(zones)[:MAX_ZONES]:
        records = [line.split(" ", 4) for line in zones[zone].splitlines() if " IN " in line and not line.startswith("@")]
        rows += [(zone, name, kind, _short(value)) for name, _ttl, _class, kind, value in records[:MAX_RECORDS]]
        if len(records) > MAX_RECORDS:
            rows.append((zone, f"and {len(records) - MAX_RECORDS} more", "", f"in zones/{zone}.zone"))
    left = len(zones) - MAX_ZONES
    more = f"\n\nAnd {left} more zones; see `zones/`." if left > 0 else ""
    return "## Records\n\n" + _table(("zone", "name", "type", "value"), rows) + more


def _for_others(outputs: Mapping[str, Any]) -> str:
    """What only the owners of addresses, of other zones and of parent zones can publish."""
    rows = [(f"the owner of {address}", f"PTR {name}") for address, name in sorted(outputs["ptr"].items())]
    rows += [("the owner of the zone", _short(line, MAX_SETTINGS)) for line in outputs["elsewhere"]]
    rows += [(f"the registrar of {zone}", "the DS record in the output `ds`") for zone in sorted(outputs["ds"])]
    return "## For others to publish\n\n" + _table(("who", "what"), rows)


def _server(recording: Recording) -> str:
    rows = [(row.object, row.label, row.settings) for row in told(plan_text(recording))]
    counts = Counter(row[0] for row in rows)
    seen: Counter[str] = Counter()
    shown: list[tuple[str, ...]] = []
    for kind, label, settings in rows:
        seen[kind] += 1
        if seen[kind] <= MAX_OBJECTS:
            shown.append((kind, label, _short(settings, MAX_SETTINGS)))
        elif seen[kind] == counts[kind]:
            shown.append((kind, f"and {counts[kind] - MAX_OBJECTS} more", ""))
    return "## What the server is told\n\n" + _table(("object", "which", "settings"), shown) + "\n\nIn full: `server.md`."


def server_page(recording: Recording) -> str:
    """Everything the server is told, as a Markdown table."""
    # Not aligned: one object with a thousand aliases would make every line as long.
    rows = [" | ".join((row.object, row.label, row.settings.replace("|", "\\|"))) for row in told(plan_text(recording))]
    lines = [f"# What {recording.outputs['hostname']} is told", "", "| object | which | settings |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row} |" for row in rows)]) + "\n"


def plan_text(recording: Recording) -> str:
    """The recorded server plan, as NDJSON."""
    found = [resource.inputs["data"] for resource in recording.of_type("kubernetes:core/v1:ConfigMap")]
    return "".join(data["plan.ndjson"] for data in found if "plan.ndjson" in data)


def _short(value: str, width: int = MAX_VALUE) -> str:
    return value if len(value) <= width else value[: width - 3] + "..."


def _backups(recording: Recording) -> str:
    locations = recording.of_type("kubernetes:velero.io/v1:BackupStorageLocation")
    schedules = {s.inputs["spec"]["template"]["storageLocation"]: s.inputs["spec"] for s in _schedules(recording)}
    rows: list[tuple[str, ...]] = []
    for location in sorted(locations, key=lambda resource: resource.name):
        spec, name = location.inputs["spec"], location.inputs["metadata"]["name"]
        schedule = schedules.get(name)
        kept = f"{int(schedule['template']['ttl'].partition('h')[0]) // 24} days" if schedule else "-"
        when = schedule["schedule"] if schedule else "-"
        bucket = f"{spec['objectStorage']['bucket']} ({spec['config']['region']})"
        rows.append((name, bucket, spec["accessMode"], when, kept))
    return "## Backups\n\n" + _table(("location", "bucket", "access", "when (cron, UTC)", "kept"), rows) if rows else ""


def _schedules(recording: Recording) -> Sequence[Resource]:
    return recording.of_type("kubernetes:velero.io/v1:Schedule")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
