"""Panels of a Grafana dashboard, and how they become its JSON model.

Format: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model, as Grafana 12 writes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 41
COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, ORANGE, RED = "green", "orange", "red"


@dataclass(frozen=True)
class Query:
    """A query and what its lines are called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """A panel."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    """As Grafana calls it: `short`, `s`, `bytes`, `percentunit`, `reqps`, `d`."""
    kind: str = "timeseries"
    """`stat` shows one number."""
    width: int = 12
    height: int = 8
    steps: tuple[tuple[float, str], ...] = ()
    """From which value on a number has another colour than the first."""
    first_colour: str = GREEN
    decimals: int | None = None
    maximum: float | None = None
    from_at_most: float = 0
    """Where the axis of a graph begins, unless a value is below that."""
    line: float | None = None
    """Where a graph has a line across: below it is bad."""


def dashboard(title: str, uid: str, panels: Sequence[Panel], variables: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The JSON model. The same panels give the same bytes: it has no version and no time of its own.

    Args:
        title: of the dashboard.
        uid: by which Grafana knows it, also when it is renamed.
        panels: in reading order; they fill rows of 24 columns.
        variables: beside the data source.
    """
    return {
        "uid": uid,
        "title": title,
        "tags": ["mail", "stalwart"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source_variable(), *variables]},
        "annotations": {"list": []},
        "links": [],
        "panels": _laid_out(panels),
    }


def variable(name: str, label: str, query: str) -> dict[str, Any]:
    """A variable with the values that a label has; all of them until one is chosen."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        # Also what has no such label.
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _source_variable() -> dict[str, Any]:
    return {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus", "refresh": 1}


def _laid_out(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    across, down, row_height = 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if across + panel.width > COLUMNS:
            across, down, row_height = 0, down + row_height, 0
        place = {"x": across, "y": down, "w": panel.width, "h": panel.height}
        found.append({"id": number, "gridPos": place, **_model(panel)})
        across, row_height = across + panel.width, max(row_height, panel.height)
    return found


def _model(panel: Panel) -> dict[str, Any]:
    is_stat = panel.kind == "stat"
    steps = [{"color": panel.first_colour, "value": None}, *({"color": colour, "value": at} for at, colour in panel.steps)]
    defaults: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    defaults["color"] = {"mode": "thresholds" if is_stat else "palette-classic"}
    if not is_stat:
        defaults |= _axis(panel)
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(is_stat),
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
                **({"instant": True, "range": False} if is_stat else {"range": True}),
            }
            for number, query in enumerate(panel.queries)
        ],
    }


def _axis(panel: Panel) -> dict[str, Any]:
    custom: dict[str, Any] = {"drawStyle": "line", "fillOpacity": 10, "lineWidth": 1, "showPoints": "never"}
    axis: dict[str, Any] = {"custom": custom}
    if panel.from_at_most:
        custom["axisSoftMin"] = panel.from_at_most
    else:
        axis["min"] = 0
    if panel.line is not None:
        custom["thresholdsStyle"] = {"mode": "line"}
        steps = [{"color": "transparent", "value": None}, {"color": RED, "value": panel.line}]
        axis["thresholds"] = {"mode": "absolute", "steps": steps}
    return axis


def _options(is_stat: bool) -> dict[str, Any]:
    if is_stat:
        reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": reduce, "colorMode": "value", "graphMode": "none", "textMode": "auto"}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
