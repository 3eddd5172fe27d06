"""The generated tables of the docs, as Markdown: settings, objects of the server, policies, metrics, alerts."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

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

from ..page import Stack
from ..summary import plan_text
from ..told import told


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


def objects_table(stacks: Mapping[str, Stack]) -> str:
    """Every type of object the shipped plans name, with what it is and how many there are, as a Markdown table."""
    plans = [plan_text(stack.recording) for stack in stacks.values()]
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
        server = ("mail", role, hostname, peer, True, (VOLUME_CLAIM,), DEFAULT_QUEUE_LIMIT)
        watched = Watched(*server, certificate_verified=True)
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
