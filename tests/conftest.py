"""Recordings of both stacks, made once a process, and the hypothesis profile."""

from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from offline.program import record, stack_config
from offline.recorder import Recording
from offline.world import OfflineWorld

settings.register_profile("project", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

PRIMARY = "mail/primary"


@cache
def recorded(stack: str, preview: bool = False) -> Recording:
    """A stack as it is shipped; the backup runs on what the primary put out."""
    stacks = {} if stack == "primary" else {PRIMARY: dict(recorded("primary").outputs)}
    return record(stack, stack_config(stack), OfflineWorld(stacks), preview=preview)


@pytest.fixture(params=["primary", "backup"])
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def recording(stack: str) -> Recording:
    return recorded(stack)


@pytest.fixture
def primary() -> Recording:
    return recorded("primary")


@pytest.fixture
def backup() -> Recording:
    return recorded("backup")
