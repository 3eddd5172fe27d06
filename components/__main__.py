"""The components as a Pulumi package, for projects in any language of Pulumi: what PulumiPlugin.yaml runs.

Left out is `ArchiveBucket`: every user would have to download the provider of AWS for it.
"""

import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PROJECT_FILE = FOLDER.parent / "pyproject.toml"


def version() -> str:
    """As the project says, or where there is none, as it was installed."""
    if PROJECT_FILE.exists():
        return tomllib.loads(PROJECT_FILE.read_text())["project"]["version"]
    return metadata.version("stalwart-mail")


if __name__ == "__main__":
    # The folder is run by itself: with it on the path, what is in it would be found before libraries like `dns`.
    sys.path[0] = str(FOLDER.parent)
    from pulumi.provider.experimental import component_provider_host

    package = import_module(FOLDER.name)
    component_provider_host(
        name="stalwart-mail",
        components=[
            package.DkimKeys,
            package.MailBackup,
            package.MailDns,
            package.MailMonitoring,
            package.MailRestore,
            package.RestoreCheck,
            package.RestoreDrill,
            package.StalwartServer,
        ],
        version=version(),
    )
