"""A stand-in for what nodes and clouds do: pods become ready, those of Jobs end, claims get volumes, load balancers addresses.

Nothing runs: a pod of a Job ends well without having done anything, and nobody answers at a mail port.
"""

import threading
from types import TracebackType
from typing import Self

from requests import codes

from tests.cluster.api import Api, Object, Refused

PERIOD_SECONDS = 0.2
CHANGED = "2026-01-01T00:00:00Z"
STORAGE_CLASS = "standard"


class Kubelet:
    """Writes what nodes and clouds would into the status of objects, while its context lasts.

    Args:
        api: of the cluster that it plays for.
        addresses: what load balancers hand out; a Service waits for one that is free.
    """

    def __init__(self, api: Api, addresses: list[str]) -> None:
        self._api, self._addresses = api, addresses
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet")
        self._error: Exception | None = None
        self.is_paused = threading.Event()
        """While it is set, nothing is played."""

    def __enter__(self) -> Self:
        self._api.apply(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": STORAGE_CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
                "provisioner": "stand-in",
                "allowVolumeExpansion": True,
            }
        )
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._is_over.wait(PERIOD_SECONDS):
                if not self.is_paused.is_set():
                    self._play()
        except Exception as error:  # whatever it is, who asked for the cluster must hear of it
            self._error = error

    def _play(self) -> None:
        for kind, act in (("Pod", self._pod), ("PersistentVolumeClaim", self._claim), ("Service", self._service)):
            for found in self._api.list("v1", kind):
                try:
                    act(found)
                except Refused as error:
                    if error.code not in (codes.not_found, codes.conflict):  # it has gone or changed meanwhile
                        raise

    def _pod(self, found: Object) -> None:
        if found["status"]["phase"] != "Pending":
            return
        is_of_job = any(owner["kind"] == "Job" for owner in found["metadata"].get("ownerReferences", []))
        if is_of_job:
            self._api.patch(found, {"status": {"phase": "Succeeded"}}, "status")
            return
        ready = [{"type": name, "status": "True", "lastTransitionTime": CHANGED} for name in ("Ready", "ContainersReady")]
        self._api.patch(found, {"status": {"phase": "Running", "conditions": ready}}, "status")

    def _claim(self, found: Object) -> None:
        wanted, status = found["spec"]["resources"]["requests"]["storage"], found["status"]
        if status["phase"] == "Bound" and status["capacity"]["storage"] == wanted:
            return
        metadata = found["metadata"]
        name = f"volume-{metadata['uid']}"
        self._api.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": {
                    "accessModes": found["spec"]["accessModes"],
                    "capacity": {"storage": wanted},
                    "storageClassName": found["spec"].get("storageClassName", ""),
                    "hostPath": {"path": "/nowhere"},
                    "claimRef": {**{key: metadata[key] for key in ("namespace", "name", "uid")}, "kind": "PersistentVolumeClaim"},
                },
            }
        )
        self._api.patch(found, {"spec": {"volumeName": name}})
        bound = {"phase": "Bound", "accessModes": found["spec"]["accessModes"], "capacity": {"storage": wanted}}
        self._api.patch(found, {"status": bound}, "status")

    def _service(self, found: Object) -> None:
        if found["spec"]["type"] != "LoadBalancer" or _addresses(found):
            return
        taken = {address for service in self._api.list("v1", "Service") for address in _addresses(service)}
        for address in self._addresses:
            if address not in taken:
                self._api.patch(found, {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}, "status")
                return


def _addresses(service: Object) -> list[str]:
    return [entry["ip"] for entry in service.get("status", {}).get("loadBalancer", {}).get("ingress", [])]
