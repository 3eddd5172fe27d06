"""The one-page summary of a recorded stack: what is created, what DNS says, and which way mail takes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from components.stalwart.listeners import SMTP_PORT
from components.stalwart.plans.outbound import HOLD

from .backups import backups_text
from .recorder import Recording
from .rows import errands, records
from .tables import table
from .told import told

SERVER = "stalwart"  # the component's name
MAILBOXES = "mailboxes"  # that of the server which stands in for the primary
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
        backups_text(recording, config),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _mail_path(recording: Recording, config: Mapping[str, Any]) -> str:
    outputs = recording.outputs
    host, addresses = outputs["hostname"], ", ".join(outputs["addresses"])
    deployed = outputs["deployed"]
    if config["role"] == "primary" and deployed["fenced"]:
        lines = [f"{host} is fenced: no mail in or out; its mailboxes are in the namespace {deployed['mailboxes']}"]
    elif config["role"] == "primary":
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
        mailboxes = outputs.get("mailboxes")
        if mailboxes:
            state = "fenced: no mail in or out" if mailboxes["fenced"] else f"serving at {', '.join(mailboxes['addresses'])}"
            lines.append(f"{mailboxes['hostname']}, restored to {mailboxes['namespace']} --> mailboxes, {state}")
    return "## Mail\n\n```\n" + "\n".join(lines) + "\n```"


def _relay_routes(recording: Recording) -> Iterable[str]:
    servers = recording.of_type("stalwart-mail:index:StalwartServer")
    return (server.inputs["peer"]["hostname"] for server in servers)


def _resources(recording: Recording) -> str:
    found = [resource for resource in recording.resources.values() if not resource.type.startswith("pulumi:providers:")]
    kinds = Counter(resource.type.rpartition(":")[2] for resource in found)
    protected = sorted(resource.name for resource in recording.resources.values() if resource.protect)
    listed = table(("kind", "number"), [(kind, str(number)) for kind, number in sorted(kinds.items())])
    more = f" and {len(protected) - MAX_PROTECTED} more" if len(protected) > MAX_PROTECTED else ""
    named = ", ".join(protected[:MAX_PROTECTED])
    return f"## Resources\n\n{len(found)} in all.\n\n{listed}\n\nProtected from deletion: {named}{more}."


def _records(zones: Mapping[str, str]) -> str:
    rows: list[tuple[str, ...]] = []
    for zone in sorted(zones)[:MAX_ZONES]:
        found = records(zone, zones[zone])
        rows += [(zone, record.name, record.type, _short(record.value)) for record in found[:MAX_RECORDS]]
        if len(found) > MAX_RECORDS:
            rows.append((zone, f"and {len(found) - MAX_RECORDS} more", "", f"in zones/{zone}.zone"))
    left = len(zones) - MAX_ZONES
    more = f"\n\nAnd {left} more zones; see `zones/`." if left > 0 else ""
    return "## Records\n\n" + table(("zone", "name", "type", "value"), rows) + more


def _for_others(outputs: Mapping[str, Any]) -> str:
    """What only the owners of addresses, of other zones and of parent zones can publish."""
    rows = [(errand.who, _short(f"{errand.type} {errand.what}".strip(), MAX_SETTINGS)) for errand in errands(outputs)]
    return "## For others to publish\n\n" + table(("who", "what"), rows)


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
    return "## What the server is told\n\n" + table(("object", "which", "settings"), shown) + "\n\nIn full: `server.md`."


def server_page(hostname: str, plan: str) -> str:
    """Everything a server is told, as a Markdown table."""
    # Not aligned: one object with a thousand aliases would make every line as long.
    rows = [" | ".join((row.object, row.label, row.settings.replace("|", "\\|"))) for row in told(plan)]
    lines = [f"# What {hostname} is told", "", "| object | which | settings |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row} |" for row in rows)]) + "\n"


def plan_text(recording: Recording, server: str = SERVER) -> str:
    """The recorded plan of a server, as NDJSON; empty when there is no such server."""
    found = recording.of_type("kubernetes:core/v1:ConfigMap")
    return "".join(resource.inputs["data"]["plan.ndjson"] for resource in found if resource.name == f"{server}-plan")


def _short(value: str, width: int = MAX_VALUE) -> str:
    return value if len(value) <= width else value[: width - 3] + "..."
