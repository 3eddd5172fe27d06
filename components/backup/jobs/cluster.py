"""A client of the Kubernetes API for a pod: the service account's token, objects as plain data, and waiting."""

# ruff: noqa: T201 (what it prints is the Job's log)

import http.client
import json
import os
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

Object = dict[str, Any]
Found = TypeVar("Found")

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_S = 60.0
POLL_S = 5.0
MERGE_PATCH = "application/merge-patch+json"


class ClusterError(RuntimeError):
    """The API server said no; the text has its own words."""


class Unreachable(ClusterError):  # noqa: N818  it is what happened
    """The API server could not be reached, or had a fault of its own: another try may do."""


class WaitedTooLong(RuntimeError):  # noqa: N818  it is what happened
    """Something did not come in time; the text says what."""


@dataclass(frozen=True)
class Kind:
    """A kind of objects: where the API server has them."""

    prefix: str
    """`api/v1`, or `apis/` with group and version."""
    plural: str


BACKUPS = Kind("apis/velero.io/v1", "backups")
RESTORES = Kind("apis/velero.io/v1", "restores")
LOCATIONS = Kind("apis/velero.io/v1", "backupstoragelocations")
CLAIMS = Kind("api/v1", "persistentvolumeclaims")
SECRETS = Kind("api/v1", "secrets")
CONFIG_MAPS = Kind("api/v1", "configmaps")
PODS = Kind("api/v1", "pods")


class Cluster:
    """The cluster's API server.

    Args:
        host: its host and port.
        context: what its certificate is verified with.
        token: reads the token; it is renewed while a long program runs.
    """

    def __init__(self, host: str, context: ssl.SSLContext, token: Callable[[], str]) -> None:
        self._host, self._context, self._token = host, context, token

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """An object, or None when there is none of this name."""
        return self._send("GET", _path(kind, namespace, name), absent=None)

    def list(self, kind: Kind, namespace: str, labels: Mapping[str, str] | None = None) -> list[Object]:
        """The objects with these labels."""
        query = "?" + urlencode({"labelSelector": ",".join(f"{k}={v}" for k, v in labels.items())}) if labels else ""
        found = self._send("GET", _path(kind, namespace) + query)
        return found["items"] if found else []

    def create(self, kind: Kind, namespace: str, body: Object) -> None:
        """Make an object; one of the same name that is there already stays as it is."""
        _ = self._send("POST", _path(kind, namespace), body, present={})

    def patch(self, kind: Kind, namespace: str, name: str, body: Object) -> None:
        """Merge into an object (RFC 7396)."""
        _ = self._send("PATCH", _path(kind, namespace, name), body)

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete an object, if it is there."""
        _ = self._send("DELETE", _path(kind, namespace, name), absent={})

    def _send(self, verb: str, path: str, body: Object | None = None, **answers: Object | None) -> Object | None:
        """Send a request; `absent` and `present` are what 404 and 409 mean, when they are answers and not errors."""
        headers = {
            "Authorization": f"Bearer {self._token()}",
            "Accept": "application/json",
            "Content-Type": MERGE_PATCH if verb == "PATCH" else "application/json",
        }
        connection = http.client.HTTPSConnection(self._host, timeout=TIMEOUT_S, context=self._context)
        try:
            connection.request(verb, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{verb} {path}: {error or type(error).__name__}") from None
        finally:
            connection.close()
        meaning = {http.client.NOT_FOUND: "absent", http.client.CONFLICT: "present"}.get(response.status, "")
        if meaning in answers:
            return answers[meaning]
        try:
            answer: Object = json.loads(text)
        except ValueError:
            answer = {"message": " ".join(text[:200].decode(errors="replace").split())}
        if response.status >= http.client.BAD_REQUEST:
            is_passing = response.status >= http.client.INTERNAL_SERVER_ERROR or response.status == http.client.TOO_MANY_REQUESTS
            raise (Unreachable if is_passing else ClusterError)(f"{verb} {path}: HTTP {response.status}: {answer.get('message')}")
        return answer


def keep(cluster: Cluster, namespace: str, name: str, data: Mapping[str, str]) -> None:
    """Make a ConfigMap, or change the data of the one that is there."""
    metadata = {"name": name, "namespace": namespace}
    body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
    cluster.create(CONFIG_MAPS, namespace, body)
    cluster.patch(CONFIG_MAPS, namespace, name, {"data": body["data"]})


def own_cluster() -> Cluster:
    """The cluster that this pod runs in.

    Raises:
        ClusterError: it runs in none.
    """
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if not host or not (ACCOUNT / "token").exists():
        raise ClusterError("this program runs in a pod with a service account; here is none")
    name = f"[{host}]" if ":" in host else host
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return Cluster(
        f"{name}:{port}",
        ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")),
        lambda: (ACCOUNT / "token").read_text().strip(),
    )


def await_(what: str, look: Callable[[], Found | None], timeout_s: float, poll_s: float = POLL_S) -> Found:
    """What `look` finds, as soon as it finds something. A server that cannot be reached for a while is waited for.

    Args:
        what: for the log.
        look: returns None while there is nothing yet.
        timeout_s: how long to look.
        poll_s: between two looks.

    Raises:
        WaitedTooLong: it never came.
    """
    end = time.monotonic() + timeout_s
    said = ""
    while True:
        try:
            found = look()
            state = f"waiting for {what}"
        except Unreachable as error:
            found, state = None, f"waiting for {what}: {error}"
        if found is not None:
            return found
        if state != said:
            print(state, flush=True)
            said = state
        if time.monotonic() > end:
            raise WaitedTooLong(f"{what} did not come in {timeout_s:.0f} seconds; the last: {state}")
        time.sleep(poll_s)


def _path(kind: Kind, namespace: str, name: str = "") -> str:
    """An object's path, or that of its kind. Namespaces themselves are in no namespace."""
    inside = f"/namespaces/{quote(namespace)}" if namespace else ""
    return f"/{kind.prefix}{inside}/{kind.plural}" + (f"/{quote(name, safe='')}" if name else "")
