"""Everything that is generated: the JSON schema of a stack's file, for editors, tables and drawings of the docs, catalogue files.

`python -m offline.schema` writes them; a test keeps them current.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from components.monitoring import alerts
from components.monitoring.arguments import DEFAULT_QUEUE_LIMIT
from components.monitoring.jobs.metrics import METRICS
from components.monitoring.watched import Watched
from components.stalwart.arguments import Role
from components.stalwart.names import VOLUME_CLAIM
from components.stalwart.registry.encoding import RegistryObject
from config_errors import leaf_types, model_of
from policy.rules import RULES
from settings import Settings

from . import blueprint
from .page import Stack, graph_svg, regions_svg
from .preview import configurations, preview, without_prefix
from .program import PROJECT_FOLDER, project_file
from .reference import components_page
from .summary import plan_text
from .told import told

SCHEMA_FILE = PROJECT_FOLDER / "docs" / "stack.schema.json"
SETTINGS_PAGE = PROJECT_FOLDER / "docs" / "settings.md"
SERVER_PAGE = PROJECT_FOLDER / "docs" / "server.md"
POLICIES_PAGE = PROJECT_FOLDER / "docs" / "policies.md"
COMPONENTS_PAGE = PROJECT_FOLDER / "docs" / "components.md"
MONITORING_PAGE = PROJECT_FOLDER / "docs" / "monitoring.md"
REGIONS_DRAWING = PROJECT_FOLDER / "docs" / "regions.svg"
RESOURCES_DRAWING = PROJECT_FOLDER / "docs" / "resources.svg"
ENCRYPTED = {
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
    "description": "what `pulumi config set --secret` writes",
}


def stack_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a `Pulumi.<stack>.yaml`."""
    prefix = f"{project_file()['name']}:"
    model = _with_encrypted_secrets(Settings.model_json_schema(by_alias=True))
    own = {prefix + key: value for key, value in model["properties"].items()}
    config = {
        "type": "object",
        "properties": own,
        "required": [prefix + key for key in model["required"]],
        # Other packages have configuration too; in this project's namespace every key is known.
        "propertyNames": {"anyOf": [{"enum": sorted(own)}, {"not": {"pattern": f"^{prefix}"}}]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of a mail stack",
        "type": "object",
        "properties": {"config": config},
        "required": ["config"],
        "$defs": model["$defs"],
    }


def _with_encrypted_secrets(value: Any) -> Any:
    match value:
        case {"format": "password"}:
            rest = {
                key: item for key, item in cast("dict[str, Any]", value).items() if key not in ("format", "type", "writeOnly")
            }
            return {"anyOf": [ENCRYPTED, {"type": "string"}], **rest}
        case dict():
            return {key: _with_encrypted_secrets(item) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [_with_encrypted_secrets(item) for item in cast("list[Any]", value)]
        case _:
            return value


def settings_table() -> str:
    """Every setting with its default and what is allowed, as a Markdown table."""
    rows = [f"| `{key}` | {default} | {allowed} |" for key, default, allowed in _rows(Settings, "")]
    return "\n".join(["| key | default | allowed |", "|---|---|---|", *rows])


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = model_of(field)
        if inner:
            is_list = "tuple" in str(field.annotation)
            yield key, _default(field), str(field.description)
            yield from _rows(inner, f"{key}[]." if is_list else f"{key}.")
            continue
        secret = " (secret)" if SecretStr in leaf_types(field.annotation) else ""
        yield key, _default(field), f"{field.description}{secret}".replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    plain: Any = TypeAdapter(Any).dump_python(field.default, mode="json", by_alias=True, exclude_defaults=True)
    if plain in (None, [], {}):
        return "-"
    return "`" + json.dumps(plain).strip('"') + "`"


def objects_table() -> str:
    """Every type of object the shipped plans name, with what it is and how many there are, as a Markdown table."""
    plans = [plan_text(stack.recording) for stack in _shipped().values()]
    counts = [Counter(row.object for row in told(plan) if row.settings != "none") for plan in plans]
    types = {found.OBJECT: found for found in reversed(_registry_types(RegistryObject)) if "OBJECT" in vars(found)}
    named = dict.fromkeys(row.object for plan in plans for row in told(plan))
    rows = [f"| {name} | {_first_line(types[name])} | {counts[0][name]} | {counts[1][name]} |" for name in named]
    return "\n".join(["| object | what it is | primary | backup |", "|---|---|---:|---:|", *rows])


def policies_table() -> str:
    """Every policy with its level and its reason, as a Markdown table."""
    rows = [f"| `{rule.name}` | {rule.level} | {rule.description} | {rule.why} |" for rule in RULES]
    return "\n".join(["| policy | level | what must hold | what happens without it |", "|---|---|---|---|", *rows])


def policy_settings_table() -> str:
    """What can be configured of each policy, as a Markdown table."""
    rows = [
        f"| `{rule.name}` | `{name}` | `{json.dumps(schema['default'])}` | {schema['description']} |"
        for rule in RULES
        for name, schema in rule.settings.items()
    ]
    return "\n".join(["| policy | setting | default | what it is |", "|---|---|---|---|", *rows])


@cache
def _shipped() -> dict[str, Stack]:
    """The stacks that are shipped, recorded once."""
    configs = configurations(PROJECT_FOLDER)
    return {stack: Stack(recording, without_prefix(configs[stack])) for stack, (recording, _summary) in preview(configs).items()}


def _registry_types(found: type[RegistryObject]) -> list[type[RegistryObject]]:
    return [kind for child in found.__subclasses__() for kind in (child, *_registry_types(child))]


def _first_line(found: type) -> str:
    return (found.__doc__ or "").splitlines()[0]


def exporter_table() -> str:
    """Every metric of the exporter, as a Markdown table."""
    rows = [f"| `{found.full_name}` | {', '.join(found.labels) or '-'} | {found.help} |" for found in METRICS]
    return "\n".join(["| metric | labels | what it says |", "|---|---|---|", *rows])


def alerts_table() -> str:
    """Every alert of a mail server in either role, with what to do, as a Markdown table."""
    hosts = {Role.PRIMARY: "mx1.example.com", Role.BACKUP: "mx2.example.com"}
    rules: dict[str, tuple[list[str], dict[str, Any]]] = {}
    for role, hostname in hosts.items():
        (peer,) = set(hosts.values()) - {hostname}
        watched = Watched("mail", role, hostname, peer, reads_queue=True, claims=(VOLUME_CLAIM,), queue_limit=DEFAULT_QUEUE_LIMIT)
        for rule in (rule for group in alerts.spec(watched)["groups"] for rule in group["rules"]):
            rules.setdefault(rule["alert"], ([], rule))[0].append(role)
    rows = [
        f"| `{name}` | {rule['labels']['severity']} | {' and '.join(roles)} | {_plain(rule['annotations']['summary'])} |"
        f" {_plain(rule['annotations']['description'])} |"
        for name, (roles, rule) in rules.items()
    ]
    return "\n".join(["| alert | severity | on | what | what it means and what to do |", "|---|---|---|---|---|", *rows])


def _plain(text: str) -> str:
    """An alert's text without its template: a value is an ellipsis, a label its name in capitals."""
    named = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: found[1].upper(), text)
    return re.sub(r"\{\{ \$value.*?\}\}", "…", named).replace("|", "\\|")


def with_table(page: str, name: str, table: str) -> str:
    """A page with its generated table of this name brought up to date."""
    start, end = f"<!-- {name}: made by `make schema` -->", f"<!-- end of {name} -->"
    pattern = re.escape(start) + ".*?" + re.escape(end)
    return re.sub(pattern, lambda _found: f"{start}\n{table}\n{end}", page, flags=re.DOTALL)


def generated() -> dict[Path, str]:
    """Every generated file, as it must be."""
    return {
        SCHEMA_FILE: schema_text(),
        POLICIES_PAGE: policies_page(),
        SETTINGS_PAGE: with_table(SETTINGS_PAGE.read_text(), "settings", settings_table()),
        COMPONENTS_PAGE: components_page(),
        SERVER_PAGE: with_table(SERVER_PAGE.read_text(), "objects", objects_table()),
        **blueprint.generated(),
        MONITORING_PAGE: with_table(
            with_table(MONITORING_PAGE.read_text(), "exporter", exporter_table()), "alerts", alerts_table()
        ),
        REGIONS_DRAWING: regions_svg(_shipped()),
        RESOURCES_DRAWING: graph_svg({name: stack.recording for name, stack in _shipped().items()}),
    }


def policies_page() -> str:
    """The page of the policies with its tables brought up to date."""
    page = with_table(POLICIES_PAGE.read_text(), "policies", policies_table())
    return with_table(page, "policy settings", policy_settings_table())


def main() -> int:
    """Write the schema, the tables and the drawings."""
    for path, text in generated().items():
        path.write_text(text)
        print(f"Wrote {_relative(path)}.")
    return 0


def schema_text() -> str:
    """The schema as it is kept in the repository."""
    return json.dumps(stack_schema(), indent=2) + "\n"


def _relative(path: Path) -> Path:
    return path.relative_to(PROJECT_FOLDER)


if __name__ == "__main__":
    sys.exit(main())
