"""The program that restores the mailboxes, against a cluster in memory."""

import copy
import dataclasses
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.backup import mail_restore, pods
from components.backup.jobs import cluster, consumer, restore
from components.backup.jobs.cluster import (
    BACKUPS,
    CLAIMS,
    CONFIG_MAPS,
    LOCATIONS,
    PODS,
    RESTORES,
    ClusterError,
    Unreachable,
    WaitedTooLong,
)
from components.backup.jobs.restore import CannotRestore, Request
from components.stalwart import names

from .fake_cluster import ApiServer, Clock, FakeCluster, Killed, serving

CLAIM = names.VOLUME_CLAIM
IMAGE = "python:3.13.1"
ENVIRONMENT = {
    "VELERO_NAMESPACE": "velero",
    "LOCATION": "hot",
    "SOURCE_NAMESPACE": "mail",
    "TARGET_NAMESPACE": "mail-2",
    "CLAIM": CLAIM,
    "BACKUP": "",
    "STORAGE_CLASS": "",
    "IMAGE": IMAGE,
}
REQUEST = Request("velero", "hot", "mail", "mail-2", CLAIM, image=IMAGE)
WITH_CLASS = dataclasses.replace(REQUEST, storage_class="fast")
NAME = "restore-mail-2"
LONGEST = 30  # calls: no whole run has more


@pytest.fixture(autouse=True, scope="module")
def clock() -> Iterator[Clock]:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(cluster, "time", clock)
        yield clock


def ready() -> FakeCluster:
    """A cluster whose Velero has seen two backups."""
    fake = FakeCluster()
    fake.location("hot")
    fake.backup("monday", "2026-03-02T02:05:00Z")
    fake.backup("tuesday", "2026-03-03T02:05:00Z")
    return fake


def granted() -> set[tuple[str, ...]]:
    """What the Roles of `MailRestore` allow."""
    rights = [(right, "velero") for right in mail_restore.velero_rights("mail-2")]
    rights += [(right, "mail-2") for right in mail_restore.TARGET_RIGHTS]
    return {
        (verb, right.group, kind, where, name)
        for right, where in rights
        for kind in right.resources
        for verb in right.verbs
        for name in right.names or ("",)
    }


def claim_of(fake: FakeCluster, restored_by: str | None, phase: str = "Bound") -> None:
    metadata = {
        "name": CLAIM,
        "namespace": "mail-2",
        **({"labels": {restore.RESTORE_LABEL: restored_by}} if restored_by else {}),
    }
    fake.add(CLAIMS, "mail-2", CLAIM).update(metadata=metadata, status={"phase": phase})


def run(fake: FakeCluster, monkeypatch: pytest.MonkeyPatch, **changes: str) -> int:
    monkeypatch.setattr("os.environ", ENVIRONMENT | changes)
    monkeypatch.setattr(restore, "own_cluster", lambda: fake)
    return restore.main()


def consumer_of(request: Request) -> Any:
    return consumer.consumer(request.target_namespace, request.image, request.claim)


def restored(fake: FakeCluster, request: Request = REQUEST) -> str:
    """As `main` does it; the backup's name."""
    try:
        found = restore.restore(fake, request, lambda: fake.create(PODS, request.target_namespace, consumer_of(request)))
    finally:
        fake.delete(PODS, request.target_namespace, consumer.CONSUMER)
    return found["backup"]


def made(fake: FakeCluster, kind: str = "Restore") -> list[Any]:
    return [body for body in fake.made if body["kind"] == kind]


def test_the_newest_backup_is_restored(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fake = ready()
    fake.rights = granted()
    assert run(fake, monkeypatch) == 0
    assert [body["spec"]["backupName"] for body in made(fake)] == ["tuesday"]
    assert fake.objects["persistentvolumeclaims", "mail-2", CLAIM]["status"] == {"phase": "Bound"}
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        "restoring tuesday, made at 2026-03-03T02:05:00Z",
        f"waiting for the Restore {NAME}",
        "restored from tuesday: the mailboxes are as they were at 2026-03-03T02:05:00Z",
    ]
    assert output.err == ""


