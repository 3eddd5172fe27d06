"""The alerts of backups, as the spec of a prometheus-operator `PrometheusRule`.

The rules, and the sources of the metrics' names, are in `velero_alerts`, `database_alerts` and `drill_alerts`.
"""

from dataclasses import dataclass
from typing import Any

from .database_alerts import WatchedDatabase, database
from .drill_alerts import drill
from .velero_alerts import WatchedSchedule, arriving, location, made_here, maintenance, silence, uploads

__all__ = ["Watched", "WatchedDatabase", "WatchedSchedule", "spec"]


@dataclass(frozen=True)
class Watched:
    """What the alerts of one cluster are about."""

    schedules: tuple[WatchedSchedule, ...]
    """Those of this region, and those that arrive from the other."""
    locations: tuple[str, ...]
    """The names of the BackupStorageLocations."""
    mail_namespace: str
    """The namespace that is backed up."""
    database: WatchedDatabase | None = None
    """Whose WAL is archived by the barman-cloud plugin."""
    drill_max_age_days: int | None = None
    """After so many days without a successful restore drill there is an alert. None where there are no drills."""
    region: str | None = None
    """Its name, where it is known."""


def spec(watched: Watched) -> dict[str, Any]:
    """The spec of a PrometheusRule: a group each for Velero, the database and the drills."""
    velero = [silence()]
    for schedule in watched.schedules:
        velero += made_here(schedule) if schedule.made_here else arriving(schedule)
    for name in watched.locations:
        velero += location(name)
    if any(schedule.made_here for schedule in watched.schedules):
        velero += [*uploads(), maintenance(watched.mail_namespace, watched.locations)]
    groups: list[dict[str, Any]] = [{"name": "mail-backups", "rules": velero}]
    if watched.database:
        groups.append({"name": "mail-database-backups", "rules": database(watched.mail_namespace, watched.database)})
    if watched.drill_max_age_days:
        groups.append({"name": "mail-restore-drills", "rules": drill(watched.drill_max_age_days)})
    if watched.region is None:
        return {"groups": groups}
    return {"groups": [{**group, "rules": [_in(watched.region, rule) for rule in group["rules"]]} for group in groups]}


def _in(region: str, rule: dict[str, Any]) -> dict[str, Any]:
    # One Alertmanager may have the alerts of both regions.
    return {**rule, "labels": {**rule["labels"], "region": region}}
