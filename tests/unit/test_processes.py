"""What tests/cluster starts is gone with who started it, and finds a port that is free."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from offline.program import PROJECT_FOLDER
from tests.cluster.processes import NotReady, Process, scratch_folder, started

# Starts a program that starts another, says where they are, and waits to be killed.
PARENT = """
import sys, time
from pathlib import Path
from tests.cluster.processes import Process, scratch_folder

with scratch_folder("test") as folder:
    pids = folder / "pids"
    program = Process(["sh", "-c", 'sleep 600 & echo $$ $! > "$1.new"; mv "$1.new" "$1"; wait', "sh", pids], folder / "log")
    while not pids.exists():
        time.sleep(0.01)
    print(folder, pids.read_text(), flush=True)
    time.sleep(600)
"""


def _wait(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_nothing_stays_when_the_tests_are_killed():
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, cwd=PROJECT_FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout
        folder, *pids = parent.stdout.readline().split()
        assert len(pids) == 2
        assert all(_is_there(int(pid)) for pid in pids)
        parent.kill()
    _wait(lambda: not any(_is_there(int(pid)) for pid in pids) and not Path(folder).exists())


def test_a_program_that_ends_before_it_is_ready_says_why(tmp_path: Path):
    with pytest.raises(NotReady, match="no such option"):
        Process(["sh", "-c", "echo no such option; exit 2"], tmp_path / "log").wait_until(lambda: False)


def test_a_port_that_was_taken_meanwhile_is_tried_again(tmp_path: Path):
    said = ["listen tcp: bind: address already in use", "listen tcp: bind: address already in use", ""]
    begun: list[str] = []

    def start() -> Process:
        begun.append(said[len(begun)])
        process = Process(["sh", "-c", f"test -z '{begun[-1]}' && exec sleep 600; echo {begun[-1]}"], tmp_path / str(len(begun)))
        process.wait_until(lambda: len(begun) == len(said))
        return process

    with started(start):
        assert len(begun) == len(said)


def test_another_mistake_is_not_tried_again(tmp_path: Path):
    begun: list[int] = []

    def start() -> Process:
        begun.append(1)
        process = Process(["sh", "-c", "echo no such option"], tmp_path / "log")
        process.wait_until(lambda: False)
        return process

    with pytest.raises(NotReady):
        started(start)
    assert len(begun) == 1


def test_a_folder_is_gone_after_its_block():
    with scratch_folder("test") as folder:
        (folder / "file").write_text("text")
    assert not folder.exists()
