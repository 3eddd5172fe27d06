"""Both regions of the shipped program on the real engine, in one world: two clusters, and what plays nodes and clouds."""

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import yaml
from pulumi.automation import ConfigValue

from .deployments import Deployment, Run
from .projects import STACKS, shipped

SECRETS = {
    "primary": {
        "backup.location.accessKeyId": "KEY-OF-THE-HOT-BUCKET",
        "backup.location.secretAccessKey": "secret-of-the-hot-bucket",
        "backup.archive.accessKeyId": "KEY-OF-THE-ARCHIVE",
        "backup.archive.secretAccessKey": "secret-of-the-archive",
    },
    "backup": {
        "backup.location.accessKeyId": "KEY-OF-THE-BACKUP-BUCKET",
        "backup.location.secretAccessKey": "secret-of-the-backup-bucket",
        "backup.archiveReader.accessKeyId": "KEY-OF-THE-READER",
        "backup.archiveReader.secretAccessKey": "secret-of-the-reader",
    },
}
"""What is set with `pulumi config set --secret --path`, by stack."""


class World(Protocol):
    """Where the regions are, while the `with` block runs."""

    is_in_folder: bool
    """Whether a copy of a project's folder is another world."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None: ...

    def project(self, folder: Path) -> Mapping[str, Any]:
        """What `Pulumi.yaml` needs there; files that it names are written."""
        ...

    def environment(self, folder: Path, stack: str) -> Mapping[str, str]:
        """What leads a stack to its cluster."""
        ...

    def held(self, stack: Deployment, resource: str) -> AbstractContextManager[None]:
        """While it lasts, a resource of the stack is never ready, once its object is there."""
        ...

    def objects(self, folder: Path, stack: str) -> set[str]:
        """What is in a stack's cluster: `<kind>/<name>`."""
        ...


class Regions:
    """The stacks `primary` and `backup` of one project.

    Args:
        folder: of the project.
        world: where they are.
    """

    def __init__(self, folder: Path, world: World) -> None:
        self.folder = folder
        self.world = world
        if not (folder / "Pulumi.yaml").exists():
            shipped(folder, world.project(folder))
        self.primary, self.backup = (Deployment(folder, stack, world.environment(folder, stack)) for stack in STACKS)

    def up(self) -> None:
        """Set the secrets that the buckets need, and deploy the primary, then the backup.

        Raises:
            AssertionError: one of them failed.
        """
        for stack in (self.primary, self.backup):
            secrets = {f"mail:{key}": ConfigValue(value, secret=True) for key, value in SECRETS[stack.name].items()}
            stack.stack.set_all_config(secrets, path=True)
            deployed(stack)

    def copy(self, folder: Path) -> "Regions":
        """The same regions for another test, in a world that lies in the project's folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        copied = Regions(folder, self.world)
        copied.primary.told.extend(self.primary.told)
        copied.backup.told.extend(self.backup.told)
        return copied

    def objects(self, stack: Deployment) -> set[str]:
        """What is in a stack's cluster: `<kind>/<name>`."""
        return self.world.objects(self.folder, stack.name)


def deployed(stack: Deployment) -> Run:
    """An `up` that must not fail."""
    run = stack.up()
    assert not run.failed, run.output
    return run


def assert_nothing_changes(stack: Deployment) -> None:
    """Neither another `up` nor a refresh finds anything to do."""
    for run in (stack.up(), stack.refresh()):
        assert not run.failed, run.output
        assert run.counts.keys() == {"same"}


def configure(stack: Deployment, **changes: Any) -> None:
    """Edit the stack's file, as its users do; None takes a setting out."""
    file = stack.folder / f"Pulumi.{stack.name}.yaml"
    settings = yaml.safe_load(file.read_text())
    config = {**settings["config"], **{f"mail:{key}": value for key, value in changes.items()}}
    settings["config"] = {key: value for key, value in config.items() if value is not None}
    file.write_text(yaml.safe_dump(settings))


def setting(stack: Deployment, key: str) -> Any:
    """What the stack's file says under a key."""
    return yaml.safe_load((stack.folder / f"Pulumi.{stack.name}.yaml").read_text())["config"][f"mail:{key}"]
