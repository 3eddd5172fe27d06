"""Time and memory of a preview of both stacks, by number of domains, beside an empty Pulumi program under the same mocks.

Each figure is a whole process, from its start to its end, and the median of several; the ratio is to the empty program of
the same run, so that it holds on another machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import Any

from . import build, page
from .preview import configurations, preview, without_prefix
from .program import PROJECT_FOLDER, project_file, record
from .world import OfflineWorld

DOMAINS = (1, 10, 100, 1_000)
RUNS = 3
KIB_PER_MIB = 1_024


@dataclass(frozen=True)
class Figures:
    """What one process took."""

    wall_s: float
    memory_mib: float
    resources: int


def main() -> int:
    """Run the measurements, or (with `--domains`, in a process of its own) what is measured."""
    parser = argparse.ArgumentParser(prog="python -m offline.bench", description=__doc__)
    parser.add_argument("--domains", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.domains is not None:
        print(json.dumps(_measured(options.domains)))
        return 0
    empty = _median(0)
    print("| domains | resources | wall (s) | beside an empty program | memory (MiB) |\n|---:|---:|---:|---:|---:|")
    for domains in (0, *DOMAINS):
        figures = _median(domains) if domains else empty
        ratio = figures.wall_s / empty.wall_s
        name = domains or "empty program"
        print(f"| {name} | {figures.resources} | {figures.wall_s:.2f} | {ratio:.1f} x | {figures.memory_mib:.0f} |", flush=True)
    return 0


def _median(domains: int) -> Figures:
    runs = [_process(domains) for _ in range(RUNS)]
    return Figures(
        statistics.median(run.wall_s for run in runs), max(run.memory_mib for run in runs), max(run.resources for run in runs)
    )


def in_a_process(module: str, domains: int) -> dict[str, Any]:
    """What a module prints as JSON when it is run with `--domains`, in a process of its own."""
    command = [sys.executable, "-m", module, "--domains", str(domains)]
    return json.loads(subprocess.run(command, cwd=PROJECT_FOLDER, check=True, capture_output=True).stdout)


def _process(domains: int) -> Figures:
    start = time.perf_counter()
    found = in_a_process("offline.bench", domains)
    return Figures(time.perf_counter() - start, found["memoryKib"] / KIB_PER_MIB, found["resources"])


def _measured(domains: int) -> dict[str, Any]:
    if domains == 0:
        count = len(record("primary", {}, OfflineWorld(), program=lambda: None).resources)
    else:
        with TemporaryDirectory() as folder:
            count = _preview_with(domains, Path(folder))
    return {"resources": count, "memoryKib": getrusage(RUSAGE_SELF).ru_maxrss}


def _preview_with(domains: int, folder: Path) -> int:
    configs = configurations(PROJECT_FOLDER)
    configs["primary"][f"{project_file()['name']}:domains"] = [
        {"name": "example.com"},
        *({"name": f"d{n}.example"} for n in range(1, domains)),
    ]
    recorded = preview(configs)
    for stack, (recording, summary) in recorded.items():
        build.write(recording, summary, folder / stack)
    page.write(
        {stack: page.Stack(recording, without_prefix(configs[stack])) for stack, (recording, _) in recorded.items()}, folder
    )
    return sum(len(recording.resources) for recording, _summary in recorded.values())


if __name__ == "__main__":
    sys.exit(main())
