"""The JSON schema of a stack's file, for editors, and the table of settings in the README: both made from the types.

`python -m offline.schema` writes them; a test keeps them current.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from config_errors import leaf_types, model_of
from settings import Settings

from .program import PROJECT_FOLDER, project_file

SCHEMA_FILE = PROJECT_FOLDER / "docs" / "stack.schema.json"
README = PROJECT_FOLDER / "README.md"
TABLE_START, TABLE_END = "<!-- settings: made by `make schema` -->", "<!-- end of settings -->"
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


def with_table(readme: str) -> str:
    """The README with its table of settings brought up to date."""
    pattern = re.escape(TABLE_START) + ".*?" + re.escape(TABLE_END)
    return re.sub(pattern, lambda _found: f"{TABLE_START}\n{settings_table()}\n{TABLE_END}", readme, flags=re.DOTALL)


def main() -> int:
    """Write the schema and the table."""
    SCHEMA_FILE.write_text(schema_text())
    README.write_text(with_table(README.read_text()))
    print(f"Wrote {_relative(SCHEMA_FILE)} and the table in {_relative(README)}.")
    return 0


def schema_text() -> str:
    """The schema as it is kept in the repository."""
    return json.dumps(stack_schema(), indent=2) + "\n"


def _relative(path: Path) -> Path:
    return path.relative_to(PROJECT_FOLDER)


if __name__ == "__main__":
    sys.exit(main())
