"""The program that rehearses a restore, with a cluster and a mail server in memory; its metrics; and the server's pod."""

import dataclasses
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.backup import restore_drill
from components.backup.jobs import check, cluster, drill, metrics, restore, scratch
from components.backup.jobs.cluster import CLAIMS, CONFIG_MAPS, PODS, RESTORES, SECRETS, ClusterError, Unreachable
from components.backup.jobs.metrics import Result, render
from components.stalwart import listeners, names, paths, workload
from tests.conftest import recorded

from .fake_cluster import Clock, FakeCluster, FakeStalwart, Killed, Mailbox, Message, line, serving

CLAIM = names.VOLUME_CLAIM
ENVIRONMENT = {
    "VELERO_NAMESPACE": "velero",
    "LOCATION": "hot",
    "SOURCE_NAMESPACE": "mail",
    "TARGET_NAMESPACE": "mail-drill",
    "CLAIM": CLAIM,
    "STORAGE_CLASS": "",
    "SERVER_IMAGE": "stalwartlabs/stalwart:v0.16.0",
    "CONFIG": "drill-server-config",
    "MAILBOX": "postmaster@example.com",
    "RESULT": "mail-drill-result",
}
NOW = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)  # when a drill begins
BACKUP = "2026-03-03T03:00:00Z"
LONGEST = 160  # calls: no drill has more, also one that removes what another has left


class World:
    """A cluster with one backup of three mailboxes."""

    def __init__(self, messages: int = 1201) -> None:
        self.cluster = FakeCluster()
        self.cluster.location("hot")
        self.cluster.backup("tuesday", BACKUP)
        self.sentinel = Message(b"Subject: Backup sentinel\r\n\r\n" + line().encode(), {"$seen", check.KEYWORD}, line())
        mail = [Message(b"Subject: %d\r\n\r\nText" % number) for number in range(messages)]
        postmaster = [Message(b"Subject: Hello\r\n\r\n"), Message(b"Subject: Report\r\n\r\n"), self.sentinel]
        self.mailboxes = {
            "a": Mailbox("alice@example.com", mail),
            "b": Mailbox("postmaster@example.com", postmaster),
            "c": Mailbox("carol@example.com"),
        }
        self.login: str | None = None
        self.server = FakeStalwart(self.mailboxes, self.given_login)

    def given_login(self) -> str | None:
        """What the pod is given: that of the Secret."""
        secret = self.cluster.objects.get(("secrets", "mail-drill", scratch.SCRATCH))
        self.login = secret["stringData"]["login"] if secret else None
        return self.login

    def say(self, text: str) -> None:
        self.sentinel.text = text

    @property
    def result(self) -> Result:
        return Result(**json.loads(self.result_map["data"]["result"]))

    @property
    def result_map(self) -> dict[str, Any]:
        return self.cluster.objects["configmaps", "velero", "mail-drill-result"]

    @property
    def leftovers(self) -> list[tuple[str, str, str]]:
        kept = {("backups", "velero", "tuesday"), ("backupstoragelocations", "velero", "hot")}
        return sorted(self.cluster.objects.keys() - kept - {("configmaps", "velero", "mail-drill-result")})

    def run(self) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(drill, "own_cluster", lambda: self.cluster)
            patch.setattr(drill, "PORT", self.server.server_port)
            patch.setattr("os.environ", ENVIRONMENT)
            return drill.main()


