"""What the workflows write on GitHub, and what they believe of a stranger's artifact: nothing."""

import io
import subprocess
import sys
import zipfile
from dataclasses import replace
from hashlib import sha512

import pytest

from offline.diff.as_json import from_json, to_json
from offline.diff.comparison import compare
from offline.diff.markdown import NOTHING, markdown
from offline.diff.model import Change, Difference, Field, LeftOut, Risk, StackDifference
from offline.github import comment, drift
from offline.github.api import GitHubError, Repository
from offline.program import PROJECT_FOLDER
from tests.unit.builds import PRIMARY, option, shipped
from tests.unit.github_api import BOT, NAME, TOKEN, github

RUN, HEAD, NUMBER = "4711", "a" * 40, 12
CLAIM = (PRIMARY, "PersistentVolumeClaim", "stalwart-data")
URL = "https://github.example/owner/mail/actions/runs/1"


def difference(changed=True):
    return to_json(compare(shipped(), option(*CLAIM, protect=False)(shipped()) if changed else shipped()))


def archive(method=zipfile.ZIP_DEFLATED, **files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as found:
        for name, text in files.items():
            found.writestr(name.replace("_json", ".json"), text)
    return data.getvalue()


def damaged():
    """An archive whose second file begins with what no deflate stream begins with."""
    data = bytearray(archive(number="12", difference_json=difference()))
    start = data.index(b"difference.json") + len("difference.json")
    data[start : start + 8] = b"\xff" * 8
    return bytes(data)


def endless():
    """An archive whose second file is a deflate stream that promises more bytes than there are (RFC 1951, section 3.2.4)."""
    data = bytearray(archive(zipfile.ZIP_STORED, number="12", difference_json=b"\0\xff\xff\0\0"))
    entry = data.rindex(b"PK\1\2")
    data[entry + 10 : entry + 12] = zipfile.ZIP_DEFLATED.to_bytes(2, "little")
    data[entry + 20 : entry + 28] = (2**20).to_bytes(4, "little") * 2
    return bytes(data)


@pytest.fixture
def hub():
    with github() as found:
        found.artifacts[RUN] = [(5, archive(number=f"{NUMBER}\n", difference_json=difference()))]
        found.pulls[NUMBER] = {"head": {"sha": HEAD, "label": "stranger:fix/a&b"}, "state": "open"}
        yield found


def test_the_comment_is_written_once_and_then_brought_up_to_date(hub):
    assert comment.comment(hub.repository, RUN, HEAD) == "commented on pull request 12"
    (written,) = hub.comments[NUMBER]
    assert written["body"].startswith(comment.MARKER)
    assert "**1 danger**" in written["body"]
    assert f"Commit {HEAD[:12]}" in written["body"]
    hub.artifacts[RUN] = [(6, archive(number=str(NUMBER), difference_json=difference(changed=False)))]
    assert comment.comment(hub.repository, RUN, HEAD) == "updated the comment on pull request 12"
    (updated,) = hub.comments[NUMBER]
    assert NOTHING in updated["body"]
    assert len(hub.writes) == 2


FAILED = ("stranger", "fix/a&b", HEAD, URL)


def test_a_commit_that_cannot_be_built_takes_back_what_was_said_of_an_earlier_one(hub):
    comment.comment(hub.repository, RUN, HEAD)
    hub.artifacts.clear()
    hub.pulls[13] = {"head": {"sha": HEAD, "label": "somebody:else"}, "state": "open"}
    assert comment.outdate(hub.repository, *FAILED) == "updated the comment on pull request 12: its commit cannot be built"
    (updated,) = hub.comments[NUMBER]
    assert updated["body"].startswith(comment.MARKER)
    assert f"Commit {HEAD[:12]} could not be compared" in updated["body"]
    assert f"[The log]({URL})" in updated["body"]
    assert "danger" not in updated["body"]
    assert not hub.comments.get(13)
    hub.artifacts[RUN] = [(5, archive(number=str(NUMBER), difference_json=difference()))]
    comment.comment(hub.repository, RUN, HEAD)
    assert "**1 danger**" in updated["body"]


@pytest.mark.parametrize(
    "pull",
    [
        {"head": {"sha": "b" * 40, "label": "stranger:fix/a&b"}, "state": "open"},
        {"head": {"sha": HEAD, "label": "stranger:fix/a&b"}, "state": "closed"},
        {"head": {"sha": HEAD, "label": "other:fix/a&b"}, "state": "open"},
    ],
    ids=["newer", "closed", "of another fork"],
)
def test_a_failure_says_nothing_about_another_commit(hub, pull):
    comment.comment(hub.repository, RUN, HEAD)
    written = len(hub.writes)
    hub.pulls[NUMBER] = pull
    assert comment.outdate(hub.repository, *FAILED).startswith(f"nothing to say: no open pull request at the commit {HEAD[:12]}")
    assert len(hub.writes) == written


def test_a_failure_without_a_comment_is_left_to_the_red_check(hub):
    assert comment.outdate(hub.repository, *FAILED).startswith("nothing to say")
    assert hub.writes == []


def test_it_is_found_among_many_and_nobody_elses_is_touched(hub):
    others = [{"id": number, "user": {"login": "someone"}, "body": comment.MARKER} for number in range(250)]
    ours = {"id": 999, "user": {"login": BOT}, "body": f"{comment.MARKER}\nold"}
    hub.comments[NUMBER] = [*others, {"id": 998, "user": {"login": BOT}, "body": "of another workflow"}, ours]
    assert comment.comment(hub.repository, RUN, HEAD) == "updated the comment on pull request 12"
    assert "**1 danger**" in ours["body"]
    assert all(other["body"] == comment.MARKER for other in others)
    assert hub.comments[NUMBER][250]["body"] == "of another workflow"


def test_a_pull_request_that_changes_nothing_gets_no_comment(hub):
    hub.artifacts[RUN] = [(5, archive(number=str(NUMBER), difference_json=difference(changed=False)))]
    assert comment.comment(hub.repository, RUN, HEAD) == "nothing to say: nothing changes"
    assert hub.writes == []


@pytest.mark.parametrize(
    "pull", [{"head": {"sha": "b" * 40}, "state": "open"}, {"head": {"sha": HEAD}, "state": "closed"}], ids=["newer", "closed"]
)
def test_nothing_is_said_on_a_pull_request_that_the_run_was_not_for(hub, pull):
    hub.pulls[NUMBER] = pull
    assert "nothing to say: pull request 12" in comment.comment(hub.repository, RUN, HEAD)
    assert hub.writes == []


def test_a_run_without_an_artifact_says_nothing(hub):
    assert comment.comment(hub.repository, "1", HEAD) == "nothing to say: the run left no difference"
    hub.expired = True
    assert comment.comment(hub.repository, RUN, HEAD) == "nothing to say: the run left no difference"


@pytest.mark.parametrize(
    "data",
    [
        b"no archive",
        archive(number="12"),
        archive(number="12", difference_json="{}", more="x"),
        archive(number="12", difference_json="{}"),
        archive(number="0", difference_json=difference()),
        archive(number="-1", difference_json=difference()),
        archive(number="12/../../13", difference_json=difference()),
        archive(number="\u0661\u0662", difference_json=difference()),
        archive(number="1" * 17, difference_json=difference()),
        archive(number="12", difference_json=difference() + " " * comment.MAX_BYTES[comment.DIFFERENCE]),
        archive(number=b"\xff", difference_json=difference()),
        damaged(),
        endless(),
        archive(zipfile.ZIP_LZMA, number="12", difference_json=difference()),
    ],
)
def test_an_artifact_that_is_not_as_it_must_be_is_refused(hub, data):
    hub.artifacts[RUN] = [(5, data)]
    with pytest.raises(ValueError, match=r"."):
        comment.comment(hub.repository, RUN, HEAD)
    assert not any("pulls" in path for _, path, _ in hub.asked)
    assert hub.writes == []


def test_the_largest_difference_gets_its_comment_too(hub):
    def made(number):
        secret = sha512(str(number).encode()).hexdigest()
        return Change("added", "TXT", f"d{number}.example", "", tuple(Field("", "", f"{part}{secret}") for part in range(4)))

    risks = tuple(
        Risk(
            "danger" if number < 1_500 else "warning",
            "mx-removed",
            PRIMARY,
            f"MX of d{number}.example",
            "is removed" * 20,
            "keep",
        )
        for number in range(9_000)
    )
    records = tuple(made(number) for number in range(30_000))
    found = Difference(risks, (StackDifference(PRIMARY, "changed", (), records, (), (), (), ()),))
    text = to_json(found)
    assert len(text) <= comment.MAX_BYTES[comment.DIFFERENCE]
    hub.artifacts[RUN] = [(5, archive(number=str(NUMBER), difference_json=text))]
    assert comment.comment(hub.repository, RUN, HEAD) == "commented on pull request 12"
    (written,) = hub.comments[NUMBER]
    assert "**1500 dangers and 7500 warnings**" in written["body"]
    assert "- and 8900 more\n" in written["body"]
    assert "DNS records: 30000 added" in written["body"]


def test_one_enormous_item_is_left_out_and_counted():
    change = Change("added", "TXT", "x", "", tuple(Field(str(number), "", "é" * 2_000) for number in range(20_000)))
    found = from_json(to_json(Difference((), (StackDifference(PRIMARY, "changed", (change,), (), (), (), (), ()),))))
    ((kept,),) = [stack.objects for stack in found.stacks]
    assert kept.fields[-1].new == f"and {20_000 - (len(kept.fields) - 1)} more parts"
    texts = tuple(replace(change, name="é" * 2**20) for _ in range(3))
    found = from_json(to_json(Difference((), (StackDifference(PRIMARY, "changed", texts, (), (), (), (), ()),))))
    assert found.left_out == (LeftOut(PRIMARY, "objects", "added", 3),)
    assert "Objects: 3 added" in markdown(found)


def test_an_artifact_that_is_too_large_is_not_read_to_its_end(hub):
    hub.artifacts[RUN] = [(5, b"x" * (comment.MAX_ARTIFACT_BYTES + 1))]
    with pytest.raises(GitHubError, match="more than"):
        comment.comment(hub.repository, RUN, HEAD)


def test_the_token_stays_with_github(hub):
    comment.comment(hub.repository, RUN, HEAD)
    seen = {path: authorization for _, path, authorization in hub.asked}
    assert seen.pop("/storage/5") is None
    assert set(seen.values()) == {f"Bearer {TOKEN}"}


def test_a_refusal_is_said_on_one_line(hub, monkeypatch, capsys):
    hub.refuse = "/comments"
    values = {"GITHUB_API_URL": hub.repository.api_url, "GITHUB_REPOSITORY": NAME, "GITHUB_TOKEN": TOKEN, "RUN_ID": RUN}
    values |= {"HEAD_SHA": HEAD, "HEAD_OWNER": "stranger", "HEAD_BRANCH": "fix/a&b", "RUN_URL": URL, "CONCLUSION": "success"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert comment.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("no comment: GET issues/12/comments")
    assert "403" in line
    hub.refuse = ""
    assert comment.main() == 0
    assert capsys.readouterr().out == "commented on pull request 12\n"
    monkeypatch.setenv("CONCLUSION", "failure")
    assert comment.main() == 0
    assert capsys.readouterr().out == "updated the comment on pull request 12: its commit cannot be built\n"
    monkeypatch.delenv("GITHUB_TOKEN")
    assert comment.main() == 1
    assert "GITHUB_TOKEN must be in the environment" in capsys.readouterr().err


def test_a_host_that_does_not_answer_is_an_error_of_one_line():
    with pytest.raises(GitHubError, match="GET pulls/1: "):
        Repository("http://127.0.0.1:1", NAME, TOKEN).ask("pulls/1")


def test_a_drift_is_one_issue_for_as_long_as_it_lasts(hub):
    hub.issues.append({"number": 1, "state": "open", "user": {"login": "someone"}, "body": drift.MARKER})
    assert drift.report(hub.repository, "success", URL) == "nothing to say: every stack is as the code says"
    assert drift.report(hub.repository, "failure", URL) == "opened issue 8"
    assert drift.report(hub.repository, "failure", f"{URL}2") == "updated issue 8"
    assert f"{URL}2" in hub.issues[1]["body"]
    assert drift.report(hub.repository, "cancelled", URL) == "nothing to say: the check was cancelled"
    assert drift.report(hub.repository, "success", URL) == "closed issue 8"
    assert [issue["state"] for issue in hub.issues] == ["open", "closed"]
    assert drift.report(hub.repository, "failure", URL) == "opened issue 9"


def test_the_drift_command_reads_the_environment(hub, monkeypatch, capsys):
    values = {"GITHUB_API_URL": hub.repository.api_url, "GITHUB_REPOSITORY": NAME, "GITHUB_TOKEN": TOKEN}
    for name, value in {**values, "RESULT": "failure", "RUN_URL": URL}.items():
        monkeypatch.setenv(name, value)
    assert drift.main() == 0
    assert capsys.readouterr().out == "opened issue 7\n"
    monkeypatch.delenv("RESULT")
    assert drift.main() == 1
    assert "RESULT" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["offline.github.comment", "offline.github.drift"])
def test_the_jobs_that_may_write_need_nothing_but_python(module):
    # -S: without the folder that libraries are installed in.
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(PROJECT_FOLDER)!r}); import {module}"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""
