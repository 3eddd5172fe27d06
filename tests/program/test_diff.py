"""What changes of the settings do, from the program to the comment."""

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from offline import build
from offline.diff import since
from offline.diff.comparison import compare
from offline.diff.markdown import NOTHING, markdown
from tests.conftest import changed, recorded
from tests.program.test_storage import DISTRIBUTED
from tests.unit.builds import BACKUP, PRIMARY, built, shipped

PARKED = {"name": "example.org", "parked": True}
SELECTORS = [{"name": "s1-rsa", "algorithm": "rsa"}, {"name": "s1-ed25519", "algorithm": "ed25519"}]
PLACE = {"bucket": "example-mail-other", "region": "eu-west-1", "prefix": "primary"}
ARCHIVE = {"bucket": "example-mail-archive", "region": "eu-central-1", "prefix": "primary"}

ZONES = [{"name": "example.com", "zoneId": "a", "dnssec": True}, {"name": "example.org", "zoneId": "b", "parked": True}]
CLOUDFLARE = {"provider": "cloudflare", "apiToken": {"secure": "token"}}
PUBLISHED = {"domains": [{**domain, "dnssec": False} for domain in ZONES], "dns": CLOUDFLARE}


def example(**more):
    return [{"name": "example.com", "dmarc": {"policy": "quarantine"}, **more}, PARKED]


CASES = {
    "nothing": ("primary", {}, set()),
    "a larger volume": ("primary", {"storage": {"size": "40Gi"}}, set()),
    "a new domain": ("primary", {"domains": [*example(), {"name": "example.net"}]}, set()),
    "a smaller volume": ("primary", {"storage": {"size": "10Gi"}}, {"volume-shrunk"}),
    "another kind of storage": ("primary", {"storage": DISTRIBUTED}, {"protected-removed", "egress-opened"}),
    "another namespace": ("primary", {"namespace": "post"}, {"protected-replaced", "stateful-replaced", "backups-narrowed"}),
    "a weaker policy": ("primary", {"domains": example(dmarc={"policy": "none"})}, {"dmarc-weakened"}),
    "no parked domain": ("primary", {"domains": example()[:1]}, {"domain-removed"}),
    "a key less": ("primary", {"domains": example(dkimSelectors=SELECTORS[:1])}, {"protected-removed", "dkim-dropped"}),
    "ports of the nodes": (
        "primary",
        {"exposure": {"kind": "HostPort", "addresses": ["203.0.113.10"]}},
        {"port-opened", "pod-security"},
    ),
    "another bucket": ("primary", {"backup": {"location": PLACE, "archive": ARCHIVE}}, {"location-changed"}),
    "another name": ("primary", {"hostname": "mail.example.com"}, {"hostname-changed", "mx-removed", "spf-removed"}),
    "any recipient": ("backup", {"recipients": {"source": "any"}}, {"relaying"}),
    "another region": ("primary", {"region": "eu-north-1"}, {"everything-replaced"}),
    "another cluster": ("primary", {"kubeContext": "north"}, {"another-cluster"}),
    "fewer trusted networks": ("primary", {"trustedNetworks": ["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"]}, {"trust-narrowed"}),
    "a publisher": ("primary", PUBLISHED, set()),
    "fenced": ("primary", {"mode": "fenced"}, {"port-25-closed", "schedule-paused", "protection-dropped"}),
    "no backups": ("backup", {"backup": None}, {"location-removed", "schedule-removed"}),
}


@pytest.mark.parametrize(("stack", "settings", "expected"), CASES.values(), ids=CASES)
def test_a_change_of_the_settings_is_judged(stack, settings, expected):
    found = compare(shipped(), {**shipped(), **built({stack: changed(stack, **settings)})})
    assert {risk.rule for risk in found.risks} == expected
    assert all(risk.stack == stack for risk in found.risks)
    states = {other.stack: other.state for other in found.stacks}
    assert states == {PRIMARY: "same", BACKUP: "same"} | ({stack: "changed"} if settings else {})
    assert (markdown(found) == NOTHING) == (not settings)


GIVEN_UP = {
    "for files": (CLOUDFLARE, {"provider": "zonefile"}, {"records-unpublished", "signing-stops"}),
    "for external-dns": (CLOUDFLARE, {"provider": "external-dns"}, {"signing-stops"}),
    "in the cluster, for files": ({"provider": "external-dns"}, {"provider": "zonefile"}, {"records-unpublished"}),
    "kept": ({**CLOUDFLARE, "leavingZones": ["example.com", "example.org"]}, {"provider": "zonefile"}, {"signing-stops"}),
    "about to be": (CLOUDFLARE, {**CLOUDFLARE, "leavingZones": ["example.com"]}, set()),
}


@pytest.mark.parametrize(("before", "after", "expected"), GIVEN_UP.values(), ids=GIVEN_UP)
def test_a_publisher_that_is_given_up_is_judged(before, after, expected):
    old, new = (built({PRIMARY: changed("primary", dns=dns, domains=ZONES)}) for dns in (before, after))
    found = compare(old, new).risks
    assert {risk.rule for risk in found} == expected
    counts = [risk.message.split()[0] for risk in found if risk.rule == "records-unpublished"]
    names = {(record.name, record.type) for record in old[PRIMARY].records}
    assert not counts or sum(map(int, counts)) == len(names)


