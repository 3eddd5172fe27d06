"""`python -m offline.github.comment`: writes what a pull request changes as the one comment on it, or brings that up to date.

For a `workflow_run` job. The artifact of the run is from whoever made the pull request, and so is all that is in it: the sizes,
the number and the shape are checked, and the Markdown is made here. Needs in the environment: GITHUB_API_URL, GITHUB_REPOSITORY,
GITHUB_TOKEN (with `actions: read` and `pull-requests: write`), and of the run that is reported RUN_ID and HEAD_SHA.
"""

import io
import os
import re
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..diff.as_json import from_json
from ..diff.markdown import NOTHING, markdown
from ..diff.model import Difference
from .api import BOT, GitHubError, Repository

ARTIFACT = "difference"
NUMBER, DIFFERENCE = "number", "difference.json"  # the files in it
MAX_BYTES = {NUMBER: 16, DIFFERENCE: 4 * 2**20}
MAX_ARTIFACT_BYTES = 2**21
MARKER = "<!-- stalwart-mail: what this pull request changes -->"


@dataclass(frozen=True)
class Report:
    """What the artifact of a run says."""

    number: int
    """Of the pull request, as the run claims."""
    difference: Difference


def main() -> int:
    """Comment, and say on one line what was done. Ends with 1 when the artifact is not as it must be, or GitHub refuses."""
    try:
        sys.stdout.write(f"{comment(Repository.of_workflow(), os.environ['RUN_ID'], os.environ['HEAD_SHA'])}\n")
    except (GitHubError, ValueError, KeyError) as error:
        sys.stderr.write(f"no comment: {error}\n")
        return 1
    return 0


def comment(repository: Repository, run: str, head: str) -> str:
    """Create or update the comment on the pull request that a run was for.

    Args:
        repository: where.
        run: the id of the run.
        head: the commit that the run was for, as GitHub says.

    Returns:
        What was done, on one line.

    Raises:
        GitHubError: GitHub refused.
        ValueError: the artifact is not as it must be.
    """
    data = _artifact(repository, run)
    if data is None:
        return "nothing to say: the run left no difference"
    report = read(data)
    # The number is only a claim; which commit a pull request is at, GitHub knows.
    pull = repository.ask(f"pulls/{report.number}")
    if pull["head"]["sha"] != head or pull["state"] != "open":
        return f"nothing to say: pull request {report.number} is closed, or not at the commit {head[:12]} of this run"
    text = markdown(report.difference)
    mine = next((found["id"] for found in repository.listed(f"issues/{report.number}/comments") if _is_mine(found)), None)
    if mine is None and text == NOTHING:
        return "nothing to say: nothing changes"
    body = {
        "body": f"{MARKER}\n## What this changes\n\n{text}\n<sub>Commit {head[:12]}, built offline: no cluster was asked.</sub>\n"
    }
    if mine is None:
        _ = repository.write("POST", f"issues/{report.number}/comments", body)
        return f"commented on pull request {report.number}"
    _ = repository.write("PATCH", f"issues/comments/{mine}", body)
    return f"updated the comment on pull request {report.number}"


def read(data: bytes) -> Report:
    """What is in the artifact.

    Args:
        data: a zip archive.

    Raises:
        ValueError: it is not as it must be.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sorted(archive.namelist()) != sorted(MAX_BYTES):
                raise ValueError(f"the artifact must hold {' and '.join(MAX_BYTES)}, and nothing else")
            texts = {name: _member(archive, name, limit) for name, limit in MAX_BYTES.items()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"the artifact is no zip archive: {error}") from None
    number = texts[NUMBER].strip()
    if not re.fullmatch(r"[1-9][0-9]{0,9}", number):
        raise ValueError(f"{NUMBER} is no number of a pull request")
    return Report(int(number), from_json(texts[DIFFERENCE]))


def _artifact(repository: Repository, run: str) -> bytes | None:
    found = repository.ask(f"actions/runs/{int(run)}/artifacts?name={ARTIFACT}")["artifacts"]
    if len(found) != 1 or found[0]["expired"]:
        return None
    return repository.download(f"actions/artifacts/{int(found[0]['id'])}/zip", MAX_ARTIFACT_BYTES)


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> str:
    # What the archive says of its size is a claim too.
    with archive.open(name) as member:
        data = member.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{name} has more than {limit} bytes")
    return data.decode()


def _is_mine(found: Mapping[str, Any]) -> bool:
    return found["user"]["login"] == BOT and found["body"].startswith(MARKER)


if __name__ == "__main__":
    sys.exit(main())
