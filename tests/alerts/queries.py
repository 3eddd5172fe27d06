"""The queries of a dashboard as Prometheus answers them: promtool evaluates them on series that are written down."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from . import promtool

# What Grafana puts in: everything is chosen, a day is shown, and Prometheus looks every five minutes.
CHOSEN = {"$region": ".*", "$namespace": "mail", "$__range": "86400s", "$__rate_interval": "1200s"}
SAMPLE = re.compile(r"(\{[^}]*\}) (\S+?)(?:,|$)")
LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Sample:
    """What a query came to at a minute of the world."""

    minute: int
    labels: Mapping[str, str]
    value: float


def chosen(expression: str) -> str:
    """A query with values for its variables."""
    for name, value in CHOSEN.items():
        expression = expression.replace(name, value)
    return expression


def evaluate(
    folder: Path, world: Mapping[str, str], expressions: Sequence[str], minutes: Sequence[int]
) -> dict[str, list[Sample]]:
    """What each query comes to. promtool says what it got where it was told to expect something else: here, nothing.

    Args:
        folder: a folder for its files.
        world: the series, as promtool writes them.
        expressions: PromQL without variables.
        minutes: when they are asked.

    Raises:
        AssertionError: promtool cannot evaluate one of them.
    """
    # A value that no query comes to, so that every one is told.
    never = [{"labels": '{never="never"}', "value": 1}]
    asked = [
        {"expr": expression, "eval_time": f"{minute}m", "exp_samples": never} for expression in expressions for minute in minutes
    ]
    series = [{"series": name, "values": values} for name, values in world.items()]
    test = {"interval": f"{promtool.STEP_MINUTES}m", "start_timestamp": str(promtool.START), "input_series": series}
    tests = {"evaluation_interval": f"{promtool.STEP_MINUTES}m", "tests": [{**test, "promql_expr_test": asked}]}
    (folder / "queries.yaml").write_text(yaml.safe_dump(tests))
    told = promtool.run(folder, "test", "rules", "queries.yaml").stderr
    found: dict[str, list[Sample]] = {expression: [] for expression in expressions}
    blocks = re.findall(r'expr: ("(?:[^"\\]|\\.)*"), time: (\S+),\n\s+exp: .*\n\s+got: (.*)', told)
    assert len(blocks) == len(asked), told[:2000]
    for quoted, moment, got in blocks:
        found[yaml.safe_load(quoted)] += _samples(_minutes(moment), got)
    return found


def _samples(minute: int, got: str) -> Iterator[Sample]:
    for labels, value in SAMPLE.findall(got):
        yield Sample(minute, dict(LABEL.findall(labels)), float(value))


def _minutes(duration: str) -> int:
    """A duration as Prometheus writes it, such as `1d2h5m`."""
    units = {"d": 1440, "h": 60, "m": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([dhm])(?!s)", duration))


def of_panels(model: Mapping[str, Any]) -> list[str]:
    """Every query of a dashboard, each once."""
    return list(dict.fromkeys(chosen(target["expr"]) for panel in model["panels"] for target in panel["targets"]))
