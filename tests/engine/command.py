"""The `pulumi` command under the Automation API: it ends in time, can be killed, and what it says is kept."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

TIMEOUT_SECONDS = 300
POLL_SECONDS = 0.1
FOREIGN = ("CLOUDFLARE_", "KUBECONFIG", "PULUMI_ACCESS", "PULUMI_BACKEND", "PULUMI_CONFIG", "PULUMI_K8S", "PULUMI_STACK")
"""Whoever runs the tests has these set for stacks of their own."""


class Command(PulumiCommand):
    """The command line that a stack of the Automation API runs, which by itself would wait for ever.

    It is a session of its own, so that it is killed with the program and the providers it runs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        """What it said, less what it was asked to show in the clear."""
        self.kill_when: Callable[[], bool] | None = None
        """Asked while a command runs; once it says so, the command is killed."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], object] | None = None,
        on_error: Callable[[str], object] | None = None,
    ) -> CommandResult:
        """Run a command to its end.

        Raises:
            CommandError: it failed, or was killed.
            TimeoutError: it did not end in time.
        """
        own = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            cwd=cwd,
            env={**own, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                output, error = self._wait(process, args)
            except BaseException:  # also when somebody stops the tests
                _kill(process)
                raise
        if "--show-secrets" not in args:
            self.told += [output, error]
        result = CommandResult(stdout=output, stderr=error, code=process.returncode)
        if result.code != 0:
            raise create_command_error(result)
        return result

    def _wait(self, process: subprocess.Popen[str], args: list[str]) -> tuple[str, str]:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                return process.communicate(timeout=POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if self.kill_when and self.kill_when():
                    _kill(process)
                elif time.monotonic() > deadline:
                    _kill(process)
                    output, error = process.communicate()
                    raise TimeoutError(f"pulumi {args[0]} did not end in {TIMEOUT_SECONDS} s:\n{output}{error}") from None


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill the engine before it can note anything, then what it started: plugins have groups of their own, in one session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            if os.getsid(int(entry.name)) == process.pid:
                os.kill(int(entry.name), signal.SIGKILL)
