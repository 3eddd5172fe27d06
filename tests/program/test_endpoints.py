"""The contract between the regions: the backup on the primary's outputs, and on outputs that will not do."""

import pytest

from components.endpoints import VERSION, EndpointsError, RegionEndpoints
from offline.program import record, stack_config
from offline.recorder import Recording, reveal
from offline.world import OfflineWorld
from settings import SettingsError
from tests.conftest import PRIMARY, changed, recorded


def _backup_on(outputs):
    return record("backup", stack_config("backup"), OfflineWorld(outputs))


def _endpoints(**changes):
    endpoints = {**reveal(recorded("primary").outputs["endpoints"]), **changes}
    return {key: value for key, value in endpoints.items() if value is not None}


def test_the_backup_takes_domains_and_destination_from_the_primary(backup: Recording):
    plan = backup.of_type("kubernetes:core/v1:ConfigMap")
    text = "".join(resource.inputs["data"].get("plan.ndjson", "") for resource in plan)
    assert '"key":"example.com"' in text
    assert '"address":"mx1.example.com"' in text
    assert "example.org" not in text  # parked


def test_what_is_exported_is_what_is_read(primary: Recording):
    read = RegionEndpoints.parse(reveal(primary.outputs["endpoints"]))
    assert read.version == VERSION
    assert read.hostname == "mx1.example.com"
    assert [domain.name for domain in read.domains] == ["example.com"]
    assert read.archive is not None
    assert read.archive.bucket == "example-mail-archive"


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({}, "unknown stack 'organization/mail/primary'"),
        ({PRIMARY: {}}, "it has no output `endpoints`"),
        ({PRIMARY: {"endpoints": "text"}}, "it has no output `endpoints`"),
        ({PRIMARY: {"endpoints": {"region": "eu"}}}, "has no version"),
        ({PRIMARY: {"endpoints": {"version": 0}}}, f"has version 0, and this program needs {VERSION}"),
        ({PRIMARY: {"endpoints": {"version": 99}}}, "bring this program up to date"),
    ],
)
def test_an_unusable_primary_is_refused_with_what_to_do(outputs, words):
    with pytest.raises(SettingsError) as refused:
        _backup_on(outputs)
    assert words in str(refused.value)
    assert PRIMARY in str(refused.value)
    assert "pulumi up --stack primary" in str(refused.value)


@pytest.mark.parametrize("field", ["hostname", "region", "addresses", "domains", "mailNamespace", "certificateVerified"])
def test_a_missing_field_is_named(field):
    with pytest.raises(SettingsError, match=f"lacks or garbles: {field}"):
        _backup_on({PRIMARY: {"endpoints": _endpoints(**{field: None})}})


def test_a_garbled_secret_is_not_shown():
    archive = {"location": "l", "bucket": "b", "region": "r", "repositoryPassword": ["hush"]}
    with pytest.raises(EndpointsError) as refused:
        RegionEndpoints.parse(_endpoints(archive=archive))
    assert "archive.repositoryPassword" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_fields_of_a_later_program_are_ignored():
    assert RegionEndpoints.parse(_endpoints(laterField=1)).hostname == "mx1.example.com"


def test_the_backup_is_named_only_once_the_server_knows_it():
    import asyncio
    from types import SimpleNamespace

    import pulumi

    import region

    async def is_known(ready):
        values = [asyncio.Future() for _ in range(2)]
        values[0].set_result("mx1.example.com")
        values[1].set_result(ready)
        exchange = pulumi.Output(set(), *values)
        settings = SimpleNamespace(backup_exchange=SimpleNamespace(hostname="mx2.example.com"))
        return await region._known_backup(settings, SimpleNamespace(exchange=exchange)).is_known()

    assert asyncio.run(is_known(True))
    assert not asyncio.run(is_known(False))


def test_no_policy_is_announced_that_nobody_could_read():
    without = changed("primary", tls=None)
    assert "mtaSts" not in without.outputs
    assert "_mta-sts." not in without.outputs["zones"]["example.com"]
    assert "_mta-sts." in recorded("primary").outputs["zones"]["example.com"]


def _reversed(value):
    """The same with the keys of every mapping the other way round, as the engine may hand them over."""
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(list(value))}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def test_the_order_in_which_the_engine_hands_over_keys_changes_nothing():
    blocklists = [{"zone": "bl.example.net", "codes": {"127.0.0.2": 2, "127.0.0.3": 3, "127.0.0.4": 4}}]
    backup = {**stack_config("backup")["mail:backup"], "alerts": True}
    primary = changed("primary", spam={"blocklists": blocklists})
    config = {**stack_config("backup"), "mail:mode": "active", "mail:primaryIsFenced": True, "mail:backup": backup}
    found = []
    for endpoints in (primary.outputs["endpoints"], _reversed(reveal(primary.outputs["endpoints"]))):
        recording = record("backup", config, OfflineWorld({"mail/primary": {"endpoints": reveal(endpoints)}}))
        found.append({urn: resource.inputs for urn, resource in recording.resources.items()})
    assert str(sorted(found[0].items())) == str(sorted(found[1].items()))
