"""What the mail server does not tell Prometheus itself: `python -m jobs.exporter`.

Every check runs in a thread of its own, again and again, and a scrape gets what they found last: nothing that is slow or away
can hold it up. What a check could not tell is absent, and that it could not is a metric too.

The environment:

- HOST, the mail server's name, and SERVER, its address in the cluster
- STALWART_URL, STALWART_USER, STALWART_PASSWORD: its queue and its bans; without them they are left out
- ALLOWED: a JSON list of the networks in which a ban has no effect
- CERTIFICATE: `public` where it should be one that clients trust
- ADDRESSES and BLOCKLISTS: JSON lists of the addresses mail leaves from, and of the zones that are asked about them
- PEER: the other region's exchange, if there is one
- PORT: where the metrics are served
"""

# ruff: noqa: T201 (what it prints is the pod's log)

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from .metrics import CHECK_DURATION, CHECK_INTERVAL, CHECK_SUCCESS, CHECK_TIME, METRICS, PORT, Metric, Reading
from .network_checks import blocklists, certificate, peer
from .registry_checks import Bans, Queue

AGAIN_S = 60.0  # after a failure, unless the check comes sooner anyway


@dataclass(frozen=True)
class Check:
    """Something that is looked at again and again."""

    name: str
    every_s: float
    read: Callable[[], Iterable[Reading]]
    """May raise anything: that is a failure."""


class Board(Collector):
    """What each check found last. A check that never ends its first run is told by the time at which that began."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self._found: dict[str, tuple[Reading, ...]] = {check.name: _moment(check) for check in checks}

    def put(self, check: Check, readings: Iterable[Reading], success: bool, took_s: float) -> None:
        """Replace what the check found before."""
        outcome = (Reading(CHECK_SUCCESS, success, (check.name,)), Reading(CHECK_DURATION, took_s, (check.name,)))
        self._found[check.name] = (*readings, *outcome, *_moment(check))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every metric there is a value of."""
        readings = [reading for found in list(self._found.values()) for reading in found]
        for metric in METRICS:
            of_it = [reading for reading in readings if reading.metric == metric]
            if of_it:
                yield _family(metric, of_it)


def _moment(check: Check) -> tuple[Reading, ...]:
    return Reading(CHECK_TIME, time.time(), (check.name,)), Reading(CHECK_INTERVAL, check.every_s, (check.name,))


def _family(metric: Metric, readings: Iterable[Reading]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.full_name, metric.help, labels=metric.labels)
    for reading in readings:
        family.add_metric(reading.labels, reading.value)
    return family


def run_once(check: Check, board: Board) -> bool:
    """Whether the check succeeded. What it found is on the board."""
    start = time.monotonic()
    try:
        readings, failure = tuple(check.read()), None
    except Exception as error:
        readings, failure = (), error
        print(f"{check.name}: {error or type(error).__name__}", file=sys.stderr, flush=True)
    board.put(check, readings, failure is None, time.monotonic() - start)
    return failure is None


def _watch(check: Check, board: Board, stopped: threading.Event) -> None:
    pause = 0.0
    while not stopped.wait(pause):
        pause = check.every_s if run_once(check, board) else min(check.every_s, AGAIN_S)


def checks_of(environment: Mapping[str, str]) -> list[Check]:
    """What is looked at.

    Raises:
        KeyError: a variable is missing.
        ValueError: one is no JSON, or no network.
    """
    host = environment["HOST"]
    addresses: list[str] = json.loads(environment["ADDRESSES"])
    zones: list[str] = json.loads(environment["BLOCKLISTS"])
    is_public = environment.get("CERTIFICATE") == "public"
    found = [Check("certificate", 600, partial(certificate, environment["SERVER"], host, is_public))]
    if environment.get("STALWART_PASSWORD"):
        allowed: list[str] = json.loads(environment["ALLOWED"])
        found.append(Check("queue", 30, Queue(environment).read))
        found.append(Check("bans", 60, Bans(environment, addresses, allowed).read))
    if zones and addresses:
        found.append(Check("blocklists", 900, partial(blocklists, zones, addresses)))
    if environment.get("PEER"):
        found.append(Check("peer", 60, partial(peer, environment["PEER"], host)))
    return found


def main() -> int:
    """Serve until it is told to stop.

    Returns:
        The exit status: 1 when the environment is wrong, with the reason in one line.
    """
    try:
        checks = checks_of(os.environ)
        port = int(os.environ.get("PORT", PORT))
    except (KeyError, ValueError) as error:
        print(f"exporter: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    stopped = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        stopped.set()

    # The first process of a container is not ended by a signal that it does not handle.
    for number in (signal.SIGTERM, signal.SIGINT):
        _ = signal.signal(number, stop)
    board, registry = Board(checks), CollectorRegistry()
    registry.register(board)
    for check in checks:
        threading.Thread(target=_watch, args=(check, board, stopped), daemon=True).start()
    server, _ = start_http_server(port, registry=registry)
    print(f"exporter: port {server.server_port}, {', '.join(check.name for check in checks)}", flush=True)
    _ = stopped.wait()
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
