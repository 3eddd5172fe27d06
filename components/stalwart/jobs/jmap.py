"""A client of Stalwart's JMAP: the server's own objects, such as `x:Account`, and mail, which an admin may read."""

import base64
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

_T = TypeVar("_T")
Object = dict[str, Any]  # as the server writes it in JSON

TIMEOUT_S = 120.0
BATCH = 500  # the server's maxObjectsInGet and maxObjectsInSet
PAGE = 5000  # the server's queryMaxResults


class JmapError(RuntimeError):
    """The server could not be reached or said no. The text has the server's own words, never a password."""


class Server:
    """One server's objects. Close it after use, or use it in a `with`.

    Args:
        url: such as `https://mx1.example.com` or `http://stalwart-internal:8080`. The certificate is always verified;
            SSL_CERT_FILE names another authority's.
        user: a login name.
        password: the user's password.

    Raises:
        JmapError: the URL is no http or https address.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url.rstrip("/")
        try:
            parts = urlsplit(self._url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise JmapError(f"{self._url}: {error}") from None
        if parts.scheme not in ("http", "https") or not host:
            raise JmapError(f"{self._url}: not an http or https address")
        # Not urllib: this keeps one connection for all requests, and follows no redirect with the password.
        self._connection = (
            http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        )
        self._path = parts.path
        self._authorization = _basic(user, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def accepts(self, user: str, password: str) -> bool:
        """Whether the server lets this user in with this password.

        Raises:
            JmapError: the server cannot say.
        """
        status, body = self._send("GET", "/jmap/session", authorization=_basic(user, password))
        if status not in (http.client.OK, http.client.UNAUTHORIZED):
            raise self._refusal("session", status, body)
        return status == http.client.OK

    def is_ready(self) -> bool:
        """Whether the server answers."""
        try:
            status, _body = self._send("GET", "/healthz/ready")
        except JmapError:
            return False
        return status == http.client.OK

    def download(self, account: str, blob: str) -> bytes:
        """The content of a blob (RFC 8620, section 6.2).

        Raises:
            JmapError: there is none, or the server cannot be asked.
        """
        status, body = self._send("GET", f"/jmap/download/{account}/{blob}/blob")
        if status != http.client.OK:
            raise self._refusal(f"download of {blob}", status, body)
        return body

    def query_all(self, kind: str, condition: Mapping[str, object] | None = None) -> list[str]:
        """The ids of all objects of a kind, oldest first.

        Args:
            kind: such as `Account`.
            condition: what they must have, by property; few properties can be asked for.
        """
        ids: list[str] = []
        while True:
            # The server's default order is descending, but only within a page, so its pages do not join. With both a sort
            # and an anchor offset they do, and an object that vanishes meanwhile is an error instead of a gap.
            arguments: Object = {"sort": [{"property": "id", "isAscending": True}], "limit": PAGE}
            if condition:
                arguments["filter"] = condition
            if ids:
                arguments |= {"anchor": ids[-1], "anchorOffset": 1}
            page: list[str] = self.call(f"x:{kind}/query", arguments)["ids"]
            if not page:
                return ids
            ids += page

    def get_all(self, kind: str, ids: Sequence[str], properties: Sequence[str]) -> list[Object]:
        """The objects with these ids; those that are gone are left out. `id` is always among the properties."""
        objects: list[Object] = []
        for batch in _batches(ids):
            objects += self.call(f"x:{kind}/get", {"ids": batch, "properties": properties})["list"]
        return objects

    def set(
        self,
        kind: str,
        create: Sequence[Mapping[str, object]] = (),
        update: Mapping[str, Mapping[str, object]] | None = None,
        destroy: Sequence[str] = (),
    ) -> None:
        """Writes objects: all of `create`, then all of `update`, then all of `destroy`.

        Args:
            kind: such as `Account`.
            create: new objects.
            update: patches by id.
            destroy: ids.

        Raises:
            JmapError: the server refused one; those before it, and others of its batch, are written.
        """
        method = f"x:{kind}/set"
        for batch in _batches(create):
            self._write(method, "create", "notCreated", {f"c{n}": value for n, value in enumerate(batch)})
        for batch in _batches(list((update or {}).items())):
            self._write(method, "update", "notUpdated", dict(batch))
        for batch in _batches(destroy):
            self._write(method, "destroy", "notDestroyed", batch)

    def _write(self, method: str, verb: str, refusals: str, objects: object) -> None:
        refused: dict[str, Object] = self.call(method, {verb: objects}).get(refusals) or {}
        for reason in refused.values():
            raise JmapError(f"{self._url}: {method} {verb}, {len(refused)} refused, the first: {json.dumps(reason)}")

    def call(self, method: str, arguments: Object) -> Object:
        """The answer to one method call.

        Raises:
            JmapError: the server could not be reached, or refused it.
        """
        using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail", "urn:stalwart:jmap"]
        request = {"using": using, "methodCalls": [[method, arguments, "0"]]}
        status, body = self._send("POST", "/jmap", json.dumps(request).encode())
        if status != http.client.OK:
            raise self._refusal(method, status, body)
        try:
            name, answer, _ = json.loads(body)["methodResponses"][0]
        except (ValueError, KeyError, IndexError, TypeError):
            raise JmapError(f"{self._url}: {method}: the answer is no JMAP") from None
        if name != method:
            raise JmapError(f"{self._url}: {method}: {json.dumps(answer)}")
        return answer

    def _refusal(self, subject: str, status: int, body: bytes) -> JmapError:
        words = " ".join(body[:200].decode(errors="replace").split())
        return JmapError(f"{self._url}: {subject}: HTTP {status} {words}")

    def _send(self, verb: str, path: str, body: bytes | None = None, authorization: str | None = None) -> tuple[int, bytes]:
        headers = {"Authorization": authorization or self._authorization, "Content-Type": "application/json"}
        try:
            self._connection.request(verb, self._path + path, body, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise JmapError(f"{self._url}: {error or type(error).__name__}") from None


def server_of(environment: Mapping[str, str], prefix: str) -> Server:
    """The server that `<prefix>_URL`, `<prefix>_USER` and `<prefix>_PASSWORD` name.

    Raises:
        JmapError: one of them is missing, or the URL is none.
    """
    variables = [f"{prefix}_{part}" for part in ("URL", "USER", "PASSWORD")]
    for name in variables:
        if not environment.get(name):
            raise JmapError(f"{name} is not set")
    return Server(*(environment[name] for name in variables))


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
