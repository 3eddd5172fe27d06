"""The catalogue files: what a platform's catalogue shows of this project and of the communication suite, and the form it draws.

A `blueprint.yaml` says what an application is, what it needs, and by JSON Schema how it is configured. Each `configSchema` here
is made from the same types that check the stack's files.
"""

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel

from settings import Settings

from ..examples import RELAY, installed
from ..program import PROJECT_FOLDER

FILE = "blueprint.yaml"
HEADER = "# Made by `make schema` from the types of the settings; change those.\n"
OTHERS = "^1"  # the line that the catalogue has of what is not ours

STALWART: dict[str, Any] = {
    "card": {
        "title": "Stalwart mail",
        "summary": "Mail in one region or two: SMTP, IMAP, JMAP, calendars and contacts, with DNS records and backups.",
        "category": "communication",
        "tags": ["mail", "smtp", "imap", "jmap", "dkim"],
        "documentation": "README.md",
    },
    "placementSchema": {
        "modes": ["single-region", "active-hotstandby"],
        "default": "active-hotstandby",
        "minRegions": 1,
        "maxRegions": 2,
    },
    "depends": [
        {"blueprint": "bp-cert-manager", "version": OTHERS, "alias": "tls", "when": "{{ .config.tls.issuer }}"},
        {"blueprint": "bp-velero", "version": OTHERS, "alias": "backup", "when": "{{ .config.backup }}"},
        {
            "blueprint": "bp-cnpg",
            "version": OTHERS,
            "alias": "storage",
            "when": "{{ .config.storage.kind == 'distributed' }}",
        },
        {
            "blueprint": "bp-prometheus-operator",
            "version": OTHERS,
            "alias": "monitoring",
            "when": "{{ .config.monitoring != null || .config.backup.alerts }}",  # `{}` asks for it too
        },
    ],
    "rotation": [{"kind": "dkim-key", "name": "dkim", "ttl": "182d"}],
    "observability": {"metrics": "prometheus", "logs": "stdout", "traces": "otlp"},
}
SUITE: dict[str, Any] = {
    "card": {
        "title": "Communication suite",
        "summary": "Mail, chat and calls with one sign-in: Stalwart, Matrix Synapse, LiveKit and STUNner.",
        "category": "communication",
        "tags": ["mail", "chat", "calls", "matrix", "webrtc"],
        "documentation": "README.md",
    },
    "placementSchema": {"modes": ["single-region"], "default": "single-region", "minRegions": 1, "maxRegions": 1},
    "depends": [
        # The siblings, each by the name of its settings.
        {"blueprint": "bp-stalwart", "version": "^0.1", "alias": "mail"},
        {"blueprint": "bp-matrix", "version": OTHERS, "alias": "matrix"},
        {"blueprint": "bp-livekit", "version": OTHERS, "alias": "livekit"},
        {"blueprint": "bp-stunner", "version": OTHERS, "alias": "stunner"},
        # What must be there.
        {"blueprint": "bp-keycloak", "version": OTHERS, "alias": "issuer"},
        {"blueprint": "bp-cnpg", "version": OTHERS},
        {"blueprint": "bp-cert-manager", "version": OTHERS},
    ],
    "rotation": [{"kind": "app-password", "name": "notifications.appPassword", "ttl": "365d"}],
    "observability": {"metrics": "prometheus", "logs": "stdout"},
}


def blueprint(name: str, about: dict[str, Any], settings: type[BaseModel]) -> dict[str, Any]:
    """A catalogue file.

    Args:
        name: what the catalogue knows it by.
        about: what it shows and needs.
        settings: the types of its configuration.
    """
    project = tomllib.loads((PROJECT_FOLDER / "pyproject.toml").read_text())["project"]
    return {
        "apiVersion": "catalyst.openova.io/v1alpha1",
        "kind": "Blueprint",
        "metadata": {"name": name},
        "spec": {
            "version": project["version"],
            "card": about["card"],
            "visibility": "listed",
            "owner": {"team": project["name"]},
            "configSchema": config_schema(settings),
            "placementSchema": about["placementSchema"],
            "depends": about["depends"],
            "manifests": {"source": {"kind": "Pulumi", "ref": "."}},
            "rotation": about["rotation"],
            "observability": about["observability"],
        },
    }


def config_schema(settings: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a configuration; `$ref`s lead to its own `$defs`."""
    schema = settings.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **cast("dict[str, Any]", _for_a_form(schema))}


def _for_a_form(value: Any) -> Any:
    """Without the names that Python has for things, and with a hint at every secret: its input is masked."""
    match value:
        case dict():
            found = {
                key: _for_a_form(item) for key, item in cast("dict[str, Any]", value).items() if not _is_of_python(key, item)
            }
            return {**found, "x-catalyst-ui-hint": "password"} if found.get("format") == "password" else found
        case list():
            return [_for_a_form(item) for item in cast("list[Any]", value)]
        case _:
            return value


def _is_of_python(key: str, value: Any) -> bool:
    return isinstance(value, str) and (key == "title" or (key == "description" and value.startswith("A checked `")))


def generated() -> dict[Path, str]:
    """Both catalogue files, as they must be."""
    installed()
    suite = import_module("communication.settings").Settings  # importable only now
    files = {
        PROJECT_FOLDER / FILE: blueprint("bp-stalwart", STALWART, Settings),
        RELAY / FILE: blueprint("bp-relay", SUITE, suite),
    }
    return {path: HEADER + yaml.safe_dump(found, sort_keys=False, width=120) for path, found in files.items()}