@pytest.fixture(autouse=True, scope="module")
def clock() -> Iterator[Clock]:
    """To wait takes no time, and the time of day goes by with it."""
    clock = Clock()

    class Moving(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            assert tz is UTC
            return NOW + timedelta(seconds=clock.now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "time", clock)
        patch.setattr(drill, "datetime", Moving)
        yield clock


@pytest.fixture
def world(clock: Clock) -> Iterator[World]:
    clock.now = 0
    world = World()
    with serving(world.server):
        yield world


def granted() -> set[tuple[str, ...]]:
    """What the Roles of a `RestoreDrill` allow, as it registers them."""
    found: set[tuple[str, ...]] = set()
    for role in recorded("backup").of_type("kubernetes:rbac.authorization.k8s.io/v1:Role"):
        namespace = role.inputs["metadata"]["namespace"]
        for rule in role.inputs["rules"] if role.inputs["metadata"]["name"] == restore_drill.NAME else ():
            found |= {
                (verb, group, kind, namespace, name)
                for group in rule["apiGroups"]
                for kind in rule["resources"]
                for verb in rule["verbs"]
                for name in rule.get("resourceNames") or [""]
            }
    return found


def test_a_drill_is_passed_and_says_what_is_there(world: World, capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    world.cluster.rights = granted()
    assert world.run() == 0
    output = capsys.readouterr()
    assert output.err == ""
    said = output.out.splitlines()
    (rto,) = [text for text in said if text.startswith("RTO:")]
    assert [text for text in said if text.startswith(("backup:", "contents:", "RPO:", "the drill"))] == [
        "backup:   tuesday in hot",
        "contents: 3 accounts, 1204 messages",
        "RPO:      6 h 0 min 10 s of mail would be lost if the region were lost now",
        "the drill is passed",
    ]
    assert world.leftovers == []
    found = world.result
    ended = NOW.timestamp() + clock.now
    assert found == Result("hot", ended, ended, True, 6 * 3600 + 10, found.rto_seconds)
    assert found.rto_seconds is not None
    assert 20 <= found.rto_seconds < clock.now
    assert rto == f"RTO:      0 h 0 min {found.rto_seconds:.0f} s until the mail could be read"
    assert world.result_map["data"]["metrics"] == render(found)


def test_the_newest_messages_and_all_lists_are_read_and_nothing_is_changed(world: World) -> None:
    assert world.run() == 0
    assert sorted(world.server.downloads) == ["a", "b"]  # the third has none
    assert set(world.server.methods) == {"x:Account/query", "x:Account/get", "Email/query", "Email/get"}


def test_only_the_largest_mailboxes_are_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "SAMPLE", 1)
    world.mailboxes["b"].messages[0].is_readable = False
    assert world.run() == 0
    assert world.server.downloads == ["a"]


def test_without_a_mailbox_there_is_no_sentinel_and_the_backup_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "MAILBOX", "")
    del world.mailboxes["b"]
    assert world.run() == 0
    assert world.result.rpo_seconds == 6 * 3600


Fault = tuple[str, Callable[[World], object], str]
FAULTS: list[Fault] = [
    (
        "no mailbox",
        lambda w: w.mailboxes.update(b=Mailbox("b@example.com", w.mailboxes["b"].messages)),
        "no mailbox postmaster@ex",
    ),
    ("no sentinel", lambda w: w.sentinel.keywords.clear(), "there is no sentinel: the hook before the backup did not write one"),
    (
        "older sentinel",
        lambda w: w.say(line("2026-03-02T21:00:00Z")),
        "sentinel is from 2026-03-02 21:00 UTC and the backup from",
    ),
    ("newer sentinel", lambda w: w.say(line("2026-03-03T03:15:01Z")), "did not write one for this backup"),
    ("altered", lambda w: w.say(line().replace(" 3 3 ", " 3 2 ")), "cannot be used: its checksum is wrong"),
    ("another text", lambda w: w.say("Hello"), "the sentinel cannot be used: it is no sentinel's line"),
    ("two lines", lambda w: w.say(line() + "\n" + line()), "the sentinel cannot be used: it is no sentinel's line"),
    ("fewer accounts", lambda w: w.say(line(accounts=4)), "4 accounts were backed up and 3 are here"),
    ("fewer messages", lambda w: w.say(line(messages=4)), "4 messages were in the sentinel's mailbox and 3 are here"),
    (
        "shorter list",
        lambda w: setattr(w.mailboxes["a"], "total", 1202),
        "alice@ex.*: 1202 messages are counted and 1201 are listed",
    ),
    (
        "longer list",
        lambda w: setattr(w.mailboxes["a"], "total", 1200),
        "alice@ex.*: 1200 messages are counted and 1201 are listed",
    ),
    (
        "unreadable",
        lambda w: setattr(w.mailboxes["b"].messages[0], "is_readable", False),
        "postmaster@ex.*: 1 of 3 messages cannot",
    ),
    (
        "second page",
        lambda w: setattr(w.mailboxes["a"].messages[600], "is_readable", False),
        "alice@ex.*: 1 of 500 messages cannot",
    ),
    (
        "no body",
        lambda w: setattr(w.sentinel, "is_stored", False),
        "postmaster@ex.*: the newest message cannot be read: .* HTTP 404",
    ),
    (
        "short body",
        lambda w: setattr(w.mailboxes["a"].messages[1200], "size", 1000),
        "alice@ex.*: the newest message has 21 bytes, and",
    ),
    (
        "never ready",
        lambda w: setattr(w.server, "starts_at", 10_000),
        "the restored server to answer did not come in 1800 seconds",
    ),
    (
        "no address",
        lambda w: w.cluster.pod_status.pop("podIP"),
        "an address for the restored server did not come in 1800 seconds",
    ),
    (
        "pod failed",
        lambda w: w.cluster.pod_status.update(phase="Failed", message="The node was low on memory", podIP=None),
        "the restored server stopped: The node was low on memory",
    ),
    ("query refused", lambda w: w.server.failures.update({"Email/query": 500}), "Email/query: HTTP 500 out of order"),
    ("accounts refused", lambda w: w.server.failures.update({"x:Account/query": 403}), "x:Account/query: HTTP 403 out of order"),
    (
        "restore failed",
        lambda w: setattr(w.cluster, "outcome", "PartiallyFailed"),
        r"restore-mail-drill ended as \w*PartiallyFailed: .* Everything of this drill is removed",
    ),
    ("no volume", lambda w: setattr(w.cluster, "volume", ""), "brought no data for the volume claim"),
    (
        "no backup",
        lambda w: w.cluster.backup("tuesday", BACKUP, phase="Failed"),
        "a completed backup of mail in hot did not come",
    ),
    ("no location", lambda w: w.cluster.objects.pop(("backupstoragelocations", "velero", "hot")), "there is no location hot"),
    (
        "no pod",
        lambda w: w.cluster.errors.update({("create", "pods"): ClusterError("HTTP 403: violates PodSecurity")}),
        "PodSecurity",
    ),
]


