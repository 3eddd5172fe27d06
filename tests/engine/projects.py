"""Projects for the engine in temporary folders: what is shipped, made to run from there, and echoes in the place of providers."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from offline.program import PROJECT_FOLDER, project_file

from .deployments import PLUGINS

STACKS = ("primary", "backup")
PLUGIN = """\
#!{python}
import sys

sys.path.insert(0, {root!r})

from tests.engine.echo.plugin import run

run({name!r})
"""


def python_runtime() -> Mapping[str, Any]:
    """The runtime of a Python project that uses what this test uses."""
    return {"name": "python", "options": {"virtualenv": sys.prefix} if sys.prefix != sys.base_prefix else {}}


def echoes(folder: Path) -> Mapping[str, Any]:
    """Write the providers of the echo engine into a project's folder; return what its `Pulumi.yaml` says of them."""
    for name in PLUGINS:
        write_echo(folder / "plugins", name)
    return {"plugins": {"providers": [{"name": name, "path": "./plugins"} for name in PLUGINS]}}


def write_echo(folder: Path, provider: str) -> None:
    """Write the program that the engine runs as a provider."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"pulumi-resource-{provider}"
    program.write_text(PLUGIN.format(python=sys.executable, root=str(PROJECT_FOLDER), name=provider))
    program.chmod(0o755)


def write_project(folder: Path, *parts: Mapping[str, Any]) -> None:
    """Write a `Pulumi.yaml`; later parts go over earlier ones."""
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({key: value for part in parts for key, value in part.items()}))


def shipped(folder: Path, *parts: Mapping[str, Any]) -> None:
    """This project with its program where it is, and both stacks as they are shipped."""
    write_project(folder, project_file(), {"main": str(PROJECT_FOLDER), "runtime": python_runtime()}, *parts)
    for stack in STACKS:
        name = f"Pulumi.{stack}.yaml"
        (folder / name).write_text((PROJECT_FOLDER / name).read_text())
