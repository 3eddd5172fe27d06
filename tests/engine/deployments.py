"""A stack on the real Pulumi engine: its state in a folder, Cloudflare wherever the test says."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT, STACK = "mail", "test"
PLUGINS = ("cloudflare", "kubernetes", "random", "tls")  # the engine asks for those of every SDK that is installed
TIMEOUT_SECONDS = 300


def missing() -> str | None:
    """What engine tests need and is not installed here, or None."""
    if not shutil.which("pulumi"):
        return "pulumi is not on PATH"
    plugins = Path(os.environ.get("PULUMI_HOME", "~/.pulumi")).expanduser() / "plugins"
    absent = [
        name for name in PLUGINS if not shutil.which(f"pulumi-resource-{name}") and not any(plugins.glob(f"resource-{name}-v*"))
    ]
    return f"these plugins of Pulumi are not installed: {', '.join(absent)}" if absent else None


@dataclass(frozen=True)
class Run:
    """What one command of the engine did."""

    failed: bool
    output: str = field(repr=False)
    events: list[dict[str, Any]] = field(repr=False)

    @property
    def steps(self) -> dict[str, str]:
        """Resource names to what was done, or was begun, with them; less those that stay the same."""
        found = [event["resourcePreEvent"]["metadata"] for event in self.events if "resourcePreEvent" in event]
        return {step["urn"].rpartition("::")[2]: step["op"] for step in found if step["op"] not in ("same", "refresh")}

    @property
    def counts(self) -> dict[str, int]:
        """Operations to how many resources, as the engine sums them up."""
        (summary,) = [event["summaryEvent"] for event in self.events if "summaryEvent" in event]
        return summary["resourceChanges"]


class Deployment:
    """One stack of `program`.

    Args:
        folder: an empty one.
        api_url: where Cloudflare is.
        token: for it; None leaves it out of the config.
    """

    def __init__(self, folder: Path, api_url: str, token: str | None) -> None:
        self.folder = folder
        self.told: list[str] = []
        """Everything the engine wrote, and every event of it."""
        (folder / "state").mkdir()
        (folder / "__main__.py").write_text("from tests.engine.program import deploy\n\ndeploy()\n")
        options = {"virtualenv": sys.prefix} if sys.prefix != sys.base_prefix else {}
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": PROJECT, "runtime": {"name": "python", "options": options}}))
        foreign = ("CLOUDFLARE_", "PULUMI_STACK", "PULUMI_ACCESS", "PULUMI_CONFIG")
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(foreign)},
            "CLOUDFLARE_BASE_URL": api_url,
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase",
            "PULUMI_DEBUG_COMMANDS": "true",  # for --event-log
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(ROOT),
        }
        self._pulumi("stack", "init", STACK)
        if token:
            self._pulumi("config", "set", "--secret", "token", token)

    def configure(self, dns: Mapping[str, Any]) -> None:
        """Set the arguments of `MailDns`."""
        self._pulumi("config", "set", "dns", json.dumps(dns))

    def preview(self, *options: str) -> Run:
        """What an `up` would do."""
        return self._run("preview", *options)

    def up(self, *, preview: bool = False) -> Run:
        """Deploy; after a preview, as the command does unless it is told otherwise, or for speed without."""
        return self._run("up", "--yes", *(() if preview else ("--skip-preview",)))

    def refresh(self) -> Run:
        """Read what is there into the state."""
        return self._run("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Run:
        """Delete everything, after the preview that the command begins with."""
        return self._run("destroy", "--yes")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return json.loads(self._pulumi("stack", "output", "--json"))

    def state(self) -> str:
        """The state and the config as they are on disk."""
        files = [*(self.folder / "state").rglob("*"), *self.folder.glob("*.yaml")]
        return "".join(path.read_text() for path in files if path.is_file())

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The resources of a type that are in the state, with their secrets in the clear."""
        state = json.loads(self._pulumi("stack", "export", "--show-secrets"))
        return [resource for resource in state["deployment"]["resources"] if resource["type"] == kind]

    def _run(self, *command: str) -> Run:
        log = self.folder / "events.json"
        log.unlink(missing_ok=True)
        done = self._call(*command, "--event-log", str(log))
        events = log.read_text() if log.exists() else ""
        self.told += [done.stdout, done.stderr, events]
        return Run(done.returncode != 0, done.stdout + done.stderr, [json.loads(line) for line in events.splitlines()])

    def _pulumi(self, *command: str) -> str:
        done = self._call(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _call(self, *command: str) -> subprocess.CompletedProcess[str]:
        options = ("--non-interactive", "--color", "never", "--stack", STACK)
        return subprocess.run(
            ["pulumi", *command, *(options if command[:2] != ("stack", "init") else options[:3])],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
