"""Stacks whose outputs are handed on: a primary, the backup that reads it, and what each put out before."""

from functools import cache
from typing import Any

import pulumi

from offline.program import record, stack_config
from offline.recorder import Recording
from offline.world import OfflineWorld

Config = dict[str, Any]


def settings_of(stack: str, **changes: Any) -> Config:
    """A shipped stack's settings with others; None leaves a setting out."""
    found = {**_shipped(stack), **{f"mail:{key}": value for key, value in changes.items()}}
    return {key: value for key, value in found.items() if value is not None}


@cache
def _shipped(stack: str) -> Config:
    """The settings in a stack's file, read once."""
    return stack_config(stack)


def run(
    stack: str, config: Config, primary: Recording | None = None, before: Recording | None = None, preview: bool = False
) -> Recording:
    """The program of one stack, run once for the same settings and outputs.

    Args:
        stack: `primary` or `backup`.
        config: its settings.
        primary: whose outputs a backup reads.
        before: what the stack itself put out before.
        preview: whether outputs of new resources stay unknown.

    Raises:
        pulumi.RunError: the program refused its configuration.
    """
    given = {"mail/primary": primary, f"mail/{stack}": before}
    outputs = {name: dict(recording.outputs) for name, recording in given.items() if recording}
    key = repr((stack, config, outputs, preview))
    if key not in _ENDS:
        _ENDS[key] = _end(stack, config, outputs, preview)
    found = _ENDS[key]
    if isinstance(found, pulumi.RunError):
        raise found.with_traceback(None)
    return found


_ENDS: dict[str, Recording | pulumi.RunError] = {}
"""How each run ended, once a process, by all that it was given: what it registered, or why it was refused."""


def _end(stack: str, config: Config, outputs: dict[str, Any], preview: bool) -> Recording | pulumi.RunError:
    try:
        return record(stack, config, OfflineWorld(outputs), preview=preview)
    except pulumi.RunError as refused:
        return refused
