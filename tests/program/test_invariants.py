"""What holds for both stacks as they are shipped, whether outputs are known or not."""

from collections.abc import Callable

import pytest

from offline.recorder import Recording
from tests.conftest import recorded
from tests.program.invariants import INVARIANTS

both_modes = pytest.mark.parametrize("preview", [False, True], ids=["known", "unknown"])


@both_modes
@pytest.mark.parametrize("holds", INVARIANTS, ids=lambda rule: rule.__name__)
def test_invariant(holds: Callable[[Recording], None], stack: str, preview: bool):
    holds(recorded(stack, preview))


@both_modes
def test_cluster_objects_use_the_explicit_provider(stack: str, preview: bool):
    recording = recorded(stack, preview)
    (provider,) = recording.of_type("pulumi:providers:kubernetes")
    for resource in recording.resources.values():
        if resource.type.startswith("kubernetes:"):
            assert resource.provider.startswith(provider.urn), resource.urn


def test_a_first_preview_shows_every_resource(stack: str):
    assert recorded(stack, preview=True).resources.keys() == recorded(stack).resources.keys()


def test_a_second_run_registers_the_same(stack: str):
    recorded.cache_clear()
    first = {urn: resource.inputs for urn, resource in recorded(stack).resources.items()}
    recorded.cache_clear()
    assert {urn: resource.inputs for urn, resource in recorded(stack).resources.items()} == first
