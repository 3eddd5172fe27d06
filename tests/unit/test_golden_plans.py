"""The plans of typical servers, word for word: they change only when somebody means it (`make golden`)."""

import subprocess
import sys

import pytest

from components import checks
from components.stalwart.plan_job import mark, plan_text
from components.stalwart.plans.dialect import DIALECTS
from offline.program import PROJECT_FOLDER

from .servers import ALL, PRIMARY, server

GOLDEN = PROJECT_FOLDER / "tests" / "golden"
CHECK_PLAN = PROJECT_FOLDER.parent / "shared" / "tools" / "check_plan.py"


@pytest.mark.parametrize("name", ALL)
def test_a_plan_is_what_was_reviewed(name):
    assert plan_text(server(ALL[name])) == (GOLDEN / f"{name}.ndjson").read_text()


@pytest.mark.skipif(not CHECK_PLAN.exists(), reason="the server's own schema is not beside this project")
@pytest.mark.parametrize("name", ALL)
def test_a_plan_follows_the_servers_own_schema(name):
    command = [sys.executable, str(CHECK_PLAN), str(GOLDEN / f"{name}.ndjson")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_the_mark_replaces_the_mark_of_the_plan_before():
    (op,) = mark("abc")
    assert op.encode()["scope"] == {"namespace": "stalwart-mail-plan"}
    assert mark("abd") != mark("abc")


def test_there_is_a_dialect_for_every_line_that_is_accepted():
    assert set(checks.SERVER_LINES) == set(DIALECTS)


def test_all_mistakes_of_the_arguments_are_told_at_once():
    with pytest.raises(checks.ArgumentsError) as refused:
        server(
            PRIMARY,
            hostname="mx",
            server_image="a/b:latest",
            cli_image="a/b:1.0.10",
            storage={"size": "big"},
            tls={"secret_name": "a", "issuer": "b"},
            log_level="loud",
            limits={"ban_hours": 0},
            accounts=[{"address": "nobody"}],
        )
    message = str(refused.value)
    for words in (
        "`mx`",
        "floating tag",
        "too old",
        "storage.size",
        "one source",
        "loud",
        "limits.ban_hours",
        "accounts[0].address",
    ):
        assert words in message, words