@pytest.mark.parametrize(
    "other",
    [{"location": "archive"}, {"namespace": "mail-old"}, *({"phase": phase} for phase in ("", "New", "InProgress", "Deleting"))]
    + [{"phase": phase} for phase in ("PartiallyFailed", "Failed", "FailedValidation", "Finalizing", "completed")],
    ids=str,
)
def test_the_newest_backup_is_a_completed_one_of_the_namespace_in_the_location(other: dict[str, str]) -> None:
    fake = ready()
    fake.location("archive")
    fake.backup("wednesday", "2026-03-04T02:05:00Z", **other)
    assert restored(fake) == "tuesday"


def test_a_backup_that_has_only_begun_is_no_backup_yet() -> None:
    fake = ready()
    fake.add(BACKUPS, "velero", "new", spec={"storageLocation": "hot", "includedNamespaces": ["mail"]})
    fake.add(BACKUPS, "velero", "everything", spec={"storageLocation": "hot"}, status={"phase": "Completed"})
    assert restored(fake) == "tuesday"
    assert restore.newest([], "hot", "mail") is None


def test_the_newest_is_the_last_that_began_not_the_last_by_name() -> None:
    fake = ready()
    fake.backup("a", "2026-03-03T02:05:01Z")
    fake.backup("z", "2025-12-31T23:59:59Z")
    assert restored(fake) == "a"


def test_a_given_backup_is_restored_though_another_is_newer() -> None:
    assert restored(ready(), dataclasses.replace(REQUEST, backup="monday")) == "monday"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"phase": "Failed"}, "it is Failed, in hot"),
        ({"phase": "InProgress"}, "it is InProgress, in hot"),
        ({"location": "archive"}, "it is Completed, in archive"),
        ({"namespace": "elsewhere"}, "no completed backup of mail in hot"),
    ],
)
def test_a_given_backup_that_will_not_do_is_refused(other: dict[str, str], words: str) -> None:
    fake = ready()
    fake.backup("wednesday", "2026-03-04T02:05:00Z", **other)
    with pytest.raises(CannotRestore, match=f"wednesday.*{words}.*leave restore.backupName out"):
        restored(fake, dataclasses.replace(REQUEST, backup="wednesday"))
    assert not fake.made


def test_a_given_backup_may_lack_a_part() -> None:
    fake = ready()
    fake.backup("wednesday", "2026-03-04T02:05:00Z", phase="PartiallyFailed")
    assert restored(fake) == "tuesday"
    fake = ready()
    fake.backup("wednesday", "2026-03-04T02:05:00Z", phase="PartiallyFailed")
    assert restored(fake, dataclasses.replace(REQUEST, backup="wednesday")) == "wednesday"


def test_a_location_that_is_not_there_is_refused_at_once(clock: Clock) -> None:
    before = clock.now
    with pytest.raises(CannotRestore, match="no location cold in the namespace velero"):
        restored(ready(), dataclasses.replace(REQUEST, location="cold"))
    assert clock.now == before


@pytest.mark.parametrize("phase", [None, "Unavailable"])
def test_a_location_is_waited_for(clock: Clock, capsys: pytest.CaptureFixture[str], phase: str | None) -> None:
    fake, before = ready(), clock.now
    fake.location("hot", phase)
    fake.arrivals[4] = [lambda: fake.location("hot") and None]
    assert restored(fake) == "tuesday"
    assert capsys.readouterr().out.startswith("waiting for the location hot to be available\n")
    assert clock.now - before >= 3 * cluster.POLL_S