def test_taking_monitoring_away_opens_nothing_and_is_one_risk():
    watched = built({PRIMARY: changed("primary", monitoring={})})
    (risk,) = compare(watched, {PRIMARY: shipped()[PRIMARY]}).risks
    assert (risk.rule, risk.subject) == ("alert-removed", "PrometheusRule monitoring-alerts")


def key(name, state):
    return {"name": name, "algorithm": "rsa", "state": state}


def test_a_key_may_live_its_life():
    steps = [
        [key("old", "active")],
        [key("old", "active"), key("new", "pending")],
        [key("old", "retiring"), key("new", "active")],
        [key("old", "retired"), key("new", "active")],
        [key("new", "active")],
    ]
    builds = [built({PRIMARY: changed("primary", domains=example(dkimSelectors=selectors))}) for selectors in steps]
    for old, new in pairwise(builds):
        found = compare(old, new)
        assert found.risks == ()
        assert found.stacks[0].state == "changed"
    assert {risk.rule for risk in compare(builds[1], builds[4]).risks} >= {"dkim-dropped", "protected-removed"}


@pytest.fixture
def program(monkeypatch):
    """What is run instead of git and of the two builds, which other tests run; a build fails for the folders that are named."""
    ran, failing = [], set()

    def run(folder: Path, *command: str) -> None:
        ran.append((folder, command))
        if "worktree" in command:
            return
        if Path(command[-1]).name in failing:
            raise subprocess.CalledProcessError(1, command, stderr="is refused\n")
        for stack in (PRIMARY, BACKUP):
            build.write(recorded(stack), "", Path(command[-1]) / stack)
        if f"policy of {Path(command[-1]).name}" in failing:
            broken = [{"rule": "r", "level": "mandatory", "resource": "x", "urn": "u", "message": "is wrong"}]
            (Path(command[-1]) / PRIMARY / "policy.json").write_text(json.dumps(broken))
            raise subprocess.CalledProcessError(3, command, stderr="Mandatory policies are broken\n")
        if f"end of {Path(command[-1]).name}" in failing:
            raise subprocess.CalledProcessError(1, command, stderr="OSError: no space left on device\n")

    monkeypatch.setattr(since, "_run", run)
    return ran, failing


def test_what_changed_since_a_commit_is_built_by_its_own_code(program, capsys):
    ran, _ = program
    assert since.main(["main"]) == 0
    assert capsys.readouterr().out == NOTHING
    (home, add), (code, _), (_, remove), (here, _) = ran
    assert add[:4] == ("git", "worktree", "add", "--quiet")
    assert add[-2:] == (str(code), "main")
    assert remove == ("git", "worktree", "remove", "--force", str(code))
    assert home == here == since.PROJECT_FOLDER


@pytest.mark.parametrize(("side", "said"), [("old", "main cannot be built"), ("new", "what is here cannot be built")])
def test_a_side_that_is_refused_is_named_and_nothing_is_left(program, capsys, side, said):
    ran, failing = program
    failing.add(side)
    assert since.main(["main"]) == 2
    assert capsys.readouterr().err.startswith(f"{said}:\n")
    assert sum("remove" in command for _, command in ran) == 1


def test_what_breaks_a_policy_is_compared_too(program, capsys):
    _, failing = program
    failing.add("policy of new")
    assert since.main(["main"]) == 0
    assert "breaks the policy r: is wrong" in capsys.readouterr().out
    failing.add("policy of old")
    assert since.main(["main"]) == 0
    assert capsys.readouterr().out == NOTHING


@pytest.mark.parametrize("side", ["old", "new"])
def test_half_a_build_is_not_compared(program, capsys, side):
    _, failing = program
    failing.add(f"end of {side}")
    assert since.main(["main"]) == 2
    printed = capsys.readouterr()
    assert "cannot be built:\nOSError: no space left on device" in printed.err
    assert printed.out == ""


def test_a_commit_from_before_there_was_anything_to_compare_is_said(program, capsys, monkeypatch):
    run = since._run

    def forgets(folder: Path, *command: str) -> None:
        run(folder, *command)
        for path in Path(command[-1]).glob("*/resources.json") if Path(command[-1]).name == "old" else ():
            path.unlink()

    monkeypatch.setattr(since, "_run", forgets)
    assert since.main(["main"]) == 2
    assert "main is too old" in capsys.readouterr().err


@pytest.mark.skipif(
    not (shutil.which("git") and (since.PROJECT_FOLDER / ".git").exists()), reason="needs git, and the project under it"
)
def test_a_commit_that_is_not_there_is_said(capsys):
    assert since.main(["no-such-commit"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("no-such-commit cannot be built:\nfatal: invalid reference: no-such-commit\n")
    assert said.endswith("`git branch --all` lists what there is, and `git fetch` brings what is new.\n")
    assert since.main(["--json", "x"]) == 2
    assert "name a commit" in capsys.readouterr().err
