"""The alerts of a mail server, as the spec of a prometheus-operator `PrometheusRule`."""

from typing import Any

from .exporter_alerts import exporter_rules, volume_rules
from .server_alerts import server_rules
from .watched import Watched


def spec(watched: Watched) -> dict[str, Any]:
    """The spec of a PrometheusRule: a group each for what the server tells, what the exporter sees, and the volumes."""
    groups: list[dict[str, Any]] = [
        {"name": "mail-server", "rules": server_rules(watched)},
        {"name": "mail-exporter", "rules": exporter_rules(watched)},
    ]
    if watched.claims:
        groups.append({"name": "mail-volumes", "rules": volume_rules(watched)})
    return {"groups": [{**group, "rules": [_of(watched, rule) for rule in group["rules"]]} for group in groups]}


def _of(watched: Watched, rule: dict[str, Any]) -> dict[str, Any]:
    # One Alertmanager may have the alerts of several servers, and what is made of a sum or of an absence has no label of its own.
    about = {"namespace": watched.namespace, "host": watched.hostname, **({"region": watched.region} if watched.region else {})}
    return {**rule, "labels": {**rule["labels"], **about}}
