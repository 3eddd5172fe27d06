"""The components as a Pulumi package, for projects in any language of Pulumi: what PulumiPlugin.yaml runs.

Left out is `ArchiveBucket`: every user would have to download the provider of AWS for it.
"""

import sys
import tomllib
from pathlib import Path

from pulumi.provider.experimental import component_provider_host

PROJECT_FOLDER = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    # The folder is run by itself, and its modules name each other by its name.
    sys.path.insert(0, str(PROJECT_FOLDER))
    from components import DkimKeys, MailBackup, MailDns, MailRestore, RestoreCheck, RestoreDrill, StalwartServer

    component_provider_host(
        name="stalwart-mail",
        components=[DkimKeys, MailBackup, MailDns, MailRestore, RestoreCheck, RestoreDrill, StalwartServer],
        version=tomllib.loads((PROJECT_FOLDER / "pyproject.toml").read_text())["project"]["version"],
    )
