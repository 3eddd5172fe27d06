"""The policies, as pure functions: resources as plain data in, violations out. Nothing here needs Pulumi."""

from collections.abc import Mapping, Sequence
from typing import Any

from . import dns, server, state, workloads
from .model import ADVISORY, DISABLED, LEVELS, MANDATORY, UNKNOWN, Resource, Rule, Violation

__all__ = ["ADVISORY", "MANDATORY", "RULES", "UNKNOWN", "Resource", "Rule", "Violation", "check", "config_schema"]

RULES: tuple[Rule, ...] = (*dns.RULES, *server.RULES, *workloads.RULES, *state.RULES)

ALL = "all"
LEVEL = "enforcementLevel"
LEVEL_SCHEMA = {"enum": list(LEVELS)}


def check(resources: Sequence[Resource], config: Mapping[str, Any]) -> list[Violation]:
    """Judge the resources of a stack.

    Args:
        resources: all of them.
        config: what Pulumi takes as `--policy-pack-config`: by rule, or `all`, a level or an object with `enforcementLevel` and
            the rule's settings. It fits `config_schema`.

    Returns:
        Every violation, mandatory ones first, else in the order of the rules and the resources.
    """
    found: list[Violation] = []
    for rule in RULES:
        level, settings = _configured(rule, config)
        if level != DISABLED:
            for resource, message in rule.judge(resources, settings):
                found.append(Violation(rule.name, level, resource.name, resource.urn, message))
    return sorted(found, key=lambda violation: violation.level != MANDATORY)


def config_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a configuration."""
    properties: dict[str, Any] = {ALL: LEVEL_SCHEMA}
    for rule in RULES:
        settings = {"properties": {LEVEL: LEVEL_SCHEMA, **rule.schema}, "type": "object", "additionalProperties": False}
        # Not `anyOf`: of that a validator can only say that nothing fits.
        properties[rule.name] = {"if": {"type": "string"}, "then": LEVEL_SCHEMA, "else": settings}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _configured(rule: Rule, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    given = config.get(rule.name, {})
    settings: Mapping[str, Any] = {LEVEL: given} if isinstance(given, str) else given
    return str(settings.get(LEVEL, config.get(ALL, rule.level))), settings
