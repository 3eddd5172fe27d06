"""A cluster in memory for the programs that restore and drill, with a little of Velero and of the kubelet, and its API server.

With every call the world moves on: a Restore by one phase, a pod towards its address, what is deleted towards being gone.
"""

import base64
import copy
import hashlib
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import trustme

from components.backup.jobs import cluster
from components.backup.jobs.cluster import BACKUPS, LOCATIONS, ClusterError, Kind, Object

Key = tuple[str, str, str]  # plural, namespace, name

KINDS = {(kind.prefix, kind.plural): kind for kind in vars(cluster).values() if isinstance(kind, Kind)}
PATH = re.compile(
    r"/(?P<prefix>api/v1|apis/[^/]+/[^/]+)(/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<plural>[^/]+)(/(?P<name>[^/]+))?"
)
PARTIALLY = "PartiallyFailed"
PHASES = {
    "Completed": ["New", "InProgress", "WaitingForPluginOperations", "Finalizing", "Completed"],
    PARTIALLY: ["New", "InProgress", f"WaitingForPluginOperations{PARTIALLY}", f"Finalizing{PARTIALLY}", PARTIALLY],
    "Failed": ["New", "InProgress", "Failed"],
}


HOOK = "2026-03-03T02:59:50Z"


def line(time: str = HOOK, accounts: int = 3, messages: int = 3) -> str:
    """What the hook before a backup writes."""
    text = f"stalwart-mail-sentinel {time} 0b9b0d3e-6c1f-4a56-9d54-52f6ff3bb3a1 {accounts} {messages}"
    return f"{text} {hashlib.sha256(text.encode()).hexdigest()}"


class Killed(BaseException):
    """The program is gone from one moment to the next: nothing catches it."""


