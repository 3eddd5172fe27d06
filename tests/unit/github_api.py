"""A small GitHub, as far as the workflows ask it: artifacts, pull requests, comments and issues of one repository."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from offline.github.api import Repository

NAME, TOKEN, BOT = "owner/mail", "token-of-the-workflow", "github-actions[bot]"


@dataclass
class GitHub:
    """What is there, and what was asked."""

    artifacts: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    """By run, their ids and contents."""
    expired: bool = False
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    refuse: str = ""
    """What is refused, as the end of a path."""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and authorization."""
    repository: Repository = field(default_factory=lambda: Repository("", "", ""))

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.asked if method != "GET"]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:  # noqa: PLR0911  a table
        match (method, path.strip("/").split("/")):
            case ("GET", ["actions", "runs", run, "artifacts"]):
                named = self.artifacts.get(run, []) if query["name"] == ["difference"] else []
                return {"artifacts": [{"id": number, "expired": self.expired} for number, _ in named]}
            case ("GET", ["pulls"]):
                # By `owner:branch`, of forks too; what is no such thing filters nothing.
                (wanted,) = query["head"]
                named = [pull | {"number": number} for number, pull in self.pulls.items()]
                return self.page(
                    [
                        pull
                        for pull in named
                        if pull["state"] == query["state"][0] and (":" not in wanted or pull["head"].get("label") == wanted)
                    ],
                    query,
                )
            case ("GET", ["pulls", number]):
                return self.pulls.get(int(number))
            case ("GET", ["issues", number, "comments"]):
                return self.page(self.comments.get(int(number), []), query)
            case ("POST", ["issues", number, "comments"]):
                found = {"id": 100 + len(self.comments), "user": {"login": BOT}, **body}
                self.comments.setdefault(int(number), []).append(found)
                return found
            case ("PATCH", ["issues", "comments", number]):
                found = next(one for all_ in self.comments.values() for one in all_ if one["id"] == int(number))
                return found.update(body) or found
            case ("GET", ["issues"]):
                return self.page([issue for issue in self.issues if issue["state"] == query["state"][0]], query)
            case ("POST", ["issues"]):
                self.issues.append({"number": 7 + len(self.issues), "state": "open", "user": {"login": BOT}, **body})
                return self.issues[-1]
            case ("PATCH", ["issues", number]):
                found = next(issue for issue in self.issues if issue["number"] == int(number))
                return found.update(body) or found
            case _:
                return None

    def page(self, items: list[Any], query: dict[str, list[str]]) -> list[Any]:
        size, page = (int(query[key][0]) for key in ("per_page", "page"))
        return items[size * (page - 1) : size * page]


@contextmanager
def github() -> Iterator[GitHub]:
    """One that listens on this machine, until the end."""
    found = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            found.asked.append((self.command, url.path, self.headers.get("Authorization")))
            path = url.path.removeprefix(f"/api/repos/{NAME}")
            if url.path.startswith("/storage/"):
                number = int(url.path.removeprefix("/storage/"))
                return self.reply(200, next(data for all_ in found.artifacts.values() for one, data in all_ if one == number))
            if path.endswith("/zip"):
                return self.reply(
                    302, b"", ("Location", f"http://localhost:{self.server.server_port}/storage/{path.split('/')[3]}")
                )
            if found.refuse and path.endswith(found.refuse):
                return self.reply(403, b"{}")
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            answer = found.answer(self.command, path, parse_qs(url.query), body)
            return self.reply(404 if answer is None else 200, json.dumps(answer).encode())

        do_POST = do_PATCH = do_GET  # noqa: N815  the server's names

        def reply(self, code, data, *headers):
            self.send_response(code)
            for name, value in (("Content-Length", str(len(data))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        found.repository = Repository(f"http://127.0.0.1:{server.server_port}/api", NAME, TOKEN)
        try:
            yield found
        finally:
            server.shutdown()
