"""Recordings of both stacks, made once a process, and the hypothesis profile."""

import gc
from functools import cache
from typing import Any

import pulumi.runtime.resource
import pytest
from hypothesis import HealthCheck, settings
from pulumi.runtime.proto.source_pb2 import StackTrace

from offline.build import is_manifest
from offline.recorder import Recording, Resource, reveal
from tests.program.stacks import run, settings_of

settings.register_profile("project", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

# The SDK tells the engine from which lines of code a resource comes. Nothing here asks, and below the deep stack of a test it
# takes a quarter of a run's time.
pulumi.runtime.resource._get_stack_trace = StackTrace

# Recordings are kept, so there is little garbage in the many objects that a run of the program makes: to look for it as often as
# usual takes a fifth of the time.
gc.set_threshold(100_000, 20, 100)

PRIMARY = "mail/primary"


@cache
def recorded(stack: str, preview: bool = False) -> Recording:
    """A stack as it is shipped; the backup runs on what the primary put out."""
    return run(stack, settings_of(stack), recorded("primary") if stack == "backup" else None, preview=preview)


def changed(stack: str, **changes) -> Recording:
    """A shipped stack with other settings, by their keys without prefix; None leaves a setting out."""
    return run(stack, settings_of(stack, **changes), recorded("primary") if stack == "backup" else None)


def manifests(recording: Recording) -> list[dict[str, Any]]:
    """The Kubernetes objects of a stack in their order, with the secrets in the clear."""
    return [reveal(dict(found.inputs)) for found in recording.resources.values() if is_manifest(found)]


def only(recording: Recording, kind: str) -> Resource:
    """The one resource of a type."""
    (resource,) = recording.of_type(kind)
    return resource


def named(recording: Recording, name: str) -> Resource:
    """The one resource of a name."""
    (resource,) = [resource for resource in recording.resources.values() if resource.name == name]
    return resource


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
