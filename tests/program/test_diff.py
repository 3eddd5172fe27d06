"""What changes of the settings do, from the program to the comment."""

import subprocess
from pathlib import Path

import pytest

from offline import build
from offline.diff import since
from offline.diff.comparison import compare
from offline.diff.markdown import NOTHING, markdown
from tests.conftest import changed, recorded
from tests.program.test_dkim_keys import SELECTORS
from tests.unit.builds import BACKUP, PRIMARY, built, shipped

LOCATION = {"bucket": "example-mail-hot", "region": "eu-west-1", "prefix": "primary"}


def primary(**settings):
    return compare(shipped(), {**shipped(), **built({PRIMARY: changed("primary", **settings)})})


def rules(difference):
    return sorted((risk.level, risk.rule) for risk in difference.risks)


def test_another_recording_of_the_same_settings_changes_nothing():
    assert markdown(compare(shipped(), built({PRIMARY: changed("primary"), BACKUP: recorded("backup")}))) == NOTHING
