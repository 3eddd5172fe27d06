"""What the commands show while they work and when they are done: with colour on a terminal, plain elsewhere, little in CI."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text


def is_ci() -> bool:
    """Whether a CI service runs this: all of them set `CI`."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


@contextmanager
def working(on: str) -> Generator[None]:
    """Say on a terminal what is being done, and for how long; elsewhere say nothing.

    Args:
        on: what, such as `Asking DNS`.
    """
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        progress.add_task(on, total=None)
        yield


class _CodeBlock(CodeBlock):
    """Code as it is: a drawing whose lines are broken is none."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(str(self.text).rstrip(), no_wrap=True, overflow="ignore")


class _Markdown(Markdown):
    elements: ClassVar = {**Markdown.elements, "fence": _CodeBlock}


def show(markdown: str) -> None:
    """Print Markdown: laid out and coloured on a terminal, as it is in a pipe."""
    console = Console()
    if console.is_terminal:
        console.print(_Markdown(markdown), crop=False)
    else:
        console.file.write(f"{markdown}\n")
