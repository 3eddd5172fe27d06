"""Prometheus' own judge of alerting rules: what it says of them, and which alerts fire in a world that is described as series."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import programs

START = 1_800_000_000  # when every world begins, in seconds of Unix time
STEP_MINUTES = 5
LABELS = "alertname, schedule, location, database, node, repository_name, pod, check, zone, address, persistentvolumeclaim"


def find() -> Path:
    """The program; without it the test is skipped."""
    found = programs.find("promtool")
    if found is None:
        pytest.skip("promtool is not built; `make tools` builds it")
    return found


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What it answers."""
    return subprocess.run([find(), *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def at(hours: float) -> int:
    """The Unix time of an hour of the world."""
    return START + round(hours * 3600)


def held(*pieces: tuple[float | str, float]) -> str:
    """A series: each value for so many hours. `_` is no value."""
    # What follows the x is how often a value is repeated, but how often there is none.
    counts = ((value, round(hours * 60 / STEP_MINUTES)) for value, hours in pieces)
    return " ".join(f"{value}x{count if value == '_' else count - 1}" for value, count in counts)


def alert(name: str, **labels: str) -> str:
    """An alert, by its name and what it is about."""
    return "{" + ", ".join(f'{key}="{value}"' for key, value in {"alertname": name, **labels}.items()) + "}"


def check(folder: Path, spec: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """What it says of the rules themselves. Code 3 stands for a finding of the linter."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(spec))
    return run(folder, "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")


def judge(folder: Path, spec: Mapping[str, Any], world: Mapping[str, str], firing: Mapping[float, Sequence[str]]) -> None:
    """Assert that exactly these alerts fire at these minutes of the world, and no others."""
    expected = [
        {
            "expr": f'count by ({LABELS}) (ALERTS{{alertstate="firing"}})',
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": labels, "value": 1} for labels in alerts],
        }
        for minute, alerts in firing.items()
    ]
    result = _test(folder, spec, world, {"promql_expr_test": expected})
    assert result.returncode == 0, result.stdout + result.stderr


def texts(folder: Path, spec: Mapping[str, Any], world: Mapping[str, str], minute: int) -> str:
    """The firing alerts with their texts as they are sent: promtool shows them when none are expected."""
    names = sorted({rule["alert"] for group in spec["groups"] for rule in group["rules"]})
    none = [{"eval_time": f"{minute}m", "alertname": name, "exp_alerts": []} for name in names]
    return _test(folder, spec, world, {"alert_rule_test": none}).stderr


def _test(
    folder: Path, spec: Mapping[str, Any], world: Mapping[str, str], expected: Mapping[str, Any]
) -> subprocess.CompletedProcess[str]:
    series = [{"series": name, "values": values} for name, values in world.items()]
    test = {"interval": f"{STEP_MINUTES}m", "start_timestamp": str(START), "input_series": series, **expected}
    tests = {"rule_files": ["rules.yaml"], "evaluation_interval": f"{STEP_MINUTES}m", "tests": [test]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(spec))
    (folder / "tests.yaml").write_text(yaml.safe_dump(tests))
    return run(folder, "test", "rules", "tests.yaml")
