"""Domains, keys, accounts, the directory and the MTA-STS policy."""

import json

import pytest

from components import checks
from components.stalwart.operations import to_ndjson
from components.stalwart.plans.mailboxes import directory_operations

from .plans import accounts, objects, plan_of, singleton
from .servers import BACKUP, FULL_PRIMARY, PRIMARY, server


def test_only_domains_that_receive_mail_are_made_and_pulumi_owns_their_records():
    domains = objects(plan_of(PRIMARY), "Domain")
    assert [domain["name"] for domain in domains] == ["example.com", "example.net"]
    for domain in domains:
        for owner in ("dkimManagement", "dnsManagement", "certificateManagement"):
            assert domain[owner] == {"@type": "Manual"}
        assert domain["allowRelaying"] is False


def test_aliases_catch_all_and_sub_addressing_are_the_domains():
    first, second = objects(plan_of(FULL_PRIMARY), "Domain")
    assert (first["aliases"], first["catchAllAddress"]) == ({"example.info": True}, "alice@example.com")
    assert (first["subAddressing"], second["subAddressing"]) == ({"@type": "Enabled"}, {"@type": "Disabled"})


@pytest.mark.parametrize("name", ["Domain", "Account"])
def test_a_domain_or_account_is_never_deleted_with_its_mail(name):
    assert {op["@type"] for op in plan_of(FULL_PRIMARY) if op["object"] == name} == {"upsert"}


def test_every_selector_signs_from_a_file():
    signatures = objects(plan_of(PRIMARY), "DkimSignature")
    assert {signature["@type"] for signature in signatures} == {"Dkim1RsaSha256", "Dkim1Ed25519Sha256"}
    paths = [signature["privateKey"]["filePath"] for signature in signatures]
    assert paths[0] == "/etc/stalwart-mail/dkim/s1-rsa._domainkey.example.com"
    assert len(set(paths)) == 4


def test_an_account_has_its_role_aliases_and_quota_and_no_password():
    alice = next(account for account in accounts(plan_of(FULL_PRIMARY)) if account["name"] == "alice")
    assert alice["roles"] == {"@type": "Admin"}
    assert alice["quotas"] == {"maxDiskQuota": 10 * 2**30}
    assert [(a["name"], a["domainId"]) for a in alice["aliases"].values()] == [("al", "#d0"), ("abuse", "#d1")]
    assert "credentials" not in alice  # an update would undo the user's own change


def _roles(plan):
    (account,) = [account for account in accounts(plan) if account["name"] == "role-mailbox"]
    return {(alias["name"], alias["domainId"]) for alias in account["aliases"].values()}


def test_every_domain_has_a_postmaster():
    assert _roles(plan_of(PRIMARY)) == {("postmaster", "#d0"), ("postmaster", "#d1"), ("abuse", "#d0"), ("abuse", "#d1")}


def test_a_postmaster_that_is_somebody_is_not_somebody_else():
    plan = plan_of(PRIMARY, accounts=[{"address": "alice@example.com", "aliases": ["postmaster@example.com"]}])
    assert _roles(plan) == {("postmaster", "#d1"), ("abuse", "#d0"), ("abuse", "#d1")}


def test_the_role_mailbox_gives_up_an_address_before_somebody_gets_it():
    first, second = [op for op in plan_of(FULL_PRIMARY) if op["object"] == "Account"]
    assert [(a["name"], a["aliases"]) for a in first["value"].values()] == [("role-mailbox", {})]  # and nobody else's aliases
    assert "alice" in {account["name"] for account in second["value"].values()}


def test_the_role_mailbox_can_be_given_a_password():
    account = {"address": "role-mailbox@example.com", "quota": "1Gi", "password": {"name": "roles"}}
    plan = plan_of(PRIMARY, accounts=[account])
    (found,) = [found for found in accounts(plan) if found["name"] == "role-mailbox"]
    assert found["quotas"] == {"maxDiskQuota": 2**30}
    assert len(_roles(plan)) == 4
    with pytest.raises(checks.ArgumentsError, match="take another name"):
        server(PRIMARY, accounts=[{"address": "recipient-reader@example.com"}])


def test_the_account_that_reads_recipients_may_read_and_nothing_else():
    reader = next(account for account in accounts(plan_of(PRIMARY)) if account["name"] == "recipient-reader")
    assert reader["permissions"]["@type"] == "Replace"
    permissions = reader["permissions"]["enabledPermissions"].keys()
    assert all(p == "authenticate" or p.endswith(("Get", "Query")) for p in permissions)
    alone = plan_of({key: value for key, value in PRIMARY.items() if key != "peer"})
    assert "recipient-reader" not in {account["name"] for account in accounts(alone)}


EXPORTER_MAY = {"authenticate", "sysBlockedIpGet", "sysBlockedIpQuery", "sysQueuedMessageGet", "sysQueuedMessageQuery"}


@pytest.mark.parametrize("args", [PRIMARY, BACKUP], ids=["primary", "backup"])
def test_the_exporter_may_read_the_queue_and_the_bans_and_nothing_else(args):
    plan = plan_of(args, monitored=True)
    (exporter,) = [account for account in accounts(plan) if account["name"] == "mail-exporter"]
    assert exporter["permissions"] == {"@type": "Replace", "enabledPermissions": dict.fromkeys(EXPORTER_MAY, True)}
    assert exporter["domainId"] == "#d0"
    assert "mail-exporter" not in json.dumps(plan_of(args))


