"""Prometheus says of every alert that it fires when it should, alone, and not when all is well.

Thresholds are computed by hand.
"""

from dataclasses import replace

import pytest

from components.backup.alerts import Watched, WatchedDatabase, spec

from . import promtool, worlds
from .promtool import alert, at, held
from .worlds import DATABASE, DRILL, DRILLS, LAST_SUCCESS, NODE_AGENTS, VELERO, WATCHED, WELL, instances

H = 60  # an hour in minutes, which is how moments are told here
SPEC = spec(WATCHED)


def calm(series):
    """A value of a series that alarms nobody in the first hours."""
    return at(0) if "timestamp" in series else int("status" in series)


def gone(series, after):
    """Series that end after so many hours."""
    return {name: held((calm(name), after), ("_", worlds.HOURS)) if after else held(("_", worlds.HOURS)) for name in series}


HOT, COLD = {"schedule": "hot"}, {"schedule": "cold"}
TOO_OLD, NEVER = alert("MailBackupTooOld", **HOT), alert("MailBackupNeverMade", **HOT)
FAILED = alert("MailBackupFailed", **HOT)
NOT_ARRIVING, NEVER_ARRIVED = alert("MailArchiveNotArriving", schedule="far"), alert("MailArchiveNeverArrived", schedule="far")
NEAR = {"location": "near"}
REPOSITORY = alert("MailRepositoryMaintenanceFailed", repository_name="mail-near-kopia")
PG = {"database": "mail-pg"}
WAL, PILE, NO_BASE = alert("MailWalNotArchived", **PG), alert("MailWalPilesUp", **PG), alert("MailDatabaseBackupNeverMade", **PG)
DRILL_FAILED, DRILL_OLD = alert("MailDrillFailed", location="abroad"), alert("MailDrillTooOld", location="abroad")

PRIMARY = 'namespace="mail",pod="mail-pg-1"'
ARCHIVED, ARCHIVE_FAILED = (f"{worlds.ARCHIVER}_last_{what}_time{{{PRIMARY}}}" for what in ("archived", "failed"))
READY = f'{worlds.WAITING}{{value="ready",{PRIMARY}}}'
RAN, SUCCEEDED, SUCCESS = (
    f'{DRILL}_{what}{{location="abroad"}}' for what in ("last_run_timestamp_seconds", "last_success_timestamp_seconds", "success")
)

