"""`python -m offline.github.drift`: keeps one issue open for as long as a stack is not what the code says.

Needs in the environment: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN (with `issues: write`), RUN_URL, and RESULT: how the
previews of all stacks ended (`success` or `failure`; after anything else nothing is known, and nothing is done).
"""

import os
import sys

from .api import BOT, GitHubError, Repository

MARKER = "<!-- stalwart-mail: drift -->"
TITLE = "What is deployed is not what the code says"
BODY = """\
{marker}
The last check found a stack that `pulumi up` would change, or it could not look: {url}

- Something was changed by hand? Put it into the settings, or let the next `pulumi up` set it back.
- A merged change was not deployed yet? Approve its deployment.
- The check failed before it could compare? Its log says why.

This issue is brought up to date by every check, and closed by the first that finds nothing.
"""


def main() -> int:
    """Bring the issue up to date, and say on one line what was done. Ends with 1 when GitHub refuses."""
    try:
        sys.stdout.write(f"{report(Repository.of_workflow(), os.environ['RESULT'], os.environ['RUN_URL'])}\n")
    except (GitHubError, KeyError) as error:
        sys.stderr.write(f"no report: {error}\n")
        return 1
    return 0


def report(repository: Repository, result: str, url: str) -> str:
    """Open, update or close the issue.

    Args:
        repository: where.
        result: how the check ended, as GitHub says of a job.
        url: of the run.

    Returns:
        What was done, on one line.

    Raises:
        GitHubError: GitHub refused.
    """
    if result not in ("success", "failure"):
        return f"nothing to say: the check was {result}"
    found = repository.listed("issues?state=open")
    issue = next((one["number"] for one in found if one["user"]["login"] == BOT and (one["body"] or "").startswith(MARKER)), None)
    body = BODY.format(marker=MARKER, url=url)
    match (result, issue):
        case ("success", None):
            return "nothing to say: every stack is as the code says"
        case ("success", number):
            _ = repository.write("PATCH", f"issues/{number}", {"state": "closed"})
            return f"closed issue {number}"
        case (_, None):
            number = repository.write("POST", "issues", {"title": TITLE, "body": body})["number"]
            return f"opened issue {number}"
        case (_, number):
            _ = repository.write("PATCH", f"issues/{number}", {"body": body})
            return f"updated issue {number}"


if __name__ == "__main__":
    sys.exit(main())