@pytest.mark.parametrize("backup", ["", "wednesday"])
def test_the_first_look_of_velero_into_a_location_is_waited_for(backup: str, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeCluster()
    fake.location("hot")
    fake.arrivals[9] = [lambda: fake.backup("wednesday", "2026-03-04T02:05:00Z") and None]
    assert restored(fake, dataclasses.replace(REQUEST, backup=backup)) == "wednesday"
    assert "waiting for a completed backup of mail in hot\n" in capsys.readouterr().out


def one_a_look(fake: FakeCluster, first: int) -> None:
    """Velero makes a Backup of one after another, the oldest first and from this call on."""
    backups = [("monday", "2026-03-02T02:05:00Z"), ("tuesday", "2026-03-03T02:05:00Z"), ("wednesday", "2026-03-04T02:05:00Z")]
    for call, backup in enumerate(backups, start=first):
        fake.arrivals[call] = [lambda backup=backup: fake.backup(*backup) and None]


@pytest.mark.parametrize("first", [1, 4, 5, 6])
@pytest.mark.parametrize("sync_calls", [9, 12, 20])
def test_the_newest_of_a_location_is_restored_and_not_the_first_that_velero_saw(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], first: int, sync_calls: int
) -> None:
    fake = FakeCluster(sync_calls=sync_calls)
    fake.rights = granted()
    fake.location("hot")
    one_a_look(fake, first)
    assert run(fake, monkeypatch) == 0
    assert [body["spec"]["backupName"] for body in made(fake)] == ["wednesday"]
    assert capsys.readouterr().out.startswith("waiting for Velero to have seen all of hot\nrestoring wednesday, made at ")


def test_a_location_that_velero_has_never_seen_is_waited_for() -> None:
    fake = FakeCluster(sync_calls=0)
    fake.location("hot")
    one_a_look(fake, 6)
    fake.arrivals[9] = [lambda: setattr(fake, "sync_calls", 2)]  # until then it has no time at all
    assert restored(fake) == "wednesday"


def test_a_killed_run_does_not_choose_from_a_part_of_a_location() -> None:
    for number in range(1, LONGEST):
        fake = FakeCluster(sync_calls=LONGEST + 8)
        fake.location("hot")
        one_a_look(fake, number + 5)
        assert revived(fake, REQUEST, [(number, False)]) == "wednesday"
        assert len(made(fake)) == 1


@pytest.mark.parametrize("sync_calls", [0, 10_000])
def test_a_given_backup_does_not_wait_for_the_rest_of_its_location(clock: Clock, sync_calls: int) -> None:
    fake, before = ready(), clock.now
    fake.sync_calls = sync_calls
    assert restored(fake, dataclasses.replace(REQUEST, backup="monday")) == "monday"
    assert clock.now - before < 60
    assert len([kind for _, kind, _, _ in fake.calls if kind is LOCATIONS]) == 1


def test_a_restore_that_was_begun_does_not_wait_for_its_location(clock: Clock) -> None:
    fake = ready()
    fake.end = (12, False)
    with suppress(Killed):
        restored(fake)
    assert len(made(fake)) == 1
    fake.end, fake.sync_calls, before = None, 0, clock.now
    assert restored(fake) == "tuesday"
    assert clock.now - before < 60


@pytest.mark.parametrize(
    ("change", "words", "seconds"),
    [
        (lambda fake: fake.location("hot", "Unavailable"), "the location hot to be available did not come in 900 seconds", 900),
        (lambda fake: setattr(fake, "sync_calls", 0), "Velero to have seen all of hot did not come in 900 seconds", 900),
        (lambda fake: setattr(fake, "sync_calls", 10_000), "Velero to have seen all of hot did not come in 900 seconds", 900),
        (lambda fake: fake.objects.pop(("backups", "velero", "tuesday")), "a completed backup of mail in hot did not come", 900),
        (lambda fake: fake.stuck.add("restores"), f"the refused Restore {NAME} to go did not come in 120 seconds", 120),
    ],
)
def test_waiting_ends_and_says_for_what(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    clock: Clock,
    change: Callable[[FakeCluster], object],
    words: str,
    seconds: int,
) -> None:
    fake, before = ready(), clock.now
    del fake.objects["backups", "velero", "monday"]
    refused = {"phase": "FailedValidation", "validationErrors": []}
    if seconds == 120:
        fake.add(RESTORES, "velero", NAME, spec=restore.restore_object(REQUEST, "monday")["spec"], status=refused)
    change(fake)
    assert run(fake, monkeypatch) == 1
    assert words in capsys.readouterr().err
    assert seconds < clock.now - before < seconds + 60
    assert not fake.made


