"""Regions in each world: deployed once for a module's tests that only look, and anew for each test that changes something.

Both are not in one module: a world of real API servers is heavy, and the one to look at would stay up beside the others.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import local
from .deployments import missing, unless
from .echo.world import EchoWorld
from .regions import Regions, World


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(EchoWorld, marks=unless(missing()), id="echo"),
        pytest.param(local.LocalWorld, marks=unless(local.missing()), id="local"),
    ],
)
def new_world(request: pytest.FixtureRequest) -> Callable[[], World]:
    return request.param


@pytest.fixture(scope="module")
def deployed_regions(new_world: Callable[[], World], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regions]:
    """Both regions after their first `up`. Only to look at."""
    with new_world() as world:
        regions = Regions(tmp_path_factory.mktemp("regions"), world)
        regions.up()
        yield regions


@pytest.fixture
def regions(new_world: Callable[[], World], request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Regions]:
    """Both regions after their first `up`, for one test alone."""
    with new_world() as world:
        if world.is_in_folder:
            yield request.getfixturevalue("deployed_regions").copy(tmp_path)
        else:
            regions = Regions(tmp_path, world)
            regions.up()
            yield regions


@pytest.fixture
def new_regions(new_world: Callable[[], World], tmp_path: Path) -> Iterator[Regions]:
    """Both regions before their first `up`."""
    with new_world() as world:
        yield Regions(tmp_path, world)
