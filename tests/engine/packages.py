"""What users of the components have on their machine: the package in a folder of theirs, and the providers that it needs."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from venv import EnvBuilder

from offline.program import PROJECT_FOLDER

from .echo.kubernetes import CLUSTER_FOLDER
from .projects import write_echo

PACKAGE = "stalwart-mail"
LEFT_OUT = ("__pycache__", ".venv", "requirements.txt")
"""`requirements.txt` among them: the engine would download it all for every test."""


def write_package(folder: Path) -> Path:
    """The package in a folder of its own, with what this test runs with in the place of its requirements.

    The engine makes the package's virtual environment and installs into it, so it must not be that of the tests.
    """
    components = folder / "components"
    shutil.copytree(PROJECT_FOLDER / "components", components, ignore=shutil.ignore_patterns(*LEFT_OUT))
    shutil.copy(PROJECT_FOLDER / "pyproject.toml", folder)
    EnvBuilder(symlinks=True).create(components / ".venv")
    (installed,) = (components / ".venv" / "lib").glob("python*/site-packages")
    (installed / "tests.pth").write_text(sysconfig.get_path("purelib"))
    return components


def environment(folder: Path) -> Mapping[str, str]:
    """Variables for a machine with an echo in the place of every provider whose SDK is installed, so that none is downloaded."""
    home = folder / "home"
    for distribution in distributions():
        name = distribution.metadata["Name"].replace("_", "-")
        if name.startswith("pulumi-"):
            provider = name.removeprefix("pulumi-")
            write_echo(home / "plugins" / f"resource-{provider}-v{distribution.version}", provider)
    path = os.pathsep.join([f"{sys.base_prefix}/bin", os.environ["PATH"]])  # the engine makes environments with what is first
    return {"PULUMI_HOME": str(home), "PATH": path, CLUSTER_FOLDER: str(folder / "cluster")}
