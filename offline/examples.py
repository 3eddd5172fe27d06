"""Lets the examples run here as they do elsewhere, where this project is installed."""

import importlib.util
import sys
from functools import cache

from .program import PROJECT_FOLDER

RELAY = PROJECT_FOLDER / "examples" / "relay"


@cache
def installed() -> None:
    """Make the components importable as `stalwart_mail`, and what is in the folder of the suite by its own name."""
    folder = PROJECT_FOLDER / "components"
    spec = importlib.util.spec_from_file_location(
        "stalwart_mail", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec
    assert spec.loader
    package = importlib.util.module_from_spec(spec)
    sys.modules["stalwart_mail"] = package
    spec.loader.exec_module(package)
    sys.path.append(str(RELAY))
