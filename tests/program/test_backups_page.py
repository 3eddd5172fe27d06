"""What the summary says of backups: what is copied where, and what the loss of a part costs."""

import pytest

from offline.backups import every
from offline.summary import summarize
from tests.conftest import changed, recorded
from tests.program.stacks import run, settings_of
from tests.program.test_failover import ACTIVE, HERE
from tests.program.test_storage import DISTRIBUTED


def _page(recording, stack, **changes):
    config = {key.removeprefix("mail:"): value for key, value in settings_of(stack, **changes).items()}
    return " ".join(summarize(recording, config).split("## Backups")[1].split())


@pytest.mark.parametrize(
    ("seconds", "words"), [(300, "5 min"), (3600, "1 h"), (5400, "1.5 h"), (86_400, "day"), (604_800, "7 days"), (93_600, "26 h")]
)
def test_times_are_said_as_people_say_them(seconds, words):
    assert every(seconds) == words


def test_a_primary_says_where_its_copies_go_and_what_a_lost_region_costs():
    page = _page(recorded("primary"), "primary")
    assert (
        "mail-primary-hot: namespace mail | example-mail-hot/primary (eu-west-1) | every 6 h (17 */6 * * * UTC) | 30 days" in page
    )
    assert "example-mail-archive/primary (eu-central-1) | every 7 days (47 3 * * 0 UTC) | 400 days" in page
    assert "the region | mail of up to 6 h, and of the time that the last upload takes" in page
    assert "A restore is rehearsed when `make drill` is typed." in page


def test_a_primary_with_no_copy_elsewhere_says_so():
    backup = {"location": {"bucket": "example-mail-hot", "region": "eu-west-1"}, "drill": {"cron": "23 4 2 * *"}}
    page = _page(changed("primary", backup=backup), "primary", backup=backup)
    assert "the region | everything: there is no copy elsewhere" in page
    assert "A restore is rehearsed every 31 days." in page


def test_a_standby_says_what_it_could_take_over_from():
    page = _page(recorded("backup"), "backup")
    assert "mail-backup: namespace mail-restored | example-mail-backup/backup (eu-central-1) | paused | 30 days" in page
    assert "read only: mail-primary-archive | example-mail-archive/primary (eu-central-1)" in page
    assert "the primary's region | mail since the newest backup in its archive" in page


def test_a_backup_that_serves_backs_itself_up():
    recording = changed("backup", **ACTIVE, restore={**HERE, "checked": True})
    page = _page(recording, "backup", **ACTIVE)
    assert "mail-backup: namespace mail-2 | example-mail-backup/backup (eu-central-1) | every 6 h" in page


def test_a_databases_copies_are_its_own():
    page = _page(changed("primary", storage=DISTRIBUTED), "primary", storage=DISTRIBUTED)
    assert "database | s3://example-mail-database/primary | its log at once, all of it every day | 30 days" in page
    assert "the region | mail of up to 5 min" in page
    assert "A restore is not rehearsed: drills are for mail in a volume." in page


def test_no_backups_no_page():
    recording = run("primary", settings_of("primary", backup=None))
    config = {key.removeprefix("mail:"): value for key, value in settings_of("primary", backup=None).items()}
    assert "## Backups" not in summarize(recording, config)


def test_the_way_of_mail_says_who_is_fenced_and_who_stands_in():
    def way(recording, stack, **changes):
        config = {key.removeprefix("mail:"): value for key, value in settings_of(stack, **changes).items()}
        return summarize(recording, config).split("## Mail")[1].split("##")[0]

    assert "mx1.example.com is fenced: no mail in or out" in way(changed("primary", mode="fenced"), "primary", mode="fenced")
    restored = "mx1.example.com, restored to mail-2 --> mailboxes, "
    for checked, words in ((False, "fenced: no mail in or out"), (True, "serving at 198.51.100.21")):
        recording = changed("backup", **ACTIVE, restore={**HERE, "checked": checked})
        assert restored + words in way(recording, "backup", **ACTIVE)
