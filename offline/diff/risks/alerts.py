"""Alerts that nobody gets any more."""

from collections.abc import Iterator

from ..model import Risk
from ..objects import both
from ..reading import Build, Stack


def alert_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Alerts of which no rule is left."""
    for stack, was, now in both(old, new):
        for name in sorted(_names(was) - _names(now)):
            message = "is removed: nobody is told any more when it happens"
            yield Risk(
                "warning", "alert-removed", stack, f"alert {name}", message, "keep it, or say here what watches this instead"
            )


def _names(stack: Stack) -> set[str]:
    groups = [group for rule in stack.of_kind("PrometheusRule") for group in rule.inputs["spec"].get("groups", [])]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
