"""Policies that were kept, and are broken now."""

from collections.abc import Iterator

from policy.rules import MANDATORY

from ..model import Risk
from ..objects import both
from ..reading import Build

ADVICE = "mend it, or say in policy-config.json why it may be; docs/policies.md has the policy"


def violation_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Violations that were not there before."""
    for stack, was, now in both(old, new):
        before = {(found.rule, found.resource) for found in was.violations}
        for found in now.violations:
            if (found.rule, found.resource) not in before:
                level = "danger" if found.level == MANDATORY else "warning"
                message = f"breaks the policy {found.rule}: {found.message}"
                yield Risk(level, "policy-broken", stack, f"resource {found.resource}", message, ADVICE)