def test_where_accounts_are_in_a_directory_there_is_none_for_the_exporter():
    directory = {"oidc": {"issuer_url": "https://id.example.com"}}
    assert "mail-exporter" not in json.dumps(plan_of(PRIMARY, monitored=True, directory=directory))


def test_the_exporters_address_cannot_be_given_to_somebody():
    with pytest.raises(checks.ArgumentsError, match="mail-exporter is the account that the exporter reads the queue with"):
        server(PRIMARY, monitored=True, accounts=[{"address": "mail-exporter@example.com"}])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"accounts": [{"address": "bob@elsewhere.example"}]}, "in none of the domains"),
        ({"accounts": [{"address": "a@example.com"}, {"address": "b@example.com", "aliases": ["A@example.com"]}]}, "twice"),
        (
            {"accounts": [{"address": "a@example.com"}], "directory": {"ldap": {"url": "ldap://l", "base_dn": "dc=x"}}},
            "beside an LDAP directory",
        ),
        (
            {
                "accounts": [{"address": "a@example.com", "password": {"name": "a"}}],
                "directory": {"oidc": {"issuer_url": "https://id.example.com"}},
            },
            "password beside a directory",
        ),
        ({"directory": {}}, "needs one of"),
        ({"directory": {"ldap": {"url": "ldap://l", "base_dn": "dc=x", "bind_dn": "cn=x"}}}, "go together"),
    ],
)
def test_accounts_that_could_not_work_are_refused(changes, reason):
    with pytest.raises(checks.ArgumentsError, match=reason):
        server(PRIMARY, **changes)


def _directory(**directory):
    return [json.loads(line) for line in to_ndjson(directory_operations(server(PRIMARY, directory=directory))).splitlines()]


def test_an_oidc_directory_is_set_after_the_first_start():
    plan = _directory(oidc={"issuer_url": "https://id.example.com", "audience": "mail"})
    (found,) = objects(plan, "Directory")
    assert (found["@type"], found["issuerUrl"], found["requireAudience"]) == ("Oidc", "https://id.example.com", "mail")
    assert singleton(plan, "Authentication") == {"directoryId": "#directory"}
    # Before its first start the server would leave out its own default roles.
    before = plan_of(PRIMARY, directory={"oidc": {"issuer_url": "https://id.example.com"}})
    assert not objects(before, "Authentication")
    # A reload fails while the issuer is away, and the server would never start again.
    assert "ReloadSettings" not in {value["@type"] for value in objects(before, "Action")}


def test_a_directory_that_is_taken_out_is_forgotten():
    plan = [json.loads(line) for line in to_ndjson(directory_operations(server(PRIMARY))).splitlines()]
    assert singleton(plan, "Authentication") == {"directoryId": None}
    (reconcile,) = [op for op in plan if op["object"] == "Directory"]
    assert (reconcile["@type"], reconcile["value"]) == ("reconcile", {})


def test_an_ldap_directory_binds_with_a_secret_of_the_pod():
    (found,) = objects(
        _directory(ldap={"url": "ldap://ldap:389", "base_dn": "dc=x", "bind_dn": "cn=mail", "bind_password": {"name": "ldap"}}),
        "Directory",
    )
    assert found["bindSecret"] == {"@type": "EnvironmentVariable", "variableName": "LDAP_PASSWORD"}
    assert found["useTls"] is True


def test_the_mta_sts_policy_lists_both_exchanges():
    policy = singleton(plan_of(FULL_PRIMARY), "MtaSts")
    assert policy == {
        "mode": "enforce",
        "maxAge": 30 * 86_400_000,
        "mxHosts": {"mx1.example.com": True, "mx2.example.com": True},
    }
    assert not [op for op in plan_of(BACKUP) if op["object"] == "MtaSts"]


def test_reports_go_out_as_often_as_set_and_never_from_a_backup():
    def frequencies(plan):
        return (
            singleton(plan, "TlsReportSettings")["sendFrequency"]["else"],
            singleton(plan, "DmarcReportSettings")["aggregateSendFrequency"]["else"],
            singleton(plan, "SpfReportSettings")["sendFrequency"]["else"],
        )

    assert frequencies(plan_of(PRIMARY)) == ("daily", "daily", "false")
    assert frequencies(plan_of(FULL_PRIMARY)) == ("weekly", "hourly", "[1, 1d]")
    assert frequencies(plan_of(BACKUP)) == ("disable", "disable", "false")
    assert singleton(plan_of(FULL_PRIMARY), "ReportSettings")["inboundReportAddresses"].keys() == {
        "dmarc@example.com",
        "postmaster@*",
    }


def test_reports_that_dns_asks_for_are_read_where_they_arrive_here():
    domains = [
        {"name": "example.com", "dmarc": {"report_address": "d@example.net"}, "tls_report_address": "t@elsewhere.example"},
        {"name": "example.net"},
    ]
    read = singleton(plan_of(PRIMARY, domains=domains), "ReportSettings")["inboundReportAddresses"]
    assert read.keys() == {"d@example.net", "postmaster@*"}
