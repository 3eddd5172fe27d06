"""The hook before a backup: its script under a plain shell, with a curl and a sync that only say what they were asked."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.backup import sentinel
from components.backup.jobs import check
from components.stalwart.paths import DATA_DIRECTORY

MAILBOX = "postmaster@example.com"
LOGIN = "admin:s3cret-word"

# As the server answers; {account} is an id that it gives.
SESSION = (
    '{{"capabilities":{{"urn:ietf:params:jmap:core":{{"maxSizeUpload":1}}}},"accounts":{{"{account}":{{"name":"x"}}}},'
    '"primaryAccounts":{{"urn:ietf:params:jmap:core":"{account}","urn:ietf:params:jmap:mail":"{account}",'
    '"urn:ietf:params:jmap:sieve":"z"}},"username":"postmaster@example.com"}}'
)
COUNTS = (
    '{"methodResponses":[["Email/query",{"accountId":"c","queryState":"s1","ids":["e9"],"total":7},"messages"],'
    '["x:Account/query",{"ids":["b"],"total":42},"accounts"]],"sessionState":"s2"}'
)
WRITTEN = (
    '{"methodResponses":[["Email/query",{"ids":["e9"]},"old"],'
    '["Email/set",{"created":{"new":{"id":"e10","blobId":"b"}},"destroyed":["e9"]},"set"]],"sessionState":"s3"}'
)
REFUSED = '{"methodResponses":[["Email/set",{"notCreated":{"new":{"type":"overQuota"}},"created":{}},"set"]]}'

# Keeps each request's arguments and input, and answers with a file: the request for it is known by what is in it.
CURL = """\
#!/bin/sh
number=$(cat {folder}/asked)
echo $((number + 1)) > {folder}/asked
printf '%s\\n' "$@" > {folder}/$number.arguments
cat > {folder}/$number.config
case "$*" in
  */session) kind=session ;;
  *Email/set*) kind=write ;;
  *) kind=counts ;;
esac
test -f {folder}/$kind && exec cat {folder}/$kind
echo "curl: (22) The requested URL returned error: 401" >&2
exit 22
"""
SYNC = """\
#!/bin/sh
echo "$@" >> {folder}/synced
exit $(cat {folder}/sync_status)
"""
TOOLS = ("cat", "cut", "date", "grep", "sed", "sha256sum")  # of the server's image, beside sh and curl


@dataclass
class Pod:
    """The server's container: what the script finds in it."""

    folder: Path
    shell: str

    def run(self, mailbox: str = MAILBOX, login: str | None = LOGIN) -> subprocess.CompletedProcess[str]:
        shell, *arguments = sentinel.before_backup(mailbox)
        assert shell == "/bin/sh"
        environment = {"PATH": str(self.folder / "bin"), "TZ": "XXX-9", **({"STALWART_RECOVERY_ADMIN": login} if login else {})}
        command = [self.shell, *arguments]
        return subprocess.run(
            command,
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @property
    def requests(self) -> list[tuple[list[str], str]]:
        asked = range(int((self.folder / "asked").read_text()))
        files = [(self.folder / f"{number}.arguments", self.folder / f"{number}.config") for number in asked]
        return [(arguments.read_text().splitlines(), config.read_text()) for arguments, config in files]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(arguments[arguments.index("--data") + 1]) for arguments, _ in self.requests if "--data" in arguments]

    @property
    def synced(self) -> list[str]:
        path = self.folder / "synced"
        return path.read_text().splitlines() if path.exists() else []


SHELLS = {os.path.realpath(path) for path in (shutil.which("dash"), shutil.which("sh")) if path}


@pytest.fixture(params=sorted(SHELLS), ids=os.path.basename)
def pod(request: pytest.FixtureRequest, tmp_path: Path) -> Pod:
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    for name, text in (("curl", CURL.format(folder=tmp_path)), ("sync", SYNC.format(folder=tmp_path))):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    for name, text in {
        "asked": "0",
        "sync_status": "0",
        "session": SESSION.format(account="c"),
        "counts": COUNTS,
        "write": WRITTEN,
    }.items():
        (tmp_path / name).write_text(text)
    return Pod(tmp_path, request.param)


