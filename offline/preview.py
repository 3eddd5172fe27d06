"""A preview of every stack of the project: each recorded and summarized, the backup on what the primary put out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from .program import project_file, record, stack_config
from .recorder import Recording
from .summary import summarize
from .world import OfflineWorld


def configurations(folder: Path) -> dict[str, dict[str, Any]]:
    """The configuration of every stack that has a file in the folder, by stack."""
    stacks = [path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in sorted(folder.glob("Pulumi.*.yaml"))]
    return {stack: stack_config(stack, folder) for stack in stacks}


def preview(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Recording, str]]:
    """Record every stack, the primary first, and give the backup what the primary put out.

    Args:
        configs: by stack, its configuration by full key.

    Returns:
        By stack: what was recorded, and its summary.

    Raises:
        pulumi.RunError: a configuration was refused; the message names the stack.
    """
    project = str(project_file()["name"])
    recorded: dict[str, tuple[Recording, str]] = {}
    outputs: dict[str, dict[str, object]] = {}
    for stack in sorted(configs, key=lambda stack: f"{project}:primaryStack" in configs[stack]):
        config = configs[stack]
        try:
            recording = record(stack, config, OfflineWorld(outputs))
        except pulumi.RunError as error:
            raise pulumi.RunError(f"Pulumi.{stack}.yaml: {error}") from None
        outputs[f"{project}/{stack}"] = dict(recording.outputs)
        recorded[stack] = (recording, summarize(recording, without_prefix(config)))
    return recorded


def without_prefix(config: Mapping[str, Any]) -> dict[str, Any]:
    """A stack's configuration by key without prefix."""
    return {key.partition(":")[2]: value for key, value in config.items()}
