"""Cron expressions, as Velero, CloudNativePG and CronJobs all take them: five fields, in UTC."""

import re
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

# What only some of them know, such as `L` and `#`, is not allowed, and neither are names like @daily.
FIVE_FIELDS = re.compile(r"(\S+ ){4}[-*/,0-9A-Z]+")
FIELDS = "is not a cron expression of five fields (minute, hour, day, month, weekday)"
ZONE = re.compile(r"CRON_TZ=[A-Za-z0-9_+/-]+ ")  # Velero's schedules may have one
# Every half hour of the working days of a whole month, and more: the longest gap is among so many.
RUNS = 2000
START = datetime(2026, 1, 1)
HORIZON = timedelta(days=9 * 366)  # a rare one comes again: 29 February after four years


def cron(value: str) -> str:
    """A cron expression of five fields.

    Raises:
        ValueError: it is none, or never comes.
    """
    if not FIVE_FIELDS.fullmatch(value) or re.search(r"[#?LW]", value.rpartition(" ")[0]):
        raise ValueError(FIELDS)
    try:
        _ = next(CronSim(value, START))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"{FIELDS}: {error}") from None
    return value


def zoned_cron(value: str) -> str:
    """The same, with or without `CRON_TZ=<time zone> ` before it.

    Raises:
        ValueError: it is none, or never comes.
    """
    _ = cron(ZONE.sub("", value, count=1) if ZONE.match(value) else value)
    return value


def longest_gap_s(value: str) -> int:
    """The longest time between two runs, in seconds."""
    runs = CronSim(ZONE.sub("", value), START)
    last, longest = next(runs), 0.0
    for _ in range(RUNS):
        run = next(runs, None)
        if run is None or run > START + HORIZON:
            break
        longest = max(longest, (run - last).total_seconds())
        last = run
    return int(longest)
