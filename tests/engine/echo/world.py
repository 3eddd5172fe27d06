"""The world of the echo engine: it lies in the project's folder, so a copy of the folder is another world."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.engine.deployments import Deployment
from tests.engine.projects import echoes

from .cluster import Cluster
from .kubernetes import CLUSTER_FOLDER, HOLD


class EchoWorld:
    """A cluster for each stack, in `clusters/<stack>`."""

    is_in_folder = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        """Nothing: it goes with the folder."""

    def project(self, folder: Path) -> Mapping[str, Any]:
        """Echoes in the place of the providers."""
        return echoes(folder)

    def environment(self, folder: Path, stack: str) -> Mapping[str, str]:
        """Where the stack's cluster is."""
        return {CLUSTER_FOLDER: str(folder / "clusters" / stack)}

    @contextmanager
    def held(self, stack: Deployment, resource: str) -> Iterator[None]:
        """Nobody hears that the resource was made."""
        stack.environment[HOLD] = resource
        yield
        del stack.environment[HOLD]

    def objects(self, folder: Path, stack: str) -> set[str]:
        """What is in it: `<kind>/<name>`."""
        return {f"{found['kind']}/{found['metadata']['name']}" for found in Cluster(folder / "clusters" / stack).objects()}
