"""`python -m offline.diff.since main`: what changes since a commit, in every region.

Both sides are built offline: the commit in a git worktree of its own, and the files as they are here. Each is built by its own
code, with the libraries that are installed here. After the commit come the options of `python -m offline.diff`, and it ends as
that does.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..__main__ import BROKEN
from ..program import PROJECT_FOLDER
from .__main__ import main as compare

FAILED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0].startswith("-"):
        sys.stderr.write("name a commit: python -m offline.diff.since main\n")
        return FAILED
    commit, *options = given
    with tempfile.TemporaryDirectory() as scratch:
        code, old, new = (Path(scratch) / name for name in ("code", "old", "new"))
        try:
            _run(PROJECT_FOLDER, "git", "worktree", "add", "--quiet", "--detach", str(code), commit)
            try:
                _build(code, old)
            finally:
                _run(PROJECT_FOLDER, "git", "worktree", "remove", "--force", str(code))
            _build(PROJECT_FOLDER, new)
        except subprocess.CalledProcessError as error:
            side = commit if str(old) in error.cmd or "git" in error.cmd else "what is here"
            hint = "`git branch --all` lists what there is, and `git fetch` brings what is new.\n" if "git" in error.cmd else ""
            sys.stderr.write(f"{side} cannot be built:\n{error.stderr.strip()}\n{hint}")
            return FAILED
        if not any(old.glob("*/resources.json")):
            sys.stderr.write(f"{commit} is too old: its previews have no resources.json. Name a later commit.\n")
            return FAILED
        return compare([str(old), str(new), *options])


def _build(code: Path, folder: Path) -> None:
    try:
        _run(code, sys.executable, "-m", "offline", "--output", str(folder))
    except subprocess.CalledProcessError as error:
        # What breaks a policy is built all the same, and said as a risk. After anything else, half a build may be there.
        if error.returncode != BROKEN:
            raise


def _run(folder: Path, *command: str) -> None:
    _ = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
