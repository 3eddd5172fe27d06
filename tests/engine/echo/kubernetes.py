"""Kubernetes on the echo engine: objects are judged before they are taken, and live in a cluster that is a folder."""

import asyncio
import os
from pathlib import Path
from typing import Any

from pulumi.provider.experimental import provider

from .cluster import Cluster, place
from .provider import INPUTS, Echo
from .schemas import faults
from .wire import has_unknown, plain, wired

CLUSTER_FOLDER = "ECHO_CLUSTER"
"""The variable that says where the cluster is; without it there is none to reach."""
HOLD = "ECHO_HOLD"
"""The variable that names a resource which is made, and never said to be made."""
UPSERT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
# As in the provider's diff.go, for the kinds that are used here.
IMMUTABLE = {
    "StatefulSet": (
        *("spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName"),
        "spec.volumeClaimTemplates",
    ),
    "Job": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "PersistentVolumeClaim": ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    "PodDisruptionBudget": ("spec",),
    "RoleBinding": ("roleRef",),
    "ConfigMap": ("data", "binaryData"),
    "Secret": ("type",),
    "Service": ("spec.clusterIP",),
}
SECRET_DATA = ("data", "stringData")


class Kubernetes(Echo):
    """The objects of one cluster."""

    def __init__(self) -> None:
        super().__init__()
        self.upsert = os.environ.get(UPSERT) == "true"
        self.secrets_change = False

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        """Note what the program says of existing objects and of Secrets; the engine hands on texts."""
        options = plain(request.args)
        self.upsert = self.upsert or str(options.get("upsertExistingObjects")).lower() == "true"
        self.secrets_change = str(options.get("enableSecretMutable")).lower() == "true"
        return await super().configure(request)

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Judge an object, once all of it is known: as with the real provider."""
        found = plain(request.new_inputs)
        wrong = [] if has_unknown(found) else faults(found)
        return provider.CheckResponse(request.new_inputs, [provider.CheckFailure("", fault) for fault in wrong])

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """What is in the cluster: nothing, the object as it was made, or another."""
        asked = plain(request.properties[INPUTS])
        found = self.cluster.read(place(asked))
        if found is None:
            return provider.ReadResponse("", {}, {})
        if found == asked:
            return provider.ReadResponse(request.resource_id, request.properties, request.inputs)
        inputs = {key: wired(value) for key, value in found.items()}
        return provider.ReadResponse(request.resource_id, self.outputs(request.type, request.name, inputs), inputs)

    @property
    def cluster(self) -> Cluster:
        """The cluster.

        Raises:
            ConnectionError: there is none.
        """
        folder = os.environ.get(CLUSTER_FOLDER)
        if not folder:
            raise ConnectionError("configured Kubernetes cluster is unreachable")
        return Cluster(Path(folder))

    def replaces(self, kind: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        """Names and namespaces, and what an API server would not let change."""
        fields = ["metadata.name", "metadata.namespace", *IMMUTABLE.get(new["kind"], ())]
        if new["kind"] == "Secret" and not self.secrets_change:
            fields += SECRET_DATA
        return [field for field in fields if _at(old, field) != _at(new, field)]

    def same_place(self, old: dict[str, Any], new: dict[str, Any]) -> bool:
        """Two objects cannot have one name."""
        return place(old) == place(new)

    def identity(self, request: provider.CreateRequest) -> str:
        """Namespace and name."""
        metadata = plain(request.properties)["metadata"]
        return "/".join(filter(None, [metadata.get("namespace"), metadata["name"]]))

    async def appear(self, request: provider.CreateRequest) -> None:
        """Make an object."""
        self.cluster.create(plain(request.properties), self.upsert)
        if os.environ.get(HOLD) == request.name:
            await asyncio.Event().wait()

    def change(self, inputs: dict[str, Any]) -> None:
        """Write an object."""
        self.cluster.write(inputs)

    def vanish(self, inputs: dict[str, Any]) -> None:
        """Delete an object."""
        self.cluster.delete(place(inputs))


def _at(found: Any, path: str) -> Any:
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found
