"""The picture of the dashboard in the docs: `python -m tests.alerts.picture` draws it anew, with promtool and Chromium.

Everything in it comes from the dashboard itself: its panels, their places, colours and units, and its queries, which Prometheus
evaluates on a day of made-up mail. Only the drawing is not Grafana's.
"""

import math
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from playwright.sync_api import sync_playwright

from components.monitoring import dashboard
from offline.program import PROJECT_FOLDER

from .mail_worlds import EXPORTED, FRESH, HOURS, STEPS, VOLUME, exporter, server
from .promtool import at
from .queries import Sample, chosen, evaluate

CHROMIUM = "/usr/bin/chromium"
TARGET = PROJECT_FOLDER / "docs" / "pictures" / "dashboard.png"
TEMPLATE = Path(__file__).parent / "picture.html.j2"
END = HOURS * 60 - 15
MINUTES = range(END - 24 * 60, END + 1, 15)
WIDTH = 1280
CELL_HEIGHT, GAP = 36, 8
# Grafana's colours by name, and its classic palette for lines.
NAMED = {"green": "#73BF69", "orange": "#FF9830", "red": "#F2495C", "blue": "#8AB8FF", "purple": "#CA95E5"}
PALETTE = ("#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#B877D9", "#5794F2", "#FFA6B0")


def grows(each_hour: float, wave: float = 0.6, burst: tuple[int, int, float] = (0, 0, 0)) -> str:
    """A counter that grows most at noon, with one burst: from which step on, for how many, and how much more an hour."""
    total, values = 0.0, []
    for step in range(STEPS + 1):
        start, length, more = burst
        total += (each_hour * daily(step, wave) + (more if start <= step < start + length else 0)) / 12
        values.append(f"{round(total)}")
    return " ".join(values)


def moves(value: float, wave: float = 0.4, burst: tuple[int, int, float] = (0, 0, 0)) -> str:
    """A gauge, likewise."""
    start, length, more = burst
    return " ".join(
        f"{max(0, value * daily(step, wave) + (more if start <= step < start + length else 0)):.4g}" for step in range(STEPS + 1)
    )


def daily(step: int, wave: float) -> float:
    """The time of day, and a little of everything else."""
    hour = 2 * math.pi * step / (24 * 12)
    return 1 - wave * math.cos(hour) + 0.08 * math.sin(step * 1.7) + 0.05 * math.sin(step * 0.61)


