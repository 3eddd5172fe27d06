"""The program that looks at restored mailboxes before they serve, with a mail server in memory."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from components.backup.jobs import check, cluster, look
from components.backup.jobs.check import Findings, Sentinel
from components.backup.jobs.jmap import JmapError, Server

from .fake_cluster import Clock, FakeStalwart, Mailbox, Message, line, serving

USER, PASSWORD = "admin", "of-the-server"
MAILBOX = "postmaster@example.com"
NOW = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
BACKUP = "2026-03-03T03:00:00Z"
MADE = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)
SENTINEL = Sentinel(datetime(2026, 3, 3, 2, 59, 50, tzinfo=UTC), 3, 3)
READ = {"x:Account/query", "x:Account/get", "Email/query", "Email/get", "x:QueuedMessage/query", "x:QueuedMessage/get"}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """To wait takes no time."""

    class Fixed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            assert tz is UTC
            return NOW

    clock = Clock()
    monkeypatch.setattr(cluster, "time", clock)
    monkeypatch.setattr(look, "datetime", Fixed)
    return clock


@pytest.fixture
def stalwart() -> Iterator[FakeStalwart]:
    """Three mailboxes, the sentinel in one of them; and nothing in the queue."""
    sentinel = Message(b"Subject: Backup sentinel\r\n\r\n" + line().encode(), {"$seen", check.KEYWORD}, line())
    postmaster = [Message(b"Subject: Hello\r\n\r\n"), Message(b"Subject: Report\r\n\r\n"), sentinel]
    mailboxes = {
        "a": Mailbox("alice@example.com", [Message(b"Subject: %d\r\n\r\nText" % number) for number in range(4)]),
        "b": Mailbox(MAILBOX, postmaster),
        "c": Mailbox("carol@example.com"),
    }
    with serving(FakeStalwart(mailboxes, lambda: f"{USER}:{PASSWORD}")) as server:
        yield server
        assert set(server.methods) <= READ  # never a write
        assert not any(method.endswith("/set") for method in server.methods)


def url_of(stalwart: FakeStalwart) -> str:
    return f"http://127.0.0.1:{stalwart.server_port}"


def sentinel_of(stalwart: FakeStalwart) -> Message:
    return stalwart.mailboxes["b"].messages[2]


def waiting(number: int) -> tuple[str, dict[str, Any]]:
    """A message of the queue, as the server has it: recipients by address."""
    recipients = {f"to{number}@example.org": {"status": {"@type": "Scheduled"}}, "x@example.net": {}}
    created = f"2026-03-03T02:{number // 60 % 60:02}:{number % 60:02}Z"
    return f"q{number}", {"returnPath": f"from{number}@example.com", "recipients": recipients, "createdAt": created, "size": 9}


def shown(number: int) -> str:
    identity, message = waiting(number)
    assert identity == f"q{number}"
    return f"  {message['createdAt']} from <from{number}@example.com> to to{number}@example.org, x@example.net"


def message_of(number: int) -> dict[str, Any]:
    identity, message = waiting(number)
    return {"id": identity, **message}


def queued(stalwart: FakeStalwart) -> list[str]:
    with Server(url_of(stalwart), USER, PASSWORD) as server:
        return [message["id"] for message in look.queue(server)]


def run(stalwart: FakeStalwart | None, monkeypatch: pytest.MonkeyPatch, folder: Path | None = None, **changes: str) -> int:
    environment = {
        "STALWART_URL": url_of(stalwart) if stalwart else "",
        "STALWART_USER": USER,
        "STALWART_PASSWORD": PASSWORD,
        "MAILBOX": MAILBOX,
        **({"FOLDER": str(folder)} if folder else {}),
    }
    monkeypatch.setattr("os.environ", environment | changes)
    return look.main()


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    """The folder with what the restore noted."""
    (tmp_path / "made").write_text(BACKUP)
    return tmp_path


ACCOUNTS, NO_QUEUE = "3 accounts with 7 messages", "0 messages wait to be sent, and will be once this server serves"
NOTE = "the backup was made at 2026-03-03 03:00:00 UTC, 6.0 hours ago"
LEFT = "its sentinel was left at 2026-03-03 02:59:50 UTC"


@pytest.mark.parametrize(
    ("sentinel", "made", "expected"),
    [
        (SENTINEL, MADE, [ACCOUNTS, NOTE, LEFT, NO_QUEUE]),
        (SENTINEL, None, [ACCOUNTS, LEFT, NO_QUEUE]),
        (None, MADE, [ACCOUNTS, NOTE, NO_QUEUE]),
        (None, None, [ACCOUNTS, NO_QUEUE]),
    ],
    ids=["both", "no note", "no sentinel", "neither"],
)
def test_the_report_says_what_is_known(sentinel: Sentinel | None, made: datetime | None, expected: list[str]) -> None:
    assert look.report(Findings(3, 7, sentinel), [], made) == expected


def test_the_age_of_a_backup_is_in_hours_and_their_tenths() -> None:
    (_, text, _) = look.report(Findings(), [], NOW - timedelta(days=9, minutes=15))
    assert text == "the backup was made at 2026-02-22 08:45:00 UTC, 216.2 hours ago"


@pytest.mark.parametrize(("count", "more"), [(1, []), (50, []), (51, ["  and 1 more"]), (73, ["  and 23 more"])])
def test_fifty_messages_of_the_queue_are_shown_and_all_are_counted(count: int, more: list[str]) -> None:
    lines = look.report(Findings(), [message_of(number) for number in range(count)], None)
    assert lines[1] == f"{count} messages wait to be sent, and will be once this server serves"
    assert lines[2:] == [shown(number) for number in range(min(count, 50))] + more


def test_a_bounce_is_shown_with_its_empty_sender() -> None:
    bounce = {"id": "q1", "returnPath": "", "recipients": {"a@example.org": {}}, "createdAt": "2026-03-03T02:00:00Z"}
    assert look.report(Findings(), [bounce], None)[-1] == "  2026-03-03T02:00:00Z from <> to a@example.org"


@pytest.mark.parametrize("text", [BACKUP, f"{BACKUP}\n", "2026-03-03T04:00:00+01:00"])
def test_the_note_of_a_restore_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "made").write_text(text)
    assert look.made(tmp_path) == MADE


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_a_restore_may_have_noted_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "made").write_text(text)
    assert look.made(tmp_path) is None
    assert look.made(tmp_path / "nowhere") is None


def test_an_empty_queue_is_asked_for_once(stalwart: FakeStalwart) -> None:
    assert queued(stalwart) == []
    assert stalwart.methods == ["x:QueuedMessage/query"]


@pytest.mark.parametrize("page", [1, 2, 3, 4, 500])
def test_a_queue_in_pages_is_listed_in_full_and_each_message_once(stalwart: FakeStalwart, page: int) -> None:
    # The second waits in two queues: beside itself, or in two pages.
    stalwart.queue = [waiting(number) for number in (0, 1, 1, 2, 3, 1, 4)]
    stalwart.queue_page = page
    assert queued(stalwart) == ["q0", "q1", "q2", "q3", "q4"]


def test_a_queue_of_more_than_a_page_of_the_program_is_listed_in_full(stalwart: FakeStalwart) -> None:
    stalwart.queue, stalwart.queue_page = [waiting(number) for number in range(1201)], 5000
    assert queued(stalwart) == [f"q{number}" for number in range(1201)]
    assert stalwart.methods.count("x:QueuedMessage/query") == 4


def test_a_message_that_is_gone_meanwhile_is_left_out(stalwart: FakeStalwart, monkeypatch: pytest.MonkeyPatch) -> None:
    stalwart.queue = [waiting(number) for number in range(3)]
    whole = stalwart.answer

    def answer(method: str, arguments: Any) -> Any:
        if method == "x:QueuedMessage/get":
            stalwart.queue = [entry for entry in stalwart.queue if entry[0] != "q1"]
        return whole(method, arguments)

    monkeypatch.setattr(stalwart, "answer", answer)
    assert queued(stalwart) == ["q0", "q2"]


def test_it_says_what_is_there(
    stalwart: FakeStalwart, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], noted: Path
) -> None:
    stalwart.queue = [waiting(1), waiting(1), waiting(2)]
    stalwart.starts_at = 1
    assert run(stalwart, monkeypatch, noted) == 0
    output = capsys.readouterr()
    queue = "2 messages wait to be sent, and will be once this server serves"
    assert output.out.splitlines() == [ACCOUNTS, NOTE, LEFT, queue, shown(1), shown(2)]
    assert output.err == ""
    assert set(stalwart.methods) == READ


def test_without_a_note_the_age_of_the_sentinel_is_not_judged(
    stalwart: FakeStalwart, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stalwart.starts_at = 1
    sentinel_of(stalwart).text = line("2025-01-01T00:00:00Z")
    for folder in (None, tmp_path):
        assert run(stalwart, monkeypatch, folder) == 0
        assert capsys.readouterr().out.splitlines() == [ACCOUNTS, "its sentinel was left at 2025-01-01 00:00:00 UTC", NO_QUEUE]


@pytest.mark.parametrize("is_set", [True, False])
def test_without_a_mailbox_no_sentinel_is_looked_for(
    stalwart: FakeStalwart, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], noted: Path, is_set: bool
) -> None:
    stalwart.starts_at = 1
    if is_set:
        assert run(stalwart, monkeypatch, noted, MAILBOX="") == 0
    else:
        environment = {"STALWART_URL": url_of(stalwart), "STALWART_USER": USER, "STALWART_PASSWORD": PASSWORD}
        monkeypatch.setattr("os.environ", environment | {"FOLDER": str(noted)})
        assert look.main() == 0
    assert capsys.readouterr().out.splitlines() == [ACCOUNTS, NOTE, NO_QUEUE]


OLD = "2026-03-02T21:00:00Z"
OTHER = (
    "the sentinel is from 2026-03-02 21:00 UTC and the backup from 2026-03-03 03:00 UTC: the hook did not write one for this"
    " backup"
)


@pytest.mark.parametrize(
    ("fault", "problem", "left"),
    [
        (
            lambda server: sentinel_of(server).keywords.clear(),
            "there is no sentinel: the hook before the backup did not write one",
            [],
        ),
        (
            lambda server: setattr(sentinel_of(server), "text", line(OLD)),
            OTHER,
            ["its sentinel was left at 2026-03-02 21:00:00 UTC"],
        ),
        (
            lambda server: setattr(sentinel_of(server), "text", line(accounts=4)),
            "4 accounts were backed up and 3 are here",
            [LEFT],
        ),
        (
            lambda server: setattr(server.mailboxes["b"], "address", "b@example.com"),
            f"there is no mailbox {MAILBOX}",
            [],
        ),
        (
            lambda server: setattr(server.mailboxes["a"].messages[0], "is_readable", False),
            "alice@example.com: 1 of 4 messages cannot be read",
            [LEFT],
        ),
    ],
    ids=["no sentinel", "that of another backup", "fewer accounts", "no mailbox", "unreadable"],
)
def test_what_is_wrong_is_said_after_what_is_there(
    stalwart: FakeStalwart,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    noted: Path,
    fault: Callable[[FakeStalwart], object],
    problem: str,
    left: list[str],
) -> None:
    stalwart.starts_at = 1
    stalwart.queue = [waiting(1)]
    fault(stalwart)
    assert run(stalwart, monkeypatch, noted) == 1
    output = capsys.readouterr()
    queue = "1 messages wait to be sent, and will be once this server serves"
    assert output.out.splitlines() == [ACCOUNTS, NOTE, *left, queue, shown(1)]
    assert output.err == f"error: {problem}\n"


def test_a_server_that_does_not_answer_is_waited_for(
    stalwart: FakeStalwart, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], noted: Path, clock: Clock
) -> None:
    stalwart.starts_at = 7
    assert run(stalwart, monkeypatch, noted) == 0
    assert capsys.readouterr().out.splitlines() == ["waiting for the server to answer", ACCOUNTS, NOTE, LEFT, NO_QUEUE]
    assert (stalwart.looks, clock.now) == (7, 6 * cluster.POLL_S)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_server_that_never_answers_is_an_error(
    stalwart: FakeStalwart, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock: Clock, is_there: bool
) -> None:
    stalwart.starts_at = 10_000
    with socket.socket() as taken:  # nobody listens
        taken.bind(("127.0.0.1", 0))
        url = url_of(stalwart) if is_there else f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert run(stalwart, monkeypatch, STALWART_URL=url) == 1
    assert "error: the server to answer did not come in 900 seconds" in capsys.readouterr().err
    assert 900 < clock.now < 960
    assert stalwart.methods == []


@pytest.mark.parametrize("method", sorted(READ))
def test_a_server_that_refuses_is_an_error_of_one_line(
    stalwart: FakeStalwart, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    stalwart.starts_at = 1
    stalwart.queue = [waiting(1)]
    stalwart.failures[method] = 500
    assert run(stalwart, monkeypatch) == 1
    assert capsys.readouterr().err == f"error: {url_of(stalwart)}: {method}: HTTP 500 out of order\n"


def test_another_password_is_an_error_and_in_no_text(
    stalwart: FakeStalwart, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stalwart.starts_at = 1
    assert run(stalwart, monkeypatch, STALWART_PASSWORD="of-another-server") == 1
    output = "".join(capsys.readouterr())
    assert "HTTP 401 You have to authenticate first." in output
    assert "of-another-server" not in output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "STALWART_URL is not set"),
        ({"STALWART_URL": "http://x", "STALWART_USER": ""}, "STALWART_USER is not set"),
        ({"STALWART_URL": "ftp://x"}, "ftp://x: not an http or https address"),
    ],
)
def test_an_environment_that_will_not_do_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: dict[str, str], words: str
) -> None:
    assert run(None, monkeypatch, **changes) == 1
    assert capsys.readouterr().err == f"error: {words}\n"


def test_a_queue_that_cannot_be_listed_is_no_empty_one(stalwart: FakeStalwart) -> None:
    stalwart.failures["x:QueuedMessage/query"] = 403
    with pytest.raises(JmapError, match="x:QueuedMessage/query: HTTP 403"):
        queued(stalwart)
