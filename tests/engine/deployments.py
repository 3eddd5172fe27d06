"""A stack on the real Pulumi engine, by its Automation API: its state in a folder, its secrets behind a passphrase."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation
from pulumi.automation import CommandError, EngineEvent, OpType

from .command import Command

STACK = "test"
PLUGINS = ("cloudflare", "kubernetes", "random", "tls")  # the engine asks for those of every SDK that is installed
UNTOUCHED = (OpType.SAME, OpType.REFRESH, OpType.READ)
PARTS_OF_A_REPLACEMENT = (OpType.CREATE_REPLACEMENT, OpType.DELETE_REPLACED)


def missing(*plugins: str) -> str | None:
    """What engine tests need and is not installed here, or None.

    Args:
        plugins: the providers they need beside the engine.
    """
    for command in ("pulumi", "pulumi-language-python"):
        if not shutil.which(command):
            return f"{command} is not on PATH"
    installed = Path(os.environ.get("PULUMI_HOME", "~/.pulumi")).expanduser() / "plugins"
    absent = [
        name for name in plugins if not shutil.which(f"pulumi-resource-{name}") and not any(installed.glob(f"resource-{name}-v*"))
    ]
    return f"these plugins of Pulumi are not installed: {', '.join(absent)}" if absent else None


def unless(reason: str | None) -> pytest.MarkDecorator:
    """A mark that skips a test where there is a reason to."""
    return pytest.mark.skipif(reason is not None, reason=str(reason))


@dataclass(frozen=True)
class Run:
    """What one command of the engine did."""

    failed: bool
    output: str = field(repr=False)
    events: list[EngineEvent] = field(repr=False)

    @property
    def steps(self) -> dict[str, str]:
        """Resource names to what was done, or was begun, with them; less those that stay the same."""
        found = [event.resource_pre_event.metadata for event in self.events if event.resource_pre_event]
        left_out = (*UNTOUCHED, *PARTS_OF_A_REPLACEMENT)
        return {step.urn.rpartition("::")[2]: OpType(step.op).value for step in found if step.op not in left_out}

    @property
    def counts(self) -> dict[str, int]:
        """Operations to how many resources, as the engine sums them up."""
        (summary,) = [event.summary_event for event in self.events if event.summary_event]
        return {OpType(op).value: count for op, count in summary.resource_changes.items()}


class Deployment:
    """One stack.

    Args:
        folder: of its project, with the state in `state`; both are there when another stack of the project was first.
        stack: its name.
        environment: variables for the program and its providers.
    """

    def __init__(self, folder: Path, stack: str = STACK, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.name = stack
        (folder / "state").mkdir(exist_ok=True)
        self.environment = {
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **(environment or {}),
        }
        """For every command; a change holds for those that follow."""
        self.command = Command()
        workspace = automation.LocalWorkspace(
            work_dir=str(folder), env_vars=self.environment, secrets_provider="passphrase", pulumi_command=self.command
        )
        self.stack = automation.Stack.create_or_select(stack, workspace)

    @property
    def told(self) -> list[str]:
        """Everything the engine wrote, and every event of it."""
        return self.command.told

    def preview(self, *, expect_no_changes: bool = False, policy_packs: Sequence[str] = (), policy_config: str = "") -> Run:
        """What an `up` would do, and what policy packs say of it: folders, and one file with their configuration."""
        configs = [policy_config] * len(policy_packs) if policy_config else None
        return self._run(
            self.stack.preview,
            expect_no_changes=expect_no_changes,
            policy_packs=list(policy_packs) or None,
            policy_pack_configs=configs,
        )

    def up(self, *, preview: bool = False) -> Run:
        """Deploy; after a preview, as the command does unless it is told otherwise, or for speed without."""
        if preview and (first := self.preview()).failed:
            return first
        return self._run(self.stack.up, show_secrets=False)

    def killed_up(self, when: Callable[[], bool]) -> Run:
        """Deploy, and be killed on the way, with no chance to note what is under way."""
        self.command.kill_when = when
        try:
            return self.up()
        finally:
            self.command.kill_when = None

    def refresh(self, *, clear_pending_creates: bool = False) -> Run:
        """Read what is there into the state."""
        return self._run(self.stack.refresh, show_secrets=False, clear_pending_creates=clear_pending_creates)

    def destroy(self) -> Run:
        """Delete everything, after the preview that the command begins with."""
        first = self._run(self.stack.preview_destroy, show_secrets=False)
        return first if first.failed else self._run(self.stack.destroy, show_secrets=False)

    def unprotect_all(self) -> None:
        """Let everything go."""
        self.run("state", "unprotect", "--all", "--yes", "--stack", self.name)

    def run(self, *arguments: str) -> None:
        """A command that the Automation API has no call for."""
        self.command.run(list(arguments), str(self.folder), self.environment)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, with their secrets in the clear."""
        return {name: found.value for name, found in self.stack.outputs().items()}

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state, with their secrets in the clear."""
        return (self.stack.export_stack().deployment or {}).get("resources", [])

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The resources of a type that are in the state, with their secrets in the clear."""
        return [resource for resource in self.resources() if resource["type"] == kind]

    def on_disk(self) -> str:
        """The state and the config as they are on disk."""
        files = [*(self.folder / "state").rglob("*"), *self.folder.glob("*.yaml")]
        return "".join(path.read_text() for path in files if path.is_file())

    def _run(self, command: Callable[..., Any], **options: Any) -> Run:
        events: list[EngineEvent] = []
        try:
            done = command(on_event=events.append, color="never", **options)
        except CommandError as error:
            output, failed = str(error), True
        else:
            output, failed = done.stdout + done.stderr, False
        self.told.append(repr(events))
        return Run(failed, output, events)
