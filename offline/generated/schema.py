"""The JSON schema of a stack's file, for editors."""

import json
from typing import Any, cast

from settings import Settings

from ..program import project_file

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


def schema_text() -> str:
    """The schema as it is kept in the repository."""
    return json.dumps(stack_schema(), indent=2) + "\n"


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
