"""What is refused is refused before the first resource: nothing half-done."""

import pulumi
import pytest

from offline import program
from offline.recorder import Recording, reveal
from offline.world import OfflineWorld
from tests.conftest import PRIMARY, recorded

ENDPOINTS = {PRIMARY: {"endpoints": reveal(recorded("primary").outputs["endpoints"])}}
WITHOUT_READER = {PRIMARY: {"endpoints": {k: v for k, v in ENDPOINTS[PRIMARY]["endpoints"].items() if k != "recipientReader"}}}
OWN = PRIMARY
DISTRIBUTED = {
    "kind": "distributed",
    "blobs": {"bucket": "example-mail-blobs", "region": "eu-west-1"},
    "nats": {"addresses": ["nats:4222"]},
    "archive": {"bucket": "example-mail-database", "region": "eu-central-1"},
}
DOMAIN = {"name": "example.com"}
PINNED = {"tlsa": [f"3 1 1 {'ab' * 32}"]}
MANY = [f"spf{n}.example.net" for n in range(11)]
OUT = {"addresses": ["203.0.113.10"], "egress": [{"address": "203.0.113.99", "ehloHostname": "mx1.example.com"}]}
LONG = [{"name": f"{n}.a-rather-long-name-of-a-domain-for-a-plan.example"} for n in range(1800)]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("hostname", {"secure": "hush_hush"}, "mail:hostname (a secret) is not a fully qualified host name"),
        ("trustedNetworks", {"secure": '["hush_hush"]'}, "mail:trustedNetworks[0] (a secret) is not a network"),
        (
            "backup",
            {"location": {"bucket": "a-bucket", "region": "r", "s3Url": {"secure": "https://k:hush_hush@s3.example.net"}}},
            "mail:backup.location.s3Url (a secret) is not the URL",
        ),
    ],
)
def test_a_value_that_was_given_as_a_secret_is_not_shown(key, value, words):
    config = {**program.stack_config("primary"), f"mail:{key}": value}
    with pytest.raises(pulumi.RunError) as refused:
        program.record("primary", config, OfflineWorld())
    assert words in str(refused.value)
    assert "hush_hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("stack", "changes", "stacks", "words"),
    [
        ("primary", {"image": "stalwartlabs/stalwart:latest"}, {}, "floating tag"),
        ("primary", {"hostname": "mx1.elsewhere.example"}, {}, "outside every known zone"),
        ("primary", {"domains": [{"name": "example.com"}, *LONG]}, {}, "1801 domains"),
        ("backup", {"primaryStack": None}, {}, "mail:primaryStack is not set"),
        ("backup", {}, {}, "unknown stack"),
        ("backup", {}, {PRIMARY: {"endpoints": {"version": 0}}}, "has version 0"),
        ("backup", {"hostname": "mx2.elsewhere.example"}, ENDPOINTS, "outside every known zone"),
        (
            "backup",
            {"recipients": {"source": "list", "addresses": ["bob@elsewhere.example"]}},
            ENDPOINTS,
            "in none of the primary's domains",
        ),
        ("backup", {"hostname": "mx3.example.com"}, ENDPOINTS, "backupExchange.hostname mx3.example.com"),
        ("backup", {}, {PRIMARY: {"endpoints": {**ENDPOINTS[PRIMARY]["endpoints"], "backupExchange": None}}}, "knows is none"),
        ("primary", {"dns": PINNED, "tls": {"secretName": "mx1-tls"}}, {}, "the zone example.com is not signed"),
        ("primary", {"dns": PINNED}, {}, "gets a new key at every renewal"),
        ("primary", {"domains": [{**DOMAIN, "hostedDkim": {"zone": "dkim.elsewhere.example"}}]}, {}, "in none of the zones"),
        ("primary", {"domains": [{**DOMAIN, "spf": {"includes": MANY}}]}, {}, "12 look-ups"),
        ("primary", {"exposure": OUT}, {}, "forward-confirmed"),
        (
            "primary",
            {"domains": [{"name": "example.com", "dkimSelectors": [{"name": "s2", "algorithm": "rsa"}]}]},
            {OWN: {"deployed": {"dkim": {"s1._domainkey.example.com": {"state": "active", "key": "rsa made here"}}}}},
            "make rotate prints the next step",
        ),
        (
            "backup",
            {"backup": {"location": {"bucket": "example-mail-archive", "region": "eu-central-1", "prefix": "primary"}}},
            ENDPOINTS,
            "two writers corrupt both",
        ),
        ("primary", {"hostname": "example.org"}, {}, "is a parked domain"),
        ("primary", {"backupExchange": {"hostname": "mx1.example.com"}}, {}, "has the host name of this stack"),
        ("backup", {"dns": {"provider": "cloudflare"}}, ENDPOINTS, "needs the zoneId of example.com"),
        ("backup", {"recipients": {"source": "primary"}}, WITHOUT_READER, "cannot be asked for its recipients"),
        ("backup", {"accounts": [{"address": "a@example.com"}]}, ENDPOINTS, "mail:accounts is for a primary stack"),
        ("primary", {"accounts": [{"address": "a@elsewhere.example"}]}, {}, "in none of the domains example.com"),
        ("primary", {"storage": {"replicas": 2}}, {}, "which has one writer"),
        ("primary", {"storage": {**DISTRIBUTED, "archive": None}}, {}, "does not reach the database"),
        ("primary", {"storage": DISTRIBUTED}, {OWN: {"deployed": {"storage": "embedded"}}}, "docs/runbooks/storage.md"),
        ("primary", {}, {OWN: {"deployed": {"storage": "distributed"}}}, "docs/runbooks/storage.md"),
        ("primary", {}, {OWN: {"deployed": {"serverLine": "0.15"}}}, "docs/runbooks/upgrade.md"),
        (
            "backup",
            {},
            {**ENDPOINTS, "mail/backup": {"deployed": {"serverLine": "1.0"}}},
            "cannot open the store of the running 1.0",
        ),
    ],
)
def test_nothing_is_registered(stack, changes, stacks, words, monkeypatch):
    recordings = []

    def recording(name):
        recordings.append(Recording(name))
        return recordings[-1]

    monkeypatch.setattr(program, "Recording", recording)
    config = {**program.stack_config(stack), **{f"mail:{key}": value for key, value in changes.items()}}
    with pytest.raises(pulumi.RunError, match=words):
        program.record(stack, {key: value for key, value in config.items() if value is not None}, OfflineWorld(stacks))
    assert len(recordings) == 1
    assert recordings[0].resources == {}