class Clock:
    """Stands for the module `time`: to sleep takes no time."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeCluster:
    """As `Cluster`, over a dict."""

    objects: dict[Key, Object] = field(default_factory=dict)
    calls: list[tuple[str, Kind, str, str]] = field(default_factory=list)  # verb, kind, namespace, name
    made: list[Object] = field(default_factory=list)  # what was created and was not there before
    written: list[Object] = field(default_factory=list)  # every body
    rights: set[tuple[str, ...]] | None = None  # verb, API group, plural, namespace, name or nothing for all; None: all rights
    errors: dict[tuple[str, str], Exception] = field(default_factory=dict)  # by verb and plural
    # What happens at which call: its number, or verb and plural for the first such call.
    arrivals: dict[int | tuple[str, str], list[Callable[[], None]]] = field(default_factory=dict)
    end: tuple[int, bool] | None = None  # killed at this call, and whether what it does is still done; no call comes after
    outcome: str = "Completed"  # of a Restore
    status: Object = field(default_factory=lambda: {"restoreItemOperationsCompleted": 1})  # of a Restore that has ended
    volume: str = "stalwart-data"  # the claim in the backups; empty: none
    needs_pod: bool = True  # Velero waits for a volume, which is made for the first pod that mounts its claim
    binds_at: int = 0  # the call from which on a volume is bound, when its data is there
    sync_calls: int = 2  # after so many calls Velero has looked into every location again; 0: it never looks
    stuck: set[str] = field(default_factory=set)  # kinds whose objects never go
    pod_status: Object = field(default_factory=lambda: {"phase": "Running", "podIP": "127.0.0.1"})
    leaving: dict[Key, int] = field(default_factory=dict)

    def add(self, kind: Kind, namespace: str, name: str, **content: Any) -> Object:
        body = {"metadata": {"name": name, "namespace": namespace}, **content}
        self.objects[kind.plural, namespace, name] = body
        return body

    def location(self, name: str, phase: str | None = "Available") -> Object:
        return self.add(LOCATIONS, "velero", name, **({"status": {"phase": phase}} if phase else {}))

    def backup(self, name: str, start: str, location: str = "hot", namespace: str = "mail", phase: str = "Completed") -> Object:
        spec = {"storageLocation": location, "includedNamespaces": [namespace]}
        return self.add(BACKUPS, "velero", name, spec=spec, status={"phase": phase, "startTimestamp": start})

    def of(self, kind: Kind) -> list[Object]:
        return [thing for (plural, _namespace, _name), thing in sorted(self.objects.items()) if plural == kind.plural]

    # The methods of `Cluster`.

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        assert name, "this would be a list"
        with self._call("get", kind, namespace, name):
            return copy.deepcopy(self.objects.get((kind.plural, namespace, name)))

    def list(self, kind: Kind, namespace: str, labels: dict[str, str] | None = None) -> list[Object]:
        with self._call("list", kind, namespace):
            found = [copy.deepcopy(thing) for thing in self.of(kind) if thing["metadata"]["namespace"] == namespace]
            return [thing for thing in found if (labels or {}).items() <= thing["metadata"].get("labels", {}).items()]

    def create(self, kind: Kind, namespace: str, body: Object) -> None:
        name = body["metadata"]["name"]
        assert body["metadata"].get("namespace", namespace) == namespace
        with self._call("create", kind, namespace, name):
            self.written.append(copy.deepcopy(body))
            if (kind.plural, namespace, name) not in self.objects:
                self.made.append(copy.deepcopy(body))
                self.objects[kind.plural, namespace, name] = copy.deepcopy(body)

    def patch(self, kind: Kind, namespace: str, name: str, body: Object) -> None:
        with self._call("patch", kind, namespace, name):
            self.written.append(copy.deepcopy(body))
            if (kind.plural, namespace, name) not in self.objects:
                raise ClusterError(f'HTTP 404: {kind.plural} "{name}" not found')
            _merge(self.objects[kind.plural, namespace, name], copy.deepcopy(body))

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        assert name, "this would delete them all"
        with self._call("delete", kind, namespace, name):
            if (kind.plural, namespace, name) in self.objects:
                _ = self.leaving.setdefault((kind.plural, namespace, name), 8)

    @contextmanager
    def _call(self, verb: str, kind: Kind, namespace: str, name: str = "") -> Iterator[None]:
        self.calls.append((verb, kind, namespace, name))
        for arrive in self.arrivals.pop(len(self.calls), []) + self.arrivals.pop((verb, kind.plural), []):
            arrive()
        self._move_on()
        group = kind.prefix.removeprefix("apis/").rpartition("/")[0] if kind.prefix.startswith("apis/") else ""
        right = (verb, group, kind.plural, namespace)
        if self.rights is not None and not {(*right, ""), (*right, name)} & self.rights:
            raise ClusterError(f"HTTP 403: {kind.plural} is forbidden: cannot {verb} in the namespace {namespace}")
        if self.end and (len(self.calls) > self.end[0] or self.end == (len(self.calls), False)):
            raise Killed
        if (verb, kind.plural) in self.errors:
            raise self.errors[verb, kind.plural]
        yield
        if self.end == (len(self.calls), True):
            raise Killed

    def _move_on(self) -> None:
        for key in list(self.leaving):
            in_use = key[0] == "persistentvolumeclaims" and any(k[:2] == ("pods", key[1]) for k in self.objects)
            self.leaving[key] -= 0 if key[0] in self.stuck or in_use else 1
            if self.leaving[key] <= 0:
                del self.leaving[key], self.objects[key]
        for (plural, namespace, _name), thing in list(self.objects.items()):
            if plural == "restores":
                self._velero(thing, namespace)
            if plural == "persistentvolumeclaims" and thing.get("filled") and len(self.calls) >= self.binds_at:
                thing["status"]["phase"] = "Bound"
            if self.sync_calls and plural == "backupstoragelocations" and thing.get("status", {}).get("phase") == "Available":
                thing["status"]["lastSyncedTime"] = f"look {len(self.calls) // self.sync_calls}"
            if plural == "pods":
                self._kubelet(thing, namespace)

    def _velero(self, restore: Object, namespace: str) -> None:
        spec, status, phases = restore["spec"], restore.setdefault("status", {}), PHASES[self.outcome]
        phase = status.get("phase")
        if phase is None:
            backup = self.objects.get(("backups", namespace, spec["backupName"]))
            location = backup and self.objects.get(("backupstoragelocations", namespace, backup["spec"]["storageLocation"]))
            is_there = location and location.get("status", {}).get("phase") == "Available"
            status.update({"phase": "New"} if is_there else {"phase": "FailedValidation", "validationErrors": ["no such backup"]})
        elif phase in phases[:-1] and not (phase == "WaitingForPluginOperations" and self._lacks_pod(restore)):
            status["phase"] = phases[phases.index(phase) + 1]
            if status["phase"] == "Completed" or "Failed" in status["phase"]:
                status.update(self.status)
            if self.volume:
                self._bring_volume(restore, is_done=status["phase"] == "Completed")

    def _bring_volume(self, restore: Object, is_done: bool) -> None:
        ((_source, target),) = restore["spec"]["namespaceMapping"].items()
        key = ("persistentvolumeclaims", target, self.volume)
        labels = {"velero.io/restore-name": restore["metadata"]["name"]}
        claim = {"metadata": {"name": self.volume, "namespace": target, "labels": labels}, "status": {"phase": "Pending"}}
        there = self.objects.setdefault(key, claim)
        if is_done and there["metadata"].get("labels") == labels and restore["status"].get("restoreItemOperationsCompleted"):
            there["filled"] = True

    def _lacks_pod(self, restore: Object) -> bool:
        (target,) = restore["spec"]["namespaceMapping"].values()
        claim = self.objects.get(("persistentvolumeclaims", target, self.volume))
        is_from_it = claim and claim["metadata"].get("labels", {}).get("velero.io/restore-name") == restore["metadata"]["name"]
        pods = [pod for (plural, namespace, _), pod in self.objects.items() if (plural, namespace) == ("pods", target)]
        return bool(self.needs_pod and is_from_it) and not any(self.volume in _claims(pod) for pod in pods)

    def _kubelet(self, pod: Object, namespace: str) -> None:
        (container,) = pod["spec"]["containers"]
        claims = [self.objects.get(("persistentvolumeclaims", namespace, name)) for name in _claims(pod)]
        references = [entry["valueFrom"]["secretKeyRef"] for entry in container.get("env", ()) if "valueFrom" in entry]
        secrets = [("secrets", namespace, reference["name"]) in self.objects for reference in references]
        if all(secrets) and all(claim and claim["status"]["phase"] == "Bound" for claim in claims):
            # First it is scheduled, then it has an address.
            pod["status"] = self.pod_status if "status" in pod else {"phase": "Pending"}


def _claims(pod: Object) -> list[str]:
    return [v["persistentVolumeClaim"]["claimName"] for v in pod["spec"]["volumes"] if "persistentVolumeClaim" in v]


def _merge(target: Object, patch: Object) -> None:
    """As RFC 7396 says."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            _merge(target[key], value)
        else:
            target[key] = value


