"""Regions that run while the tests of a module do."""

from collections.abc import Iterator

import pytest

from tests.cluster import programs
from tests.cluster.region import Region


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    """Without the programs the tests are skipped."""
    if reason := programs.missing():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def quiet_region() -> Iterator[Region]:
    """A cluster where objects stay as they are put."""
    with Region(controllers="") as region:
        yield region