def user_of(config: str) -> str:
    """The user that curl reads in a line of its config: in quotes, where a backslash escapes."""
    assert config.startswith('user = "')
    assert config.endswith('"')
    letters, found = iter(config[len('user = "') : -1]), ""
    for letter in letters:
        assert letter != '"'
        found += next(letters) if letter == "\\" else letter
    return found


def test_the_hook_and_the_drill_speak_of_one_keyword() -> None:
    assert sentinel.KEYWORD == check.KEYWORD


def test_the_line_it_writes_is_read_by_the_drill(pod: Pod) -> None:
    result = pod.run()
    assert (result.returncode, result.stderr) == (0, "")
    found = check.parse(result.stdout)
    assert (found.accounts, found.messages) == (42, 7)
    assert abs(datetime.now(UTC) - found.time) < timedelta(minutes=2)
    assert pod.synced == [f"-f {DATA_DIRECTORY}"]


def test_two_lines_are_not_the_same(pod: Pod) -> None:
    first, second = (check.LINE.match(pod.run().stdout.strip()) for _ in range(2))
    assert first
    assert second
    assert first["id"] != second["id"]


def test_the_line_replaces_the_one_before_it_in_one_message_with_the_keyword(pod: Pod) -> None:
    result = pod.run()
    counts, write = pod.bodies
    assert counts["methodCalls"] == [
        ["Email/query", {"accountId": "c", "limit": 1, "calculateTotal": True}, "messages"],
        ["x:Account/query", {"limit": 1, "calculateTotal": True}, "accounts"],
    ]
    (_, query, old), (_, change, _) = write["methodCalls"]
    assert query == {"accountId": "c", "filter": {"hasKeyword": "stalwart-mail-sentinel"}}
    assert change["#destroy"] == {"resultOf": old, "name": "Email/query", "path": "/ids"}
    assert change["accountId"] == "c"
    (message,) = change["create"].values()
    assert message["keywords"] == {"$seen": True, "stalwart-mail-sentinel": True}
    assert message["bodyValues"]["t"]["value"] + "\n" == result.stdout
    assert all({"urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"} <= set(body["using"]) for body in pod.bodies)
    assert "urn:stalwart:jmap" in counts["using"]


def test_an_account_is_found_whatever_its_id(pod: Pod) -> None:
    (pod.folder / "session").write_text(SESSION.format(account="d333333"))
    assert pod.run().returncode == 0
    assert [call[1].get("accountId") for body in pod.bodies for call in body["methodCalls"]] == [
        "d333333",
        None,
        *["d333333"] * 2,
    ]


def test_it_asks_the_server_beside_it_as_the_admin_and_as_the_mailbox_of_the_admin(pod: Pod) -> None:
    assert pod.run().returncode == 0
    assert [(arguments[-1], user_of(config)) for arguments, config in pod.requests] == [
        ("http://127.0.0.1:8080/jmap/session", f"{MAILBOX}%{LOGIN}"),
        ("http://127.0.0.1:8080/jmap", LOGIN),
        ("http://127.0.0.1:8080/jmap", LOGIN),
    ]
    for arguments, _ in pod.requests:
        assert {"--fail", "--silent", "--show-error"} <= set(arguments)
        assert arguments[arguments.index("--config") + 1] == "-"
        assert int(arguments[arguments.index("--max-time") + 1]) <= 60


@pytest.mark.parametrize("login", [LOGIN, 'admin:q"uo\\te\\\\s', "admin:$(touch gone)`touch gone`", "admin:per%cent %s 'x' &|/"])
def test_the_password_is_in_no_argument_and_in_no_output(pod: Pod, login: str) -> None:
    result = pod.run(login=login)
    assert result.returncode == 0
    assert [user_of(config) for _, config in pod.requests] == [f"{MAILBOX}%{login}", login, login]
    password = login.partition(":")[2]
    assert password not in json.dumps([arguments for arguments, _ in pod.requests], ensure_ascii=False)
    assert password not in result.stdout + result.stderr
    assert not any(password in part for part in sentinel.before_backup(MAILBOX))
    assert not (pod.folder / "gone").exists()


