"""The last drill's result as metrics: `python -m jobs.metrics` serves what FOLDER/metrics holds, for Prometheus to read.

A drill is over long before Prometheus looks, so it leaves its result in a ConfigMap, which is mounted here.
"""

import os
import sys
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = 9102
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus 3 refuses an answer without it


@dataclass(frozen=True)
class Result:
    """How a drill ended."""

    location: str
    ended: float
    """Unix time."""
    last_success: float | None
    """Unix time of the last drill that was passed; None if there was none."""
    success: bool
    rpo_seconds: float | None
    rto_seconds: float | None


def render(result: Result) -> str:
    """The metrics in Prometheus' text format."""
    values: list[tuple[str, str, float | None]] = [
        ("last_run_timestamp_seconds", "When the last drill ended.", result.ended),
        ("last_success_timestamp_seconds", "When the last drill that was passed ended.", result.last_success),
        ("success", "1 if the last drill was passed.", float(result.success)),
        ("rpo_seconds", "How much mail a loss of the region would have cost at the last drill.", result.rpo_seconds),
        ("rto_seconds", "How long the last drill took until the mail could be read.", result.rto_seconds),
    ]
    lines: list[str] = []
    for name, what, value in values:
        if value is not None:
            metric = f"stalwart_mail_drill_{name}"
            lines += [
                f"# HELP {metric} {what}",
                f"# TYPE {metric} gauge",
                f'{metric}{{location="{result.location}"}} {value:.3f}',
            ]
    return "\n".join(lines) + "\n"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with the file; empty before the first drill."""
        path = Path(os.environ["FOLDER"]) / "metrics"
        body = path.read_bytes() if path.exists() else b""
        self.send_response(200 if self.path == "/metrics" else 404)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        _ = self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name it has there
        """Say nothing of each scrape."""


def main() -> int:
    """Serve until stopped."""
    ThreadingHTTPServer(("", PORT), _Handler).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
