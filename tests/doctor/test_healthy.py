"""Everything as deployed: nothing to say."""

import pytest

from doctor.findings import exit_code

from .world import Local, told


@pytest.mark.parametrize("over_sockets", [True, False])
def test_a_healthy_world_is_all_green(over_sockets):
    local = Local()
    local.over_sockets = over_sockets
    findings = local.examine()
    assert told(findings) == []
    assert exit_code(findings) == 0
    assert len(findings) > 70


@pytest.mark.parametrize("stack", ["primary", "backup"])
def test_one_stack_alone_is_all_green_too(stack):
    local = Local()
    if stack == "primary":
        local.with_backup = False
    else:
        local.primary = local.backup
    assert told(local.examine()) == []


def test_long_answers_come_over_tcp():
    local = Local()
    local.over_sockets = True
    local.dns.udp_limit = 200
    assert told(local.examine()) == []
