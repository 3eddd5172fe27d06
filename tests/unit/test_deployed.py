"""Changes that the data of a running server would not survive."""

import pytest

from deployed import Deployed, refuse_losing_mail
from settings import SettingsError, parse

CONFIG = {"role": "primary", "region": "r", "domains": [{"name": "example.com"}], "hostname": "mx1.example.com"}
SETTINGS = parse(CONFIG, "mail")


def test_a_new_stack_and_an_unchanged_one_may_go_on():
    refuse_losing_mail(SETTINGS, {}, "mail")
    refuse_losing_mail(SETTINGS, {"deployed": Deployed.by(SETTINGS).export()}, "mail")
    refuse_losing_mail(SETTINGS, {"deployed": {}}, "mail")


def test_another_tag_of_the_line_may_follow():
    newer = parse({**CONFIG, "image": "stalwartlabs/stalwart:v0.16.28"}, "mail")
    refuse_losing_mail(newer, {"deployed": Deployed.by(SETTINGS).export()}, "mail")


def test_another_kind_of_storage_is_refused_with_the_runbook():
    with pytest.raises(SettingsError, match=r"runs on 'distributed', where its mail is\n.*\n.*docs/runbooks/storage\.md"):
        refuse_losing_mail(SETTINGS, {"deployed": {"storage": "distributed", "serverLine": "0.16"}}, "mail")


def test_another_bucket_is_refused_since_the_server_reads_one_alone():
    storage = {"kind": "distributed", "nats": {"addresses": ["nats:4222"]}}

    def with_bucket(name):
        return parse({**CONFIG, "storage": {**storage, "blobs": {"bucket": name, "region": "eu-west-1"}}}, "mail")

    before = {"deployed": Deployed.by(with_bucket("old-bucket")).export()}
    refuse_losing_mail(with_bucket("old-bucket"), before, "mail")
    with pytest.raises(
        SettingsError, match=r"mail bodies are in https://s3\.eu-west-1\.amazonaws\.com/old-bucket/: mail would be empty"
    ):
        refuse_losing_mail(with_bucket("new-bucket"), before, "mail")


def test_another_database_is_refused():
    storage = {"kind": "distributed", "nats": {"addresses": ["nats:4222"]}, "blobs": {"bucket": "a-bucket", "region": "r"}}
    here = parse({**CONFIG, "storage": storage}, "mail")
    there = parse({**CONFIG, "storage": {**storage, "database": {"host": "pg.example.net", "password": {"name": "pg"}}}}, "mail")
    with pytest.raises(
        SettingsError, match=r"storage\.database is pg\.example\.net:5432/stalwart and the mail is in another: made here"
    ):
        refuse_losing_mail(there, {"deployed": Deployed.by(here).export()}, "mail")
    refuse_losing_mail(there, {"deployed": Deployed.by(there).export()}, "mail")


def test_a_jump_of_the_line_needs_the_migration_to_be_done():
    before = {"deployed": {"storage": "embedded", "serverLine": "0.15"}}
    with pytest.raises(SettingsError, match=r"docs/runbooks/upgrade\.md, then pulumi config set migratedTo 0\.16"):
        refuse_losing_mail(SETTINGS, before, "mail")
    refuse_losing_mail(parse({**CONFIG, "migratedTo": "0.16"}, "mail"), before, "mail")
    with pytest.raises(SettingsError):
        refuse_losing_mail(parse({**CONFIG, "migratedTo": "1.0"}, "mail"), before, "mail")


def test_all_mistakes_are_told_at_once():
    with pytest.raises(SettingsError) as refused:
        refuse_losing_mail(SETTINGS, {"deployed": {"storage": "distributed", "serverLine": "1.0"}}, "mail")
    assert "mail:storage.kind" in str(refused.value)
    assert "mail:image" in str(refused.value)
