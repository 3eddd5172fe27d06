"""The programs that run in the cluster, against a small imitation of the server's management API.

Its paging is the real server's (0.16): ids come in descending order within a page, and pages only join with both a sort
and an anchor offset.
"""

import base64
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.stalwart.jobs import jmap, passwords, recipients
from components.stalwart.jobs.recipients import Domain, domains_of_json, keys_of_list, keys_of_primary

ADMIN = ("admin", "admin-secret")
COM = Domain(("example.com", "example.net"), sub_addressing=True, catch_all=False)
ORG = Domain(("example.org",), sub_addressing=False, catch_all=True)
DOMAINS = json.dumps(
    [
        {"name": "example.com", "aliases": ["example.net"], "subAddressing": True, "catchAll": False},
        {"name": "example.org", "aliases": [], "subAddressing": False, "catchAll": True},
    ]
)


class FakeServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, dict[str, dict[str, Any]]] = {}
        self.logins = {ADMIN}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.failures: dict[str, Any] = {}  # by method: an HTTP status, or the answer to give
        self.page = 5000
        self.last_id = 0
        self.matches: list[str] = []  # of the query whose pages are being read, ascending

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def writes(self) -> list[tuple[str, dict[str, Any]]]:
        return [call for call in self.calls if call[0].endswith("/set")]

    @property
    def keys(self) -> set[str]:
        return {entry["key"] for entry in self.objects.get("MemoryLookupKeyValue", {}).values()}

    def add(self, kind: str, **properties: Any) -> str:
        self.last_id += 1
        identity = f"i{self.last_id:08d}"
        self.objects.setdefault(kind, {})[identity] = properties
        return identity

    def query(self, kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if "anchor" not in arguments:
            wanted = arguments.get("filter", {}).items()
            self.matches = [i for i, entry in self.objects.get(kind, {}).items() if all(entry.get(k) == v for k, v in wanted)]
        ids = self.matches
        limit = min(arguments.get("limit", self.page), self.page)
        is_ascending = bool(arguments.get("sort")) and arguments["sort"][0]["isAscending"]
        if arguments.get("anchorOffset"):
            ids = ids if is_ascending else ids[::-1]
            start = ids.index(arguments["anchor"]) + arguments["anchorOffset"]
            return {"ids": ids[start : start + limit]}
        return {"ids": ids[:limit] if is_ascending else ids[:limit][::-1]}

    def get(self, kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert len(arguments["ids"]) <= 500
        stored = self.objects.get(kind, {})
        found = [i for i in arguments["ids"] if i in stored]
        return {"list": [{p: stored[i][p] for p in arguments["properties"] if p in stored[i]} | {"id": i} for i in found]}

    def set(self, kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert sum(map(len, arguments.values())) <= 500
        for value in arguments.get("create", {}).values():
            if kind != "Action":
                self.add(kind, **value)
        for identity, patch in arguments.get("update", {}).items():
            for path, value in patch.items():
                *parents, last = path.split("/")
                target = self.objects[kind][identity]
                for parent in parents:
                    target = target[parent]
                target[last] = value
        for identity in arguments.get("destroy", ()):
            del self.objects[kind][identity]
        return {}


class Handler(BaseHTTPRequestHandler):
    server: FakeServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def is_known(self) -> bool:
        login = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode().split(":", 1)
        return tuple(login) in self.server.logins

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/jmap/session" and self.is_known() else 401, {})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.is_known():
            return self.answer(401, {"detail": "You have to authenticate first."})
        ((method, arguments, tag),) = request["methodCalls"]
        failure = self.server.failures.get(method)
        if isinstance(failure, int):
            return self.answer(failure, {"detail": "out of order"})
        self.server.calls.append((method, arguments))
        kind, verb = method.removeprefix("x:").split("/")
        answer = failure or [method, getattr(self.server, verb)(kind, arguments)]
        return self.answer(200, {"methodResponses": [[*answer, tag]]})


@pytest.fixture
def servers() -> Iterator[list[FakeServer]]:
    """A primary and a backup."""
    fakes = [FakeServer(), FakeServer()]
    threads = [threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01}) for fake in fakes]
    for thread in threads:
        thread.start()
    yield fakes
    for fake, thread in zip(fakes, threads, strict=True):
        fake.shutdown()
        thread.join()
        fake.server_close()


@pytest.fixture
def primary(servers: list[FakeServer]) -> FakeServer:
    fake = servers[0]
    com = fake.add(
        "Domain",
        name="example.com",
        aliases={"example.net": True, "elsewhere.com": True},
        catchAllAddress=None,
        subAddressing={"@type": "Enabled"},
    )
    org = fake.add("Domain", name="example.org", aliases={}, catchAllAddress="alice@example.com", subAddressing=CUSTOM)
    own = fake.add("Domain", name="mx1.test", aliases={}, catchAllAddress="x@mx1.test", subAddressing={"@type": "Enabled"})
    aliases = {
        "0": {"name": "Sales", "domainId": com, "enabled": True},
        "1": {"name": "former", "domainId": com, "enabled": False},
        "2": {"name": "alice", "domainId": org, "enabled": True},
    }
    password = {"@type": "Password", "secret": "****"}
    fake.add("Account", name="alice", domainId=com, aliases=aliases, credentials={"0": {"@type": "AppPassword"}})
    fake.add("Account", name="postmaster", domainId=com, aliases={}, credentials={"0": password})
    fake.add("Account", name="team", domainId=com, aliases={})
    fake.add("Account", name="admin", domainId=own, aliases={}, credentials={})
    fake.add("MailingList", name="news", domainId=org, aliases={"0": {"name": "letter", "domainId": com, "enabled": True}})
    return fake


@pytest.fixture
def backup(servers: list[FakeServer]) -> FakeServer:
    return servers[1]


CUSTOM = {"@type": "Custom"}
FROM_PRIMARY = {
    *(f"{local}@{name}" for local in ("alice", "sales", "postmaster", "team", "letter") for name in COM.names),
    *("alice@example.org", "news@example.org", "@example.org", "+example.com", "+example.net"),
}


def environment(backup: FakeServer, **more: str) -> dict[str, str]:
    return {"STALWART_URL": backup.url, "STALWART_USER": ADMIN[0], "STALWART_PASSWORD": ADMIN[1], "DOMAINS": DOMAINS, **more}


def with_primary(backup: FakeServer, primary: FakeServer, **more: str) -> dict[str, str]:
    source = {"PRIMARY_URL": primary.url, "PRIMARY_USER": ADMIN[0], "PRIMARY_PASSWORD": ADMIN[1]}
    return environment(backup, **source, **more)


def status(module: Any, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("os.environ", variables)
    return module.main()


def test_a_list_gives_keys_for_every_name_of_the_domain_and_for_no_other() -> None:
    keys = keys_of_list([COM, ORG], ["Alice@Example.com", "bob@example.net", "eve@foreign.com", "carol@example.org"])
    assert keys == {
        *("alice@example.com", "alice@example.net", "bob@example.com", "bob@example.net", "carol@example.org"),
        *("+example.com", "+example.net", "@example.org"),
    }


@pytest.mark.parametrize("wrong", ["alice", "@example.com", "alice@", "alice @example.com", "alice@example.com, bob@example.com"])
def test_a_list_with_something_else_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        keys_of_list([COM], [wrong])


def test_an_address_that_is_too_long_is_named() -> None:
    with pytest.raises(ValueError, match=r"longer than 255 bytes: a{250}@example"):
        keys_of_list([COM], ["a" * 250 + "@example.com"])


@pytest.mark.parametrize("text", ["", "no", "[]", "{}", "[1]", '[{"aliases": []}]', '[{"name": 1}]'])
def test_domains_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="DOMAINS"):
        domains_of_json(text)


def test_the_primary_gives_accounts_groups_lists_and_aliases(primary: FakeServer) -> None:
    def read(kind: str) -> list[dict[str, Any]]:
        return [{"id": identity, **entry} for identity, entry in primary.objects[kind].items()]

    domains = domains_of_json(DOMAINS)
    assert keys_of_primary(domains, read("Domain"), read("Account"), read("MailingList")) == FROM_PRIMARY
    assert keys_of_primary(domains[1:], read("Domain"), read("Account"), read("MailingList")) == {
        *("alice@example.org", "news@example.org", "@example.org")
    }


def test_recipients_of_the_primary(
    primary: FakeServer, backup: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(recipients, with_primary(backup, primary), monkeypatch) == 0
    assert backup.keys == {*FROM_PRIMARY, "known"}
    assert all(entry["namespace"] == "relay-rcpts" for entry in backup.objects["MemoryLookupKeyValue"].values())
    assert not primary.writes
    output = capsys.readouterr()
    assert output.out.startswith("recipients: 12, 15 added, 0 removed")
    assert "example.org has its own rule of sub-addressing" in output.err
    assert ADMIN[1] not in output.out + output.err


def test_accounts_that_may_take_no_mail_are_no_recipients(primary: FakeServer, backup: FakeServer) -> None:
    domain = next(iter(primary.objects["Domain"]))
    for name, given in (("machine", {"authenticate": True}), ("robot", {"authenticate": True, "emailReceive": True})):
        permissions = {"@type": "Replace", "enabledPermissions": given}
        primary.add("Account", name=name, domainId=domain, aliases={}, permissions=permissions)
    primary.add("Account", name="carol", domainId=domain, aliases={}, permissions={"@type": "Inherit"})
    recipients.run(with_primary(backup, primary))
    assert {key.partition("@")[0] for key in backup.keys} & {"machine", "robot", "carol"} == {"robot", "carol"}


def test_the_mark_comes_after_all_keys_and_the_reload_after_it(primary: FakeServer, backup: FakeServer) -> None:
    backup.add("MemoryLookupKeyValue", namespace="relay-rcpts", key="gone@example.com")
    recipients.run(with_primary(backup, primary))
    (_, create), (_, destroy), (_, mark), (action, reload) = backup.writes
    assert "create" in create
    assert "destroy" in destroy
    assert [entry["key"] for entry in mark["create"].values()] == ["known"]
    assert (action, reload) == ("x:Action/set", {"create": {"c0": {"@type": "ReloadLookupStores"}}})


def test_a_second_run_writes_nothing_but_the_reload(primary: FakeServer, backup: FakeServer) -> None:
    recipients.run(with_primary(backup, primary))
    backup.calls.clear()
    assert "0 added, 0 removed" in recipients.run(with_primary(backup, primary))
    assert [method for method, _ in backup.writes] == ["x:Action/set"]


def test_what_is_gone_is_removed_and_other_namespaces_are_left(primary: FakeServer, backup: FakeServer) -> None:
    backup.add("MemoryLookupKeyValue", namespace="relay-domains", key="example.com")
    recipients.run(with_primary(backup, primary))
    gone = next(identity for identity, entry in primary.objects["Account"].items() if entry["name"] == "team")
    del primary.objects["Account"][gone]
    assert "0 added, 2 removed" in recipients.run(with_primary(backup, primary))
    assert backup.keys == {*FROM_PRIMARY, "known", "example.com"} - {"team@example.com", "team@example.net"}


METHODS = [f"x:{kind}/{verb}" for kind in ("Domain", "Account", "MailingList") for verb in ("query", "get")]


@pytest.mark.parametrize("failure", [500, ["error", {"type": "forbidden", "description": "not authorized"}], ["x:Other/get", {}]])
@pytest.mark.parametrize("method", METHODS)
def test_whatever_the_primary_fails_at_the_list_stays(
    primary: FakeServer,
    backup: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    method: str,
    failure: Any,
) -> None:
    primary.failures[method] = failure
    assert status(recipients, with_primary(backup, primary), monkeypatch) == 1
    assert not backup.calls
    error = capsys.readouterr().err.splitlines()[-1]
    assert method in error
    assert "the last list stays" in error


@pytest.mark.parametrize(
    "change",
    [
        {"PRIMARY_PASSWORD": "wrong"},
        {"PRIMARY_URL": "http://127.0.0.1:1"},
        {"PRIMARY_URL": "mx1.example.com"},
        {"PRIMARY_URL": ""},
        {"RECIPIENTS_FOLDER": "/nowhere"},
        {"DOMAINS": ""},
    ],
    ids=str,
)
def test_what_cannot_be_read_changes_nothing(
    primary: FakeServer,
    backup: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
) -> None:
    assert status(recipients, with_primary(backup, primary) | change, monkeypatch) == 1
    assert not backup.calls
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("emptied", [["Account", "MailingList"], ["Domain"]])
def test_a_primary_without_recipients_changes_nothing(primary: FakeServer, backup: FakeServer, emptied: list[str]) -> None:
    for kind in emptied:
        primary.objects[kind] = {}
    com = json.dumps([{"name": "example.com"}])
    with pytest.raises(ValueError, match="no recipient"):
        recipients.run(with_primary(backup, primary, DOMAINS=com))
    assert not backup.calls


def test_a_catch_all_is_a_recipient(primary: FakeServer, backup: FakeServer) -> None:
    primary.objects["Account"] = primary.objects["MailingList"] = {}
    recipients.run(with_primary(backup, primary))
    assert backup.keys == {"@example.org", "+example.com", "+example.net", "known"}


def test_a_backup_that_refuses_is_an_error_and_has_no_mark(primary: FakeServer, backup: FakeServer) -> None:
    backup.failures["x:MemoryLookupKeyValue/set"] = ["x:MemoryLookupKeyValue/set", {"notCreated": {"c0": {"type": "overQuota"}}}]
    with pytest.raises(jmap.JmapError, match="overQuota"):
        recipients.run(with_primary(backup, primary))
    assert not any(method == "x:Action/set" for method, _ in backup.calls)


def test_the_list_is_every_file_below_the_folder(backup: FakeServer, tmp_path: Path) -> None:
    # As Kubernetes mounts it: the files are links into a hidden folder, which also holds an older version for a moment.
    for version, text in (("..old", "old@example.com\n"), ("..new", "alice@example.com\n\n  bob@example.com \r\n")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "staff").write_text(text)
    (tmp_path / "..new" / "more").mkdir()
    (tmp_path / "..new" / "more" / "others").write_text("carol@example.org")
    (tmp_path / "..data").symlink_to("..new")
    (tmp_path / "staff").symlink_to("..data/staff")
    (tmp_path / "more").symlink_to("..data/more")
    recipients.run(environment(backup, RECIPIENTS_FOLDER=str(tmp_path)))
    both = {f"{local}@{name}" for local in ("alice", "bob") for name in COM.names}
    assert backup.keys == {*both, "carol@example.org", "@example.org", "+example.com", "+example.net", "known"}


def test_a_hundred_thousand_recipients(backup: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "all").write_text("".join(f"user{number}@example.org\n" for number in range(100_000)))
    variables = environment(backup, RECIPIENTS_FOLDER=str(tmp_path))
    start = time.monotonic()
    recipients.run(variables)
    assert len(backup.keys) == 100_000 + 4
    assert "0 added, 0 removed" in recipients.run(variables)
    assert time.monotonic() - start < 10  # about one second here


def test_pages_join_whatever_the_servers_limit(primary: FakeServer) -> None:
    ids = [primary.add("Thing") for _ in range(23)]
    primary.page = 5
    with jmap.Server(primary.url, *ADMIN) as server:
        assert server.query_all("Thing") == ids
        assert [entry["id"] for entry in server.get_all("Thing", ids, ("name",))] == ids


def passwords_folder(folder: Path, kind: str, **files: str) -> None:
    (folder / kind).mkdir(exist_ok=True)
    for local, password in files.items():
        (folder / kind / f"{local}@example.com").write_text(password)


def test_an_initial_password_is_set_once(primary: FakeServer, tmp_path: Path) -> None:
    passwords_folder(tmp_path, "initial", alice="first\n", postmaster="second")
    variables = environment(primary, PASSWORDS_FOLDER=str(tmp_path))
    assert passwords.run(variables) == (["alice@example.com"], [])
    alice = next(entry for entry in primary.objects["Account"].values() if entry["name"] == "alice")
    assert alice["credentials"] == {"0": {"@type": "AppPassword"}, "1": {"@type": "Password", "secret": "first"}}
    alice["credentials"]["1"]["secret"] = "her own"
    assert passwords.run(variables) == ([], [])
    assert alice["credentials"]["1"]["secret"] == "her own"


def test_a_kept_password_is_corrected(primary: FakeServer, tmp_path: Path) -> None:
    passwords_folder(tmp_path, "kept", postmaster="right")
    variables = environment(primary, PASSWORDS_FOLDER=str(tmp_path))
    assert passwords.run(variables) == (["postmaster@example.com"], [])
    postmaster = next(entry for entry in primary.objects["Account"].values() if entry["name"] == "postmaster")
    assert postmaster["credentials"] == {"0": {"@type": "Password", "secret": "right"}}
    primary.logins.add(("postmaster@example.com", "right"))
    primary.calls.clear()
    assert passwords.run(variables) == ([], [])
    assert not primary.calls


def test_a_missing_account_is_named_after_the_rest_is_done(
    primary: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    passwords_folder(tmp_path, "initial", absent="s3cret-one", alice="s3cret-two")
    passwords_folder(tmp_path, "kept", gone="s3cret-three", postmaster="s3cret-four")
    assert status(passwords, environment(primary, PASSWORDS_FOLDER=str(tmp_path)), monkeypatch) == 1
    output = capsys.readouterr()
    assert output.out == "passwords: alice@example.com, postmaster@example.com set\n"
    assert output.err == "passwords: absent@example.com: no such account\npasswords: gone@example.com: no such account\n"


@pytest.mark.parametrize(
    "change", [{"PASSWORDS_FOLDER": ""}, {"PASSWORDS_FOLDER": "/nowhere"}, {"STALWART_PASSWORD": ""}], ids=str
)
def test_passwords_without_what_they_need(
    primary: FakeServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
) -> None:
    assert status(passwords, environment(primary, PASSWORDS_FOLDER=str(tmp_path)) | change, monkeypatch) == 1
    (name,) = change
    assert name in capsys.readouterr().err
    assert not primary.calls


@pytest.mark.parametrize("program", ["recipients", "passwords"])
def test_they_run_as_they_are_shipped(program: str) -> None:
    """Without this project's packages or any installed one."""
    folder = str(Path(jmap.__file__).parents[1])
    code = f"import sys, runpy; sys.path.insert(0, {folder!r}); runpy.run_module('jobs.{program}', run_name='__main__')"
    result = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], env={}, capture_output=True, text=True, check=False)
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
