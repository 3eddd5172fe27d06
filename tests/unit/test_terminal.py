"""What commands show: on a terminal, in a pipe, and in CI."""

import io
import re
import sys

import pytest

import terminal

MARKDOWN = "# A title\n\n| kind | number |\n| ---- | ------ |\n| Job  | 2      |\n"


@pytest.fixture
def screen(monkeypatch):
    """Standard output and error: a terminal when asked for, else a pipe."""

    def made(is_terminal):
        found = io.StringIO()
        found.isatty = lambda: is_terminal
        for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setattr(sys, "stdout", found)
        monkeypatch.setattr(sys, "stderr", found)
        return found

    return made


def test_a_pipe_gets_markdown_and_no_more(screen):
    found = screen(is_terminal=False)
    with terminal.working("Asking DNS"):
        terminal.show(MARKDOWN)
    assert found.getvalue() == f"{MARKDOWN}\n"


def test_a_terminal_gets_a_table_with_colour_and_what_is_being_done(screen):
    found = screen(is_terminal=True)
    with terminal.working("Asking DNS"):
        pass
    assert "Asking DNS" in found.getvalue()
    terminal.show(MARKDOWN)
    assert "\x1b[" in found.getvalue()
    assert "| Job" not in found.getvalue()


def test_a_drawing_is_not_broken_by_a_narrow_terminal(screen, monkeypatch):
    drawing = "Internet --25--> mx1.example.com (MX 10, 203.0.113.10, 2001:db8::10) --> [/] mailboxes\n   " + "held " * 20
    monkeypatch.setenv("COLUMNS", "40")
    found = screen(is_terminal=True)
    terminal.show(f"# A title\n\n```\n{drawing}\n```\n\nAnd {'words ' * 20}")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", found.getvalue())
    assert set(drawing.rstrip().splitlines()) <= {line.rstrip() for line in shown.splitlines()}
    assert all(len(line) <= 40 for line in shown.partition("And words")[2].splitlines())


def test_what_fails_while_it_works_is_not_hidden(screen):
    screen(is_terminal=True)
    with pytest.raises(KeyError), terminal.working("Asking DNS"):
        raise KeyError


@pytest.mark.parametrize(
    ("value", "is_ci"), [("true", True), ("1", True), ("false", False), ("0", False), ("", False), (None, False)]
)
def test_ci_says_that_it_is_ci(monkeypatch, value, is_ci):
    monkeypatch.delenv("CI", raising=False)
    if value is not None:
        monkeypatch.setenv("CI", value)
    assert terminal.is_ci() is is_ci
