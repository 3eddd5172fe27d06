"""prometheus-client as the files of a ConfigMap, for pods whose image has none.

It is text, and no archive in base64: what runs can be read where it is, and the object stays below what a client-side
`kubectl apply` takes, which writes all of it into an annotation.
"""

from functools import cache
from importlib import metadata

import pulumi

NAME = "prometheus-client"
PACKAGE = "prometheus_client"
# What it can also be part of, and what reads metrics or adds up those of several processes; the exporter does neither.
UNUSED = ("aiohttp/", "bridge/", "django/", "twisted/", "multiprocess.py", "openmetrics/parser.py", "parser.py")


@cache
def files() -> dict[str, str]:
    """What the exporter imports of the installed prometheus-client, and its licence: texts by their paths in the package.

    Raises:
        pulumi.RunError: how it is installed does not say which files it has.
    """
    found: dict[str, str] = {}
    for path in metadata.files(NAME) or ():
        inside = str(path).removeprefix(f"{PACKAGE}/")
        if "licenses" in path.parts:
            found[path.name] = path.read_text()
        elif path.suffix == ".py" and not inside.startswith(UNUSED):
            found[inside] = path.read_text()
    if "__init__.py" not in found:
        raise pulumi.RunError(f"{NAME} is installed without the list of its files; install it with pip: pip install {NAME}")
    return dict(sorted(found.items()))


def key(path: str) -> str:
    """The key of a file in the ConfigMap, where names have no slash."""
    return path.replace("/", ".")
