"""The objects of backups and restores change only when somebody means it (`make golden`)."""

import pytest

from tests.golden.regions import FOLDER, REGIONS, text


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_is_what_was_reviewed(name):
    assert text(name) == (FOLDER / f"{name}.yaml").read_text()