def test_a_restore_of_a_day_is_waited_for_but_not_of_two(clock: Clock) -> None:
    fake, before = ready(), clock.now
    fake.add(RESTORES, "velero", NAME, spec={"backupName": "tuesday"}, status={"phase": "WaitingForPluginOperations"})
    fake._move_on = lambda: None  # type: ignore[method-assign]
    with pytest.raises(WaitedTooLong, match=f"the Restore {NAME} did not come"):
        restored(fake)
    assert 24 * 3600 < clock.now - before < 25 * 3600  # less than the Job has


def test_a_restore_that_velero_refused_is_deleted_and_made_again(capsys: pytest.CaptureFixture[str]) -> None:
    fake = ready()
    fake.rights = granted()
    refused = {"phase": "FailedValidation", "validationErrors": ["backup not found"]}
    fake.add(RESTORES, "velero", NAME, spec=restore.restore_object(REQUEST, "sunday")["spec"], status=refused)
    assert restored(fake) == "tuesday"
    assert len(made(fake)) == 1
    assert fake.objects["restores", "velero", NAME]["status"]["phase"] == "Completed"
    assert f"trying again: Velero refused {NAME}: ['backup not found']\n" in capsys.readouterr().out


def test_a_restore_that_is_refused_now_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # The location is lost between the look at it and the Restore.
    fake = ready()
    fake.arrivals["create", "restores"] = [lambda: fake.location("hot", "Unavailable") and None]
    assert run(fake, monkeypatch) == 1
    assert f"the Restore {NAME}" in capsys.readouterr().err
    fake.location("hot")
    assert run(fake, monkeypatch) == 0


def test_a_restore_that_is_refused_now_says_why_and_to_try_again() -> None:
    fake = ready()
    fake.arrivals["create", "restores"] = [lambda: fake.location("hot", "Unavailable") and None]
    with pytest.raises(CannotRestore, match="no such backup") as caught:
        restored(fake)
    assert "run pulumi up again" in str(caught.value)
    assert "to a new name" not in str(caught.value)


def end_of(fake: FakeCluster) -> Any:
    """All that counts when everything is over."""
    there = {key: copy.deepcopy(thing) for key, thing in fake.objects.items() if key not in fake.leaving}
    _ = there["backupstoragelocations", "velero", "hot"]["status"].pop("lastSyncedTime")  # Velero looks and looks
    return there, [body["kind"] for body in fake.made]


def revived(fake: FakeCluster, request: Request, ends: list[tuple[int, bool]]) -> str:
    """Run until it is through; each of `ends` kills one run, at its n-th call and before or after what that does."""
    for number, is_done in ends:
        fake.end = (len(fake.calls) + number, is_done)
        with suppress(Killed):
            return restored(fake, request)
    fake.end = None
    return restored(fake, request)


@pytest.mark.parametrize("request_", [REQUEST, WITH_CLASS, dataclasses.replace(REQUEST, backup="monday")], ids=range(3))
@pytest.mark.parametrize("is_done", [False, True])
def test_wherever_it_is_killed_the_next_run_goes_on(request_: Request, is_done: bool) -> None:
    whole = ready()
    expected = restored(whole, request_)
    assert len(whole.calls) > 8
    for number in range(1, len(whole.calls) + 1):
        fake = ready()
        fake.end = (number, is_done)
        with pytest.raises(Killed):
            restored(fake, request_)
        assert revived(fake, request_, []) == expected
        assert end_of(fake) == end_of(whole)
        assert len(made(fake)) == 1


@given(st.lists(st.tuples(st.integers(1, LONGEST), st.booleans()), max_size=6), st.sampled_from([REQUEST, WITH_CLASS]))
def test_however_often_it_is_killed_one_restore_is_made(ends: list[tuple[int, bool]], request: Request) -> None:
    whole, fake = ready(), ready()
    assert revived(fake, request, ends) == restored(whole, request)
    assert len(whole.calls) <= LONGEST
    assert end_of(fake) == end_of(whole)


@given(st.integers(1, LONGEST), st.booleans())
def test_a_newer_backup_meanwhile_does_not_change_what_is_restored(number: int, is_done: bool) -> None:
    fake = ready()
    fake.end = (number, is_done)
    with suppress(Killed):
        restored(fake)
    had_begun = bool(made(fake))
    fake.backup("wednesday", "2026-03-04T02:05:00Z")
    assert revived(fake, REQUEST, []) == ("tuesday" if had_begun else "wednesday")
    assert len(made(fake)) == 1


