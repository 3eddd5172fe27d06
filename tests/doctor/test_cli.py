"""The command: exit codes, JSON, words in place of tracebacks."""

import json
import os
import re
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from doctor import cli
from doctor.findings import Severity

from .faults import COM, apex, put
from .world import BLOCKLISTS, OUTBOUND, PRIMARY, Local

ROOT = Path(__file__).parents[2]
OPTIONS = ["--outbound-host", OUTBOUND, *(option for zone in BLOCKLISTS for option in ("--blocklist", zone))]


@pytest.fixture
def doctor(monkeypatch, capsys):
    """Runs the command; gives its exit code, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["doctor", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return ended.value.code, out, err

    return run


@contextmanager
def looking_at(local, monkeypatch):
    with local.world() as world:
        monkeypatch.setattr(cli, "real_world", lambda resolvers, timeout: world)
        yield


@pytest.fixture
def outputs(tmp_path):
    """A file with the outputs of a stack, of which some can be left out."""

    def write(*without, **changes):
        kept = {key: value for key, value in {**PRIMARY, **changes}.items() if key not in without}
        path = tmp_path / "outputs.json"
        path.write_text(json.dumps(kept))
        return str(path)

    return write


@pytest.fixture
def pulumi(tmp_path, monkeypatch):
    """Puts a program called pulumi on the path, and nothing else."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(body):
        program = tmp_path / "pulumi"
        program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return install


@pytest.mark.parametrize(
    ("breaks", "code"),
    [
        (lambda local: None, 0),
        (lambda local: setattr(local.dns, "validates", False), 0),
        (put(COM, "CAA"), 1),
        (apex("v=spf1 +all"), 2),
    ],
    ids=["fine", "cannot tell", "warning", "fault"],
)
def test_the_exit_code_is_the_worst_severity(doctor, outputs, monkeypatch, breaks, code):
    local = Local()
    breaks(local)
    with looking_at(local, monkeypatch):
        assert doctor("--outputs", outputs(), *OPTIONS)[0] == code


def test_the_table_says_what_is_wrong_and_how_to_fix_it_without_escape_codes(doctor, outputs, monkeypatch):
    local = Local()
    apex("v=spf1 mx ~all")(local)
    with looking_at(local, monkeypatch):
        _code, out, err = doctor("--outputs", outputs(), *OPTIONS)
    assert "\x1b" not in out
    assert err == ""
    words = re.sub(r"\s+", " ", out)
    assert "spf-fails" in words
    assert "example.org 5 fine" in words
    assert "Fix: Publish `example.com. TXT" in words
    assert re.search(r"1 fault; \d+ checks are fine\.", words)


def test_json_lists_every_finding(doctor, outputs, monkeypatch):
    local = Local()
    put("_dmarc.example.com", "TXT")(local)
    with looking_at(local, monkeypatch):
        code, out, _err = doctor("--json", "--outputs", outputs(), *OPTIONS)
    findings = json.loads(out)
    assert code == 2
    assert {tuple(finding) for finding in findings} == {("check", "subject", "severity", "message", "fix")}
    assert {finding["severity"] for finding in findings} <= {severity.name.lower() for severity in Severity}
    assert [finding["check"] for finding in findings if finding["severity"] == "fault"] == ["dmarc-missing"]


def test_no_blocklist_is_asked_when_none_is_wanted(doctor, outputs, monkeypatch):
    with looking_at(Local(), monkeypatch):
        _code, out, _err = doctor("--json", "--outputs", outputs(), "--outbound-host", OUTBOUND, "--no-blocklists")
    assert not [finding for finding in json.loads(out) if finding["check"].startswith("blocklist")]


def test_stacks_are_asked_of_pulumi(doctor, pulumi, monkeypatch):
    wanted = ["stack", "output", "--json", "--non-interactive", "--stack", "primary"]
    pulumi(f"assert sys.argv[1:] == {wanted}\nprint({json.dumps(PRIMARY)!r})")
    with looking_at(Local(), monkeypatch):
        assert doctor(*OPTIONS)[0] == 0


def test_without_pulumi_it_says_how_to_do_without(doctor, pulumi):
    code, out, err = doctor("--stack", "primary")
    assert (code, out) == (3, "")
    assert "pulumi is not on PATH" in err
    assert ".venv/bin/python -m doctor --outputs FILE" in err


def test_a_stack_that_was_never_brought_up_is_not_taken_for_an_old_one(doctor, pulumi):
    pulumi("print('{}')")
    code, _out, err = doctor("--stack", "backup")
    assert code == 3
    assert err == "Stack backup has no outputs: it has not been brought up yet. Run: pulumi up --stack backup\n"


def test_pulumi_has_its_own_words(doctor, pulumi):
    pulumi("sys.exit(\"error: no stack named 'nowhere' found\")")
    code, _out, err = doctor("--stack", "nowhere")
    assert code == 3
    assert "error: no stack named 'nowhere' found" in err


@pytest.mark.parametrize("field", ["hostname", "addresses", "ports", "zones", "ptr", "exchanges", "signedZones"])
def test_outputs_of_an_older_program_are_told_by_field(doctor, outputs, field):
    code, _out, err = doctor("--outputs", outputs(field))
    assert code == 3
    assert f"`{field}`" in err
    assert "pulumi up" in err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"zones": {"example.com": "example.com. IN A not-an-address"}}, "zone file"),
        ({"zones": ["example.com"]}, "form"),
        ({"ptr": None}, "form"),
        ({"mtaSts": {"mode": "enforce"}}, "maxAgeSeconds"),
    ],
)
def test_outputs_that_cannot_be_read_are_refused(doctor, outputs, changes, words):
    code, _out, err = doctor("--outputs", outputs(**changes))
    assert code == 3
    assert words in err


@pytest.mark.parametrize(("text", "words"), [("", "is not JSON"), ("[]", "is not a JSON object")])
def test_a_file_that_is_something_else_is_refused(doctor, tmp_path, text, words):
    (tmp_path / "file").write_text(text)
    code, _out, err = doctor("--outputs", str(tmp_path / "file"))
    assert code == 3
    assert words in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--outputs", "/nowhere/outputs.json"], "cannot be read"),
        (["--bogus"], "--bogus"),
        (["--timeout", "soon"], "a valid number"),
        (["--timeout", "-1"], "greater than"),
    ],
)
def test_wrong_usage_is_not_taken_for_a_fault(doctor, arguments, words):
    code, _out, err = doctor(*arguments)
    assert code == 3
    assert words in err


@pytest.mark.parametrize("resolver", ["dns.example", "127.0.0.1:port", "[::1", "127.0.0.1:99999"])
def test_a_resolver_is_an_address(doctor, outputs, resolver):
    code, _out, err = doctor("--outputs", outputs(), "--resolver", resolver)
    assert code == 3
    assert f"--resolver {resolver} is not an address" in err


def test_it_is_a_module_that_reads_standard_input():
    command = [sys.executable, "-m", "doctor", "--outputs", "-"]
    done = subprocess.run(command, input="{}", capture_output=True, text=True, cwd=ROOT, env=os.environ, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("File - has no output `hostname`")
