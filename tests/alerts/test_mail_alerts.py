"""Prometheus says of every alert of a mail server that it fires when it should, alone, and not when all is well.

Thresholds are computed by hand.
"""

from dataclasses import replace

import pytest

from components.monitoring.alerts import spec
from components.monitoring.watched import STORE_ERRORS

from . import mail_worlds as worlds
from . import promtool
from .mail_worlds import BACKUP, COUNTERS, EXPORTED, FRESH, PRIMARY, WELL, always, exporter, server
from .promtool import alert, at, held

H = 60  # an hour in minutes, which is how moments are told here
RULES = spec(PRIMARY)
DAY = 24


def jump(start, at_hour, by):
    """A counter that stands, and at an hour grows at once."""
    return held((start, at_hour), (start + by, worlds.HOURS - at_hour))


def new(at_hour, value):
    """A counter that is there for the first time."""
    return held(("_", at_hour), (value, worlds.HOURS - at_hour))


QUEUE, OLD = exporter("queue_messages"), exporter("queue_old_messages")
LISTED = exporter("blocklist_listed", zone="zen.example", address="203.0.113.10")
DELIVERED, FAILED = server("delivery_delivered"), server("delivery_dsn_perm_fail")
FREE = f"kubelet_volume_stats_available_bytes{{{worlds.CLAIM}}}"
CLAIM = {"persistentvolumeclaim": "stalwart-data"}
NOT_SEEN = [alert("MailServerDown")]
STUCK = [alert("MailNothingDelivered")]