# What is otherwise than when all is well, and what fires at which minute.
CASES = {
    # 1.5 x 6 h + 2 h = 11 h, and 15 minutes to settle.
    "backups stop for 12 hours": (
        {f'{LAST_SUCCESS}{{schedule="hot"}}': held((at(0), 12), (at(12), 2))},
        {11 * H + 15: [], 11 * H + 20: [TOO_OLD], 12 * H - 5: [TOO_OLD], 12 * H: []},
    ),
    # 1.5 x 48 h + 2 h = 74 h
    "rare backups stop": (
        {f'{LAST_SUCCESS}{{schedule="cold"}}': held((at(0), 80))},
        {49 * H: [], 74 * H + 15: [], 74 * H + 20: [alert("MailBackupTooOld", **COLD)]},
    ),
    "a new schedule makes none for 12 hours": (
        {f'{LAST_SUCCESS}{{schedule="hot"}}': held(("_", 12), (at(12), 2))},
        {H: [], 11 * H - 5: [], 11 * H: [NEVER], 12 * H: []},
    ),
    # 1.5 x 24 h + 2 h = 38 h
    "none arrives from the other region": (
        {f'{LAST_SUCCESS}{{schedule="far"}}': held((at(0), 40), (at(40), 2))},
        {38 * H + 15: [], 38 * H + 20: [NOT_ARRIVING], 40 * H: []},
    ),
    "none has ever arrived from the other region": (
        {f'{LAST_SUCCESS}{{schedule="far"}}': held(("_", 40), (at(40), 2))},
        {38 * H - 5: [], 38 * H: [NEVER_ARRIVED], 40 * H: []},
    ),
    # The window of six hours ends with the run after.
    **{
        f"a backup: {name}": (
            {f'{counter}{{schedule="hot"}}': held((0, 1), (1, 12))},
            {H: [], H + 5: [alert(name, **HOT)], 6 * H + 50: [alert(name, **HOT)], 6 * H + 55: []},
        )
        for counter, name in (
            ("velero_backup_failure_total", "MailBackupFailed"),
            ("velero_backup_partial_failure_total", "MailBackupPartiallyFailed"),
            ("velero_backup_validation_failure_total", "MailBackupRefused"),
        )
    },
    "a rare backup fails": (
        {'velero_backup_failure_total{schedule="cold"}': held((0, 1), (1, 60))},
        {H: [], H + 5: [alert("MailBackupFailed", **COLD)], 48 * H: [alert("MailBackupFailed", **COLD)], 49 * H: []},
    ),
    "a backup fails, and Velero restarts": (
        {
            'velero_backup_failure_total{schedule="hot"}': held(("_", 14)),
            'velero_backup_failure_total{schedule="hot",pod="velero-1"}': held((0, 1), (1, 1), ("_", 12)),
            'velero_backup_failure_total{schedule="hot",pod="velero-2"}': held(("_", 2), (0, 12)),
        },
        {H + 5: [FAILED], 3 * H: [FAILED], 8 * H: []},
    ),
    "a pod of Velero that is gone is still seen": (
        {
            f'{LAST_SUCCESS}{{schedule="hot"}}': held(("_", 14)),
            f'{LAST_SUCCESS}{{schedule="hot",pod="velero-1"}}': held((at(0), 14)),
            f'{LAST_SUCCESS}{{schedule="hot",pod="velero-2"}}': held(("_", 6), (at(6), 8)),
        },
        {6 * H: [], 13 * H: []},
    ),
    "a location is away for an hour": (
        {f'{worlds.LOCATION}{{backup_location_name="near"}}': held((1, 1), (0, 1), (1, 1))},
        {H + 10: [], H + 15: [alert("MailBackupLocationUnavailable", **NEAR)], 2 * H: []},
    ),
    "a location is never validated": (
        {f'{worlds.LOCATION}{{backup_location_name="near"}}': held(("_", 1), (1, 1))},
        {10: [], 15: [alert("MailBackupLocationUnknown", **NEAR)], H: []},
    ),
    **{
        f"an upload: {counter}": (
            {f'{counter}{{node="n1",pod="agent-n1"}}': held((0, 1), (1, 3))},
            {H: [], H + 5: [alert("MailDataUploadFailed", node="n1")], 2 * H: []},
        )
        for counter in ("podVolume_data_upload_failure_total", "podVolume_data_upload_cancel_total")
    },
    "the first maintenance that ever fails": (
        {f'{worlds.REPOSITORY}{{repository_name="mail-near-kopia",pod="velero-1"}}': held(("_", 2), (1, 12))},
        {2 * H: [], 2 * H + 5: [REPOSITORY], 8 * H - 5: [REPOSITORY], 8 * H: []},
    ),
    "maintenance fails again": (
        {f'{worlds.REPOSITORY}{{repository_name="mail-near-kopia",pod="velero-1"}}': held((1, 8), (2, 12))},
        {6 * H: [], 8 * H: [], 8 * H + 5: [REPOSITORY], 15 * H: []},
    ),
    # Long enough for every other alert of something absent.
    "Velero is not seen any more": (
        gone(VELERO, 1),
        {H + 10: [], H + 15: [alert("MailVeleroSilent")], 95 * H: [alert("MailVeleroSilent")]},
    ),
    "Velero was never seen": (gone(VELERO, 0), {10: [], 15: [alert("MailVeleroSilent")], 95 * H: [alert("MailVeleroSilent")]}),
    "the node agents are not seen": (gone(NODE_AGENTS, 1), {H + 10: [], H + 15: [alert("MailNodeAgentSilent")]}),
    "nothing of the database is seen": (gone(DATABASE, 0), {10: [], 15: [alert("MailDatabaseSilent", **PG)]}),
    "nothing of the database's plugin is seen": (
        instances(worlds.AVAILABLE, held(("_", 4))),
        {10: [], 15: [alert("MailDatabaseSilent", **PG)]},
    ),
    "WAL is refused for an hour": (
        {ARCHIVED: held((at(0), 2), (at(2), 2)), ARCHIVE_FAILED: held((-1, 1), (at(1), 3))},
        {H + 5: [], H + 10: [WAL], 2 * H: []},
    ),
    "WAL was never archived": ({ARCHIVED: held((-1, 2)), ARCHIVE_FAILED: held((at(0), 2))}, {5: [], 10: [WAL]}),
    "no WAL yet, and none refused": ({ARCHIVED: held((-1, 2)), ARCHIVE_FAILED: held((-1, 2))}, {H: []}),
    "WAL waits for an hour": ({READY: held((2, 2), (3, 1), (2, 2))}, {2 * H + 10: [], 2 * H + 15: [PILE], 3 * H: []}),
    "no base backup for 30 hours": (
        instances(worlds.AVAILABLE, held((at(0), 30), (at(30), 1))),
        {26 * H + 15: [], 26 * H + 20: [alert("MailDatabaseBackupTooOld", **PG)], 30 * H: []},
    ),
    "no base backup ever": (
        {**instances(worlds.AVAILABLE, held((0, 28), (at(28), 1))), **instances(worlds.FAILED, held((0, 29)))},
        {26 * H - 5: [], 26 * H: [NO_BASE], 28 * H: []},
    ),
    "a base backup fails, and the next does not": (
        instances(worlds.FAILED, held((0, 1), (at(1), 30))),
        {H: [], H + 5: [alert("MailDatabaseBackupFailed", **PG)], 24 * H: []},
    ),
    "the first base backup fails": (
        {**instances(worlds.AVAILABLE, held((0, 3))), **instances(worlds.FAILED, held((0, 1), (at(1), 2)))},
        {H: [], H + 5: [alert("MailDatabaseBackupFailed", **PG)]},
    ),
    "a drill fails": (
        {SUCCESS: held((1, 1), (0, 1), (1, 1))},
        {H: [], H + 5: [DRILL_FAILED], 2 * H: []},
    ),
    "a drill fails, and an older one is still seen": (
        {f'{DRILL}_success{{location="abroad",pod="drill-2"}}': held((0, 2))},
        {0: [], 5: [DRILL_FAILED], H: [DRILL_FAILED]},
    ),
    "a drill succeeds, and an older one is still seen": (
        {f'{DRILL}_last_success_timestamp_seconds{{location="abroad",pod="drill-0"}}': held((at(0), 80))},
        {79 * H: []},
    ),
    "no drill succeeds for 80 hours": (
        {SUCCEEDED: held((at(0), 80), (at(80), 1))},
        {72 * H + 15: [], 72 * H + 20: [DRILL_OLD], 80 * H: []},
    ),
    "no drill has ever succeeded": (
        {SUCCEEDED: held((0, 2)), SUCCESS: held((0, 2))},
        {0: [], 5: [DRILL_FAILED], H: [DRILL_FAILED]},
    ),
    "no drill has ever run": (gone(DRILLS, 0), {72 * H - 5: [], 72 * H: [alert("MailDrillNeverRan")]}),
}