def test_a_second_run_makes_nothing() -> None:
    fake = ready()
    restored(fake)
    calls, bodies = len(fake.calls), len(fake.made)
    assert restored(fake) == "tuesday"
    assert len(fake.made) == bodies
    assert {verb for verb, *_ in fake.calls[calls:]} == {"get", "delete"}


@pytest.mark.parametrize("by", [None, "restore-other", NAME])
def test_a_target_with_mail_in_it_is_refused_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], by: str | None
) -> None:
    fake = ready()
    claim_of(fake, by)
    assert run(fake, monkeypatch) == 1
    assert not fake.made
    error = capsys.readouterr().err
    assert f"the namespace mail-2 has a volume claim {CLAIM} already" in error
    assert "Set restore.namespace to a new name and run pulumi up again" in error
    assert len(error.splitlines()) == 1


def test_what_was_restored_is_known_when_the_restore_and_its_backup_have_expired(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = ready()
    assert run(fake, monkeypatch) == 0
    bodies = len(fake.made)
    del fake.objects["restores", "velero", NAME]
    del fake.objects["backups", "velero", "tuesday"]
    _ = capsys.readouterr()
    assert run(fake, monkeypatch) == 0
    assert len(fake.made) == bodies
    assert capsys.readouterr().out == "restored from tuesday: the mailboxes are as they were at 2026-03-03T02:05:00Z\n"


def test_a_backup_that_expires_while_it_is_restored_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = ready()
    fake.arrivals[12] = [lambda: fake.objects.pop(("backups", "velero", "tuesday")) and None]
    assert run(fake, monkeypatch) == 0
    assert "restored from tuesday: the mailboxes are as they were at an unknown time\n" in capsys.readouterr().out


@pytest.mark.parametrize("is_done", [False, True])
def test_another_backup_than_the_one_that_was_restored_is_refused(is_done: bool) -> None:
    fake = ready()
    if not is_done:
        fake.end = (12, False)
    with suppress(Killed):
        restored(fake)
    fake.end = None
    with pytest.raises(CannotRestore, match=r"mail-2 was restored from tuesday, and not from monday. Set restore.namespace"):
        restored(fake, dataclasses.replace(REQUEST, backup="monday"))
    assert restored(fake, dataclasses.replace(REQUEST, backup="tuesday")) == "tuesday"
    assert len(made(fake)) == 1


def test_a_volume_that_is_gone_after_it_was_restored_is_an_error() -> None:
    fake = ready()
    restored(fake)
    del fake.objects["persistentvolumeclaims", "mail-2", CLAIM]
    with pytest.raises(CannotRestore, match=f"mail-2 was restored from tuesday, and its volume claim {CLAIM} is gone. Set"):
        restored(fake)
    assert len(made(fake)) == 1


def test_a_pod_mounts_the_claim_until_the_volume_is_there() -> None:
    fake = ready()
    restored(fake)
    (pod,) = made(fake, "Pod")
    assert pod == consumer_of(REQUEST)
    assert ("pods", "mail-2", consumer.CONSUMER) in fake.leaving
    kubernetes_validate.validate(pod, "1.30", strict=True)
    (container,) = pod["spec"]["containers"]
    assert container["image"] == IMAGE
    assert pod["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}]
    assert container["volumeMounts"] == [{"name": "data", "mountPath": "/data", "readOnly": True}]
    assert pod["spec"]["automountServiceAccountToken"] is False
    # Pod Security restricted
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["securityContext"]["runAsUser"] != 0
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_pod_is_removed_also_when_it_cannot_be_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = ready()
    fake.outcome = "Failed"
    assert run(fake, monkeypatch) == 1
    assert made(fake, "Pod")
    assert ("pods", "mail-2", consumer.CONSUMER) in fake.leaving


def test_a_pod_of_the_last_run_that_is_still_going_is_replaced() -> None:
    fake = ready()
    fake.objects["pods", "mail-2", consumer.CONSUMER] = consumer_of(REQUEST)
    fake.leaving["pods", "mail-2", consumer.CONSUMER] = 9
    assert restored(fake) == "tuesday"


def test_why_it_cannot_be_restored_is_said_though_the_pod_does_not_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = ready()
    fake.outcome = "Failed"
    fake.errors["delete", "pods"] = Unreachable("HTTP 503")
    assert run(fake, monkeypatch) == 1
    assert f"the Restore {NAME} ended as Failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda fake: fake.__dict__.update(volume="cache", needs_pod=False),
        lambda fake: fake.status.clear(),
        lambda fake: fake.status.update(restoreItemOperationsCompleted=0),
    ],
)
def test_a_restore_without_the_volume_or_its_data_is_an_error(change: Callable[[FakeCluster], object]) -> None:
    fake = ready()
    change(fake)
    with pytest.raises(CannotRestore, match=f"{NAME} is complete and brought no data for the volume claim {CLAIM}"):
        restored(fake)


