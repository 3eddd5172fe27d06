"""What restore drills say, or fail to say, as alerting rules. The drill of this project exports the metrics."""

from typing import Any

from ..alert_rules import AGE, DAY, FAILOVER, MINUTE, SETTLED, alert

DRILL = "stalwart_mail_drill"


def drill(max_age_days: int) -> list[dict[str, Any]]:
    """The drills of every location.

    Args:
        max_age_days: how old the last successful one may become.
    """
    max_age_s = max_age_days * DAY
    failed = alert(
        "MailDrillFailed",
        "critical",
        f"min by (location) ({DRILL}_success) == 0",
        5 * MINUTE,
        "The restore drill from {{ $labels.location }} failed",
        "The backup was not restored, or the restored server did not have what it should. Until a drill succeeds, assume that "
        "nothing can be restored from this location. See the log of the drill's newest Job.",
        runbook=FAILOVER,
    )
    stale = alert(
        "MailDrillTooOld",
        "warning",
        # 0 stands for never; that MailDrillFailed tells.
        f"time() - (max by (location) ({DRILL}_last_success_timestamp_seconds) > 0) > {max_age_s}",
        SETTLED,
        "No restore drill from {{ $labels.location }} has succeeded lately",
        f"The last success was {AGE} ago; up to {max_age_days} days are allowed. Nobody knows whether newer backups can be "
        "restored. See whether the drill's CronJob is suspended, and the log of its newest Job.",
        runbook=FAILOVER,
    )
    never = alert(
        "MailDrillNeverRan",
        "warning",
        f"absent({DRILL}_last_run_timestamp_seconds)",
        max_age_s,
        "No restore drill has reported",
        f"None in {max_age_days} days. Nobody knows whether the backups can be restored. See whether the drill's CronJob exists "
        "and has run, and whether its metrics are picked up.",
        runbook=FAILOVER,
    )
    return [failed, stale, never]
