"""Routes, queues, schedules, TLS toward others, names in EHLO, and rates."""

import pytest

from components import checks

from .plans import objects, plan_of, session, singleton
from .servers import BACKUP, FULL_BACKUP, FULL_PRIMARY, PRIMARY, server


def _route(plan, rcpt):
    return session(plan, rcpt=rcpt).decide(singleton(plan, "MtaOutboundStrategy")["route"])


def _tls(plan, rcpt, **variables):
    return session(plan, rcpt=rcpt, **variables).decide(singleton(plan, "MtaOutboundStrategy")["tls"])


@pytest.mark.parametrize("args", [PRIMARY, BACKUP, FULL_PRIMARY], ids=["primary", "backup", "full"])
def test_the_plan_is_complete_per_type_so_that_no_default_is_lost(args):
    plan = plan_of(args)
    own = {"backupmx"} if args is BACKUP else set()
    assert {v["name"] for v in objects(plan, "MtaVirtualQueue")} == {"local", "remote", "dsn", "report"} | own
    assert {v["name"] for v in objects(plan, "MtaDeliverySchedule")} == {"local", "remote", "dsn", "report"} | own
    assert {"mx", "local"} <= {v["name"] for v in objects(plan, "MtaRoute")}
    assert {"default", "invalid-tls"} <= {v["name"] for v in objects(plan, "MtaTlsStrategy")}
    assert {v["name"] for v in objects(plan, "MtaConnectionStrategy")} == {"default"}


def test_names_of_queues_fit_the_server():
    assert all(len(value["name"]) <= 8 for value in objects(plan_of(BACKUP), "MtaVirtualQueue"))


def test_held_mail_is_tried_every_15_minutes_for_14_days():
    plan = plan_of(BACKUP)
    (schedule,) = [value for value in objects(plan, "MtaDeliverySchedule") if value["name"] == "backupmx"]
    retries = [interval["duration"] for interval in schedule["retry"]["intervals"].values()]
    assert retries[-1] == max(retries) == 15 * 60 * 1000
    assert schedule["expiry"] == {"@type": "Ttl", "expire": 14 * 24 * 60 * 60 * 1000}
    strategy = singleton(plan, "MtaOutboundStrategy")
    assert session(plan).decide(strategy["schedule"]) == "backupmx"
    assert session(plan, rcpt="x@foreign.example", source="dsn").decide(strategy["schedule"]) == "dsn"


def test_held_mail_goes_to_the_primary_by_name_and_never_by_mx():
    plan = plan_of(BACKUP)
    (route,) = [value for value in objects(plan, "MtaRoute") if value["name"] == "primary"]
    assert (route["@type"], route["address"], route["port"]) == ("Relay", "mx1.example.com", 25)
    assert _route(plan, "alice@example.com") == "primary"
    assert _route(plan, "x@foreign.example") == "mx"


@pytest.mark.parametrize("verified", [True, False])
def test_the_relay_is_encrypted_and_verified_where_it_can_be_and_never_strands_mail(verified):
    plan = plan_of(BACKUP, peer={"hostname": "mx1.example.com", "verified": verified})
    (strategy,) = [value for value in objects(plan, "MtaTlsStrategy") if value["name"] == "primary"]
    assert strategy["startTls"] == "optional"  # required, held mail is lost to a primary that does not offer it
    assert strategy["allowInvalidCerts"] is not verified
    assert _tls(plan, "alice@example.com") == "primary"
    assert _tls(plan, "alice@example.com", retry_num=1, last_error="tls") == "primary-retry"
    (retry,) = [value for value in objects(plan, "MtaTlsStrategy") if value["name"] == "primary-retry"]
    assert (retry["allowInvalidCerts"], retry["dane"], retry["mtaSts"]) == (True, "disable", "disable")


def test_all_mail_that_leaves_goes_through_a_smarthost():
    plan = plan_of(PRIMARY, smarthosts=[{"name": "ses", "hostname": "smtp.example.org"}])
    assert _route(plan, "x@foreign.example") == "ses"
    assert _route(plan, "alice@example.com") == "local"


