"""Prometheus evaluates every query of the dashboard: on a server with traffic, on a new one, and on none."""

import html
import math

import pytest

from components.monitoring import dashboard

from . import mail_worlds as worlds
from . import picture, promtool
from .mail_worlds import COUNTERS, FRESH, MINE, WELL, always, exporter
from .queries import evaluate, of_panels

MODEL = dashboard.model()
QUERIES = of_panels(MODEL)
DAY = 25 * 60


def asked(panel, number=0):
    (found,) = [found for found in MODEL["panels"] if found["title"] == panel and found["type"] == "stat"]
    return of_panels({"panels": [found]})[number]


@pytest.fixture
def evaluated(tmp_path):
    promtool.find()
    return lambda world: evaluate(tmp_path, world, QUERIES, [DAY])


def test_every_query_has_a_value_where_there_is_traffic(evaluated):
    found = evaluated(WELL)
    assert [query for query, samples in found.items() if not samples] == []
    assert all(math.isfinite(sample.value) for samples in found.values() for sample in samples)


def test_the_figures_are_right(evaluated):
    found = evaluated(MINE)

    def figure(panel):
        (sample,) = found[asked(panel)]
        return sample.value

    assert figure("Received") == pytest.approx(24 * 600, rel=0.01)
    assert figure("Sent") == pytest.approx(24 * 300, rel=0.01)
    assert figure("Spam caught") == pytest.approx(24 * 120, rel=0.01)
    assert figure("Queue length") in (8, 12, 20, 30, 45, 60)
    assert figure("Delivery success") == pytest.approx(300 / 303, rel=0.001)
    assert figure("Oldest in the queue") == pytest.approx(0.6 * 3600, abs=1)
    assert figure("Certificate") == pytest.approx(60 - DAY / 1440, abs=0.01)
    assert (figure("On blocklists"), figure("Own bans")) == (0, 0)
    assert figure("Oldest last backup") == pytest.approx(3 * 3600, abs=1)


def test_a_server_that_has_counted_nothing_yet_shows_zeros(evaluated):
    found = evaluated({series: values for series, values in MINE.items() if series not in COUNTERS})
    assert [query for query, samples in found.items() if not samples] == []
    for panel, value in (("Received", 0), ("Sent", 0), ("Spam caught", 0), ("Delivery success", 1)):
        assert [sample.value for sample in found[asked(panel)]] == [value]


def test_an_archive_that_is_dead_is_seen_however_new_the_other_backups_are(evaluated):
    archive = 'velero_backup_last_successful_timestamp{schedule="mail-primary-archive"}'
    found = evaluated({**MINE, archive: always(promtool.at(-30))})
    (sample,) = found[asked("Oldest last backup")]
    assert sample.value == pytest.approx(30 * 3600 + DAY * 60, abs=1)


def test_an_empty_queue_has_no_age(tmp_path):
    promtool.find()
    query = asked("Oldest in the queue")
    empty = {exporter("queue_messages"): always(0), exporter("queue_old_messages"): always(0)}
    assert [s.value for s in evaluate(tmp_path, {**FRESH, **empty}, [query], [60])[query]] == [0]


def test_without_the_exporter_its_figures_are_not_zero_but_missing(evaluated):
    found = evaluated(FRESH)
    for panel in ("Queue length", "Oldest in the queue", "Certificate", "On blocklists", "Own bans"):
        assert found[asked(panel)] == [], panel


def test_two_regions_are_summed_and_told_apart(evaluated):
    second = {name.replace("eu-west-1", "eu-central-1").replace("stalwart-0", "stalwart-b"): v for name, v in MINE.items()}
    found = evaluated({**MINE, **second})
    (received,) = found[asked("Received")]
    assert received.value == pytest.approx(2 * 24 * 600, rel=0.01)
    (queues,) = [q for q in QUERIES if q.startswith("sum by (region, namespace)") and "queue_messages" in q]
    assert {sample.labels["region"] for sample in found[queues]} == {"eu-west-1", "eu-central-1"}


def test_the_picture_shows_every_panel(tmp_path):
    promtool.find()
    moments = picture.MINUTES[:: len(picture.MINUTES) - 1]
    shown = picture.page(MODEL, evaluate(tmp_path, picture.WORLD, QUERIES, moments))
    assert [panel["title"] for panel in MODEL["panels"] if html.escape(panel["title"]) not in shown] == []


def test_what_is_no_query_is_refused(tmp_path):
    promtool.find()
    with pytest.raises(AssertionError, match="parse error"):
        evaluate(tmp_path, worlds.FRESH, ["sum((up"], [60])
