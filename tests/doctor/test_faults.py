"""Each single fault is called by its name, and nothing else is blamed."""

import pytest

from doctor.findings import Severity

from .faults import HARMLESS
from .faults_at_hosts import AT_HOSTS
from .faults_in_policies import IN_POLICIES
from .faults_in_records import IN_RECORDS
from .world import Local, told

FAULTS = [*IN_RECORDS, *IN_POLICIES, *AT_HOSTS]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_named(fault):
    local = Local()
    fault.breaks(local)
    findings = told(local.examine())
    named = [finding for finding in findings if finding.check == fault.check]
    assert named, f"not found; found were {findings}"
    assert any(all(word in f"{finding.message} {finding.fix}" for word in fault.words) for finding in named), named
    assert all(finding.fix or finding.severity is Severity.UNKNOWN for finding in findings)
    others = [finding for finding in findings if finding.check not in {fault.check, *fault.also}]
    assert others == []


@pytest.mark.parametrize("breaks", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_is_nobodys_fault_is_not_told(breaks):
    local = Local()
    breaks(local)
    assert told(local.examine()) == []