@pytest.mark.parametrize("case", CASES)
def test_an_alert_fires_when_it_should_and_alone(case, tmp_path):
    changes, firing = CASES[case]
    promtool.judge(tmp_path, SPEC, {**WELL, **changes}, firing)


def test_nothing_fires_while_all_is_well(tmp_path):
    promtool.judge(tmp_path, SPEC, WELL, {minute: [] for minute in range(0, worlds.HOURS * H, 25)})


def test_a_restart_of_velero_is_not_news(tmp_path):
    restarted = {}
    for series in VELERO:
        name, _, labels = series.partition("{")
        restarted[f'{name}{{pod="velero-1",{labels or "}"}'] = held((calm(series), 2), ("_", 4))
        restarted[f'{name}{{pod="velero-2",{labels or "}"}'] = held(("_", 2), (calm(series), 4))
    others = {series: values for series, values in WELL.items() if series not in VELERO}
    promtool.judge(tmp_path, SPEC, {**others, **restarted}, {minute: [] for minute in range(0, 6 * H, 5)})


def test_base_backups_may_be_a_week_apart(tmp_path):
    # 7 x 24 h + 2 h = 170 h, and 15 minutes to settle. That is longer than a world lasts: here there is the database alone.
    weekly = spec(Watched((), (), "mail", WatchedDatabase("mail-pg", 7 * 24 * 3600)))
    well = {series: held((calm(series), 176)) for series in (*VELERO, *DATABASE)}
    stops = {**well, **instances(worlds.AVAILABLE, held((at(0), 172), (at(172), 4)))}
    too_old = alert("MailDatabaseBackupTooOld", **PG)
    promtool.judge(tmp_path, weekly, stops, {26 * H + 20: [], 170 * H + 15: [], 170 * H + 20: [too_old], 172 * H: []})
    never = {**well, **instances(worlds.AVAILABLE, held((0, 172), (at(172), 4))), **instances(worlds.FAILED, held((0, 176)))}
    promtool.judge(tmp_path, weekly, never, {26 * H: [], 170 * H - 5: [], 170 * H: [NO_BASE], 172 * H: []})
    sent = promtool.texts(tmp_path, weekly, stops, 171 * H)
    assert "It is 7d 3h 0m 0s old; there should be one every 168 hours." in sent
    assert "There has been none for 170 hours." in promtool.texts(tmp_path, weekly, never, 171 * H)


