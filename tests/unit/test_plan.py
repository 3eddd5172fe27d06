"""The server plan of both roles, object by object."""

import json

import pytest

from components import checks
from components.stalwart.arguments import resolve
from components.stalwart.operations import listing, members, to_ndjson
from components.stalwart.plan import server_plan
from components.stalwart.plan_job import mark, plan_text

DOMAINS = [{"name": "example.com"}, {"name": "example.net"}, {"name": "example.org", "parked": True}]
PRIMARY = {
    "hostname": "mx1.example.com",
    "domains": DOMAINS,
    "peer": {"hostname": "mx2.example.com", "addresses": ["198.51.100.20"]},
}
BACKUP = {
    "role": "backup",
    "hostname": "mx2.example.com",
    "domains": DOMAINS[:2],
    "peer": {"hostname": "mx1.example.com", "addresses": ["203.0.113.10"], "verified": True},
}


def _plan(args, **changes):
    return [json.loads(line) for line in to_ndjson(server_plan(resolve({**args, **changes}))).splitlines()]


def _values(plan, name):
    return [value for op in plan if op["object"] == name and op["@type"] != "destroy" for value in op["value"].values()]


def _singleton(plan, name):
    (op,) = [op for op in plan if op["object"] == name]
    assert op["@type"] == "update"
    return op["value"]


def test_lists_and_sets_are_encoded_as_the_server_reads_them():
    assert listing(["a", "b"]) == {"0": "a", "1": "b"}
    assert members(["a", "b"]) == {"a": True, "b": True}


def test_the_server_calls_itself_by_its_host_name():
    settings = _singleton(_plan(PRIMARY), "SystemSettings")
    assert settings["defaultHostname"] == "mx1.example.com"
    assert settings["mailExchangers"] == {
        "0": {"hostname": "mx1.example.com", "priority": 10},
        "1": {"hostname": "mx2.example.com", "priority": 20},
    }


def test_only_domains_that_receive_mail_are_made_and_pulumi_owns_their_records():
    domains = _values(_plan(PRIMARY), "Domain")
    assert [domain["name"] for domain in domains] == ["example.com", "example.net"]
    for domain in domains:
        for owner in ("dkimManagement", "dnsManagement", "certificateManagement"):
            assert domain[owner] == {"@type": "Manual"}


def test_a_domain_is_never_deleted_with_its_mailboxes():
    assert {op["@type"] for op in _plan(PRIMARY) if op["object"] == "Domain"} == {"upsert"}


def test_every_selector_signs_from_a_file():
    signatures = _values(_plan(PRIMARY), "DkimSignature")
    assert {signature["@type"] for signature in signatures} == {"Dkim1RsaSha256", "Dkim1Ed25519Sha256"}
    assert len(signatures) == 4
    paths = [signature["privateKey"]["filePath"] for signature in signatures]
    assert paths[0] == "/etc/stalwart-mail/dkim/s1-rsa._domainkey.example.com"
    assert len(set(paths)) == 4


def test_a_primary_listens_on_the_mail_ports_and_a_backup_on_smtp():
    def ports(args):
        return {next(iter(value["bind"])): value["tlsImplicit"] for value in _values(_plan(args), "NetworkListener")}

    assert ports(PRIMARY) == {
        "[::]:25": False,
        "[::]:465": True,
        "[::]:587": False,
        "[::]:993": True,
        "[::]:4190": False,
        "[::]:443": True,
        "[::]:8080": False,
    }
    assert ports(BACKUP) == {"[::]:25": False, "[::]:8080": False}


def test_own_networks_and_the_other_exchange_are_never_banned_and_bans_end():
    plan = _plan(PRIMARY, trusted_networks=["10.0.0.0/8", "192.0.2.7/32"])
    # One host is stored without its prefix length; any other form is a duplicate the second time (seen on a server).
    assert [value["address"] for value in _values(plan, "AllowedIp")] == ["10.0.0.0/8", "192.0.2.7", "198.51.100.20"]
    assert set(_singleton(plan, "Security").values()) == {86_400_000}
    assert len(_singleton(plan, "Security")) == 4


