"""Sender checks, greylisting, rates, sizes, quotas and the spam filter."""

import pytest

from components import checks

from .expressions import Model
from .plans import keys_in, objects, plan_of, session, singleton
from .servers import BACKUP, FULL_BACKUP, FULL_PRIMARY, PRIMARY, server

PEER = "198.51.100.20"


def test_the_primary_judges_neither_sender_nor_rate_of_the_backup():
    plan = plan_of(PRIMARY)
    for check in singleton(plan, "SenderAuth").values():
        assert session(plan, remote_ip=PEER).decide(check) == "disable"
        assert session(plan).decide(check) == "relaxed"
        assert session(plan, local_port=587).decide(check) == "disable"
    for throttle in objects(plan, "MtaInboundThrottle"):
        assert session(plan, remote_ip=PEER).decide(throttle["match"]) is False
        assert session(plan).decide(throttle["match"]) is True


def test_without_a_backup_everybody_is_judged():
    plan = plan_of({key: value for key, value in PRIMARY.items() if key != "peer"})
    for check in singleton(plan, "SenderAuth").values():
        assert session(plan, remote_ip=PEER).decide(check) == "relaxed"


def test_a_backup_judges_everybody_since_only_it_sees_the_client():
    plan = plan_of(BACKUP)
    for check in singleton(plan, "SenderAuth").values():
        assert session(plan, remote_ip="203.0.113.10").decide(check) == "relaxed"


def test_a_primary_greylists_strangers_and_neither_its_backup_nor_its_users():
    plan = plan_of(PRIMARY, spam={"greylist_minutes": 60})
    script = singleton(plan, "MtaStageRcpt")["script"]
    assert session(plan).decide(script) == "greylist"
    assert session(plan, remote_ip=PEER).decide(script) is False
    assert session(plan, local_port=587, authenticated_as="alice").decide(script) is False
    (sieve,) = [found for found in objects(plan, "SieveSystemScript") if found["name"] == "greylist"]
    assert "3600" in sieve["contents"]
    # The server's own greylisting knows no exemption.
    assert singleton(plan, "SpamSettings")["greylistFor"] is None


def test_a_backup_greylists_by_the_servers_own_means():
    assert singleton(plan_of(FULL_BACKUP), "SpamSettings")["greylistFor"] == 30 * 60_000
    alone = {key: value for key, value in PRIMARY.items() if key != "peer"}
    assert singleton(plan_of(alone), "MtaStageRcpt")["script"] == {"match": {}, "else": "false"}


@pytest.mark.parametrize(
    ("args", "changes", "refused", "taken"),
    [
        (PRIMARY, {}, ["recipient-reader@example.com", "recipient-reader+x@example.com"], ["mail-exporter@example.com"]),
        (
            PRIMARY,
            {"monitored": True},
            ["recipient-reader@example.com", "mail-exporter@example.com"],
            ["mail-exporter@example.net"],
        ),
        (FULL_PRIMARY, {"monitored": True}, ["mail-exporter@example.info"], ["alice@example.com", "exporter@example.com"]),
        (BACKUP, {"monitored": True}, ["mail-exporter@mx2.example.com"], ["mail-exporter@example.com"]),
    ],
)
def test_the_accounts_of_programs_take_no_mail(args, changes, refused, taken):
    # The server would accept it, find that the account may have none, and send a bounce to whoever was named as the sender.
    plan = plan_of(args, **changes)
    script = singleton(plan, "MtaStageRcpt")["script"]
    assert {session(plan, rcpt=rcpt).decide(script) for rcpt in refused} == {"machine"}
    assert "machine" not in {session(plan, rcpt=rcpt).decide(script) for rcpt in taken}
    (sieve,) = [found for found in objects(plan, "SieveSystemScript") if found["name"] == "machine"]
    assert 'reject "550 ' in sieve["contents"]


def test_rates_sizes_and_quotas_are_as_set():
    plan = plan_of(FULL_PRIMARY)
    rates = {throttle["description"]: throttle["rate"] for throttle in objects(plan, "MtaInboundThrottle")}
    assert rates == {
        "Sender IP throttle": {"count": 10, "period": 1_000},
        "Sender address to recipient throttle": {"count": 60, "period": 3_600_000},
    }
    data = singleton(plan, "MtaStageData")
    assert data["maxMessageSize"]["else"] == str(50 * 2**20)
    assert singleton(plan, "MtaStageRcpt")["maxRecipients"]["else"] == "200"
    (quota,) = objects(plan, "MtaQueueQuota")
    assert (quota["messages"], quota["size"], quota["key"]) == (5_000, 2 * 2**30, {"rcptDomain": True})


def test_mail_of_those_who_signed_in_is_not_filtered_and_the_filter_can_be_off():
    plan = plan_of(PRIMARY)
    wanted = singleton(plan, "MtaStageData")["enableSpamFilter"]
    assert session(plan).decide(wanted) is True
    assert session(plan, authenticated_as="alice").decide(wanted) is False
    off = plan_of(PRIMARY, spam={"enabled": False})
    assert session(off).decide(singleton(off, "MtaStageData")["enableSpamFilter"]) is False
    assert singleton(off, "SpamSettings")["enable"] is False


