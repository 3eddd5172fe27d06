"""The world of real API servers on this machine: one for each region, with its controllers and a stand-in for nodes."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from offline.program import stack_config
from tests.cluster import programs
from tests.cluster.kubelet import Kubelet
from tests.cluster.region import Region

from .deployments import PLUGINS, Deployment
from .deployments import missing as missing_engine
from .projects import STACKS

KINDS = {
    "v1": ("ConfigMap", "Namespace", "PersistentVolumeClaim", "Secret", "Service", "ServiceAccount"),
    "apps/v1": ("StatefulSet",),
    "batch/v1": ("CronJob", "Job"),
    "cert-manager.io/v1": ("Certificate",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
    "velero.io/v1": ("BackupStorageLocation", "Schedule"),
}


def missing() -> str | None:
    """What this world needs beside the engine and is not installed here, or None."""
    return missing_engine(*PLUGINS) or programs.missing()


class LocalWorld:
    """Two clusters, while the `with` block runs. What is in them is in no project's folder, so each test has its own."""

    is_in_folder = False

    def __init__(self) -> None:
        self._closing = ExitStack()
        self._regions: dict[str, Region] = {}
        self._kubelets: dict[str, Kubelet] = {}

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            for stack in STACKS:
                region = closing.enter_context(Region(stack))
                self._kubelets[stack] = closing.enter_context(
                    Kubelet(region.api, stack_config(stack)["mail:exposure"]["addresses"])
                )
                region.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "velero"}})
                self._regions[stack] = region
            self._closing = closing.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._closing.close()

    def project(self, folder: Path) -> Mapping[str, Any]:
        """The providers as they are."""
        return {}

    def environment(self, folder: Path, stack: str) -> Mapping[str, str]:
        """The stack's cluster is the only one that its engine knows."""
        return {"KUBECONFIG": str(self._regions[stack].kubeconfig)}

    @contextmanager
    def held(self, stack: Deployment, resource: str) -> Iterator[None]:
        """Nothing that has pods is ready."""
        kubelet = self._kubelets[stack.name]
        kubelet.is_paused.set()
        yield
        kubelet.is_paused.clear()

    def objects(self, folder: Path, stack: str) -> set[str]:
        """What is in the cluster: `<kind>/<name>`."""
        api = self._regions[stack].api
        found = ((kind, entry) for version, kinds in KINDS.items() for kind in kinds for entry in api.list(version, kind))
        return {f"{kind}/{entry['metadata']['name']}" for kind, entry in found}