def test_every_alert_has_a_case():
    fired = {label.split('"')[1] for _, firing in CASES.values() for alerts in firing.values() for label in alerts}
    assert fired == {rule["alert"] for group in SPEC["groups"] for rule in group["rules"]}


@pytest.mark.parametrize(
    "watched",
    [WATCHED, replace(WATCHED, database=None, drill_max_age_days=None), replace(WATCHED, schedules=WATCHED.schedules[2:])],
    ids=["all", "Velero only", "arriving only"],
)
def test_the_rules_are_rules(watched, tmp_path):
    result = promtool.check(tmp_path, spec(watched))
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_texts_say_how_old_and_how_many(tmp_path):
    world = {
        **WELL,
        f'{LAST_SUCCESS}{{schedule="hot"}}': held((at(0), 80)),
        f'{LAST_SUCCESS}{{schedule="far"}}': held((at(0), 80)),
        **{f'{counter}{{schedule="cold"}}': held((0, 70), (2, 10)) for counter in worlds.COUNTERS},
        'podVolume_data_upload_failure_total{node="n2",pod="agent-n2"}': held((0, 73), (4, 7)),
        f'{worlds.REPOSITORY}{{repository_name="mail-archive-kopia"}}': held(("_", 70), (1, 10)),
        READY: held((7, 80)),
        **instances(worlds.AVAILABLE, held((at(0), 80))),
        SUCCEEDED: held((at(0), 80)),
        SUCCESS: held((0, 80)),
    }
    sent = promtool.texts(tmp_path, SPEC, world, 73 * H + 30)
    rendered = {rule["alert"] for group in SPEC["groups"] for rule in group["rules"] if "{{" in str(rule["annotations"])}
    assert [name for name in rendered if f'alertname="{name}"' not in sent] == []
    assert [wrong for wrong in ("{{", "<no value>", "error expanding") if wrong in sent] == []
    for words in (
        "It is 3d 1h 30m 0s old; up to 11 hours are normal.",
        "The newest one here is 3d 1h 30m 0s old; up to 38 hours are normal.",
        "A backup of the schedule cold failed in part",
        "2 in the last 48 hours.",
        "A volume was not uploaded from the node n2",
        "4 in the last hour failed or were cancelled.",
        "Maintenance of the backup repository mail-archive-kopia failed",
        "7 segments wait, and for 15 minutes it has been 3 or more.",
        "It is 3d 1h 30m 0s old; there should be one every 24 hours.",
        "The restore drill from abroad failed",
        "The last success was 3d 1h 30m 0s ago; up to 3 days are allowed.",
    ):
        assert words in sent


def test_the_judge_can_say_no(tmp_path):
    twice = {"groups": [{"name": "twice", "rules": [SPEC["groups"][0]["rules"][0]] * 2}]}
    assert promtool.check(tmp_path, twice).returncode == 3
    assert "MailBackupTooOld" not in promtool.texts(tmp_path, SPEC, WELL, H)
    with pytest.raises(AssertionError, match="MailVeleroSilent"):
        promtool.judge(tmp_path, SPEC, WELL, {H: [alert("MailVeleroSilent")]})
    with pytest.raises(AssertionError, match="MailVeleroSilent"):
        promtool.judge(tmp_path, SPEC, {**WELL, **gone(VELERO, 0)}, {H: []})
