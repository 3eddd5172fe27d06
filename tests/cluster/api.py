"""An API server's objects as plain data, by `apiVersion` and `kind`, as an administrator."""

import json
import time
from collections.abc import Callable
from typing import Any

import requests

Object = dict[str, Any]

MANAGER = "stalwart-mail-tests"
TIMEOUT_SECONDS = 30
POLL_SECONDS = 0.2
WAIT_SECONDS = 150  # some of Velero's work begins once a minute


class Refused(Exception):  # noqa: N818  it is what happened
    """What the API server says of a request that it does not carry out, and the code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Api:
    """An API server.

    Args:
        url: where it is.
        token: of an administrator.
        authority: the file with the certificate of its authority.
    """

    def __init__(self, url: str, token: str, authority: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.verify = authority
        self._session.trust_env = False
        self._paths: dict[tuple[str, str], tuple[str, bool]] = {}

    def apply(self, wanted: Object) -> tuple[Object, str]:
        """Server-side apply with strict field validation, as one manager; the object then, and what the server warns of.

        Raises:
            Refused: by a schema, an admission rule or a validation.
        """
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", "force": "true"}
        return self._send("PATCH", self.path(wanted), wanted, "application/apply-patch+yaml", query)

    def create(self, wanted: Object, *, dry_run: bool = False) -> tuple[Object, str]:
        """Make an object, or only ask whether it could be."""
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        return self._send("POST", self.path(wanted).rpartition("/")[0], wanted, "application/json", query)

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """An object, or None."""
        try:
            return self._send("GET", self._path(api_version, kind, name, namespace))[0]
        except Refused as error:
            if error.code != requests.codes.not_found:
                raise
            return None

    def list(self, api_version: str, kind: str, namespace: str = "") -> list[Object]:
        """All objects of a kind, in every namespace unless one is named."""
        found = self._send("GET", self._path(api_version, kind, "", namespace))[0]["items"]
        return [{"apiVersion": api_version, "kind": kind, **item} for item in found]

    def patch(self, found: Object, change: Object, part: str = "") -> Object:
        """Merge a change into an object, or into a part of it such as `status`."""
        path = "/".join(filter(None, (self.path(found), part)))
        return self._send("PATCH", path, change, "application/merge-patch+json")[0]

    def delete(self, found: Object) -> None:
        """Delete an object at once, and without what depends on it; nothing when it is not there."""
        options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        try:
            self._send("DELETE", self.path(found), options)
        except Refused as error:
            if error.code != requests.codes.not_found:
                raise

    def remove(self, found: Object) -> None:
        """Delete an object as a cluster without controllers needs it: what guards it is taken away first."""
        if found["kind"] == "Namespace":
            self.delete(found)
            finalized = {**found, "metadata": {"name": found["metadata"]["name"]}, "spec": {"finalizers": []}}
            self._send("PUT", f"{self.path(found)}/finalize", finalized)
            return
        if "finalizers" in found["metadata"]:
            self.patch(found, {"metadata": {"finalizers": None}})
        self.delete(found)

    def path(self, found: Object) -> str:
        """Where an object is."""
        metadata = found["metadata"]
        return self._path(found["apiVersion"], found["kind"], metadata["name"], metadata.get("namespace", ""))

    def _path(self, api_version: str, kind: str, name: str, namespace: str) -> str:
        root = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
        if (api_version, kind) not in self._paths:
            for item in self._send("GET", root)[0]["resources"]:
                if "/" not in item["name"]:
                    self._paths[api_version, item["kind"]] = (item["name"], item["namespaced"])
        plural, is_namespaced = self._paths[api_version, kind]
        place = ["namespaces", namespace] if is_namespaced and namespace else []
        return "/".join([root, *place, plural, *([name] if name else [])])

    def _send(
        self, method: str, path: str, body: Object | None = None, kind: str = "application/json", query: Object | None = None
    ) -> tuple[Object, str]:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": kind}
        reply = self._session.request(
            method, f"{self._url}/{path}", params=query, data=data, headers=headers, timeout=TIMEOUT_SECONDS
        )
        if not reply.ok:
            raise Refused(reply.status_code, reply.json()["message"] if "json" in reply.headers["Content-Type"] else reply.text)
        return reply.json(), reply.headers.get("Warning", "")


def wait(what: str, is_so: Callable[[], Any]) -> Any:
    """What `is_so` returns once that is not nothing.

    Raises:
        TimeoutError: that has not come to be in time.
    """
    until = time.monotonic() + WAIT_SECONDS
    while not (found := is_so()):
        if time.monotonic() > until:
            raise TimeoutError(f"not within {WAIT_SECONDS} s: {what}")
        time.sleep(POLL_SECONDS)
    return found
