"""The outputs of stacks: from Pulumi itself, or from files it wrote."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from .deployment import OutputsError


def read(stacks: Sequence[str], files: Sequence[str], module: str) -> dict[str, Mapping[str, Any]]:
    """The outputs of every stack and file, by a name for messages.

    Args:
        stacks: names of Pulumi stacks.
        files: paths of files that `pulumi stack output --json` wrote; `-` is standard input.
        module: what is being run, such as `doctor`, with options that it needs in any case.

    Raises:
        OutputsError: one cannot be read.
    """
    named: dict[str, Mapping[str, Any]] = {f"Stack {stack}": _of_stack(stack, module) for stack in stacks}
    named.update({f"File {file}": _parsed(file, _from_file(file)) for file in files})
    return named


def _of_stack(stack: str, module: str) -> Mapping[str, Any]:
    outputs = _parsed(f"stack {stack}", _from_pulumi(stack, module))
    if not outputs:
        raise OutputsError(f"Stack {stack} has no outputs: it has not been brought up yet. Run: pulumi up --stack {stack}")
    return outputs


def _from_pulumi(stack: str, module: str) -> str:
    command = ["pulumi", "stack", "output", "--json", "--non-interactive", "--stack", stack]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command, no shell
    except FileNotFoundError:
        raise OutputsError(
            f"pulumi is not on PATH. Install it; or run `pulumi stack output --json --stack {stack}` where it is, and give me the"
            f" file: .venv/bin/python -m {module} --outputs FILE (`-` is standard input)"
        ) from None
    if done.returncode != 0:
        raise OutputsError(f"pulumi cannot tell the outputs of stack {stack}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _from_file(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OutputsError(f"{file} cannot be read: {error}") from None


def _parsed(source: str, text: str) -> Mapping[str, Any]:
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise OutputsError(f"{source} is not JSON ({error}); it must be what `pulumi stack output --json` prints.") from None
    if not isinstance(value, dict):
        raise OutputsError(f"{source} is not a JSON object; it must be what `pulumi stack output --json` prints.")
    return cast(Mapping[str, Any], value)