CASES = {
    "the server is gone for half an hour": (
        {server("up"): held((1, 1), (0, 0.5), (1, 3))},
        {H: [], H + 5: NOT_SEEN, H + 25: NOT_SEEN, H + 30: []},
    ),
    "the server was never seen": ({series: held(("_", 4)) for series in FRESH}, {0: [], 5: NOT_SEEN, 3 * H: NOT_SEEN}),
    "one of two pods does not answer": (
        {server("up", worlds.SECOND_POD): held((1, 1), (0, 1), (1, 2))},
        {H + 10: [], H + 15: [alert("MailServerPodDown", pod="stalwart-1")], 2 * H: []},
    ),
    # Of 150 recipients in half an hour 30 are given up: 83 %.
    "much is given up for an hour": (
        {FAILED: f"0x11 0+5x12 60x{worlds.STEPS}"},
        {H + 10: [], H + 45: [alert("MailDeliveryFailing")], 4 * H: []},
    ),
    "what is given up was never counted before": (
        {FAILED: held(("_", 1), (40, 47))},
        {H + 10: [], H + 15: [alert("MailDeliveryFailing")], H + 25: [alert("MailDeliveryFailing")], H + 35: []},
    ),
    # 15 in half an hour are too few to tell; looked at every five minutes only, they count as 18.
    "a few are given up, and little is sent": ({DELIVERED: always(7000), FAILED: jump(70, 1, 15)}, {H + 20: [], 2 * H: []}),
    "twenty are given up, and nothing else is sent": (
        {DELIVERED: held(("_", 48)), FAILED: held(("_", 1), (20, 47))},
        {H + 10: [], H + 15: [alert("MailDeliveryFailing")], 2 * H: []},
    ),
    "one of thirty is given up": ({DELIVERED: worlds.counted(58), FAILED: jump(70, 1, 1)}, {H + 20: [], 2 * H: []}),
    "one in fifty-one is given up": (
        {DELIVERED: worlds.counted(1000), FAILED: worlds.counted(20)},  # 98.04 %
        {4 * H: [], 30 * H: []},
    ),
    **{
        f"the first error of a store: {metric}": (
            {server(metric): new(2, 1)},
            {2 * H: [], 2 * H + 5: [alert("MailStoreErrors")], 2 * H + 15: []},
        )
        for metric in STORE_ERRORS
    },
    "a store fails again": (
        {server("store_rocksdb_error"): jump(5, 2, 3)},
        {2 * H - 5: [], 2 * H + 5: [alert("MailStoreErrors")], 2 * H + 20: []},
    ),
    "the errors of a pod that is new to Prometheus are old": (
        {
            server("server_memory", worlds.SECOND_POD): held(("_", 2), (3e8, 46)),
            server("up", worlds.SECOND_POD): held(("_", 2), (1, 46)),
            server("store_rocksdb_error", worlds.SECOND_POD): new(2, 900),
        },
        {2 * H + 5: [], 2 * H + 10: [], 3 * H: []},
    ),
    "passwords are tried": (
        {server("auth_failed"): f"0x11 0+200x6 1200x{worlds.STEPS}"},
        {H: [], H + 15: [alert("MailAuthenticationAttack")], 2 * H: []},
    ),
    "passwords are tried on a server where none ever failed": (
        {server("auth_failed"): new(1, 400)},
        {H: [], H + 5: [alert("MailAuthenticationAttack")], H + 20: []},
    ),
    "somebody tries to relay": (
        {server("smtp_relay_not_allowed"): f"0x11 0+300x6 1800x{worlds.STEPS}"},
        {H: [], H + 20: [alert("MailRelayAttempts")], 2 * H: []},
    ),
    # 120 an hour are usual, and a day has its share of 3000 in an hour: (23 x 120 + 3000) / 24 = 240, and 5 x 240 = 1200.
    "spam comes in": (
        {server("message_ingest_spam"): f"0+10x299 3240+250x12 6240+10x{worlds.STEPS}"},
        {25 * H: [], 25 * H + 55: [alert("MailSpamSurge")], 28 * H: []},
    ),
    "an account sends spam": (
        {server("queue_authenticated_message_queued"): f"0+20x299 6480+500x12 12480+20x{worlds.STEPS}"},
        {25 * H: [], 25 * H + 55: [alert("MailSubmissionSurge")], 28 * H: []},
    ),
    "the exporter is gone": (
        {series: held(("_", 4)) for series in EXPORTED},
        {10: [], 15: [alert("MailExporterDown")], 3 * H: [alert("MailExporterDown")]},
    ),
    "a check cannot tell for an hour": (
        {exporter("exporter_check_success", check="queue"): held((1, 1), (0, 1), (1, 2))},
        {H + 25: [], H + 30: [alert("MailCheckFails", check="queue")], 2 * H: []},
    ),
    # It rests for 15 minutes, so that 45 are too long.
    "a check hangs": (
        {exporter("exporter_check_timestamp_seconds", check="blocklists"): f"{at(0)}x{worlds.STEPS}"},
        {50: [], 55: [alert("MailCheckHangs", check="blocklists")], 9 * H: [alert("MailCheckHangs", check="blocklists")]},
    ),
    "a check that rests for half a minute hangs, and ends": (
        {exporter("exporter_check_timestamp_seconds", check="queue"): f"{at(0)}x11 {at(1)}+300x{worlds.STEPS}"},
        {20: [], 25: [alert("MailCheckHangs", check="queue")], 55: [alert("MailCheckHangs", check="queue")], H: []},
    ),
    "another pod of the exporter goes on failing": (
        {
            exporter("exporter_check_success", check="queue"): held((0, 0.25), ("_", 4)),
            exporter("exporter_check_success", check="queue").replace("exporter-a", "exporter-b"): held(("_", 0.25), (0, 4)),
        },
        {25: [], 30: [alert("MailCheckFails", check="queue")]},
    ),
    "the queue is long": (
        {QUEUE: held((1000, 1), (1001, 1), (990, 2))},
        {H + 25: [], H + 30: [alert("MailQueueLong")], 2 * H: []},
    ),
    "the queue grows": (
        {QUEUE: f"20x11 20+40x20 820x{worlds.STEPS}"},
        {H + 10: [], H + 45: [alert("MailQueueGrowing")], 4 * H: []},
    ),
    "a small queue doubles": ({QUEUE: held((5, 1), (100, 4))}, {H + 30: [], 2 * H: []}),
    "much of the queue is old": (
        {OLD: held((100, 1), (101, 1), (3, 2))},
        {H: [], H + 30: [alert("MailQueueOld")], 2 * H: []},
    ),
    # One message an hour is sent. The last one before the port was blocked got out at hour 12; the port is open again at 20.
    "port 25 is blocked on a small server": (
        {
            DELIVERED: f"7000+0.25x144 7036x95 7050+0.25x{worlds.STEPS}",
            OLD: held((0, 13), *((waiting, 1) for waiting in range(1, 8)), (0, 28)),
        },
        {16 * H: [], 17 * H + 10: [], 17 * H + 15: STUCK, 19 * H + 55: STUCK, 20 * H: [], 30 * H: []},
    ),
    "mail has never got out of a new server": (
        {DELIVERED: held(("_", 48)), FAILED: held(("_", 48)), OLD: held((0, 3), (5, 1), (7, 2), (0, 30))},
        {3 * H + 10: [], 3 * H + 15: STUCK, 5 * H: STUCK, 6 * H: []},
    ),
    "six messages are for a dead domain, and then nobody sends": (
        {DELIVERED: f"7000+25x36 7900x{worlds.STEPS}", OLD: held((0, 2), (6, 40))},
        {minute: [] for minute in range(0, 40 * H, 25)},
    ),
    "mail for a dead domain becomes more, and other mail gets out": (
        {DELIVERED: f"7000+0.25x{worlds.STEPS}", OLD: f"0+0.2x{worlds.STEPS // 2} 0x{worlds.STEPS}"},
        {minute: [] for minute in range(0, 40 * H, 25)},
    ),
    "an own address is banned": (
        {exporter("own_bans"): held((0, 1), (1, 1), (0, 2))},
        {H: [], H + 5: [alert("MailOwnAddressBanned")], 2 * H: []},
    ),
    # It ends at hour 20 x 24: 14 days before that are left at hour 144, outside the world; so it ends sooner here.
    "a certificate is not renewed": (
        {exporter("certificate_not_after_timestamp_seconds"): always(at(14 * DAY + 10))},
        {10 * H: [], 11 * H + 5: [alert("MailCertificateEnds")], 47 * H: [alert("MailCertificateEnds")]},
    ),
    "a certificate is nearly over": (
        {exporter("certificate_not_after_timestamp_seconds"): always(at(3 * DAY + 10))},
        {9 * H: [alert("MailCertificateEnds")], 10 * H + 20: [alert("MailCertificateAlmostOver")]},
    ),
    "a certificate is over": (
        {exporter("certificate_not_after_timestamp_seconds"): always(at(-10))},
        {10: [], 15: [alert("MailCertificateAlmostOver")]},
    ),
    "an address is on a blocklist": (
        {LISTED: held((0, 1), (1, 2), (0, 1))},
        {H + 10: [], H + 15: [alert("MailAddressListed", zone="zen.example", address="203.0.113.10")], 3 * H: []},
    ),
    "it cannot be told whether an address is on a blocklist": ({LISTED: held(("_", 4))}, {3 * H: []}),
    "a blocklist is silent for a day": (
        {exporter("blocklist_answers", zone="zen.example"): held((1, 1), (0, 30), (1, 2))},
        {24 * H + 55: [], 25 * H: [alert("MailBlocklistSilent", zone="zen.example")], 31 * H: []},
    ),
    "a blocklist has never answered": ({exporter("blocklist_answers", zone="zen.example"): always(0)}, {30 * H: []}),
    "clients refuse the certificate": (
        {exporter("certificate_trusted"): held((1, 1), (0, 1), (1, 2))},
        {H + 25: [], H + 30: [alert("MailCertificateRefused")], 2 * H: []},
    ),
    "the backup does not answer": (
        {exporter("peer_reachable", host="mx2.example.com"): held((1, 1), (0, 1), (1, 2))},
        {H + 10: [], H + 15: [alert("MailBackupUnreachable")], 2 * H: []},
    ),
    "the volume fills up": (
        {FREE: held((16e9, 1), (14e9, 1), (4e9, 2))},
        {H + 10: [], H + 15: [alert("MailVolumeFills", **CLAIM)], 2 * H + 5: [alert("MailVolumeFull", **CLAIM)]},
    ),
}
PEER = exporter("peer_reachable", host="mx1.example.com")
OLDEST = exporter("queue_oldest_message_timestamp_seconds")
AWAY = [alert("MailPrimaryUnreachable")]
HELD = [alert("MailHeldMailStuck")]
OF_A_BACKUP = {**{series: values for series, values in WELL.items() if "mx2.example.com" not in series}, PEER: always(1)}
ON_A_BACKUP = {
    # Everything comes to the backup, and grows: that is what it is for.
    "the primary is away for a day": (
        {
            PEER: held((1, 1), (0, 24), (1, 23)),
            QUEUE: f"0x11 0+90x288 0x{worlds.STEPS}",
            OLD: held((0, 2), (9000, 23), (0, 23)),
            OLDEST: held(("_", 1), (at(1), 24.5), ("_", 22)),
        },
        {H + 10: [], H + 15: AWAY, 24 * H: AWAY, 25 * H: [], 26 * H: []},
    ),
    "the primary is back, and takes nothing": (
        {PEER: held((0, 1), (1, 47)), OLDEST: always(at(0))},
        {H - 5: AWAY, H + 55: [], 2 * H: [], 2 * H + 15: HELD, 20 * H: HELD},
    ),
    "the exporter is replaced just when the primary is back": (
        {
            PEER: held((0, 1), ("_", 47)),
            PEER.replace("mail-exporter-a", "mail-exporter-b"): held(("_", 1), (1, 47)),
            OLDEST: always(at(0)),
        },
        {H + 20: [], H + 50: [], 2 * H + 15: HELD},
    ),
    "mail is held for ten days": (
        {PEER: always(0), OLDEST: always(at(-10 * DAY + 2))},
        {2 * H + 15: AWAY, 2 * H + 20: [*AWAY, alert("MailHeldMailNearItsEnd")]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_alert_fires_when_it_should_and_alone(case, tmp_path):
    changes, firing = CASES[case]
    promtool.judge(tmp_path, RULES, {**WELL, **changes}, firing)


@pytest.mark.parametrize("case", ON_A_BACKUP)
def test_a_backup_holds_mail_without_alarm_while_the_primary_is_away(case, tmp_path):
    changes, firing = ON_A_BACKUP[case]
    promtool.judge(tmp_path, spec(BACKUP), {**OF_A_BACKUP, **changes}, firing)


@pytest.mark.parametrize("watched", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_nothing_fires_while_all_is_well(watched, tmp_path):
    world = OF_A_BACKUP if watched == BACKUP else WELL
    promtool.judge(tmp_path, spec(watched), world, {minute: [] for minute in range(0, worlds.HOURS * H, 25)})


def test_nothing_fires_on_a_server_that_has_counted_nothing_yet(tmp_path):
    world = {series: values for series, values in WELL.items() if series not in COUNTERS}
    promtool.judge(tmp_path, RULES, world, {minute: [] for minute in range(0, 30 * H, 35)})


def test_counters_that_begin_anew_are_no_news(tmp_path):
    restarted = {
        series: values.split("+")[0] + f"+1x100 0+1x{worlds.STEPS}" for series, values in COUNTERS.items() if "failed" in series
    }
    promtool.judge(tmp_path, RULES, {**WELL, **restarted}, {minute: [] for minute in range(0, 30 * H, 5)})


def test_every_alert_has_a_case():
    cases = (*CASES.values(), *ON_A_BACKUP.values())
    fired = {label.split('"')[1] for _, firing in cases for alerts in firing.values() for label in alerts}
    assert fired == {rule["alert"] for w in (PRIMARY, BACKUP) for group in spec(w)["groups"] for rule in group["rules"]}


@pytest.mark.parametrize(
    "watched",
    [PRIMARY, BACKUP, replace(PRIMARY, peer=None, reads_queue=False, claims=())],
    ids=["primary", "backup", "alone, with a directory and a database elsewhere"],
)
def test_the_rules_are_rules(watched, tmp_path):
    result = promtool.check(tmp_path, spec(watched))
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_texts_say_how_much(tmp_path):
    world = {
        **WELL,
        QUEUE: always(4321),
        LISTED: always(1),
        FREE: always(3e9),
        FAILED: worlds.counted(100),
        exporter("certificate_not_after_timestamp_seconds"): always(at(DAY + 1)),
    }
    sent = promtool.texts(tmp_path, RULES, world, H)
    assert [wrong for wrong in ("{{", "<no value>", "error expanding") if wrong in sent] == []
    for words in (
        "4321 messages wait",
        "203.0.113.10 is on the blocklist zen.example",
        "3% of it is free",
        "75% of the recipients",
        "1d 0h 0m 0s are left",
    ):
        assert words in sent
