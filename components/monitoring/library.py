"""prometheus-client as one file, for pods whose image has none: Python imports from a zip file on its path."""

import io
import zipfile
from functools import cache
from importlib import metadata

NAME = "prometheus-client"
FILE = "prometheus_client.zip"
# What it can also be part of; the exporter is a program of its own.
FRAMEWORKS = ("aiohttp/", "bridge/", "django/", "twisted/")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file knows


@cache
def archive() -> bytes:
    """The installed prometheus-client with its licence. The same version gives the same bytes on every machine.

    It is not compressed, since that differs between versions of zlib.
    """
    found = {str(path): path for path in metadata.files(NAME) or ()}
    wanted = sorted(
        name
        for name in found
        if "/licenses/" in name or (name.endswith(".py") and not name.removeprefix("prometheus_client/").startswith(FRAMEWORKS))
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as made:
        for name in wanted:
            made.writestr(zipfile.ZipInfo(name, EPOCH), found[name].read_binary())
    return target.getvalue()