def test_a_volume_that_is_not_bound_yet_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    fake = ready()
    fake.binds_at = 20
    assert restored(fake) == "tuesday"
    assert fake.objects["persistentvolumeclaims", "mail-2", CLAIM]["status"] == {"phase": "Bound"}
    assert f"waiting for the volume of {CLAIM}\n" in capsys.readouterr().out


def test_a_volume_that_is_never_bound_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    fake, before = ready(), clock.now
    fake.binds_at = 10_000
    assert run(fake, monkeypatch) == 1
    assert f"the volume of {CLAIM} did not come in 600 seconds" in capsys.readouterr().err
    assert clock.now - before < 700


def test_a_claim_that_came_from_elsewhere_meanwhile_is_an_error() -> None:
    fake = ready()
    fake.arrivals["create", "restores"] = [lambda: claim_of(fake, None)]
    with pytest.raises(CannotRestore, match=f"brought no data for the volume claim {CLAIM}"):
        restored(fake)


def test_a_database_brings_its_own_mail_and_no_claim_is_asked_for() -> None:
    fake = ready()
    fake.volume = ""
    assert restored(fake, dataclasses.replace(REQUEST, claim="")) == "tuesday"
    assert not any(kind is CLAIMS for _, kind, _, _ in fake.calls)


@pytest.mark.parametrize("outcome", ["PartiallyFailed", "Failed"])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"failureReason": "no such node"}, "no such node"),
        ({"errors": 3, "warnings": 1}, "3 errors, 1 warnings"),
        ({}, "0 errors"),
    ],
)
def test_a_restore_that_failed_is_an_error_with_its_phase_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], outcome: str, status: dict[str, Any], words: str
) -> None:
    fake = ready()
    fake.outcome, fake.status = outcome, status
    for _ in range(2):  # a second run says the same, and makes no other
        assert run(fake, monkeypatch) == 1
        (error,) = capsys.readouterr().err.splitlines()
        assert re.match(rf"error: the Restore {NAME} ended as \w*{outcome}: {words}", error)
        assert f"velero --namespace velero restore describe {NAME} --details" in error
        assert "Set restore.namespace to a new name and run pulumi up again" in error
    assert len(made(fake)) == 1


@pytest.mark.parametrize(
    "phase", ["WaitingForPluginOperationsPartiallyFailed", "FinalizingPartiallyFailed", "PartiallyFailed", "?"]
)
def test_a_restore_that_cannot_become_complete_is_not_waited_for(clock: Clock, phase: str) -> None:
    fake, before = ready(), clock.now
    fake._velero = lambda *_: None  # type: ignore[method-assign]
    fake.add(RESTORES, "velero", NAME, spec={"backupName": "tuesday"}, status={"phase": phase})
    with pytest.raises(CannotRestore, match=re.escape(f"ended as {phase}: ")):
        restored(fake)
    assert clock.now == before


@pytest.mark.parametrize("phase", ["", "New", "InProgress", "WaitingForPluginOperations", "Finalizing"])
def test_every_phase_of_a_restore_that_runs_is_waited_for(phase: str) -> None:
    fake = ready()
    fake._velero = lambda *_: None  # type: ignore[method-assign]
    begun = fake.add(RESTORES, "velero", NAME, spec={"backupName": "tuesday"}, status={"phase": phase})

    def complete() -> None:
        begun["status"] = {"phase": "Completed", **fake.status}
        claim_of(fake, NAME)

    fake.arrivals[7] = [complete]
    assert restored(fake) == "tuesday"
    assert not made(fake)


