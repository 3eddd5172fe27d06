"""A database with an archive, one restored from an archive, and a fenced server, as recorded."""

from functools import cache

import pytest

from components.stalwart.arguments import StalwartServerArgs
from components.stalwart.server import StalwartServer
from offline.program import record
from offline.recorder import Recording, has_secret, reveal
from offline.world import OfflineWorld
from tests.conftest import changed, named, only
from tests.program.test_storage import DISTRIBUTED as SETTINGS
from tests.unit.servers import DISTRIBUTED, PRIMARY
from tests.unit.test_database import ARCHIVED, RESTORED, ROLE_ARCHIVE

CLUSTER = "kubernetes:postgresql.cnpg.io/v1:Cluster"
STORE = "kubernetes:barmancloud.cnpg.io/v1:ObjectStore"
SCHEDULE = "kubernetes:postgresql.cnpg.io/v1:ScheduledBackup"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
NAMESPACE = "kubernetes:core/v1:Namespace"
ARGUMENTS = {
    "embedded": PRIMARY,
    "plain": DISTRIBUTED,
    "archived": ARCHIVED,
    "role": {**DISTRIBUTED, "storage": {**DISTRIBUTED["storage"], "archive": ROLE_ARCHIVE}},
    "restored": RESTORED,
    "claim": {**PRIMARY, "restored": {}},
    "fenced": {**ARCHIVED, "fenced": True},
    "fenced embedded": {**PRIMARY, "fenced": True},
}


@cache
def _server(case: str) -> Recording:
    args: StalwartServerArgs = {**ARGUMENTS[case], "dkim_private_keys": _Keys()}

    def program() -> None:
        _ = StalwartServer("mail", args)

    return record("primary", {}, OfflineWorld(), program=program)


class _Keys(dict):
    """A key for every selector."""

    def __contains__(self, _key):
        return True

    def __missing__(self, _key):
        return "hush_hush"


def _order(recording: Recording) -> list[str]:
    return [resource.name for resource in recording.resources.values()]


def _needs(recording: Recording, name: str) -> set[str]:
    """What it is made after, less the namespace, which everything is made after."""
    return {recording.resources[urn].name for urn in named(recording, name).dependencies} - {"mail-namespace"}


def test_the_settings_reach_the_archive():
    archive = {
        "bucket": "mail-archive",
        "region": "eu-central-1",
        "keysSecret": "archive",
        "keepDays": 90,
        "serverName": "mail-2",
    }
    recording = changed("primary", storage={**SETTINGS, "archive": archive})
    assert only(recording, STORE).inputs["spec"]["retentionPolicy"] == "90d"
    assert only(recording, SCHEDULE).inputs["spec"]["schedule"] == "0 0 2 * * *"
    (plugin,) = only(recording, CLUSTER).inputs["spec"]["plugins"]
    assert plugin["parameters"] == {"barmanObjectName": "stalwart-database", "serverName": "mail-2"}


def test_without_one_nothing_of_it_is_made():
    recording = _server("plain")
    assert recording.of_type(STORE) == recording.of_type(SCHEDULE) == []
    assert _needs(recording, "mail-database") == set()


def test_the_archive_is_there_before_the_database_and_the_backups_come_after_it():
    recording = _server("restored")
    assert _needs(recording, "mail-database") == {"mail-database-regions", "mail-database-archive", "mail-database-source"}
    assert _needs(recording, "mail-database-backups") == {"mail-database"}
    # A server does not wait for its backups.
    assert "mail-database" in _needs(recording, "mail-server")
    assert "mail-database-backups" not in _needs(recording, "mail-server")


def test_the_objects_are_called_as_the_database_names_them():
    recording = _server("restored")
    spec = only(recording, CLUSTER).inputs["spec"]
    wanted = [
        *(plugin["parameters"]["barmanObjectName"] for plugin in spec["plugins"]),
        *(source["plugin"]["parameters"]["barmanObjectName"] for source in spec["externalClusters"]),
    ]
    stores = recording.of_type(STORE)
    assert [store.inputs["metadata"]["name"] for store in stores] == wanted == ["stalwart-database", "stalwart-database-source"]
    schedule, cluster = only(recording, SCHEDULE).inputs, only(recording, CLUSTER).inputs
    assert schedule["spec"]["cluster"]["name"] == cluster["metadata"]["name"]
    everything = [*stores, only(recording, SCHEDULE), only(recording, CLUSTER)]
    assert {found.inputs["metadata"]["namespace"] for found in everything} == {"mail"}
    assert {found.inputs["metadata"]["labels"]["app.kubernetes.io/component"] for found in everything} == {"database"}


@pytest.mark.parametrize("case", ["archived", "restored"])
def test_the_regions_are_in_the_secret_that_the_archives_read(case: str):
    recording = _server(case)
    secret = reveal(named(recording, "mail-database-regions").inputs)
    for store in recording.of_type(STORE):
        region = store.inputs["spec"]["configuration"]["s3Credentials"]["region"]
        assert region["name"] == secret["metadata"]["name"]
        assert region["key"] in secret["data"]


def test_without_keys_there_is_no_such_secret():
    recording = _server("role")
    assert len(recording.of_type(STORE)) == 1
    assert "mail-database-regions" not in _order(recording)


@pytest.mark.parametrize("case", ["archived", "restored", "role"])
def test_no_secret_is_in_what_the_plugin_and_the_operator_read(case: str):
    recording = _server(case)
    for kind in (STORE, CLUSTER, SCHEDULE):
        for resource in recording.of_type(kind):
            assert not has_secret(resource.inputs)
            assert "hush_hush" not in str(resource.inputs)


def test_what_the_database_needs_stays_as_long_as_it():
    recording = _server("restored")
    for name in ("mail-database-regions", "mail-database-archive", "mail-database-source"):
        resource = named(recording, name)
        assert (resource.protect, resource.retain_on_delete) == (False, True), name
    assert not only(recording, SCHEDULE).retain_on_delete


def test_a_restored_volume_claim_is_not_made_again():
    assert _server("claim").of_type(CLAIM) == []
    volumes = only(_server("claim"), "kubernetes:apps/v1:StatefulSet").inputs["spec"]["template"]["spec"]["volumes"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "stalwart-data"}} in volumes
    assert len(_server("embedded").of_type(CLAIM)) == 1


@pytest.mark.parametrize(("case", "kind"), [("fenced", CLUSTER), ("fenced embedded", CLAIM), ("fenced", NAMESPACE)])
def test_a_fenced_servers_data_may_leave_pulumis_hands_and_stays_in_the_cluster(case: str, kind: str):
    data = only(_server(case), kind)
    assert (data.protect, data.retain_on_delete) == (False, True)


@pytest.mark.parametrize(
    ("case", "kind"), [("archived", CLUSTER), ("restored", CLUSTER), ("embedded", CLAIM), ("restored", NAMESPACE)]
)
def test_any_other_servers_data_is_protected(case: str, kind: str):
    data = only(_server(case), kind)
    assert (data.protect, data.retain_on_delete) == (True, True)


def test_no_policy_of_this_project_stands_between_the_database_and_its_archive():
    """The database's pods are CloudNativePG's, labelled `app.kubernetes.io/name: postgresql`: egress is theirs."""
    policies = _server("archived").of_type("kubernetes:networking.k8s.io/v1:NetworkPolicy")
    assert policies
    for policy in policies:
        assert policy.inputs["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "stalwart"
