"""The reference of the components, as Markdown: made from the schema of the package, which is made from the types."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from components.__main__ import version
from components.package import PackageProvider, python_name

Properties = Mapping[str, Mapping[str, Any]]
INTRODUCTION = """\
# The components

Names are as YAML and TypeScript have them. Python has its own where a name is of several words; Go, .NET and Java spell them
their way. In Python a type is a dictionary, and its name ends with `Args`.

What may come from another resource says "or output". All else is plain, since it decides which resources there are. What is
marked secret is encrypted in the state. Every component takes the usual options; `protect`, `providers` and `dependsOn` reach
all that it makes. This page is made by `make schema`, from the types.
"""


def components_page() -> str:
    """`docs/components.md`, as it must be."""
    schema = json.loads(PackageProvider(version()).schema or "")
    parts = [INTRODUCTION]
    for token, resource in schema["resources"].items():
        parts += [
            f"## {_name(token)}\n\n{resource['description']}\n",
            _table("input", resource["inputProperties"], resource["requiredInputs"]),
            _table("output", resource["properties"], ()),
        ]
    parts.append("## Types\n")
    for token, found in sorted(schema["types"].items()):
        parts += [
            f"### {_name(token)}\n\n{found['description']}\n",
            _table("property", found["properties"], found.get("required", ())),
        ]
    return "\n".join(parts)


def _table(kind: str, properties: Properties, required: Any) -> str:
    rows = [f"| {kind} | in Python | type | what it is |", "|---|---|---|---|", *_rows(properties, required, kind == "output")]
    return "\n".join(rows) + "\n"


def _rows(properties: Properties, required: Any, is_output: bool) -> Iterator[str]:
    for name, found in properties.items():
        python = python_name(name)
        notes = [note for note, holds in (("Required.", name in required), ("Secret.", found.get("secret"))) if holds]
        text = " ".join([*notes, *found["description"].split()]).replace("|", "\\|")
        yield f"| `{name}` | {f'`{python}`' if python != name else ''} | {_type(found, is_output)} | {text} |"


def _type(found: Mapping[str, Any], is_output: bool) -> str:
    if found.get("items"):
        said = f"list of {_type(found['items'], is_output)}"
    elif found.get("additionalProperties"):
        said = f"map of {_type(found['additionalProperties'], is_output)}"
    elif found.get("$ref"):
        said = f"[{_name(found['$ref'])}](#{_name(found['$ref']).lower()})"
    else:
        said = found["type"]
    return said if is_output or found.get("plain") else f"{said} or output"


def _name(token: str) -> str:
    return token.rpartition(":")[2]