NOON = STEPS - 150
BACKUP_POD = 'job="mail/stalwart",namespace="mail",pod="stalwart-0",region="eu-central-1"'
WORLD = {
    **FRESH,
    **VOLUME,
    **EXPORTED,
    server("queue_message_queued"): grows(1900, burst=(NOON, 10, 900)),
    server("queue_authenticated_message_queued"): grows(640),
    server("delivery_delivered"): grows(820),
    server("delivery_dsn_perm_fail"): grows(5, burst=(NOON + 20, 9, 25)),
    server("message_ingest_spam"): grows(310, 0.2, burst=(NOON, 10, 700)),
    server("auth_failed"): grows(90, 0.1, burst=(NOON - 60, 14, 700)),
    server("security_authentication_ban"): grows(3, 0.1, burst=(NOON - 60, 14, 40)),
    server("security_ip_blocked"): grows(160, 0.1, burst=(NOON - 58, 30, 420)),
    server("smtp_relay_not_allowed"): grows(45, 0.2),
    server("smtp_mailbox_does_not_exist"): grows(70, 0.3),
    server("server_memory"): moves(4.1e8, 0.08),
    server("smtp_active_connections"): moves(14),
    server("delivery_active_connections"): moves(6),
    server("imap_active_connections"): moves(52, 0.5),
    server("http_active_connections"): moves(23, 0.5),
    f"server_memory{{{BACKUP_POD}}}": moves(1.6e8, 0.03),
    exporter("queue_messages"): moves(38, 0.5, burst=(NOON + 4, 12, 90)),
    exporter("queue_old_messages"): moves(9, 0.2),
    exporter("queue_messages").replace("eu-west-1", "eu-central-1"): moves(0, 0, burst=(NOON + 40, 14, 60)),
    exporter("certificate_not_after_timestamp_seconds"): f"{at(61 * 24)}x{STEPS}",
    'velero_backup_last_successful_timestamp{schedule="mail-primary-hot"}': " ".join(
        str(at((step - 4) // 72 * 6 + 0.3)) for step in range(STEPS + 1)
    ),
    'velero_backup_last_successful_timestamp{schedule="mail-primary-archive"}': " ".join(
        str(at((step - 10) // 72 * 6 + 0.8)) for step in range(STEPS + 1)
    ),
    f"{exporter('peer_reachable', host='mx1.example.com').replace('eu-west-1', 'eu-central-1')}": f"1x{STEPS}",
}


@dataclass(frozen=True)
class Line:
    """A line of a panel."""

    name: str
    colour: str
    points: str
    """As SVG takes them."""


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """A number as Grafana writes it."""
    units: Mapping[str, Callable[[float], str]] = {
        "percentunit": lambda found: f"{100 * found:.{1 if decimals is None else decimals}f} %",
        "s": _duration,
        "d": lambda found: f"{found:.0f} days",
        "bytes": lambda found: f"{found / 2**20:.0f} MiB",
    }
    if unit in units:
        return units[unit](value)
    if value >= 10_000:
        return f"{value / 1000:.1f} K"
    return f"{value:.0f}" if decimals == 0 or value == round(value) else f"{value:.3g}"


def _duration(seconds: float) -> str:
    if seconds < 3600:
        return f"{seconds / 60:.0f} mins"
    return f"{seconds / 3600:.1f} hours" if seconds < 2 * 86_400 else f"{seconds / 86_400:.1f} days"


def drawn(panel: Mapping[str, Any], found: Mapping[str, Sequence[Sample]]) -> dict[str, Any]:
    """A panel as the template takes it."""
    place, defaults = panel["gridPos"], panel["fieldConfig"]["defaults"]
    column = (WIDTH - GAP) / 24
    box = {
        "x": GAP + place["x"] * column,
        "y": 58 + place["y"] * CELL_HEIGHT,
        "width": place["w"] * column - GAP,
        "height": place["h"] * CELL_HEIGHT - GAP,
    }
    common = {"title": panel["title"], "kind": panel["type"], **box}
    if panel["type"] == "stat":
        samples = found[chosen(panel["targets"][0]["expr"])]
        last = samples[-1].value
        steps = [step for step in defaults["thresholds"]["steps"] if step["value"] is None or step["value"] <= last]
        text = shown(last, defaults["unit"], defaults.get("decimals"))
        return {**common, "text": text, "colour": NAMED[steps[-1]["color"]]}
    return {**common, **_graph(panel, found, box)}


def _graph(panel: Mapping[str, Any], found: Mapping[str, Sequence[Sample]], box: Mapping[str, float]) -> dict[str, Any]:
    defaults = panel["fieldConfig"]["defaults"]
    unit = defaults["unit"]
    series: dict[str, list[Sample]] = {}
    for target in panel["targets"]:
        for sample in found[chosen(target["expr"])]:
            name = target["legendFormat"]
            for label in ("region", "namespace", "pod", "persistentvolumeclaim", "schedule", "host", "check"):
                name = name.replace(f"{{{{{label}}}}}", sample.labels.get(label, ""))
            series.setdefault(name.strip(), []).append(sample)
    highest = max(sample.value for line in series.values() for sample in line)
    top = defaults.get("max") or _top(highest, unit)
    lowest = min(sample.value for line in series.values() for sample in line)
    bottom = min(lowest, defaults["custom"]["axisSoftMin"]) if "axisSoftMin" in defaults["custom"] else 0
    left, right, high, low = 64, box["width"] - 22, 34, box["height"] - 60
    across = (right - left) / (MINUTES[-1] - MINUTES[0])

    def height(value: float) -> float:
        return low - (low - high) * (value - bottom) / (top - bottom)

    def points(line: Sequence[Sample]) -> str:
        spots = ((left + (s.minute - MINUTES[0]) * across, height(s.value)) for s in line)
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)

    lines = [Line(name, PALETTE[number % len(PALETTE)], points(line)) for number, (name, line) in enumerate(series.items())]
    values = [bottom + (top - bottom) * part / 4 for part in range(5)]
    ticks = [{"y": height(value), "text": shown(value, unit)} for value in values]
    is_crossed = "thresholdsStyle" in defaults["custom"]
    threshold = height(defaults["thresholds"]["steps"][-1]["value"]) if is_crossed else None
    hours = [{"x": left + hour * 60 * across, "text": f"{hour % 24:02}:00"} for hour in range(0, 25, 4)]
    return {"lines": lines, "ticks": ticks, "hours": hours, "left": left, "right": right, "low": low, "across": threshold}


def _top(highest: float, unit: str) -> float:
    """The end of an axis above the highest value, of which four parts are round numbers."""
    base = {"bytes": 2**20, "s": 3600}.get(unit, 1) * 4
    power = 10 ** math.floor(math.log10(max(highest, base / 4) / base))
    return next(base * power * digit for digit in (1, 2, 2.5, 5, 10, 20) if base * power * digit >= highest)


def page(model: Mapping[str, Any], found: Mapping[str, Sequence[Sample]]) -> str:
    """The dashboard as one page of HTML."""
    panels = [drawn(panel, found) for panel in model["panels"]]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    height = max(panel["y"] + panel["height"] for panel in panels) + GAP
    template = environment.from_string(TEMPLATE.read_text())
    return template.render(title=model["title"], variables=model["templating"]["list"], panels=panels, width=WIDTH, height=height)


def main() -> int:
    """Draw it."""
    model = dashboard.model()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stats = [chosen(p["targets"][0]["expr"]) for p in model["panels"] if p["type"] == "stat"]
        lines = [chosen(t["expr"]) for p in model["panels"] if p["type"] != "stat" for t in p["targets"]]
        found = evaluate(folder, WORLD, list(dict.fromkeys(lines)), MINUTES)
        found |= {query: samples[-1:] for query, samples in evaluate(folder, WORLD, stats, [MINUTES[-1]]).items()}
        (folder / "page.html").write_text(page(model, found))
        with sync_playwright() as browsers:
            browser = browsers.chromium.launch(executable_path=CHROMIUM)
            view = browser.new_page(viewport={"width": WIDTH, "height": 400})
            view.goto(f"file://{folder}/page.html")
            TARGET.parent.mkdir(parents=True, exist_ok=True)
            view.screenshot(path=TARGET, full_page=True)
            browser.close()
    sys.stdout.write(f"Wrote {TARGET.relative_to(PROJECT_FOLDER)}: {TARGET.stat().st_size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
