"""GitHub's REST API, as far as it is used here."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

TIMEOUT_S = 30
PAGE = 100
MAX_PAGES = 10
BOT = "github-actions[bot]"  # who writes with the token of a workflow


class GitHubError(Exception):
    """GitHub refused, or answered something else than it should."""


@dataclass(frozen=True)
class Repository:
    """A repository, and the right to write to it."""

    api_url: str
    name: str
    """`owner/name`."""
    token: str

    @classmethod
    def of_workflow(cls) -> "Repository":
        """The one a workflow runs in, from the environment.

        Raises:
            GitHubError: a variable is missing.
        """
        names = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN")
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            raise GitHubError(f"{', '.join(missing)} must be in the environment; this runs in a workflow")
        return cls(*(os.environ[name] for name in names))

    def ask(self, path: str) -> Any:
        """What is at a path below the repository.

        Raises:
            GitHubError: there is no answer, or one that is no JSON.
        """
        return json.loads(self._send("GET", path))

    def write(self, method: str, path: str, value: Mapping[str, Any]) -> Any:
        """Create (`POST`) or change (`PATCH`) what is at a path below the repository, and return it.

        Raises:
            GitHubError: GitHub refused.
        """
        return json.loads(self._send(method, path, json.dumps(value).encode()))

    def listed(self, path: str) -> Iterator[Mapping[str, Any]]:
        """The items of a list, page by page, up to a thousand."""
        sign = "&" if "?" in path else "?"
        for page in range(1, MAX_PAGES + 1):
            items = cast("list[Mapping[str, Any]]", self.ask(f"{path}{sign}per_page={PAGE}&page={page}"))
            yield from items
            if len(items) < PAGE:
                return

    def download(self, path: str, limit: int) -> bytes:
        """The bytes at a path below the repository, wherever it redirects to.

        Raises:
            GitHubError: there are more than `limit`, or none.
        """
        return self._send("GET", path, limit=limit)

    def _send(self, method: str, path: str, body: bytes | None = None, limit: int = 2**25) -> bytes:
        url = f"{self.api_url}/repos/{self.name}/{path}"
        request = urllib.request.Request(url, data=body, method=method)  # noqa: S310  GitHub's own URL
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("X-GitHub-Api-Version", "2022-11-28")
        # Artifacts are at another host, which must not see it.
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                found = answer.read(limit + 1)
        except urllib.error.HTTPError as error:
            raise GitHubError(f"{method} {path}: {error.code} {error.reason}") from None
        except (urllib.error.URLError, TimeoutError) as error:
            raise GitHubError(f"{method} {path}: {error}") from None
        if len(found) > limit:
            raise GitHubError(f"{method} {path}: more than {limit} bytes")
        return found