@pytest.mark.parametrize(("fault", "words"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_each_fault_fails_with_its_own_words_and_all_is_cleaned_up(
    world: World, capsys: pytest.CaptureFixture[str], fault: Callable[[World], object], words: str
) -> None:
    fault(world)
    assert world.run() == 1
    output = capsys.readouterr()
    (error,) = output.err.splitlines()
    assert re.match(f"error: .*{words}", error)
    assert output.out.endswith("the drill is failed\n")
    assert world.leftovers in ([], [("backupstoragelocations", "velero", "hot")])
    assert world.result.success is False
    assert world.result.last_success is None


@pytest.mark.parametrize("time", ["2026-03-03T02:45:00Z", "2026-03-03T03:15:00Z", "2026-03-03T04:00:00+01:00"])
def test_a_sentinel_may_be_a_little_off(world: World, time: str) -> None:
    world.say(line(time))
    assert world.run() == 0


def test_more_accounts_and_messages_than_the_sentinel_says_are_no_fault(world: World) -> None:
    world.say(line(accounts=2, messages=2) + "\r\n")
    assert world.run() == 0


def test_all_problems_are_said_at_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.say(line("2026-03-01T03:00:00Z", accounts=5, messages=9))
    world.mailboxes["a"].total = 0
    assert world.run() == 1
    assert len(capsys.readouterr().err.splitlines()) == 4


def test_what_is_known_of_a_failed_drill_is_kept(world: World) -> None:
    world.say(line(accounts=4))
    assert world.run() == 1
    assert world.result.rpo_seconds == 6 * 3600 + 10
    assert world.result.rto_seconds is not None


@pytest.mark.parametrize("fault", ["restore failed", "never ready"])
def test_what_is_not_known_of_a_failed_drill_is_left_out(world: World, fault: str) -> None:
    next(change for name, change, _ in FAULTS if name == fault)(world)
    assert world.run() == 1
    assert (world.result.rpo_seconds, world.result.rto_seconds) == (None, None)


@pytest.mark.parametrize("kind", ["pods", "restores", "persistentvolumeclaims", "secrets"])
def test_what_cannot_be_cleaned_away_is_said(world: World, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    world.cluster.stuck.add(kind)
    assert world.run() == 1
    (error,) = capsys.readouterr().err.splitlines()
    assert re.match(f"error: something was left behind: {kind}/.* to be gone did not come in 600 seconds", error)
    assert [left[0] for left in world.leftovers] == (["persistentvolumeclaims", kind] if kind == "pods" else [kind])
    assert world.result.success is False


@pytest.mark.parametrize("error", [ClusterError("HTTP 403"), Unreachable("HTTP 503")])
@pytest.mark.parametrize("kind", ["pods", "restores", "configmaps"])
def test_what_cannot_be_deleted_does_not_keep_the_rest(world: World, kind: str, error: Exception) -> None:
    world.cluster.pod_status = {"phase": "Failed", "message": "no"}
    # From the moment that the pod is there.
    whole = world.cluster.create

    def create(*call: Any) -> None:
        whole(*call)
        if call[0] is PODS:
            world.cluster.errors["delete", kind] = error

    world.cluster.create = create  # type: ignore[method-assign]
    assert world.run() == 1
    assert {left[0] for left in world.leftovers} <= {kind, "persistentvolumeclaims" if kind == "pods" else kind}
    assert ("delete", CLAIMS, "mail-drill", CLAIM) in world.cluster.calls[-20:]


@pytest.mark.parametrize("fault", ["the sentinel cannot be got", "an answer that is not foreseen"])
def test_all_is_cleaned_up_also_after_a_fault_of_the_program(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    if "sentinel" in fault:
        world.sentinel.is_readable = False
    else:
        monkeypatch.setattr(drill, "check", lambda *_: {}["total"])
    assert world.run() == 1
    assert world.leftovers == []
    assert capsys.readouterr().err.startswith("error: ")
    assert world.result.success is False


@pytest.mark.parametrize(("mailbox", "rpo"), [("postmaster@example.com", 6 * 3600 + 10), ("", None)])
def test_a_backup_that_expires_while_it_is_restored_is_no_fault(
    world: World, monkeypatch: pytest.MonkeyPatch, mailbox: str, rpo: float | None
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "MAILBOX", mailbox)
    fake = world.cluster

    def create(*call: Any) -> None:
        FakeCluster.create(fake, *call)
        if call[0] is RESTORES:  # when it has begun
            fake.arrivals[len(fake.calls) + 3] = [lambda: fake.objects.pop(("backups", "velero", "tuesday")) and None]

    monkeypatch.setattr(fake, "create", create)
    assert world.run() == 0
    assert world.result.rpo_seconds == rpo
    assert world.result.rto_seconds is not None
    assert world.leftovers == []


def test_the_restored_server_may_have_an_ipv6_address(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.cluster.pod_status["podIP"] = "fd00:10::7"
    urls: list[str] = []
    whole = drill.Server

    def server(url: str, *login: str) -> Any:
        urls.append(url)
        _ = whole(url, *login)  # an address that it takes
        return whole(f"http://127.0.0.1:{world.server.server_port}", *login)

    monkeypatch.setattr(drill, "Server", server)
    assert world.run() == 0
    assert urls == [f"http://[fd00:10::7]:{world.server.server_port}"]


def leave(world: World) -> None:
    """What a drill leaves behind that was stopped: all of it, with another login and another volume."""
    fake = world.cluster
    login = {"login": "admin:of-another-drill"}
    fake.add(SECRETS, "mail-drill", scratch.SCRATCH, stringData=login)
    pod = scratch.scratch_pod("mail-drill", "old:1", "drill-server-config", CLAIM)
    fake.objects["pods", "mail-drill", scratch.SCRATCH] = pod
    fake.add(RESTORES, "velero", "restore-mail-drill", spec={"backupName": "monday"}, status={"phase": "PartiallyFailed"})
    fake.add(CONFIG_MAPS, "velero", "restore-mail-drill", data={})
    fake.add(CONFIG_MAPS, "mail-drill", restore.MARK, data={"backup": "monday", "made": ""})
    fake.add(CLAIMS, "mail-drill", CLAIM, status={"phase": "Bound"})


def test_leftovers_of_an_earlier_drill_are_removed_first(world: World) -> None:
    leave(world)
    assert world.run() == 0
    assert world.leftovers == []
    fake = world.cluster
    verbs = [(verb, kind) for verb, kind, _, _ in fake.calls]
    begins = verbs.index(("create", RESTORES))
    assert all(("delete", kind) in verbs[:begins] for kind in (PODS, SECRETS, RESTORES, CLAIMS, CONFIG_MAPS))
    assert all(("delete", kind) in verbs[begins:] for kind in (PODS, SECRETS, RESTORES, CLAIMS, CONFIG_MAPS))
    assert [body["kind"] for body in fake.made] == ["Secret", "Restore", "Pod", "ConfigMap", "ConfigMap"]
    assert fake.made[1]["spec"]["backupName"] == "tuesday"


def test_leftovers_that_do_not_go_stop_the_drill(world: World) -> None:
    leave(world)
    world.cluster.stuck.add("persistentvolumeclaims")
    assert world.run() == 1
    assert [body["kind"] for body in world.cluster.made] == ["ConfigMap"]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, LONGEST), st.booleans()), min_size=1, max_size=4))
def test_wherever_drills_are_killed_the_next_one_passes_and_nothing_is_left(ends: list[tuple[int, bool]]) -> None:
    world = World(messages=5)
    with serving(world.server):
        for number, is_done in ends:
            world.cluster.end = (len(world.cluster.calls) + number, is_done)
            with suppress(Killed):
                world.run()
        world.cluster.end = None
        before = len(world.cluster.calls)
        assert world.run() == 0
        assert len(world.cluster.calls) - before <= LONGEST
        assert world.leftovers == []
        assert world.result.success


def test_the_password_is_in_the_secret_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    logins: list[str] = []
    for fault in (lambda: None, lambda: world.server.failures.update({"x:Account/query": 500})):
        fault()
        world.run()
        assert world.login is None or world.login.startswith("admin:")
        (secret,) = [body for body in world.cluster.made if body["kind"] == "Secret"][len(logins) :]
        logins.append(secret["stringData"]["login"])
    user, _, password = logins[0].partition(":")
    assert (user, len(password) >= 32) == ("admin", True)
    assert logins[0] != logins[1]
    output = "".join(capsys.readouterr())
    others = json.dumps([body for body in world.cluster.written if body["kind" if "kind" in body else "data"] != "Secret"])
    for login in logins:
        assert login.partition(":")[2] not in output + others


def test_nothing_is_touched_that_serves_mail(world: World) -> None:
    leave(world)
    assert world.run() == 0
    fake = world.cluster
    writes = {(kind.plural, namespace, name) for verb, kind, namespace, name in fake.calls if verb not in ("get", "list")}
    assert writes == {
        ("pods", "mail-drill", "drill-server"),
        ("secrets", "mail-drill", "drill-server"),
        ("persistentvolumeclaims", "mail-drill", CLAIM),
        ("restores", "velero", "restore-mail-drill"),
        ("configmaps", "mail-drill", "mail-restored"),
        ("configmaps", "velero", "restore-mail-drill"),
        ("configmaps", "velero", "mail-drill-result"),
    }
    assert {namespace for _, _, namespace, _ in fake.calls} == {"mail-drill", "velero"}
    (made,) = [body for body in fake.made if body["kind"] == "Restore"]
    assert made["spec"]["includedResources"] == ["persistentvolumeclaims", "persistentvolumes"]
    assert made["spec"]["namespaceMapping"] == {"mail": "mail-drill"}
    assert {(body["apiVersion"], body["kind"]) for body in fake.made} == {
        ("velero.io/v1", "Restore"),
        ("v1", "Secret"),
        ("v1", "Pod"),
        ("v1", "ConfigMap"),
    }
    assert not re.search("LoadBalancer|external-dns|hostPort|hostNetwork|hostname", json.dumps(fake.written))


def test_a_storage_class_is_used_and_its_rules_are_removed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "STORAGE_CLASS", "fast")
    world.cluster.rights = granted()
    assert world.run() == 0
    assert "resourceModifier" in next(body for body in world.cluster.made if body["kind"] == "Restore")["spec"]
    assert world.leftovers == []