def test_a_restore_that_is_deleted_while_it_runs_is_an_error() -> None:
    fake = ready()
    fake.arrivals[11] = [lambda: fake.objects.pop(("restores", "velero", NAME)) and None]
    with pytest.raises(CannotRestore, match="was deleted while it ran; run pulumi up again"):
        restored(fake)


def test_the_restore_in_full() -> None:
    assert restore.restore_object(REQUEST, "tuesday") == {
        "apiVersion": "velero.io/v1",
        "kind": "Restore",
        "metadata": {"name": "restore-mail-2", "namespace": "velero"},
        "spec": {
            "backupName": "tuesday",
            "includedNamespaces": ["mail"],
            "namespaceMapping": {"mail": "mail-2"},
            "includedResources": ["persistentvolumeclaims", "persistentvolumes", "secrets"],
            "labelSelector": {"matchExpressions": [{"key": "cnpg.io/cluster", "operator": "DoesNotExist"}]},
            "restorePVs": True,
            "existingResourcePolicy": "none",
            "itemOperationTimeout": "24h0m0s",
        },
    }


def test_without_secrets_only_the_volume_comes_back() -> None:
    whole = restore.restore_object(REQUEST, "tuesday")
    part = restore.restore_object(dataclasses.replace(REQUEST, secrets=False), "tuesday")
    assert part["spec"].pop("includedResources") == ["persistentvolumeclaims", "persistentvolumes"]
    del whole["spec"]["includedResources"]
    assert part == whole


def test_a_storage_class_is_told_to_velero_before_the_restore() -> None:
    fake = ready()
    fake.rights = granted()
    restored(fake, WITH_CLASS)
    modifiers, the_restore, *_ = fake.made
    rules = """\
version: v1
resourceModifierRules:
- conditions:
    groupResource: persistentvolumeclaims
  mergePatches:
  - patchData: |
      {"spec": {"storageClassName": "fast"}}
"""
    metadata = {"name": NAME, "namespace": "velero"}
    assert modifiers == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"rules.yaml": rules}}
    assert the_restore["spec"].pop("resourceModifier") == {"kind": "configmap", "name": NAME}
    assert the_restore == restore.restore_object(REQUEST, "tuesday")


def test_another_storage_class_than_that_of_a_killed_run_is_told_to_velero() -> None:
    fake = ready()
    fake.errors["create", "restores"] = ClusterError("HTTP 403")
    with pytest.raises(ClusterError):
        restored(fake, WITH_CLASS)
    fake.errors.clear()
    restored(fake, dataclasses.replace(REQUEST, storage_class="slow"))
    rules = fake.objects["configmaps", "velero", NAME]
    assert '"slow"' in rules["data"]["rules.yaml"]


@pytest.mark.parametrize(
    "kind",
    [
        ("get", "backupstoragelocations"),
        ("list", "backups"),
        ("create", "restores"),
        ("create", "pods"),
        ("create", "configmaps"),
    ],
)
def test_a_refusal_of_the_api_server_is_one_line_and_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: tuple[str, str]
) -> None:
    fake = ready()
    fake.errors[kind] = ClusterError("GET /x: HTTP 403: forbidden")
    assert run(fake, monkeypatch) == 1
    assert capsys.readouterr().err == "error: GET /x: HTTP 403: forbidden\n"


def test_an_api_server_that_is_away_while_velero_works_is_waited_for() -> None:
    fake = ready()
    away = {("get", "restores"): Unreachable("GET /x: HTTP 503: etcdserver: leader changed")}
    fake.arrivals[12] = [lambda: fake.errors.update(away)]
    fake.arrivals[15] = [fake.errors.clear]
    assert restored(fake) == "tuesday"


