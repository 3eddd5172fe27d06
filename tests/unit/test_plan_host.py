"""Listeners, certificates, networks and the host's own name."""

import json

import pytest

from components.stalwart.operations import to_ndjson
from components.stalwart.plans.mailboxes import acme_operations

from .plans import objects, plan_of, singleton
from .servers import BACKUP, FULL_PRIMARY, PRIMARY, server


def _ports(plan):
    return {next(iter(value["bind"])): value["tlsImplicit"] for value in objects(plan, "NetworkListener")}


def test_a_primary_listens_on_the_mail_ports_and_a_backup_on_smtp():
    assert _ports(plan_of(PRIMARY)) == {
        "[::]:25": False,
        "[::]:465": True,
        "[::]:587": False,
        "[::]:993": True,
        "[::]:4190": False,
        "[::]:443": True,
        "[::]:8080": False,
    }
    assert _ports(plan_of(BACKUP)) == {"[::]:25": False, "[::]:8080": False}


def test_old_ports_are_opened_on_request():
    assert {"[::]:143", "[::]:110"} <= _ports(plan_of(PRIMARY, extra_listeners=["imap", "pop3"])).keys()
    assert _ports(plan_of(PRIMARY, extra_listeners=["pop3s"]))["[::]:995"] is True


def test_the_proxy_protocol_is_per_listener_and_never_on_the_one_that_probes_use():
    def with_proxy(**proxy):
        plan = plan_of(PRIMARY, exposure={"proxy_protocol": {"networks": ["10.1.0.0/24"], **proxy}})
        return {v["name"] for v in objects(plan, "NetworkListener") if v["overrideProxyTrustedNetworks"]}

    assert with_proxy() == {"smtp", "submissions", "submission", "imaps", "sieve", "https"}
    assert with_proxy(listeners=["smtp"]) == {"smtp"}
    assert singleton(plan_of(FULL_PRIMARY), "SystemSettings")["proxyTrustedNetworks"] == {}


@pytest.mark.parametrize(("version", "disabled"), [("1.2", {}), ("1.3", {"tls12": True})])
def test_the_minimum_version_of_tls_is_that_of_every_listener(version, disabled):
    plan = plan_of(PRIMARY, tls={"minimum_version": version})
    assert {str(v["tlsDisableProtocols"]) for v in objects(plan, "NetworkListener")} == {str(disabled)}


def test_the_server_calls_itself_by_its_host_name():
    settings = singleton(plan_of(PRIMARY), "SystemSettings")
    assert settings["defaultHostname"] == "mx1.example.com"
    assert settings["mailExchangers"] == {
        "0": {"hostname": "mx1.example.com", "priority": 10},
        "1": {"hostname": "mx2.example.com", "priority": 20},
    }


def test_own_networks_and_the_other_exchange_are_never_banned_and_bans_end():
    plan = plan_of(PRIMARY, trusted_networks=["10.0.0.0/8", "192.0.2.7/32"])
    # One host is stored without its prefix length; any other form is a duplicate the second time (seen on a server).
    assert [value["address"] for value in objects(plan, "AllowedIp")] == ["10.0.0.0/8", "192.0.2.7", "198.51.100.20"]
    assert set(singleton(plan, "Security").values()) == {86_400_000}
    assert set(singleton(plan_of(PRIMARY, limits={"ban_hours": 2}), "Security").values()) == {7_200_000}


def test_an_address_that_is_given_twice_is_one_entry():
    plan = plan_of(PRIMARY, trusted_networks=["10.0.0.0/8", "10.0.0.0/8", "198.51.100.20/32"])
    assert [value["address"] for value in objects(plan, "AllowedIp")] == ["10.0.0.0/8", "198.51.100.20"]


def test_a_certificate_is_used_when_there_is_one():
    plan = plan_of(PRIMARY, tls={"issuer": "letsencrypt"})
    (certificate,) = objects(plan, "Certificate")
    assert certificate["certificate"] == {"@type": "File", "filePath": "/etc/stalwart-mail/tls/0/tls.crt"}
    assert singleton(plan, "SystemSettings")["defaultCertificateId"] == "#tls0"
    assert objects(plan_of(PRIMARY), "Certificate") == []
    assert singleton(plan_of(PRIMARY), "SystemSettings")["defaultCertificateId"] is None


def test_many_names_are_several_certificates():
    domains = [{"name": f"d{number}.example"} for number in range(70)]
    plan = plan_of({**PRIMARY, "domains": domains}, tls={"issuer": "letsencrypt"})
    assert len(objects(plan, "Certificate")) == 3


def test_the_server_gets_its_own_certificate_for_every_name_once_it_runs():
    acme = {"acme": {"contact": "postmaster@example.com"}}
    plan = plan_of(FULL_PRIMARY, tls=acme)
    # The authority is asked as soon as it is set, and a plan must not need the outside; nor undo what was set later.
    assert objects(plan, "AcmeProvider") == []
    assert all("certificateManagement" not in domain for domain in objects(plan, "Domain"))
    assert objects(plan, "Certificate") == []
    later = [json.loads(line) for line in to_ndjson(acme_operations(server(FULL_PRIMARY, tls=acme))).splitlines()]
    (provider,) = objects(later, "AcmeProvider")
    assert provider["challengeType"] == "TlsAlpn01"
    names = {name for domain in objects(later, "Domain") for name in domain["certificateManagement"]["subjectAlternativeNames"]}
    assert {"mx1.example.com", "mta-sts.example.com", "mta-sts.example.info", "autoconfig.example.net"} <= names


@pytest.mark.parametrize("args", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_the_plan_ends_with_the_reloads(args):
    assert [next(iter(op["value"].values()))["@type"] for op in plan_of(args)[-4:]] == [
        "ReloadLookupStores",
        "ReloadTlsCertificates",
        "ReloadBlockedIps",
        "ReloadSettings",
    ]
