"""Alerts that nobody gets any more."""

from collections.abc import Iterator

from ..model import Risk
from ..objects import both, pairs
from ..reading import Build, Resource

KIND = "PrometheusRule"
ADVICE = "keep it, or say here what watches this instead"


def alert_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Alerts of which no rule is left: one risk when their whole object is removed."""
    for stack, was, now in both(old, new):
        left = {name for found in now.of_kind(KIND) for name in _names(found)}
        for before, after in pairs(was, now):
            lost = sorted(_names(before) - left) if before and before.kind == KIND else []
            if before and not after and len(lost) > 1:
                message = f"is removed with {len(lost)} alerts: nobody is told any more of {', '.join(lost)}"
                yield Risk("warning", "alert-removed", stack, f"{KIND} {before.name}", message, ADVICE)
                continue
            for name in lost:
                message = "is removed: nobody is told any more when it happens"
                yield Risk("warning", "alert-removed", stack, f"alert {name}", message, ADVICE)


def _names(rules: Resource) -> set[str]:
    groups = rules.inputs["spec"].get("groups", [])
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
