"""The workflows, judged by other people's programs, and by what must never be in them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from offline.program import PROJECT_FOLDER
from tests.cluster import programs

FOLDER = PROJECT_FOLDER / ".github" / "workflows"
FILES = {path.stem: path for path in sorted(FOLDER.glob("*.yml"))}
WORKFLOWS = {name: yaml.load(path.read_text(), Loader=yaml.BaseLoader) for name, path in FILES.items()}
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+")
LOCAL = re.compile(r"uses: \./\.github/workflows/[a-z]+\.yml")
# Those that run a pull request's code, and those that may be given a token for the clouds.
OF_STRANGERS = ("checks", "difference")
TRUSTED = ("preview", "drift", "deploy")


def jobs(name):
    return WORKFLOWS[name]["jobs"].values()


def test_actionlint_finds_nothing():
    found = programs.find("actionlint")
    if found is None:
        pytest.skip("actionlint is not built; `make tools` builds it")
    # Its other linters only run where they happen to be installed.
    command = [found, "-shellcheck=", "-pyflakes=", *FILES.values()]
    judged = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_zizmor_finds_nothing():
    found = Path(sys.executable).with_name("zizmor")
    if not found.is_file():
        pytest.skip("zizmor is not installed; `make lint` brings it")
    judged = subprocess.run([found, "--offline", FOLDER], capture_output=True, text=True, timeout=60, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize("name", FILES)
def test_every_action_is_pinned_to_a_commit(name):
    lines = [line.strip().removeprefix("- ") for line in FILES[name].read_text().splitlines() if "uses:" in line]
    assert lines
    assert all(PINNED.fullmatch(line) or LOCAL.fullmatch(line) for line in lines), lines


def test_an_action_is_the_same_commit_everywhere():
    uses = {use for path in FILES.values() for use in re.findall(r"uses: ([\w.-]+/[\w./-]+@.*)", path.read_text())}
    assert len(uses) == len({use.partition("@")[0] for use in uses})


@pytest.mark.parametrize("name", FILES)
def test_a_workflow_begins_with_no_rights_or_to_read(name):
    assert WORKFLOWS[name]["permissions"] in ({}, "{}", {"contents": "read"})
    assert "pull_request_target" not in WORKFLOWS[name]["on"]


@pytest.mark.parametrize("name", OF_STRANGERS)
def test_a_strangers_code_gets_no_secret_and_may_write_nothing(name):
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    assert all("permissions" not in job and "environment" not in job for job in jobs(name))
    text = FILES[name].read_text()
    assert not re.search(r"secrets|github\.token|id-token|vars\.", text)
    assert text.count("persist-credentials: false") == text.count("actions/checkout@")


def test_the_job_that_comments_runs_the_default_branch_alone():
    (job,) = jobs("comment")
    checkouts = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts == [{"ref": "${{ github.event.repository.default_branch }}", "persist-credentials": "false"}]
    assert [step["run"] for step in job["steps"] if "run" in step] == ["python3 -m offline.github.comment"]
    assert job["permissions"] == {"contents": "read", "actions": "read", "pull-requests": "write"}
    assert WORKFLOWS["comment"]["on"] == {
        "workflow_run": {"workflows": [WORKFLOWS["difference"]["name"]], "types": ["completed"]}
    }


@pytest.mark.parametrize("name", FILES)
def test_nothing_from_outside_is_put_into_a_shell(name):
    runs = [step["run"] for job in jobs(name) for step in job.get("steps", []) if "run" in step]
    assert not any("${{" in run for run in runs)


@pytest.mark.parametrize("name", TRUSTED)
def test_what_needs_an_organization_is_off_without_one(name):
    for job in jobs(name):
        assert "vars.PULUMI_ORGANIZATION != ''" in job.get("if", "") or job.get("needs") == "primary"
        assert all(right in ("contents", "id-token", "pull-requests", "issues") for right in job["permissions"])


def test_a_fork_gets_no_preview():
    (job,) = jobs("preview")
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]


def test_the_primary_is_deployed_before_the_backup_and_neither_is_stopped_halfway():
    primary, backup = jobs("deploy")
    assert backup["needs"] == "primary"
    for job, stack in ((primary, "primary"), (backup, "backup")):
        assert job["with"] == {"command": "up", "stack": stack, "environment": stack}
        assert job["concurrency"] == {"group": f"deploy-{stack}", "cancel-in-progress": "false"}


def test_policies_are_asked_with_their_configuration_and_before_an_up():
    (job,) = jobs("pulumi")
    before, engine = [step for step in job["steps"] if "policyPacks" in step.get("with", {})]
    for step in (before, engine):
        assert step["with"]["policyPacks"] == "policy"
        assert step["with"]["policyPackConfigs"] == "${{ hashFiles('policy-config.json') != '' && 'policy-config.json' || '' }}"
        assert step["with"]["stack-name"] == engine["with"]["stack-name"]
    # By the Automation API `up` has no preview, at whose end policies on whole stacks speak.
    assert (before["if"], before["with"]["command"]) == ("inputs.command == 'up'", "preview")


def test_every_job_ends():
    for name in FILES:
        assert all("uses" in job or "timeout-minutes" in job for job in jobs(name))