def test_a_smarthost_may_be_for_some_domains_only():
    plan = plan_of(PRIMARY, smarthosts=[{"name": "p", "hostname": "mx.p.example", "domains": ["p.example", "q.example"]}])
    assert _route(plan, "x@q.example") == "p"
    assert _route(plan, "x@foreign.example") == "mx"
    assert _tls(plan, "x@foreign.example", retry_num=1, last_error="tls") == "invalid-tls"


def test_a_smarthost_hears_its_password_over_verified_tls_only():
    plan = plan_of(FULL_PRIMARY)
    ses = next(value for value in objects(plan, "MtaRoute") if value["name"] == "ses")
    assert ses["authSecret"] == {"@type": "EnvironmentVariable", "variableName": "SMARTHOST_SES_PASSWORD"}
    for variables in ({}, {"retry_num": 3, "last_error": "tls"}):
        assert _tls(plan, "x@foreign.example", **variables) == "smarthost"
        assert _tls(plan, "x@partner.example", **variables) == "smarthost"
    (strategy,) = [value for value in objects(plan, "MtaTlsStrategy") if value["name"] == "smarthost"]
    assert (strategy["startTls"], strategy["allowInvalidCerts"]) == ("require", False)


def test_a_backup_hands_held_mail_to_the_primary_whatever_smarthost_it_has():
    plan = plan_of(FULL_BACKUP)
    assert _route(plan, "alice@example.info") == "primary"
    assert _tls(plan, "alice@example.info") == "primary"
    assert _route(plan, "x@foreign.example") == "bounces"


@pytest.mark.parametrize(
    ("smarthosts", "reason"),
    [
        ([{"name": "a", "hostname": "a.example.org"}, {"name": "b", "hostname": "b.example.org"}], "both for all mail"),
        ([{"name": "mx", "hostname": "a.example.org"}], "always there"),
        ([{"name": "a", "hostname": "a.example.org", "username": "u"}], "go together"),
        (
            [
                {"name": "a", "hostname": "a.example.org", "domains": ["p.example"]},
                {"name": "b", "hostname": "b.example.org", "domains": ["p.example"]},
            ],
            "twice",
        ),
    ],
)
def test_smarthosts_that_compete_are_refused(smarthosts, reason):
    with pytest.raises(checks.ArgumentsError, match=reason):
        server(PRIMARY, smarthosts=smarthosts)


def test_ehlo_is_the_host_name_or_the_name_of_the_address_mail_leaves_from():
    def strategy(**exposure):
        return objects(plan_of(PRIMARY, exposure=exposure), "MtaConnectionStrategy")[0]

    first = {"address": "203.0.113.98", "ehlo_hostname": "out1.example.com"}
    second = {"address": "203.0.113.99", "ehlo_hostname": "out2.example.com"}
    assert (strategy()["ehloHostname"], strategy()["sourceIps"]) == ("mx1.example.com", {})
    # One address may be that of a gateway: the pod cannot bind it.
    assert (strategy(egress=[first])["ehloHostname"], strategy(egress=[first])["sourceIps"]) == ("out1.example.com", {})
    assert strategy(egress=[first, second])["sourceIps"] == {
        "0": {"sourceIp": "203.0.113.98", "ehloHostname": "out1.example.com"},
        "1": {"sourceIp": "203.0.113.99", "ehloHostname": "out2.example.com"},
    }


def test_outbound_mail_is_slowed_down_on_request_and_held_mail_never():
    assert objects(plan_of(PRIMARY), "MtaOutboundThrottle") == []
    (throttle,) = objects(plan_of(FULL_PRIMARY), "MtaOutboundThrottle")
    assert throttle["rate"] == {"count": 600, "period": 60_000}
    plan = plan_of(BACKUP, limits={"outbound_per_minute_per_domain": 10})
    (throttle,) = objects(plan, "MtaOutboundThrottle")
    assert session(plan).decide(throttle["match"]) is False
    assert session(plan, rcpt="x@foreign.example").decide(throttle["match"]) is True