class ApiServer(ThreadingHTTPServer):
    """The API server of a FakeCluster: its paths, codes and words."""

    daemon_threads = True

    def __init__(self, fake: FakeCluster, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.fake, self.token = fake, "token-1"
        self.failures: list[tuple[int, str]] = []  # status and body, for the next requests
        self.requests: list[tuple[str, str, dict[str, str], Object | None]] = []
        self.folder = folder  # as in a pod
        authority.cert_pem.write_to_path(folder / "ca.crt")
        self.write_token()

    def write_token(self) -> None:
        (self.folder / "token").write_text(f"{self.token}\n")


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, value: object) -> None:
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, message: str) -> None:
        self.answer(status, {"kind": "Status", "status": "Failure", "message": message, "code": status})

    def serve(self) -> None:
        verb, url = self.command, urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(text) if text else None
        self.server.requests.append((verb, self.path, dict(self.headers), body))
        if self.server.failures:
            return self.answer(*self.server.failures.pop(0))
        if self.headers["Authorization"] != f"Bearer {self.server.token}":
            return self.refuse(401, "Unauthorized")
        found = PATH.fullmatch(url.path)
        kind = KINDS.get((found["prefix"], found["plural"])) if found else None
        if found is None or kind is None:
            return self.answer(404, "404 page not found\n")
        try:
            return self.act(verb, kind, found["namespace"] or "", unquote(found["name"] or ""), parse_qs(url.query), body)
        except ClusterError as error:
            return self.refuse(403, str(error))

    def act(self, verb: str, kind: Kind, namespace: str, name: str, query: dict[str, list[str]], body: Any) -> None:
        fake = self.server.fake
        key = (kind.plural, namespace, name or (body or {}).get("metadata", {}).get("name", ""))
        if verb == "POST":
            if key in fake.objects:
                return self.refuse(409, f'{kind.plural} "{key[2]}" already exists')
            fake.create(kind, namespace, body)
            return self.answer(201, body)
        if verb == "GET" and not name:
            (selector,) = query.get("labelSelector", [""])
            labels = dict(pair.split("=") for pair in selector.split(",") if pair)
            return self.answer(200, {"kind": "List", "items": fake.list(kind, namespace, labels)})
        if verb == "PATCH" and self.headers["Content-Type"] != "application/merge-patch+json":
            return self.refuse(415, "the body of the request was in an unknown format")
        found = fake.objects.get(key)
        if found and verb == "PATCH":
            fake.patch(kind, namespace, name, body)
        elif found and verb == "DELETE":
            fake.delete(kind, namespace, name)
        else:
            found = fake.get(kind, namespace, name)
        return self.answer(200, found) if found else self.refuse(404, f'{kind.plural} "{name}" not found')

    do_GET = do_POST = do_PATCH = do_DELETE = serve  # noqa: N815  the names it looks for


@dataclass
class Message:
    """A message of a restored mailbox."""

    body: bytes
    keywords: set[str] = field(default_factory=set)
    text: str = ""
    size: int | None = None  # as the server says it; None: as it is
    is_readable: bool = True
    is_stored: bool = True  # its body


@dataclass
class Mailbox:
    """An account of a restored server."""

    address: str
    messages: list[Message] = field(default_factory=list)
    total: int | None = None  # as the server counts; None: as it is


