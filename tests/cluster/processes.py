"""Programs that run beside the tests: on free ports of 127.0.0.1, and gone with everything they started when the tests are."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

HOST = "127.0.0.1"
READY_SECONDS = 120
POLL_SECONDS = 0.05
ATTEMPTS = 5
STOP_SECONDS = 20
FOREIGN = ("AWS_",)
"""Whoever runs the tests has these set for purposes of their own."""
# Runs a program until it ends or nobody holds the other end of this shell's input any more, and ends all that it started.
# So nothing stays when the tests are killed, and have no time to clean up.
GUARD = f"""
exec 3<&0
"$@" < /dev/null &
program=$!
(read -r _ <&3; kill $program; sleep {STOP_SECONDS}; kill -KILL 0) &
wait $program
kill -KILL 0
"""
# The same for a folder: what still ends may write into it.
CLEANER = 'read -r _; until rm -rf "$1"; do sleep 1; done'


class NotReady(Exception):  # noqa: N818  it is what happened
    """A program ended, or did not answer in time; with the end of its log."""


def free_port() -> int:
    """A port that nobody listens at now. Somebody may a moment later: `started` tries again then."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        return taken.getsockname()[1]


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A folder that is gone with the tests, also when they are killed."""
    folder = Path(tempfile.mkdtemp(prefix=f"stalwart-mail-{name}-"))
    command = ["sh", "-c", CLEANER, "sh", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        yield folder


class Process:
    """A running program and what it started, in a process group of its own. It ends with whoever started it.

    Args:
        command: the program with its arguments.
        log: the file that it writes to.
        environment: set beside this process's own.
    """

    def __init__(self, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._name, self._log = command[0], log
        own = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        with log.open("a") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", GUARD, "sh", *(str(part) for part in command)],
                env={**own, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Wait for it to answer.

        Raises:
            NotReady: it ended before, or did not in time.
        """
        until = time.monotonic() + READY_SECONDS
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise NotReady(f"{self._name}: {self._log.read_text()[-2000:]}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End it, and all that it started. Twice is as good as once."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(2 * STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.stop()


def started(start: Callable[[], Process]) -> Process:
    """What `start` returns once it is ready: on other ports when somebody else has taken one meanwhile.

    Raises:
        NotReady: it did not come up.
    """
    for attempt in range(ATTEMPTS):
        try:
            return start()
        except NotReady as error:
            if "address already in use" not in str(error) or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError


def answers(url: str, token: str = "", authority: Path | None = None) -> bool:
    """Whether all is well with who serves there, and proves to be of the authority when there is one."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return session.get(url, headers=headers, verify=str(authority) if authority else True, timeout=5).ok
        except requests.RequestException:
            return False