@pytest.mark.parametrize(
    "mailbox", ["o'brien@example.com", "$(touch${IFS}gone)@example.com", "a&b/c%s@example.com", "`touch gone`@x.y"]
)
def test_an_address_is_text_whatever_is_in_it(pod: Pod, mailbox: str) -> None:
    result = pod.run(mailbox)
    assert (result.returncode, result.stderr) == (0, "")
    assert user_of(pod.requests[0][1]) == f"{mailbox}%{LOGIN}"
    assert not (pod.folder / "gone").exists()


def without(name: str) -> Callable[[Pod], object]:
    return lambda pod: (pod.folder / name).unlink()


def answering(name: str, text: str) -> Callable[[Pod], object]:
    return lambda pod: (pod.folder / name).write_text(text)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lambda pod: [(pod.folder / name).unlink() for name in ("session", "counts", "write")], id="no server"),
        pytest.param(without("write"), id="write fails"),
        pytest.param(answering("write", REFUSED), id="write refused"),
        pytest.param(answering("write", ""), id="empty answer"),
    ],
)
def test_without_a_sentinel_the_volume_is_still_flushed_and_the_backup_is_made(pod: Pod, fault: Callable[[Pod], object]) -> None:
    fault(pod)
    result = pod.run()
    assert result.returncode == 0
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == "no sentinel was written"
    assert pod.synced == [f"-f {DATA_DIRECTORY}"]


def test_without_a_login_nothing_is_asked_and_the_volume_is_flushed(pod: Pod) -> None:
    result = pod.run(login=None)
    assert result.returncode == 0
    assert result.stderr.splitlines()[-1] == "no sentinel was written"
    assert pod.requests == []
    assert pod.synced == [f"-f {DATA_DIRECTORY}"]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(without("session"), id="no session"),
        pytest.param(answering("session", "{}"), id="no account"),
        pytest.param(without("counts"), id="no counts"),
        pytest.param(
            answering("counts", '{"methodResponses":[["error",{"type":"unknownMethod"},"messages"]]}'), id="refused counts"
        ),
        pytest.param(answering("counts", COUNTS.replace('"total":42', '"other":42')), id="one count"),
    ],
)
def test_what_cannot_be_counted_is_not_written(pod: Pod, fault: Callable[[Pod], object]) -> None:
    fault(pod)
    result = pod.run()
    assert not any("Email/set" in json.dumps(body) for body in pod.bodies)
    assert result.returncode == 0
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == "no sentinel was written"
    assert pod.synced == [f"-f {DATA_DIRECTORY}"]


@pytest.mark.parametrize("has_server", [True, False])
def test_a_volume_that_cannot_be_flushed_fails_the_hook(pod: Pod, has_server: bool) -> None:
    (pod.folder / "sync_status").write_text("1")
    if not has_server:
        (pod.folder / "session").unlink()
        (pod.folder / "write").unlink()
    assert pod.run().returncode != 0
    assert pod.synced == [f"-f {DATA_DIRECTORY}"]


def test_the_volume_is_flushed_after_the_sentinel_is_written(pod: Pod) -> None:
    (pod.folder / "bin" / "sync").write_text(f"#!/bin/sh\ncp {pod.folder}/asked {pod.folder}/at_sync\n")
    (pod.folder / "bin" / "cp").symlink_to(str(shutil.which("cp")))
    assert pod.run().returncode == 0
    assert (pod.folder / "at_sync").read_text() == "3\n"


def test_without_a_mailbox_the_volume_is_only_flushed() -> None:
    assert sentinel.before_backup(None) == ["sync", "-f", DATA_DIRECTORY]