class FakeStalwart(ThreadingHTTPServer):
    """A restored mail server in recovery mode: the little JMAP that a drill speaks."""

    daemon_threads = True

    def __init__(self, mailboxes: dict[str, Mailbox], login: Callable[[], str | None]) -> None:
        super().__init__(("127.0.0.1", 0), _StalwartHandler)
        self.mailboxes, self.login = mailboxes, login
        self.starts_at, self.looks = 3, 0  # the look from which on it is ready
        self.failures: dict[str, int] = {}  # HTTP status by method
        self.methods: list[str] = []
        self.downloads: list[str] = []
        self.page = 2  # of accounts
        self.queue: list[tuple[str, Object]] = []  # id and message; one that waits in two queues is in it twice
        self.queue_page = 500  # no more in one answer

    def answer(self, method: str, arguments: Object) -> Object:
        if method == "x:Account/query":
            return self.accounts(arguments)
        if method == "x:Account/get":
            addresses = [(i, self.mailboxes[i].address) for i in arguments["ids"]]
            return {"list": [{"id": i, "emailAddress": address, "usedDiskQuota": 0} for i, address in addresses]}
        if method == "x:QueuedMessage/query":
            # It refuses a sort.
            assert arguments.keys() <= {"position", "limit"}
            start, size = arguments.get("position", 0), min(arguments.get("limit", self.queue_page), self.queue_page)
            return {"ids": [identity for identity, _ in self.queue[start : start + size]]}
        if method == "x:QueuedMessage/get":
            there = dict(self.queue)
            found = [(i, there[i]) for i in arguments["ids"] if i in there]
            return {"list": [{"id": i, **{name: message[name] for name in arguments["properties"]}} for i, message in found]}
        mailbox = self.mailboxes[arguments["accountId"]]
        if method == "Email/query":
            return self.messages(mailbox, arguments)
        assert method == "Email/get"
        return {"list": [self.message(mailbox, i, arguments) for i in arguments["ids"] if _message(mailbox, i).is_readable]}

    def accounts(self, arguments: Object) -> Object:
        # Pages join only with both a sort and an anchor offset, see test_jobs.py.
        ids = sorted(self.mailboxes)
        is_ascending = bool(arguments.get("sort")) and arguments["sort"][0]["isAscending"]
        start = ids.index(arguments["anchor"]) + arguments["anchorOffset"] if "anchor" in arguments else 0
        page = ids[start : start + min(arguments.get("limit", self.page), self.page)]
        return {"ids": page if is_ascending else page[::-1]}

    def messages(self, mailbox: Mailbox, arguments: Object) -> Object:
        # The index of subjects and texts is not there in recovery mode.
        condition = arguments.get("filter", {})
        assert condition.keys() <= {"hasKeyword"}
        keyword = condition.get("hasKeyword")
        found = [f"e{n}" for n, message in enumerate(mailbox.messages) if not keyword or keyword in message.keywords]
        start = arguments.get("position", 0)
        total = len(found) if mailbox.total is None else mailbox.total
        limit = arguments.get("limit", len(found))
        return {"ids": found[start : start + limit], **({"total": total} if arguments.get("calculateTotal") else {})}

    def message(self, mailbox: Mailbox, identity: str, arguments: Object) -> Object:
        message = _message(mailbox, identity)
        whole = {
            "blobId": f"b{identity}",
            "size": len(message.body) if message.size is None else message.size,
            "textBody": [{"partId": "0"}],
            "bodyValues": {"0": {"value": message.text}} if arguments.get("fetchTextBodyValues") else {},
        }
        return {"id": identity, **{name: whole[name] for name in arguments["properties"]}}


def _message(mailbox: Mailbox, identity: str) -> Message:
    return mailbox.messages[int(identity[1:])]


class _StalwartHandler(BaseHTTPRequestHandler):
    server: FakeStalwart
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def is_known(self) -> bool:
        return base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode() == self.server.login()

    def do_GET(self) -> None:
        if self.path == "/healthz/ready":
            self.server.looks += 1
            return self.answer(200 if self.server.looks >= self.server.starts_at else 503, b"")
        if not self.is_known():
            return self.answer(401, b"You have to authenticate first.")
        _, _, _, account, blob, _ = self.path.split("/")
        self.server.downloads.append(account)
        message = _message(self.server.mailboxes[account], blob[1:])
        return self.answer(200, message.body) if message.is_stored else self.answer(404, b"no such blob")

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.is_known():
            return self.answer(401, b"You have to authenticate first.")
        ((method, arguments, tag),) = request["methodCalls"]
        self.server.methods.append(method)
        if method in self.server.failures:
            return self.answer(self.server.failures[method], b"out of order")
        assert len(arguments.get("ids", ())) <= 500
        return self.answer(200, json.dumps({"methodResponses": [[method, self.server.answer(method, arguments), tag]]}).encode())


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    """Serves until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
