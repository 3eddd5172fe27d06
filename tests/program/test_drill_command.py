"""`make drill`: starts a Job of the CronJob, shows its log, removes it, and says how it ended."""

import json
import stat

import pytest
from typer.testing import CliRunner

import drill
from tests.conftest import changed, recorded

# kubectl as far as a drill needs it: notes how it is called, and answers as the test says.
KUBECTL = """#!/bin/sh
echo "$@" >> "$NOTES"
case "$*" in
  *"create job"*) [ -z "$REFUSES" ] || { echo "Error: cronjobs.batch not found" >&2; exit 1; } ;;
  *" logs "*) echo "RPO:      1 h 0 min 0 s" ;;
  *" get job "*) sh -c 'test -e "$NOTES.asked" && printf %s "$ENDINGS"; touch "$NOTES.asked"' ;;
esac
"""


@pytest.fixture
def kubectl(tmp_path, monkeypatch):
    path = tmp_path / "kubectl"
    path.write_text(KUBECTL)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setattr(drill, "END_PAUSE_S", 0.0)
    monkeypatch.setenv("ENDINGS", "SuccessCriteriaMet Complete")
    monkeypatch.setenv("REFUSES", "")
    return tmp_path / "notes"


def _run(tmp_path, recording):
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({name: recording.outputs[name] for name in ("drill", "hostname") if name in recording.outputs}))
    return CliRunner().invoke(drill.app, ["--outputs", str(file)])


def _calls(notes):
    return [call.partition("--namespace velero ")[2].partition(" mail-drill-2")[0] for call in notes.read_text().splitlines()]


def test_a_drill_that_is_passed(kubectl, tmp_path, capfd):
    assert _run(tmp_path, recorded("backup")).exit_code == 0
    assert "RPO:      1 h 0 min 0 s" in capfd.readouterr().out
    verbs = [call.split()[0] for call in _calls(kubectl)]
    assert verbs == ["create", "logs", "get", "get", "delete"]
    assert "--from=cronjob/mail-drill" in kubectl.read_text()


def test_a_drill_that_is_failed_is_cleared_away_too(kubectl, tmp_path, monkeypatch):
    monkeypatch.setenv("ENDINGS", "FailureTarget Failed")
    assert _run(tmp_path, recorded("backup")).exit_code == 1
    assert _calls(kubectl)[-1] == "delete job"


def test_the_stacks_own_cluster_is_asked(kubectl, tmp_path):
    assert _run(tmp_path, changed("backup", kubeContext="mail-eu-central-1")).exit_code == 0
    assert all(line.startswith("--context mail-eu-central-1 --namespace velero ") for line in kubectl.read_text().splitlines())


def test_what_kubectl_refuses_is_said_in_its_words(kubectl, tmp_path, monkeypatch):
    monkeypatch.setenv("REFUSES", "yes")
    found = _run(tmp_path, recorded("backup"))
    assert found.exit_code == 3
    assert "cronjobs.batch not found" in found.output


def test_without_kubectl_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = _run(tmp_path, recorded("backup"))
    assert (found.exit_code, "kubectl is not on PATH" in found.output) == (3, True)


def test_a_stack_without_a_drill_says_why(tmp_path):
    found = _run(tmp_path, changed("primary", backup=None))
    assert (found.exit_code, "this stack has no drill" in found.output) == (3, True)