def test_nobody_may_say_a_password_before_tls():
    wanted = singleton(plan_of(PRIMARY), "MtaStageAuth")["saslMechanisms"]
    assert wanted["match"]["0"]["if"] == "local_port != 25 && is_tls"
    assert wanted["else"] == "false"


def test_scores_traps_and_trusted_domains():
    plan = plan_of(FULL_PRIMARY)
    spam = singleton(plan, "SpamSettings")
    assert (spam["scoreSpam"], spam["scoreReject"], spam["scoreDiscard"]) == (4.5, 12, 30)
    assert keys_in(plan, "spam-traps") == {"trap@example.com"}
    assert {"@type": "Score", "tag": "SPAM_TRAP", "score": 4.5} in objects(plan, "SpamTag")
    assert keys_in(plan, "trusted-domains") == {"partner.example"}


@pytest.mark.parametrize("args", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_nothing_outside_is_asked_unless_it_was_turned_on(args):
    plan = plan_of(args)
    assert singleton(plan, "SpamPyzor") == {"enable": False}
    assert singleton(plan, "SpamSettings")["spamFilterRulesUrl"] is None
    assert objects(plan, "SpamDnsblServer") == []


@pytest.mark.parametrize(
    ("answer", "tag"),
    [
        ("127.0.0.2", "RBL_ZEN_EXAMPLE_ORG_127_0_0_2"),
        ("127.0.0.10", "RBL_ZEN_EXAMPLE_ORG_127_0_0_10"),
        ("127.0.0.3", False),
        ("127.255.255.254", False),  # "you ask too much", and not a listing
        ("192.0.2.1", False),  # a resolver that lies
    ],
)
def test_return_codes_of_a_blocklist_are_read_correctly(answer, tag):
    plan = plan_of(FULL_PRIMARY)
    found = next(value for value in objects(plan, "SpamDnsblServer") if value["@type"] == "Ip")
    octets = [int(octet) for octet in answer.split(".")]
    assert Model({"octets": octets}, {}, set()).decide(found["tag"]) == tag
    scores = {value["tag"]: value["score"] for value in objects(plan, "SpamTag")}
    assert scores["RBL_ZEN_EXAMPLE_ORG_127_0_0_2"] == 6
    assert scores["RBL_DBL_EXAMPLE_ORG"] == 7


def test_the_order_of_return_codes_changes_no_plan():
    codes = {"127.0.0.2": 6, "127.0.0.10": 2, "127.0.0.4": 3}
    plans = [
        plan_of({**PRIMARY, "spam": {"blocklists": [{"zone": "zen.example.org", "codes": dict(order)}]}})
        for order in (codes.items(), reversed(codes.items()))
    ]
    assert plans[0] == plans[1]


def test_without_codes_every_listing_counts_and_no_error_does():
    found = objects(plan_of(FULL_BACKUP), "SpamDnsblServer")[0]
    for octets, tag in (([127, 0, 0, 4], "RBL_ZEN_EXAMPLE_ORG"), ([127, 255, 255, 252], False), ([10, 0, 0, 1], False)):
        assert Model({"octets": octets}, {}, set()).decide(found["tag"]) == tag


def test_an_address_list_is_asked_for_the_client_only():
    found = objects(plan_of(FULL_BACKUP), "SpamDnsblServer")[0]
    client = Model({"location": "tcp", "ip_reverse": "50.2.0.192"}, {}, set())
    assert client.decide(found["zone"]) == "50.2.0.192.zen.example.org"
    assert Model({"location": "received", "ip_reverse": "1.2.0.192"}, {}, set()).decide(found["zone"]) is False


@pytest.mark.parametrize(
    ("spam", "reason"),
    [
        ({"score_spam": 5, "score_reject": 3}, "not even junk"),
        ({"blocklists": [{"zone": "zen.example.org", "codes": {"127.255.255.254": 5}}]}, "error of the list"),
        ({"blocklists": [{"zone": "zen.example.org"}, {"zone": "zen.example.org"}]}, "twice"),
        ({"rules_url": "https://user:hush@rules.example.org/x"}, "without a user"),
        ({"scoreSpam": 5}, "scoreSpam"),
    ],
)
def test_spam_settings_that_make_no_sense_are_refused(spam, reason):
    with pytest.raises(checks.ArgumentsError, match=reason):
        server(PRIMARY, spam=spam)


def test_a_value_that_is_the_default_changes_nothing():
    assert plan_of(PRIMARY, spam={"score_spam": 5, "score_reject": 15, "score_discard": 0}) == plan_of(PRIMARY)
    said = singleton(plan_of(PRIMARY, spam={"enabled": True}), "SpamSettings")
    assert str(said) == str(singleton(plan_of(PRIMARY), "SpamSettings"))  # 5 and 5.0 are two plans
