"""A stack of `program` on the real engine: Cloudflare is wherever the test says."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi.automation import ConfigValue

from offline.program import PROJECT_FOLDER

from .deployments import Deployment
from .projects import python_runtime, write_project


class DnsDeployment(Deployment):
    """One stack of `program`.

    Args:
        folder: an empty one.
        api_url: where Cloudflare is.
        token: for it; None leaves it out of the config.
    """

    def __init__(self, folder: Path, api_url: str, token: str | None) -> None:
        write_project(folder, {"name": "mail", "runtime": python_runtime()})
        (folder / "__main__.py").write_text("from tests.engine.program import deploy\n\ndeploy()\n")
        super().__init__(folder, environment={"CLOUDFLARE_BASE_URL": api_url, "PYTHONPATH": str(PROJECT_FOLDER)})
        if token:
            self.stack.set_config("token", ConfigValue(token, secret=True))

    def configure(self, dns: Mapping[str, Any]) -> None:
        """Set the arguments of `MailDns`."""
        self.stack.set_config("dns", ConfigValue(json.dumps(dns)))