@pytest.mark.parametrize(
    "kind",
    [
        ("get", "configmaps"),
        ("get", "backupstoragelocations"),
        ("get", "persistentvolumeclaims"),
        ("list", "backups"),
        ("create", "restores"),
        ("create", "pods"),
        ("get", "backups"),
    ],
)
def test_an_api_server_that_is_away_is_waited_for_at_every_step(kind: tuple[str, str]) -> None:
    fake = ready()
    fake.errors[kind] = Unreachable("HTTP 503")
    left = 2

    def refuse(*call: Any) -> None:
        nonlocal left
        if (call[0], call[1].plural) == kind:
            left -= 1
        if left == 0:
            fake.errors.clear()

    whole = fake._call
    fake._call = lambda *call: refuse(*call) or whole(*call)  # type: ignore[method-assign]
    assert restored(fake) == "tuesday"


def test_the_environment_is_the_request() -> None:
    assert restore.request_of(ENVIRONMENT) == REQUEST
    full = ENVIRONMENT | {"BACKUP": "monday", "STORAGE_CLASS": "fast", "SECRETS": "no", "ADVICE": "no"}
    assert restore.request_of(full) == dataclasses.replace(WITH_CLASS, backup="monday")
    assert restore.request_of({"LOCATION": "hot"}) == Request("", "hot", "", "")


def test_only_velero_its_pod_and_its_mark_are_written() -> None:
    fake = ready()
    restored(fake, WITH_CLASS)
    written = {(verb, kind.plural, namespace, name) for verb, kind, namespace, name in fake.calls if verb not in ("get", "list")}
    assert written - {("patch", "configmaps", "velero", NAME)} == {
        ("create", "restores", "velero", NAME),
        ("create", "configmaps", "velero", NAME),
        ("create", "pods", "mail-2", consumer.CONSUMER),
        ("delete", "pods", "mail-2", consumer.CONSUMER),
        ("create", "configmaps", "mail-2", restore.MARK),
    }
    read = {kind for verb, kind, _, _ in fake.calls if verb in ("get", "list")}
    assert read == {LOCATIONS, BACKUPS, RESTORES, CLAIMS, CONFIG_MAPS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a pod has under /program."""
    (tmp_path / "program" / "jobs").mkdir(parents=True)
    for name, text in pods.programs().items():
        (tmp_path / "program" / "jobs" / name).write_text(text)
    return tmp_path


def plain(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As in a pod: a Python without any installed package."""
    variables = {"PYTHONPATH": str(folder / "program"), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    command = [sys.executable, "-S", "-W", "error", *arguments]
    return subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("program", ["restore", "drill"])
def test_outside_of_a_cluster_a_program_says_so_in_one_line(folder: Path, program: str) -> None:
    result = plain(folder, "-m", f"jobs.{program}")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == "error: this program runs in a pod with a service account; here is none\n"


def test_every_file_of_the_pod_is_needed_and_is_there(folder: Path) -> None:
    names = sorted(path.stem for path in (folder / "program" / "jobs").iterdir() if path.stem != "__init__")
    roots = ("restore", "drill", "metrics", "look")
    code = f"import sys, jobs.{', jobs.'.join(roots)}; print(*sorted(n[5:] for n in sys.modules if n.startswith('jobs.')))"
    result = plain(folder, "-c", code)
    assert (result.stdout.split(), result.stderr) == (names, "")


# The pod's own folder of its service account and the pauses are the only things that are not as in a pod.
POD = """
import sys, time
from pathlib import Path
from jobs import cluster, restore
cluster.ACCOUNT = Path(sys.argv[1])
time.sleep = lambda _: None
sys.exit(restore.main())
"""


def test_it_restores_from_a_pod(folder: Path) -> None:
    fake = ready()
    fake.rights = granted()
    (folder / "account").mkdir()
    with serving(ApiServer(fake, folder / "account")) as api:
        address = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api.server_port)}
        result = plain(folder, "-c", POD, str(folder / "account"), **ENVIRONMENT | {"STORAGE_CLASS": "fast"}, **address)
    assert (result.returncode, result.stderr) == (0, "")
    assert "restored from tuesday: the mailboxes are as they were at 2026-03-03T02:05:00Z\n" in result.stdout
    expected = ready()
    restored(expected, WITH_CLASS)
    assert fake.made == expected.made
