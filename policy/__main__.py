"""The policy pack: the rules as the Pulumi engine asks them. It runs in an environment of its own, with `requirements.txt`."""

# The library is in the pack's own environment, not in the project's.
# pyright: standard, reportMissingImports=false

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError
from rules import RULES, UNKNOWN, Resource, Rule

NAME = "mail"


def policy(rule: Rule) -> Policy:
    """A rule as a policy. One that looks at single resources stops them before they are made, others at the end of a preview."""
    level, schema = EnforcementLevel(rule.level), PolicyConfigSchema(rule.schema)

    def judge(resources: Sequence[Resource], config: Mapping[str, Any], report: ReportViolation) -> None:
        for resource, message in rule.judge(resources, config):
            report(message, resource.urn)

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        judge([_resource(args)], args.get_config(), report)

    def validate_stack(args: StackValidationArgs, report: ReportViolation) -> None:
        judge([_resource(found) for found in args.resources], args.get_config(), report)

    if rule.of_stack:
        return StackValidationPolicy(rule.name, rule.description, validate_stack, level, schema)
    return ResourceValidationPolicy(rule.name, rule.description, validate, level, schema)


def _resource(found: ResourceValidationArgs | PolicyResource) -> Resource:
    return Resource(found.resource_type, found.name, found.urn, _plain(found.props), bool(found.opts.protect))


def _plain(value: Any) -> Any:
    """Plain data from what the engine sends, with `UNKNOWN` where it raises when it is asked."""
    if isinstance(value, Mapping):
        return {key: _known(value, key) for key in cast("Mapping[str, Any]", value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_known(value, index) for index in range(len(cast("Sequence[Any]", value)))]
    return value


def _known(holder: Any, key: Any) -> Any:
    try:
        return _plain(holder[key])
    except UnknownValueError:
        return UNKNOWN


PolicyPack(NAME, [policy(rule) for rule in RULES])
