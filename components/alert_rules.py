"""One alerting rule of Prometheus, and the words and times that all of them share."""

from typing import Any

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# A scrape or two may fail, and what exports the metric may be upgraded.
SETTLED = 15 * MINUTE

AGE = "{{ $value | humanizeDuration }}"
FAILOVER, GROW = "docs/runbooks/failover.md", "docs/runbooks/grow.md"
DOCTOR = "docs/dns.md#the-doctor"
COUNT = '{{ $value | printf "%.0f" }}'


def alert(
    name: str,
    severity: str,
    expression: str,
    wait_s: int,
    summary: str,
    description: str,
    *,
    about: dict[str, str] | None = None,
    runbook: str = "",
) -> dict[str, Any]:
    """One alerting rule.

    Args:
        name: in CamelCase.
        severity: `critical` when mail is at stake now, else `warning`.
        expression: PromQL.
        wait_s: for how long it must hold, in seconds.
        summary: what is wrong.
        description: what is lost meanwhile, and what to look at next.
        about: more labels; rules of one name must differ in them.
        runbook: the page that says more than the description, if one does: a path in this project. It has no address of its own.
    """
    pages = {"runbook": runbook} if runbook else {}
    return {
        "alert": name,
        "expr": expression,
        "for": f"{wait_s}s",
        "labels": {"severity": severity, **(about or {})},
        "annotations": {"summary": summary, "description": description, **pages},
    }


def hours(seconds: int) -> str:
    """A time in words."""
    return f"{seconds / HOUR:g} hours"
