"""The alerts of backups, as plain data: which there are, and that each is complete. What fires when, Prometheus judges."""

import re
from dataclasses import replace

import pytest

from components.backup.alerts import Watched, WatchedDatabase, WatchedSchedule, spec

HOUR, DAY = 3600, 24 * 3600
HOT = WatchedSchedule("hot", "near", 6 * HOUR, made_here=True)
COLD = WatchedSchedule("cold", "archive", 7 * DAY, made_here=True)
FAR = WatchedSchedule("far", "abroad", 7 * DAY, made_here=False)
NEAR, ABROAD = Watched((HOT, COLD), ("near", "archive"), "mail"), Watched((FAR,), ("abroad",), "mail")
ALL = Watched((HOT, COLD, FAR), ("near", "archive", "abroad"), "mail", WatchedDatabase("mail-pg", DAY), 8)

MADE_HERE = {"MailBackupTooOld", "MailBackupNeverMade", "MailBackupFailed", "MailBackupPartiallyFailed", "MailBackupRefused"}
UPLOADING = {"MailDataUploadFailed", "MailNodeAgentSilent", "MailRepositoryMaintenanceFailed"}
ARRIVING = {"MailArchiveNotArriving", "MailArchiveNeverArrived"}
ALWAYS = {"MailVeleroSilent", "MailBackupLocationUnavailable", "MailBackupLocationUnknown"}
DATABASE = {
    *("MailDatabaseSilent", "MailWalNotArchived", "MailWalPilesUp"),
    *("MailDatabaseBackupTooOld", "MailDatabaseBackupNeverMade", "MailDatabaseBackupFailed"),
}
DRILLS = {"MailDrillFailed", "MailDrillTooOld", "MailDrillNeverRan"}


def rules(watched):
    return [rule for group in spec(watched)["groups"] for rule in group["rules"]]


def names(watched):
    return {rule["alert"] for rule in rules(watched)}


def of(watched, name, **labels):
    (found,) = [rule for rule in rules(watched) if rule["alert"] == name and labels.items() <= rule["labels"].items()]
    return found


@pytest.mark.parametrize(
    ("watched", "expected"),
    [
        (NEAR, ALWAYS | MADE_HERE | UPLOADING),
        (ABROAD, ALWAYS | ARRIVING),
        (Watched((), ("abroad",), "mail"), ALWAYS),
        (Watched((), (), "mail", WatchedDatabase("mail-pg", DAY)), {"MailVeleroSilent"} | DATABASE),
        (Watched((), (), "mail", drill_max_age_days=8), {"MailVeleroSilent"} | DRILLS),
        (ALL, ALWAYS | MADE_HERE | UPLOADING | ARRIVING | DATABASE | DRILLS),
    ],
    ids=["a region with mailboxes", "a region that waits", "a bucket alone", "a database", "drills", "everything"],
)
def test_there_are_alerts_of_what_is_watched_and_no_others(watched, expected):
    assert names(watched) == expected
    assert all(group["rules"] for group in spec(watched)["groups"])


def test_a_schedule_of_the_other_region_arrives_and_is_not_made_here():
    both = Watched((HOT, FAR), ("near", "abroad"), "mail")
    assert {rule["alert"] for rule in rules(both) if rule["labels"].get("schedule") == "far"} == ARRIVING
    assert {rule["alert"] for rule in rules(both) if rule["labels"].get("schedule") == "hot"} == MADE_HERE


@pytest.mark.parametrize("rule", rules(ALL), ids=lambda rule: "-".join([rule["alert"], *list(rule["labels"].values())[1:]]))
def test_every_alert_is_complete(rule):
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Mail([A-Z][a-z]+)+", rule["alert"])
    assert int(re.fullmatch(r"(\d+)s", rule["for"])[1]) >= 300
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() - {"runbook"} == {"summary", "description"}
    assert not rule["annotations"]["summary"].endswith(".")
    description = rule["annotations"]["description"]
    assert description.endswith(".")
    assert re.search(r"\. See ", description), "it says what to look at next"


