"""Changes that the data of a running server would not survive."""

import pytest

from deployed import Deployed, refuse_losing_mail
from settings import SettingsError, parse


def _deployed(settings, outputs=None):
    return Deployed.by(settings, settings.domains, outputs or {})


def _refuse(settings, outputs):
    refuse_losing_mail(_deployed(settings, outputs), outputs, settings, "mail")


CONFIG = {"role": "primary", "region": "r", "domains": [{"name": "example.com"}], "hostname": "mx1.example.com"}
SETTINGS = parse(CONFIG, "mail")


def test_a_new_stack_and_an_unchanged_one_may_go_on():
    _refuse(SETTINGS, {})
    _refuse(SETTINGS, {"deployed": _deployed(SETTINGS).export()})
    _refuse(SETTINGS, {"deployed": {}})


def test_another_tag_of_the_line_may_follow():
    newer = parse({**CONFIG, "image": "stalwartlabs/stalwart:v0.16.28"}, "mail")
    _refuse(newer, {"deployed": _deployed(SETTINGS).export()})


def test_another_kind_of_storage_is_refused_with_the_runbook():
    with pytest.raises(SettingsError, match=r"runs on 'distributed', where its mail is\n.*\n.*docs/runbooks/storage\.md"):
        _refuse(SETTINGS, {"deployed": {"storage": "distributed", "serverLine": "0.16"}})


def test_another_bucket_is_refused_since_the_server_reads_one_alone():
    storage = {"kind": "distributed", "nats": {"addresses": ["nats:4222"]}}

    def with_bucket(name):
        return parse({**CONFIG, "storage": {**storage, "blobs": {"bucket": name, "region": "eu-west-1"}}}, "mail")

    before = {"deployed": _deployed(with_bucket("old-bucket")).export()}
    _refuse(with_bucket("old-bucket"), before)
    with pytest.raises(
        SettingsError, match=r"mail bodies are in https://s3\.eu-west-1\.amazonaws\.com/old-bucket/: mail would be empty"
    ):
        _refuse(with_bucket("new-bucket"), before)


def test_another_database_is_refused():
    storage = {"kind": "distributed", "nats": {"addresses": ["nats:4222"]}, "blobs": {"bucket": "a-bucket", "region": "r"}}
    here = parse({**CONFIG, "storage": storage}, "mail")
    there = parse({**CONFIG, "storage": {**storage, "database": {"host": "pg.example.net", "password": {"name": "pg"}}}}, "mail")
    with pytest.raises(
        SettingsError, match=r"storage\.database is pg\.example\.net:5432/stalwart and the mail is in another: made here"
    ):
        _refuse(there, {"deployed": _deployed(here).export()})
    _refuse(there, {"deployed": _deployed(there).export()})


def test_a_jump_of_the_line_needs_the_migration_to_be_done():
    before = {"deployed": {"storage": "embedded", "serverLine": "0.15"}}
    with pytest.raises(SettingsError, match=r"docs/runbooks/upgrade\.md, then pulumi config set migratedTo 0\.16"):
        _refuse(SETTINGS, before)
    _refuse(parse({**CONFIG, "migratedTo": "0.16"}, "mail"), before)
    with pytest.raises(SettingsError):
        _refuse(parse({**CONFIG, "migratedTo": "1.0"}, "mail"), before)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(SettingsError) as refused:
        _refuse(SETTINGS, {"deployed": {"storage": "distributed", "serverLine": "1.0"}})
    assert "mail:storage.kind" in str(refused.value)
    assert "mail:image" in str(refused.value)


def _keys(**states):
    selectors = [{"name": name, "algorithm": "rsa", "state": state} for name, state in states.items()]
    return parse({**CONFIG, "domains": [{"name": "example.com", "dkimSelectors": selectors}]}, "mail")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": "active"}, {"a": "active", "b": "pending"}),
        ({"a": "active", "b": "pending"}, {"a": "retiring", "b": "active"}),
        ({"a": "retiring", "b": "active"}, {"a": "active", "b": "retiring"}),
        ({"a": "retiring", "b": "active"}, {"a": "retired", "b": "active"}),
        ({"a": "retired", "b": "active"}, {"b": "active"}),
        ({"a": "active", "b": "pending"}, {"a": "active"}),
    ],
)
def test_a_selector_goes_through_its_life(before, after):
    _refuse(_keys(**after), {"deployed": _deployed(_keys(**before)).export()})


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"a": "active"}, {"a": "active", "b": "active"}, r"b\._domainkey\.example\.com was not there and would be active"),
        ({"a": "active", "b": "pending"}, {"b": "active"}, r"a\._domainkey.* was active and would be gone"),
        ({"a": "active", "b": "active"}, {"a": "active", "b": "retired"}, r"was active and would be retired"),
        ({"a": "active", "b": "retired"}, {"a": "active", "b": "active"}, r"was retired and would be active"),
        ({"a": "active", "b": "retiring"}, {"a": "active"}, r"was retiring and would be gone"),
    ],
)
def test_a_step_that_mail_on_its_way_would_not_survive_is_refused(before, after, words):
    with pytest.raises(SettingsError, match=words) as refused:
        _refuse(_keys(**after), {"deployed": _deployed(_keys(**before)).export()})
    assert "make rotate prints the next step" in str(refused.value)


def test_a_new_domain_begins_with_a_key_that_signs():
    two = parse({**CONFIG, "domains": [{"name": "example.com"}, {"name": "example.net"}]}, "mail")
    _refuse(two, {"deployed": _deployed(SETTINGS).export()})
    _refuse(SETTINGS, {"deployed": _deployed(two).export()})


KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI{}\n-----END PRIVATE KEY-----\n"
ONE, OTHER = KEY.format("J1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"), KEY.format("J1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9h")


def _brought(*keys, state="active", **domain):
    selectors = [{"name": "s1", "algorithm": "rsa"}, {"name": "b", "algorithm": "ed25519", "state": state}]
    config = {**CONFIG, "domains": [{"name": "example.com", "dkimSelectors": selectors, **domain}]}
    return parse({**config, "dkimKeys": dict(zip(["b._domainkey.example.com"], keys, strict=False))}, "mail")


@pytest.mark.parametrize("state", ["active", "retiring"])
@pytest.mark.parametrize("after", [(OTHER,), ()])
def test_another_key_under_a_selector_in_use_is_refused_and_not_shown(state, after):
    before = {"deployed": _deployed(_brought(ONE, state=state)).export()}
    _refuse(_brought(ONE, state=state), before)
    with pytest.raises(SettingsError, match=r"selector b\._domainkey\.example\.com has another key than before") as refused:
        _refuse(_brought(*after, state=state), before)
    assert "MC4CAQ" not in str(refused.value)
    assert "MC4CAQ" not in str(before)


def test_a_key_that_nobody_relies_on_may_be_another():
    _refuse(_brought(OTHER, state="pending"), {"deployed": _deployed(_brought(ONE, state="pending")).export()})


def test_hosted_keys_do_not_move_while_they_are_in_use():
    zones = {"zones": [{"name": "a.example"}, {"name": "b.example"}]}
    before, after = (
        parse({**CONFIG, "dns": zones, "domains": [{"name": "example.com", "hostedDkim": {"zone": zone}}]}, "mail")
        for zone in ("a.example", "b.example")
    )
    with pytest.raises(SettingsError, match=r"is hosted in a\.example and would be in b\.example"):
        _refuse(after, {"deployed": _deployed(before).export()})


def test_a_key_that_signs_elsewhere_has_its_own_life():
    theirs = {"name": "esp", "algorithm": "ed25519", "publicKey": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}
    both = parse(
        {**CONFIG, "domains": [{"name": "example.com", "dkimSelectors": [{"name": "s1", "algorithm": "rsa"}, theirs]}]}, "mail"
    )
    _refuse(both, {"deployed": _deployed(_keys(s1="active")).export()})
    _refuse(_keys(s1="active"), {"deployed": _deployed(both).export()})


def _served(provider, *leaving):
    domains = [{"name": "example.com", "zoneId": "z"}]
    return parse({**CONFIG, "domains": domains, "dns": {"provider": provider, "leavingZones": list(leaving)}}, "mail")


@pytest.mark.parametrize("old", ["cloudflare", "external-dns"])
def test_a_zone_leaves_its_provider_in_two_steps(old):
    published = {"deployed": _deployed(_served(old)).export()}
    with pytest.raises(
        SettingsError,
        match=rf"was published by {old} \(zone z\) and would be by zonefile.*\n.*\n.*list example\.com in dns\.leaving",
    ):
        _refuse(_served("zonefile"), published)
    _refuse(_served(old, "example.com"), published)
    _refuse(_served("zonefile", "example.com"), {"deployed": _deployed(_served(old, "example.com")).export()})


def test_hosting_begins_and_ends_with_the_same_key():
    own = parse({**CONFIG, "dns": {"zones": [{"name": "a.example"}]}}, "mail")
    domains = [{"name": "example.com", "hostedDkim": {"zone": "a.example"}}]
    hosted = parse({**CONFIG, "dns": {"zones": [{"name": "a.example"}]}, "domains": domains}, "mail")
    _refuse(hosted, {"deployed": _deployed(own).export()})
    _refuse(own, {"deployed": _deployed(hosted).export()})


@pytest.mark.parametrize(
    "after",
    [
        [{"name": "example.com", "zoneId": "another"}],
        [{"name": "example.com", "zoneId": "z"}, {"name": "sub.example.com", "dnsProvider": "zonefile"}],
    ],
)
def test_another_account_or_a_zone_of_its_own_is_a_move_too(after):
    dns = {"provider": "cloudflare"}
    domains = [{"name": "example.com", "zoneId": "z"}, {"name": "sub.example.com"}]
    before = {"deployed": _deployed(parse({**CONFIG, "dns": dns, "domains": domains}, "mail")).export()}
    with pytest.raises(SettingsError, match=r"published by cloudflare \(zone z\)"):
        _refuse(parse({**CONFIG, "dns": dns, "domains": after}, "mail"), before)


def test_what_only_a_file_published_may_go_anywhere():
    _refuse(_served("cloudflare"), {"deployed": _deployed(_served("zonefile")).export()})


def test_a_backup_that_takes_over_does_not_lose_the_mail_it_holds_by_the_way():
    backup = {"location": {"bucket": "a-bucket", "region": "eu-central-1"}}
    config = {"role": "backup", "region": "r", "hostname": "mx2.example.com", "primaryStack": "primary", "backup": backup}
    before = {"deployed": _deployed(parse(config, "mail")).export()}
    blobs = {"bucket": "b-bucket", "region": "eu-central-1"}
    other = {"kind": "distributed", "nats": {"addresses": ["nats:4222"]}, "blobs": blobs}
    taking_over = {**config, "mode": "active", "primaryIsFenced": True}
    _refuse(parse(taking_over, "mail"), before)
    with pytest.raises(SettingsError, match="runs on 'embedded', where its mail is"):
        _refuse(parse({**taking_over, "storage": other}, "mail"), before)