def test_an_address_or_a_recipient_that_is_given_twice_is_one_entry():
    plan = _plan(PRIMARY, trusted_networks=["10.0.0.0/8", "10.0.0.0/8", "198.51.100.20/32"])
    assert [value["address"] for value in _values(plan, "AllowedIp")] == ["10.0.0.0/8", "198.51.100.20"]
    plan = _plan(BACKUP, recipients=["bob@example.com", "Bob@example.com"])
    assert len([v for v in _values(plan, "MemoryLookupKey") if v["namespace"] == "relay-rcpts"]) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recipients": ["bob@elsewhere.example"]}, "bob@elsewhere.example is in none of the domains"),
        ({"hostname": "mx1.example.com"}, "is this server itself"),
    ],
)
def test_a_backup_that_could_not_deliver_is_refused(changes, reason):
    with pytest.raises(checks.ArgumentsError, match=reason):
        resolve({**BACKUP, **changes})


def test_the_primary_judges_neither_sender_nor_rate_of_the_backup():
    plan = _plan(PRIMARY)
    from_backup = "is_ip_in_cidr(remote_ip, '198.51.100.20/32')"
    for check in _singleton(plan, "SenderAuth").values():
        assert check["match"]["0"] == {"if": from_backup, "then": "disable"}
        assert check["match"]["1"] == {"if": "local_port == 25", "then": "relaxed"}
    for throttle in _values(plan, "MtaInboundThrottle"):
        assert throttle["match"] == {"match": {}, "else": f"!({from_backup})"}


def test_without_a_backup_everybody_is_judged():
    plan = _plan({key: value for key, value in PRIMARY.items() if key != "peer"})
    for check in _singleton(plan, "SenderAuth").values():
        assert check == {"match": {"0": {"if": "local_port == 25", "then": "relaxed"}}, "else": "disable"}
    assert [throttle["match"]["else"] for throttle in _values(plan, "MtaInboundThrottle")] == ["true", "true"]


