"""`python -m offline.github.comment`: writes what a pull request changes as the one comment on it, or brings that up to date.

For a `workflow_run` job. The artifact of the run is from whoever made the pull request, and so is all that is in it: the sizes,
the number and the shape are checked, and the Markdown is made here. Needs in the environment: GITHUB_API_URL, GITHUB_REPOSITORY,
GITHUB_TOKEN (with `actions: read` and `pull-requests: write`), and of the run that is reported, as GitHub says of it, CONCLUSION,
RUN_ID, RUN_URL, HEAD_SHA, HEAD_OWNER and HEAD_BRANCH.
"""

import io
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..diff import as_json
from ..diff.markdown import NOTHING, markdown
from ..diff.model import Difference
from .api import BOT, GitHubError, Repository

ARTIFACT = "difference"
NUMBER, DIFFERENCE = "number", "difference.json"  # the files in it
MAX_BYTES = {NUMBER: 16, DIFFERENCE: as_json.MAX_BYTES}
MAX_ARTIFACT_BYTES = sum(MAX_BYTES.values()) + 2**16  # even if nothing in it could be made smaller
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
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
        sys.stdout.write(f"{_report(Repository.of_workflow(), os.environ)}\n")
    except (GitHubError, ValueError, KeyError) as error:
        sys.stderr.write(f"no comment: {error}\n")
        return 1
    return 0


def _report(repository: Repository, run: Mapping[str, str]) -> str:
    if run["CONCLUSION"] == "success":
        return comment(repository, run["RUN_ID"], run["HEAD_SHA"])
    return outdate(repository, run["HEAD_OWNER"], run["HEAD_BRANCH"], run["HEAD_SHA"], run["RUN_URL"])


def outdate(repository: Repository, owner: str, branch: str, head: str, url: str) -> str:
    """Say in the comment, if there is one, that the last commit cannot be built: what was there is about another one.

    Nothing of the run is believed but what GitHub says of it, so the pull request is looked up by its head.

    Args:
        repository: where.
        owner: whose the head's repository is: a fork's, maybe.
        branch: of the head.
        head: the commit that the run was for.
        url: of the run, whose log says why.

    Returns:
        What was done, on one line.

    Raises:
        GitHubError: GitHub refused.
    """
    pulls = repository.listed(f"pulls?state=open&head={quote(f'{owner}:{branch}', safe='')}")
    body = {
        "body": f"{MARKER}\n## What this changes\n\n**Commit {head[:12]} could not be compared with what it would be merged into:"
        f" one of the two cannot be built.** [The log]({url}) says why.\n"
    }
    updated: list[str] = []
    for number in [pull["number"] for pull in pulls if pull["head"]["sha"] == head]:
        mine = _mine(repository, number)
        if mine is not None:
            _ = repository.write("PATCH", f"issues/comments/{mine}", body)
            updated.append(str(number))
    if not updated:
        return f"nothing to say: no open pull request at the commit {head[:12]} has a comment that would be out of date"
    return f"updated the comment on pull request {', '.join(updated)}: its commit cannot be built"


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
    mine = _mine(repository, report.number)
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
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"the artifact is no zip archive, or a damaged one: {error}") from None
    number = texts[NUMBER].strip()
    if not re.fullmatch(r"[1-9][0-9]{0,9}", number):
        raise ValueError(f"{NUMBER} is no number of a pull request")
    return Report(int(number), as_json.from_json(texts[DIFFERENCE]))


def _artifact(repository: Repository, run: str) -> bytes | None:
    found = repository.ask(f"actions/runs/{int(run)}/artifacts?name={ARTIFACT}")["artifacts"]
    if len(found) != 1 or found[0]["expired"]:
        return None
    return repository.download(f"actions/artifacts/{int(found[0]['id'])}/zip", MAX_ARTIFACT_BYTES)


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> str:
    if archive.getinfo(name).compress_type not in METHODS:
        raise ValueError(f"{name} is compressed in a way that GitHub does not use")
    # What the archive says of its size is a claim too.
    with archive.open(name) as member:
        data = member.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{name} has more than {limit} bytes")
    return data.decode()


def _mine(repository: Repository, number: int) -> int | None:
    """The comment on a pull request that was written here."""
    return next((found["id"] for found in repository.listed(f"issues/{number}/comments") if _is_mine(found)), None)


def _is_mine(found: Mapping[str, Any]) -> bool:
    return found["user"]["login"] == BOT and found["body"].startswith(MARKER)


if __name__ == "__main__":
    sys.exit(main())
