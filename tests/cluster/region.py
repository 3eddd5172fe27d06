"""A region's cluster without containers: etcd, an API server and its controllers, as processes on this machine."""

import secrets
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.cluster import programs
from tests.cluster.api import Api, Object, wait
from tests.cluster.processes import HOST, Process, answers, free_port, scratch_folder, started

LOG_CHARACTERS = 2000
# Less those that miss the nodes.
CONTROLLERS = "*,-node-lifecycle-controller,-node-ipam-controller,-pod-garbage-collector-controller,-taint-eviction-controller"


class Region:
    """A running cluster, until it is closed.

    Args:
        name: what its context is called.
        controllers: which of Kubernetes' own controllers run; without any, objects stay as they are put.
    """

    def __init__(self, name: str = "region", controllers: str = CONTROLLERS) -> None:
        self._closing = ExitStack()
        self.name = name
        self.folder = self._closing.enter_context(scratch_folder(name))
        self.kubeconfig = self.folder / "kubeconfig"
        self._token = secrets.token_hex()
        self._controllers = controllers

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            closing.callback(self._closing.close)
            self._keys()
            self.run(started(self._start_etcd))
            self.run(started(self._start_api_server))
            self._write_kubeconfig()
            self.api = Api(self.url, self._token, str(self._authority))
            self._define()
            if self._controllers:
                self.run(started(self._start_controllers))
            closing.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        if error:
            logs = (f"{log.name}: ...{log.read_text()[-LOG_CHARACTERS:]}" for log in sorted(self.folder.glob("*.log")))
            error.add_note("\n".join([f"The region {self.name}:", *logs]))
        self._closing.close()

    def run(self, process: Process) -> Process:
        """Have another program stopped with the region, before what it may need."""
        return self._closing.enter_context(process)

    def _define(self) -> None:
        """Make other people's kinds of objects, and wait until the API server knows them."""
        files = sorted(programs.DEFINITIONS.iterdir())
        found = [each for path in files for each in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader) if each]
        for definition in found:
            self.api.apply(definition)
        wait("other people's kinds are known", lambda: all(self._is_known(definition) for definition in found))

    def _is_known(self, definition: Object) -> bool:
        found = self.api.get(definition["apiVersion"], definition["kind"], definition["metadata"]["name"]) or {}
        conditions = found.get("status", {}).get("conditions", [])
        return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)

    def _keys(self) -> None:
        """Certificates of an authority of its own, and the key that tokens of service accounts are signed with."""
        authority = trustme.CA()
        certificate = authority.issue_cert(HOST)
        self._authority, self._certificate = self.folder / "ca.pem", self.folder / "server.pem"
        authority.cert_pem.write_to_path(str(self._authority))
        certificate.private_key_and_cert_chain_pem.write_to_path(str(self._certificate))
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._signing_key = self.folder / "accounts.pem"
        self._signing_key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
        )
        (self.folder / "tokens.csv").write_text(f'{self._token},administrator,administrator,"system:masters"\n')

    def _start_etcd(self) -> Process:
        self._store, peers = f"https://{HOST}:{free_port()}", f"http://{HOST}:{free_port()}"
        process = Process(
            [
                *(programs.path("etcd"), "--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level", "warn"),
                *("--listen-client-urls", self._store, "--advertise-client-urls", self._store),
                # So that it is this region's that answers, and no other's.
                *("--cert-file", self._certificate, "--key-file", self._certificate),
                *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"),
            ],
            self.folder / "etcd.log",
        )
        process.wait_until(lambda: answers(f"{self._store}/readyz", authority=self._authority))
        return process

    def _start_api_server(self) -> Process:
        port = free_port()
        self.url = f"https://{HOST}:{port}"
        process = Process(
            [
                *(programs.path("kube-apiserver"), "--etcd-servers", self._store, "--etcd-cafile", self._authority),
                *("--bind-address", HOST, "--advertise-address", HOST, "--secure-port", str(port)),
                *("--endpoint-reconciler-type", "none", "--service-cluster-ip-range", "10.96.0.0/16,fd00:96::/112"),
                *("--tls-cert-file", self._certificate, "--tls-private-key-file", self._certificate),
                *("--token-auth-file", self.folder / "tokens.csv", "--authorization-mode", "RBAC"),
                *("--service-account-issuer", "https://kubernetes.default.svc"),
                *("--service-account-key-file", self._signing_key, "--service-account-signing-key-file", self._signing_key),
            ],
            self.folder / "kube-apiserver.log",
        )
        process.wait_until(lambda: answers(f"{self.url}/readyz", self._token, self._authority))
        return process

    def _start_controllers(self) -> Process:
        port = free_port()
        process = Process(
            [
                *(programs.path("kube-controller-manager"), "--kubeconfig", self.kubeconfig, "--controllers", self._controllers),
                *("--bind-address", HOST, "--secure-port", str(port), "--leader-elect=false"),
                *("--tls-cert-file", self._certificate, "--tls-private-key-file", self._certificate),
                *("--service-account-private-key-file", self._signing_key, "--root-ca-file", self._authority),
            ],
            self.folder / "kube-controller-manager.log",
        )
        process.wait_until(lambda: answers(f"https://{HOST}:{port}/healthz", authority=self._authority))
        return process

    def _write_kubeconfig(self) -> None:
        cluster = {"server": self.url, "certificate-authority": str(self._authority)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.name, "cluster": cluster}],
            "users": [{"name": self.name, "user": {"token": self._token}}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": self.name}}],
            "current-context": self.name,
        }
        self.kubeconfig.write_text(yaml.safe_dump(config))