def test_the_last_success_survives_a_failed_drill(world: World, clock: Clock) -> None:
    assert world.run() == 0
    first = world.result
    clock.now += 3600
    world.cluster.outcome = "Failed"
    assert world.run() == 1
    failed = world.result
    assert (failed.success, failed.last_success) == (False, first.ended)
    assert failed.ended > first.ended + 3600
    clock.now += 3600
    assert world.run() == 1
    assert world.result.last_success == first.ended
    world.cluster.outcome = "Completed"
    assert world.run() == 0
    assert world.result.last_success == world.result.ended


@pytest.mark.parametrize("data", [{}, {"result": "no JSON"}, {"result": '{"other": 1}'}, {"result": "[]"}])
def test_a_result_that_cannot_be_read_is_replaced(world: World, data: dict[str, str]) -> None:
    world.cluster.add(CONFIG_MAPS, "velero", "mail-drill-result", data=data)
    assert world.run() == 0
    assert world.result.last_success == world.result.ended


def test_the_last_success_survives_an_api_server_that_is_away(world: World) -> None:
    assert world.run() == 0
    first = world.result
    count = len(world.cluster.calls)
    away = {("get", "configmaps"): Unreachable("HTTP 503: etcdserver: leader changed")}
    world.cluster.arrivals = {count + 1: [lambda: world.cluster.errors.update(away)], count + 2: [world.cluster.errors.clear]}
    world.cluster.outcome = "Failed"
    assert world.run() == 1
    assert world.result.last_success == first.ended


