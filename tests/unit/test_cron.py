"""Cron expressions: what is taken, and how long a schedule leaves things alone at most."""

import pytest

from components.cron import cron, longest_gap_s, zoned_cron

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("value", "gap"),
    [
        ("* * * * *", MINUTE),
        ("17 */6 * * *", 6 * HOUR),
        ("47 2 * * 0", 7 * DAY),
        ("0 2 * * 1-5", 3 * DAY),  # over the weekend
        ("*/30 9-17 * * 1-5", 2 * DAY + 15 * HOUR + 30 * MINUTE),
        ("0 0 1 * *", 31 * DAY),
        ("0 0 1 1 *", 366 * DAY),
        ("CRON_TZ=Europe/Berlin 0 */12 * * *", 12 * HOUR),
    ],
)
def test_the_longest_gap_is_found_among_all(value, gap):
    assert zoned_cron(value) == value
    assert longest_gap_s(value) == gap


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0 2 * *",
        "0 0 2 * * *",
        "@daily",
        "0  2 * * *",
        "61 * * * *",
        "0 0 30 2 *",
        "0 0 L * *",
        "0 0 * * 5#2",
        "0 2 * * *\n",
        "a b c d e",
    ],
)
def test_what_is_no_cron_expression_of_five_fields_is_refused(value):
    for rule in (cron, zoned_cron):
        with pytest.raises(ValueError, match="is not a cron expression of five fields"):
            rule(value)


def test_a_time_zone_is_for_velero_alone():
    with pytest.raises(ValueError, match="five fields"):
        cron("CRON_TZ=UTC 0 2 * * *")


@pytest.mark.parametrize("minute", [0, 17, 59])
@pytest.mark.parametrize("hours", range(1, 13))
def test_a_step_that_divides_the_day_is_the_gap(minute, hours):
    expression = f"{minute} */{hours} * * *"
    expected = hours if 24 % hours == 0 else max(hours, 0)
    assert longest_gap_s(cron(expression)) == expected * HOUR
