"""What the commands show while they work and when they are done: with colour on a terminal, plain elsewhere, little in CI."""

import os
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


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


def show(markdown: str) -> None:
    """Print Markdown: laid out and coloured on a terminal, as it is in a pipe."""
    console = Console()
    if console.is_terminal:
        console.print(Markdown(markdown, code_theme="ansi_light"))
    else:
        console.file.write(f"{markdown}\n")