def test_no_two_alerts_of_a_name_have_the_same_labels():
    seen = [(rule["alert"], *sorted(rule["labels"].items())) for rule in rules(ALL)]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(
    ("schedule", "too_old", "never", "seconds"),
    [
        (HOT, "MailBackupTooOld", "MailBackupNeverMade", 39_600),
        (FAR, "MailArchiveNotArriving", "MailArchiveNeverArrived", 914_400),
    ],
    ids=["6 hours: 11 hours", "a week: 254 hours"],
)
def test_a_backup_is_too_old_after_a_run_and_a_half_and_two_hours(schedule, too_old, never, seconds):
    watched = Watched((schedule,), (schedule.location,), "mail")
    assert of(watched, too_old)["expr"].endswith(f"> {seconds}")
    assert of(watched, never)["for"] == f"{seconds}s"


@pytest.mark.parametrize(
    ("gap", "window"), [(6 * HOUR, "[21600s]"), (7 * DAY, "[604800s]"), (60, "[3600s]")], ids=["6 hours", "a week", "a minute"]
)
def test_a_failure_counts_until_the_next_run_and_at_least_an_hour(gap, window):
    watched = Watched((WatchedSchedule("hot", "near", gap, made_here=True),), ("near",), "mail")
    for name in ("MailBackupFailed", "MailBackupPartiallyFailed", "MailBackupRefused"):
        assert window in of(watched, name)["expr"]


@pytest.mark.parametrize(
    ("gap", "seconds"), [(DAY, 93_600), (7 * DAY, 612_000), (6 * HOUR, 28_800)], ids=["a day", "a week", "6 hours"]
)
def test_a_base_backup_is_too_old_two_hours_after_the_next_was_due(gap, seconds):
    watched = Watched((), (), "mail", WatchedDatabase("mail-pg", gap))
    assert of(watched, "MailDatabaseBackupTooOld")["expr"].endswith(f"> {seconds}")
    assert of(watched, "MailDatabaseBackupNeverMade")["for"] == f"{seconds}s"


def test_an_odd_gap_gives_whole_seconds():
    assert WatchedSchedule("odd", "near", 3601, made_here=True).too_old_s == 12_601


def test_only_the_mail_namespace_and_the_named_database_are_looked_at():
    watched = Watched((HOT,), ("near",), "post", WatchedDatabase("letters", DAY))
    assert '"post-(near)-kopia.*"' in of(watched, "MailRepositoryMaintenanceFailed")["expr"]
    for name in DATABASE:
        expression = of(watched, name)["expr"]
        # Every series that is looked at says whose it is.
        assert expression.count('namespace="post",pod=~"letters-[0-9]+"') == expression.count("{") > 0


def test_the_age_of_a_drill_is_in_days():
    assert of(ALL, "MailDrillTooOld")["expr"].endswith("> 691200")
    assert of(ALL, "MailDrillNeverRan")["for"] == "691200s"


def test_what_loses_mail_or_hides_that_it_would_is_critical():
    assert {rule["alert"] for rule in rules(ALL) if rule["labels"]["severity"] == "critical"} == {
        *("MailVeleroSilent", "MailBackupTooOld", "MailBackupNeverMade", "MailBackupLocationUnavailable"),
        *("MailArchiveNotArriving", "MailArchiveNeverArrived", "MailDrillFailed"),
        *("MailWalNotArchived", "MailWalPilesUp", "MailDatabaseBackupTooOld", "MailDatabaseBackupNeverMade"),
    }


def test_alerts_of_two_regions_differ():
    told = [
        {(rule["alert"], *sorted(rule["labels"].items())) for rule in rules(replace(ALL, region=region))} for region in ("a", "b")
    ]
    assert not told[0] & told[1]
    assert len(told[0]) == len(rules(ALL))


def test_the_runbook_of_a_failover_is_with_what_a_failover_needs():
    assert {rule["alert"] for rule in rules(ALL) if "runbook" in rule["annotations"]} == ARRIVING | DRILLS
    assert {rule["annotations"].get("runbook") for rule in rules(ALL)} == {None, "docs/runbooks/failover.md"}


def test_the_metric_that_velero_sets_back_every_minute_is_not_relied_on():
    assert [rule["alert"] for rule in rules(ALL) if "velero_backup_last_status" in rule["expr"]] == []
