"""A server that speaks S3, and Velero, as processes beside a region's cluster."""

import secrets
from pathlib import Path

from tests.cluster.processes import HOST, Process, answers, free_port, started
from tests.cluster.programs import path
from tests.cluster.region import Region

NAMESPACE = "velero"
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "storage-root", "storage-root-secret"
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "velero", "namespace": NAMESPACE},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"name": "velero"}},
        "template": {
            "metadata": {"labels": {"name": "velero"}},
            "spec": {"containers": [{"name": "velero", "image": "velero"}]},
        },
    },
}
"""Velero runs beside the cluster, yet looks for itself in it when it restores."""
REQUEST = {"apiVersion": "velero.io/v1", "kind": "ServerStatusRequest", "metadata": {"name": "tests", "namespace": NAMESPACE}}


class S3:
    """An S3 server of a provider's region.

    Args:
        folder: for everything it keeps.
        region: its name, which requests are signed for.
        buckets: their names.
    """

    def __init__(self, folder: Path, region: str, *buckets: str) -> None:
        self.region, self._data = region, folder / "data"
        for place in (*(self._data / name for name in buckets), folder / "accounts"):
            place.mkdir(parents=True)
        self.url = ""
        self.process = started(lambda: self._start(folder))

    def _start(self, folder: Path) -> Process:
        port, health = free_port(), f"/{secrets.token_hex()}"  # which no other server has
        self.url = f"http://{HOST}:{port}"
        process = Process(
            [
                *(path("versitygw"), "--access", ACCESS_KEY_ID, "--secret", SECRET_ACCESS_KEY, "--port", f"{HOST}:{port}"),
                *("--region", self.region),
                *("--health", health, "--iam-dir", folder / "accounts", "posix", self._data),
            ],
            folder / "versitygw.log",
        )
        process.wait_until(lambda: answers(f"{self.url}{health}"))
        return process

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """The keys of the objects in a bucket that begin so."""
        root = self._data / bucket
        found = (str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())
        return sorted(key for key in found if key.startswith(prefix))


class Velero:
    """Velero with its plugin for S3, for as long as a region runs."""

    def __init__(self, region: Region) -> None:
        self._region, self._folder = region, region.folder / "velero"
        (self._folder / "plugins").mkdir(parents=True)
        (self._folder / "plugins" / "velero-plugin-for-aws").symlink_to(path("velero-plugin-for-aws"))
        region.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        region.api.apply(DEPLOYMENT)
        self._process = region.run(started(self._start))

    def restart(self) -> None:
        """Stop it, and start it again: then it looks at once at what it looks at every minute."""
        self._process.stop()
        self._process = self._region.run(started(self._start))

    def _start(self) -> Process:
        metrics, profiler = f"{HOST}:{free_port()}", f"{HOST}:{free_port()}"
        process = Process(
            [
                *(path("velero"), "server", "--kubeconfig", self._region.kubeconfig, "--namespace", NAMESPACE),
                *("--plugin-dir", self._folder / "plugins", "--store-validation-frequency", "5s"),
                *("--metrics-address", metrics, "--profiler-address", profiler),
                *("--features", "EnableCSI", "--schedule-skip-immediately=true"),
            ],
            self._region.folder / "velero.log",
            # Two on one machine would share a folder of credentials. Keys come from the Secrets of the locations alone.
            {**dict.fromkeys(("TMPDIR", "HOME", "VELERO_SCRATCH_DIR"), str(self._folder)), "AWS_EC2_METADATA_DISABLED": "true"},
        )
        process.wait_until(self._serves)
        return process

    def _serves(self) -> bool:
        """Whether somebody answers in this cluster, as `velero version` asks."""
        asked = self._region.api.apply(REQUEST)[0]
        serves = asked.get("status", {}).get("phase") == "Processed"
        if serves:
            self._region.api.delete(asked)
        return serves