@pytest.mark.parametrize("args", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_logs_go_to_the_console_in_a_way_that_a_second_run_accepts(args):
    tracers = [op for op in _plan(args, log_level="debug") if op["object"] == "Tracer"]
    assert [op["@type"] for op in tracers] == ["destroy", "create"]
    (tracer,) = tracers[1]["value"].values()
    assert (tracer["@type"], tracer["level"]) == ("Stdout", "debug")


@pytest.mark.parametrize("args", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_metrics_need_a_password_that_is_not_in_the_plan(args):
    prometheus = _singleton(_plan(args), "Metrics")["prometheus"]
    assert prometheus["authSecret"] == {"@type": "EnvironmentVariable", "variableName": "METRICS_PASSWORD"}


@pytest.mark.parametrize("args", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_the_plan_ends_with_the_reloads_and_names_no_outside_host(args):
    plan = _plan(args)
    assert [next(iter(op["value"].values()))["@type"] for op in plan[-4:]] == [
        "ReloadLookupStores",
        "ReloadTlsCertificates",
        "ReloadBlockedIps",
        "ReloadSettings",
    ]
    assert _singleton(plan, "SpamPyzor") == {"enable": False}


def test_a_certificate_is_used_when_there_is_one():
    plan = _plan(PRIMARY, tls={"issuer": "letsencrypt"})
    (certificate,) = _values(plan, "Certificate")
    assert certificate["certificate"] == {"@type": "File", "filePath": "/etc/stalwart-mail/tls/tls.crt"}
    assert _singleton(plan, "SystemSettings")["defaultCertificateId"] == "#tls"
    assert _values(_plan(PRIMARY), "Certificate") == []


def test_a_backup_relays_its_domains_from_port_25_and_nothing_else():
    plan = _plan(BACKUP)
    keys = [value["key"] for value in _values(plan, "MemoryLookupKey") if value["namespace"] == "relay-domains"]
    assert keys == ["example.com", "example.net"]
    assert _singleton(plan, "MtaStageRcpt")["allowRelaying"] == {
        "match": {"0": {"if": "local_port == 25 && key_exists('relay-domains', rcpt_domain)", "then": "true"}},
        "else": "false",
    }
    assert [value["name"] for value in _values(plan, "Domain")] == ["mx2.example.com"]


def test_with_unknown_recipients_no_bounce_is_sent():
    rcpt = _singleton(_plan(BACKUP), "MtaStageRcpt")
    assert rcpt["script"]["match"]["0"] == {"if": "key_exists('relay-domains', rcpt_domain)", "then": "'silent'"}
    (script,) = _values(_plan(BACKUP), "SieveSystemScript")
    assert 'set "envelope.notify" "NEVER";' in script["contents"]


def test_with_known_recipients_others_are_refused_and_bounces_are_kept():
    plan = _plan(BACKUP, recipients=["Alice@example.com"])
    keys = {(v["key"], v["isGlobPattern"]) for v in _values(plan, "MemoryLookupKey") if v["namespace"] == "relay-rcpts"}
    assert keys == {("alice@example.com", False), ("alice+*@example.com", True)}
    rcpt = _singleton(plan, "MtaStageRcpt")
    assert rcpt["allowRelaying"]["match"]["0"]["if"].endswith("&& key_exists('relay-rcpts', rcpt)")
    assert rcpt["script"] == {"match": {}, "else": "false"}


def test_an_empty_list_of_recipients_accepts_nobody():
    plan = _plan(BACKUP, recipients=[])
    assert "key_exists('relay-rcpts', rcpt)" in _singleton(plan, "MtaStageRcpt")["allowRelaying"]["match"]["0"]["if"]
    assert not [v for v in _values(plan, "MemoryLookupKey") if v["namespace"] == "relay-rcpts"]


def test_held_mail_is_tried_every_15_minutes_for_14_days():
    (schedule,) = [value for value in _values(_plan(BACKUP), "MtaDeliverySchedule") if value["name"] == "backupmx"]
    retries = [interval["duration"] for interval in schedule["retry"]["intervals"].values()]
    assert retries[-1] == max(retries) == 15 * 60 * 1000
    assert schedule["expiry"] == {"@type": "Ttl", "expire": 14 * 24 * 60 * 60 * 1000}
    strategy = _singleton(_plan(BACKUP), "MtaOutboundStrategy")
    assert strategy["schedule"]["match"]["3"]["then"] == "'backupmx'"


def test_held_mail_goes_to_the_primary_by_name_and_never_by_mx():
    plan = _plan(BACKUP)
    (route,) = [value for value in _values(plan, "MtaRoute") if value["name"] == "primary"]
    assert (route["@type"], route["address"], route["port"]) == ("Relay", "mx1.example.com", 25)
    assert _singleton(plan, "MtaOutboundStrategy")["route"]["match"]["1"] == {
        "if": "key_exists('relay-domains', rcpt_domain)",
        "then": "'primary'",
    }


@pytest.mark.parametrize("verified", [True, False])
def test_the_relay_is_encrypted_and_verified_where_it_can_be(verified):
    plan = _plan(BACKUP, peer={"hostname": "mx1.example.com", "verified": verified})
    (strategy,) = [value for value in _values(plan, "MtaTlsStrategy") if value["name"] == "primary"]
    assert strategy["startTls"] == "require"
    assert strategy["allowInvalidCerts"] is not verified


def test_the_plan_is_complete_per_type_so_that_no_default_is_lost():
    plan = _plan(BACKUP)
    assert {v["name"] for v in _values(plan, "MtaVirtualQueue")} == {"local", "remote", "dsn", "report", "backupmx"}
    assert {v["name"] for v in _values(plan, "MtaDeliverySchedule")} == {"local", "remote", "dsn", "report", "backupmx"}
    assert {v["name"] for v in _values(plan, "MtaRoute")} == {"mx", "local", "primary"}
    assert {v["name"] for v in _values(plan, "MtaTlsStrategy")} == {"default", "invalid-tls", "primary"}


def test_names_of_queues_fit_the_server():
    assert all(len(value["name"]) <= 8 for value in _values(_plan(BACKUP), "MtaVirtualQueue"))


def test_the_mark_replaces_the_mark_of_the_plan_before():
    (op,) = mark("abc")
    assert op.encode()["scope"] == {"namespace": "stalwart-mail-plan"}
    assert mark("abd") != mark("abc")
    assert plan_text(resolve(PRIMARY)) == plan_text(resolve(PRIMARY))


def test_all_mistakes_of_the_arguments_are_told_at_once():
    with pytest.raises(checks.ArgumentsError) as refused:
        resolve(
            {
                "hostname": "mx",
                "domains": [{"name": "example.com", "parked": True}],
                "role": "backup",
                "server_image": "a/b:latest",
                "cli_image": "a/b:1.0.10",
                "volume_size": "big",
                "exposure": {"kind": "NodePort", "addresses": []},
                "tls": {"secret_name": "a", "issuer": "b"},
                "log_level": "loud",
            }
        )
    message = str(refused.value)
    for words in (
        "`mx`",
        "peer:",
        "at least one domain",
        "floating tag",
        "too old",
        "`big`",
        "NodePort needs",
        "not both",
        "loud",
    ):
        assert words in message, words
