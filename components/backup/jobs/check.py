"""Looks at a restored server in recovery mode: is the mail there, and is it what the backup's sentinel says."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from .jmap import JmapError, Object, Server

KEYWORD = "stalwart-mail-sentinel"
LINE = re.compile(
    rf"^(?P<text>{KEYWORD} (?P<time>\S+) (?P<id>\S+) (?P<accounts>[0-9]+) (?P<messages>[0-9]+)) (?P<digest>[0-9a-f]{{64}})$"
)
# The hook writes it just before the snapshot; Velero says when it began.
TOLERANCE = timedelta(minutes=15)
SAMPLE = 20  # accounts that are read in full
PAGE = 500  # the server's maxObjectsInGet


@dataclass(frozen=True)
class Sentinel:
    """What the backup's hook found, just before the backup."""

    time: datetime
    accounts: int
    messages: int
    """In the sentinel's own mailbox."""


@dataclass
class Findings:
    """What is in a restored server."""

    accounts: int = 0
    messages: int = 0
    sentinel: Sentinel | None = None
    problems: list[str] = field(default_factory=list[str])


def parse(line: str) -> Sentinel:
    """Read a sentinel's line.

    Raises:
        ValueError: it is none, or its checksum is not its own.
    """
    match = LINE.match(line.strip())
    if match is None:
        raise ValueError("it is no sentinel's line")
    if hashlib.sha256(match["text"].encode()).hexdigest() != match["digest"]:
        raise ValueError("its checksum is wrong: it is not as it was written")
    return Sentinel(datetime.fromisoformat(match["time"]), int(match["accounts"]), int(match["messages"]))


def check(server: Server, mailbox: str, backup_began: datetime | None) -> Findings:
    """Compare a restored server with its sentinel, and read a part of its mail.

    Args:
        server: in recovery mode, as its admin. No change is made: after a thousand or so, a server in recovery mode hangs.
        mailbox: the address of the mailbox with the sentinel; empty where there is none.
        backup_began: when the backup was made, if that is known.

    Raises:
        JmapError: the server cannot be asked.
    """
    found = Findings()
    accounts = server.get_all("Account", server.query_all("Account"), ("emailAddress", "usedDiskQuota"))
    found.accounts = len(accounts)
    totals = {account["id"]: _total(server, account["id"]) for account in accounts}
    found.messages = sum(totals.values())
    own = next((account["id"] for account in accounts if account.get("emailAddress") == mailbox), None)
    if not mailbox:
        pass  # accounts in a directory, which is not here: there is no mailbox for a sentinel
    elif own is None:
        found.problems.append(f"there is no mailbox {mailbox}")
    else:
        _compare(found, _line(server, own), totals[own], backup_began)
    largest = sorted(accounts, key=lambda account: totals[account["id"]], reverse=True)[:SAMPLE]
    found.problems += [problem for account in largest for problem in _unreadable(server, account, totals[account["id"]])]
    return found


def _compare(found: Findings, line: str | None, messages: int, backup_began: datetime | None) -> None:
    if line is None:
        found.problems.append("there is no sentinel: the hook before the backup did not write one")
        return
    try:
        sentinel = found.sentinel = parse(line)
    except ValueError as error:
        found.problems.append(f"the sentinel cannot be used: {error}")
        return
    if backup_began and abs(sentinel.time - backup_began) > TOLERANCE:
        found.problems.append(
            f"the sentinel is from {_text(sentinel.time)} and the backup from {_text(backup_began)}: the hook did not write one"
            " for this backup"
        )
    if found.accounts < sentinel.accounts:
        found.problems.append(f"{sentinel.accounts} accounts were backed up and {found.accounts} are here")
    if messages < sentinel.messages:
        found.problems.append(f"{sentinel.messages} messages were in the sentinel's mailbox and {messages} are here")


def _line(server: Server, account: str) -> str | None:
    """The sentinel's text. A keyword is found in recovery mode; subjects and texts are in an index that is not read there."""
    ids = server.call("Email/query", {"accountId": account, "filter": {"hasKeyword": KEYWORD}})["ids"]
    if not ids:
        return None
    wanted = {"accountId": account, "ids": ids[-1:], "properties": ["bodyValues", "textBody"], "fetchTextBodyValues": True}
    emails = server.call("Email/get", wanted)["list"]  # empty when it cannot be read
    return "".join(part["value"] for email in emails for part in email["bodyValues"].values())


def _unreadable(server: Server, account: Object, total: int) -> list[str]:
    """What is wrong with an account's mail: its list is not as long as its total, or the newest message cannot be read."""
    name, there, last = account.get("emailAddress", account["id"]), 0, None
    while True:
        page = {"accountId": account["id"], "position": there, "limit": PAGE}
        ids = server.call("Email/query", page)["ids"]
        if not ids:
            break
        wanted = {"accountId": account["id"], "ids": ids, "properties": ["blobId", "size"]}
        emails: list[Object] = server.call("Email/get", wanted)["list"]
        if len(emails) < len(ids):
            return [f"{name}: {len(ids) - len(emails)} of {len(ids)} messages cannot be read"]
        there, last = there + len(ids), emails[-1]
    if there != total:
        return [f"{name}: {total} messages are counted and {there} are listed"]
    return _short_body(server, account["id"], name, last) if last else []


def _short_body(server: Server, account: str, name: str, email: Mapping[str, object]) -> list[str]:
    try:
        body = server.download(account, str(email["blobId"]))
    except JmapError as error:
        return [f"{name}: the newest message cannot be read: {error}"]
    if len(body) != email["size"]:
        return [f"{name}: the newest message has {len(body)} bytes, and should have {email['size']}"]
    return []


def _total(server: Server, account: str) -> int:
    return server.call("Email/query", {"accountId": account, "limit": 1, "calculateTotal": True})["total"]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
