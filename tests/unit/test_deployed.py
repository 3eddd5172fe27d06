"""Changes that the data of a running server would not survive."""

import pytest

from deployed import Deployed, refuse_losing_mail
from settings import SettingsError, parse


def _deployed(settings):
    return Deployed.by(settings, settings.domains)


def _refuse(settings, outputs):
    refuse_losing_mail(_deployed(settings), outputs, settings.migrated_to, "mail")


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
