"""Looks at restored mailboxes before they serve: `python -m jobs.look`.

The server is STALWART_URL, in recovery mode, with STALWART_USER and STALWART_PASSWORD; MAILBOX is the one with the sentinel,
or empty; FOLDER has what the restore noted, if it did. It says what is there, what the backup's sentinel says, and which mail
is in the queue: that was accepted before the backup, may have been delivered after it, and is sent again when the server serves.
"""

# ruff: noqa: T201 (what it prints is the Job's log)

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from .check import Findings, check
from .cluster import WaitedTooLong, await_
from .jmap import JmapError, Object, Server, server_of

START_TIMEOUT_S = 900.0
PAGE = 500
SHOWN = 50  # messages of the queue


def queue(server: Server) -> list[Object]:
    """The messages that wait to be sent. They cannot be sorted; one that waits in two queues is listed twice by the server."""
    found: dict[str, Object] = {}
    position = 0
    while True:
        ids: list[str] = server.call("x:QueuedMessage/query", {"position": position, "limit": PAGE})["ids"]
        if not ids:
            return list(found.values())
        wanted = {"ids": list(dict.fromkeys(ids)), "properties": ["returnPath", "recipients", "createdAt"]}
        found |= {message["id"]: message for message in server.call("x:QueuedMessage/get", wanted)["list"]}
        position += len(ids)


def made(folder: Path) -> datetime | None:
    """When the backup was made, as the restore noted it."""
    note = folder / "made"
    text = note.read_text().strip() if note.exists() else ""
    return datetime.fromisoformat(text) if text else None


def report(found: Findings, waiting: list[Object], backup_made: datetime | None) -> list[str]:
    """What was found, a line each."""
    lines = [f"{found.accounts} accounts with {found.messages} messages"]
    if backup_made:
        ago = (datetime.now(UTC) - backup_made).total_seconds()
        lines.append(f"the backup was made at {backup_made.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {ago / 3600:.1f} hours ago")
    if found.sentinel:
        lines.append(f"its sentinel was left at {found.sentinel.time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    lines.append(f"{len(waiting)} messages wait to be sent, and will be once this server serves")
    for message in waiting[:SHOWN]:
        to = ", ".join(message.get("recipients", {}))
        lines.append(f"  {message.get('createdAt')} from <{message.get('returnPath')}> to {to}")
    if len(waiting) > SHOWN:
        lines.append(f"  and {len(waiting) - SHOWN} more")
    return lines


def main() -> int:
    """Look, and say what was found; 1 when something is wrong."""
    try:
        with server_of(os.environ, "STALWART") as server:
            _ = await_("the server to answer", lambda: server.is_ready() or None, START_TIMEOUT_S)
            backup_made = made(Path(os.environ.get("FOLDER", "/nowhere")))
            found, waiting = check(server, os.environ.get("MAILBOX", ""), backup_made), queue(server)
    except (JmapError, WaitedTooLong) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(report(found, waiting, backup_made)), flush=True)
    for problem in found.problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