def test_a_result_that_cannot_be_kept_is_an_error_of_one_line(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.cluster.errors["patch", "configmaps"] = ClusterError("PATCH /x: HTTP 403: forbidden")
    assert world.run() == 1
    assert capsys.readouterr().err == "error: PATCH /x: HTTP 403: forbidden\n"
    assert world.leftovers == []


@pytest.mark.parametrize(
    "text", ["", "x" + line(), line()[:-1], line().replace(" 3 3 ", " 3 -3 "), line().upper(), line().replace(" 3 3 ", " 3 ")]
)
def test_what_is_no_sentinel_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no sentinel's line"):
        check.parse(text)


@given(st.integers(0, len(line()) - 1), st.sampled_from("0123456789abcdefTZ:- "))
def test_a_sentinel_of_which_one_letter_is_changed_is_refused(place: int, letter: str) -> None:
    text = line()[:place] + letter + line()[place + 1 :]
    if text.strip() == line():
        assert check.parse(text) == check.Sentinel(datetime(2026, 3, 3, 2, 59, 50, tzinfo=UTC), 3, 3)
    else:
        with pytest.raises(ValueError, match=r"sentinel's line|checksum|isoformat"):
            check.parse(text)


FULL = Result("hot", 1772528400.5, 1772442000.0, False, 21610.0, 35.25)
SAMPLE = re.compile(r'(?P<name>[a-z_]+)\{location="(?P<location>[^"\\\n]*)"\} (?P<value>[0-9]+\.[0-9]+)')


def parsed(text: str) -> dict[str, float]:
    """The gauges in a text of Prometheus' format, each with one line of help, one of its type and one sample."""
    assert text.endswith("\n")
    lines = text.splitlines()
    found: dict[str, float] = {}
    for help_, type_, sample in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        match = SAMPLE.fullmatch(sample)
        assert match, sample
        name = match["name"]
        assert re.fullmatch(f"# HELP {name} [^\\\\]+\\.", help_)
        assert type_ == f"# TYPE {name} gauge"
        assert match["location"] == "hot"
        assert name not in found
        found[name] = float(match["value"])
    with suppress(ImportError):
        from prometheus_client import parser

        families = list(parser.text_string_to_metric_families(text))
        assert {family.name: family.samples[0].value for family in families} == found
        assert {family.type for family in families} == {"gauge"}
    return found


def test_the_metrics_are_five_gauges() -> None:
    expected = {
        "stalwart_mail_drill_last_run_timestamp_seconds": 1772528400.5,
        "stalwart_mail_drill_last_success_timestamp_seconds": 1772442000.0,
        "stalwart_mail_drill_success": 0,
        "stalwart_mail_drill_rpo_seconds": 21610,
        "stalwart_mail_drill_rto_seconds": 35.25,
    }
    assert parsed(render(FULL)) == expected
    assert parsed(render(dataclasses.replace(FULL, success=True)))["stalwart_mail_drill_success"] == 1


def test_what_is_not_known_is_no_metric() -> None:
    never = Result("hot", 1.0, None, False, None, None)
    assert parsed(render(never)) == {
        "stalwart_mail_drill_last_run_timestamp_seconds": 1,
        "stalwart_mail_drill_success": 0,
    }
    assert parsed(render(dataclasses.replace(never, rpo_seconds=0.0)))["stalwart_mail_drill_rpo_seconds"] == 0


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the program serves."""
    started = threading.Event()
    servers: list[ThreadingHTTPServer] = []

    class Server(ThreadingHTTPServer):
        def __init__(self, address: tuple[str, int], handler: Any) -> None:
            assert address == ("", metrics.PORT)
            super().__init__(("127.0.0.1", 0), handler)
            servers.append(self)
            started.set()

        def serve_forever(self, poll_interval: float = 0.01) -> None:
            super().serve_forever(poll_interval)

    monkeypatch.setattr(metrics, "ThreadingHTTPServer", Server)
    monkeypatch.setenv("FOLDER", str(tmp_path))
    thread = threading.Thread(target=metrics.main)
    thread.start()
    assert started.wait(10)
    yield f"http://127.0.0.1:{servers[0].server_port}"
    servers[0].shutdown()
    thread.join()
    servers[0].server_close()


def fetched(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.headers["Content-Type"], response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_the_metrics_are_served_as_they_change(served: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetched(f"{served}/metrics") == (200, "text/plain; version=0.0.4; charset=utf-8", "")  # before the first drill
    for result in (FULL, dataclasses.replace(FULL, success=True)):
        (tmp_path / "metrics").write_text(render(result))
        assert fetched(f"{served}/metrics")[2] == render(result)
    assert "".join(capsys.readouterr()) == ""


@pytest.mark.parametrize("path", ["/", "/metric", "/metrics/", "/../metrics", "/etc/passwd"])
def test_nothing_else_is_served(served: str, path: str) -> None:
    assert fetched(served + path)[0] == 404


def pod() -> dict[str, Any]:
    return scratch.scratch_pod("mail-drill", "stalwartlabs/stalwart:v0.16.0", "drill-server-config", CLAIM)


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_the_servers_pod_is_one(version: str) -> None:
    kubernetes_validate.validate(pod(), version, strict=True)
    broken = pod()
    broken["spec"]["containers"][0]["imag"] = "x"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, version, strict=True)


def test_the_servers_pod_has_its_volume_its_config_and_no_right() -> None:
    spec = pod()["spec"]
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    mounts = {mount["name"]: (mount["mountPath"], mount.get("readOnly", False)) for mount in container["volumeMounts"]}
    assert mounts == {
        "data": ("/var/lib/stalwart", False),
        "config": ("/etc/stalwart-mail/config", True),
        "tmp": ("/tmp", False),
    }
    assert {volume.pop("name"): volume for volume in spec["volumes"]} == {
        "data": {"persistentVolumeClaim": {"claimName": CLAIM}},
        "config": {"configMap": {"name": "drill-server-config"}},
        "tmp": {"emptyDir": {}},
    }
    assert spec["automountServiceAccountToken"] is False
    assert spec["restartPolicy"] == "Never"
    variables = {entry.pop("name"): entry for entry in container["env"]}
    assert variables == {
        "STALWART_RECOVERY_MODE": {"value": "1"},
        "STALWART_RECOVERY_ADMIN": {"valueFrom": {"secretKeyRef": {"name": "drill-server", "key": "login"}}},
    }


def test_the_drills_server_is_as_the_server_is_deployed() -> None:
    assert scratch.USER_ID == workload.USER_ID
    assert scratch.CONFIG_DIRECTORY == paths.CONFIG_DIRECTORY
    assert scratch.DATA_DIRECTORY == paths.DATA_DIRECTORY
    assert scratch.PORT == listeners.MANAGEMENT_PORT
    (server,) = [
        resource.inputs["spec"]["template"]["spec"]
        for kind in ("kubernetes:apps/v1:StatefulSet", "kubernetes:apps/v1:Deployment")
        for resource in recorded("primary").of_type(kind)
        if resource.inputs["spec"]["template"]["spec"]["containers"][0]["name"] == names.CONTAINER
    ]
    deployed, here = server["containers"][0], pod()["spec"]["containers"][0]
    for key in ("name", "args", "securityContext", "resources"):
        assert here[key] == deployed[key], key
    assert pod()["spec"]["securityContext"] == server["securityContext"]
    (claim,) = [v["persistentVolumeClaim"]["claimName"] for v in server["volumes"] if "persistentVolumeClaim" in v]
    assert claim == names.VOLUME_CLAIM
    mounts = {mount["mountPath"] for mount in deployed["volumeMounts"]}
    assert {mount["mountPath"] for mount in here["volumeMounts"]} <= mounts
