"""The archive of the database and what is restored from one, as plain data, and the refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import checks
from components.stalwart import database
from components.stalwart.options.restored import Restored, restored_problems
from components.stalwart.options.storage import DatabaseArchive, Storage
from tests.unit.servers import DISTRIBUTED, PRIMARY, server

ARCHIVE = {"bucket": "mail-archive", "region": "eu-central-1", "prefix": "database/backup", "keys_secret": "archive-keys"}
SOURCE = {
    **{"bucket": "mail-source", "region": "eu-west-1", "endpoint": "https://s3.example.net", "keys_secret": "source-keys"},
    **{"server_name": "mail", "target_time": "2026-11-03T09:30:00Z"},
}
ARCHIVED = {**DISTRIBUTED, "storage": {**DISTRIBUTED["storage"], "archive": ARCHIVE}}
RESTORED = {
    **DISTRIBUTED,
    "storage": {**DISTRIBUTED["storage"], "archive": {**ARCHIVE, "server_name": "mail-2"}},
    "restored": {"database": SOURCE},
}
ROLE_ARCHIVE = {"bucket": "mail-archive", "region": "eu-central-1"}

# The fields of the plugin's ObjectStore that are not about other clouds (plugin-barman-cloud 0.14.0,
# api/v1/objectstore_types.go; barman-cloud 950b0f57e122, pkg/api/config.go). A set is of the values that are allowed.
SELECTOR = {"name": str, "key": str}
STORE_FIELDS = {
    "retentionPolicy": str,
    "configuration": {
        **{"destinationPath": str, "endpointURL": str, "endpointCA": SELECTOR, "tags": dict, "historyTags": dict},
        "s3Credentials": {
            **{"accessKeyId": SELECTOR, "secretAccessKey": SELECTOR, "region": SELECTOR, "sessionToken": SELECTOR},
            "inheritFromIAMRole": bool,
        },
        "wal": {
            **{"compression": {"bzip2", "gzip", "lz4", "snappy", "xz", "zstd"}, "encryption": {"AES256", "aws:kms"}},
            **{"maxParallel": int, "archiveAdditionalCommandArgs": list, "restoreAdditionalCommandArgs": list},
        },
        "data": {
            **{"compression": {"bzip2", "gzip", "lz4", "snappy"}, "encryption": {"AES256", "aws:kms"}, "jobs": int},
            **{"immediateCheckpoint": bool, "additionalCommandArgs": list, "restoreAdditionalCommandArgs": list},
        },
    },
    "instanceSidecarConfiguration": {
        **{"env": list, "retentionPolicyIntervalSeconds": int, "additionalContainerArgs": list},
        **{"resources": dict, "logLevel": {"error", "warning", "info", "debug", "trace"}},
    },
}


def _archive(**changes) -> DatabaseArchive:
    return DatabaseArchive.model_validate({**ARCHIVE, **changes}, by_name=True, by_alias=False)


def _storage(**changes) -> Storage:
    return Storage.model_validate({**DISTRIBUTED["storage"], **changes}, by_name=True, by_alias=False)


def _restored(**changes) -> Restored:
    return Restored.model_validate({"database": {**SOURCE, **changes}}, by_name=True, by_alias=False)


def _stores(args):
    return database.object_stores(server(args))


def _environment(store):
    return {variable["name"]: variable["value"] for variable in store["instanceSidecarConfiguration"].get("env", [])}


def _known(value, fields, place=""):
    if isinstance(fields, dict):
        assert value.keys() <= fields.keys(), place
        for name, item in value.items():
            _known(item, fields[name], f"{place}.{name}")
    elif isinstance(fields, set):
        assert value in fields, place
    else:
        assert type(value) is fields, place


@pytest.mark.parametrize("archive", [ARCHIVE, ROLE_ARCHIVE, {**ARCHIVE, "endpoint": "https://s3.example.net"}])
def test_an_archive_has_only_fields_that_the_plugin_knows(archive):
    stores = _stores({**RESTORED, "storage": {**DISTRIBUTED["storage"], "archive": {**archive, "server_name": "mail-2"}}})
    assert stores.keys() == {"archive", "source"}
    for store in stores.values():
        _known(store, STORE_FIELDS)


def test_a_database_is_backed_up_nowhere_unless_it_is_said_where():
    spec = database.cluster(server(DISTRIBUTED))
    assert _stores(DISTRIBUTED) == {}
    assert spec.keys().isdisjoint({"plugins", "externalClusters", "backup"})
    assert spec["bootstrap"] == {"initdb": {"database": "stalwart", "owner": "stalwart"}}


def test_the_archive_is_written_with_the_given_keys():
    assert _stores(ARCHIVED) == {
        "archive": {
            "configuration": {
                "destinationPath": "s3://mail-archive/database/backup",
                "s3Credentials": {
                    "accessKeyId": {"name": "archive-keys", "key": "access-key-id"},
                    "secretAccessKey": {"name": "archive-keys", "key": "secret-access-key"},
                    "region": {"name": "stalwart-database-regions", "key": "archive"},
                },
                "wal": {"maxParallel": 4, "compression": "zstd"},
                "data": {"compression": "lz4"},
            },
            "instanceSidecarConfiguration": {"resources": {"requests": {"cpu": "50m", "memory": "256Mi"}}},
            "retentionPolicy": "30d",
        }
    }
    assert database.cluster(server(ARCHIVED))["plugins"] == [
        {
            "name": "barman-cloud.cloudnative-pg.io",
            "enabled": True,
            "isWALArchiver": True,
            "parameters": {"barmanObjectName": "stalwart-database", "serverName": "mail"},
        }
    ]
    assert database.regions(server(ARCHIVED)) == {"archive": "eu-central-1"}


def test_or_with_the_identity_of_the_pods():
    args = {**DISTRIBUTED, "storage": {**DISTRIBUTED["storage"], "archive": ROLE_ARCHIVE}}
    (store,) = _stores(args).values()
    assert store["configuration"]["s3Credentials"] == {"inheritFromIAMRole": True}
    assert store["configuration"]["destinationPath"] == "s3://mail-archive/"
    assert _environment(store) == {"AWS_DEFAULT_REGION": "eu-central-1"}
    assert database.regions(server(args)) == {}


def test_an_s3_compatible_server_is_sent_no_newer_checksums():
    args = {**DISTRIBUTED, "storage": {**DISTRIBUTED["storage"], "archive": {**ARCHIVE, "endpoint": "https://s3.example.net/"}}}
    (store,) = _stores(args).values()
    assert store["configuration"]["endpointURL"] == "https://s3.example.net"
    assert _environment(store) == {
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }


def test_a_database_is_restored_under_the_same_names_and_goes_on_under_a_new_one():
    spec = database.cluster(server(RESTORED))
    assert spec["bootstrap"] == {
        "recovery": {
            **{"source": "source", "database": "stalwart", "owner": "stalwart"},
            "recoveryTarget": {"targetTime": "2026-11-03T09:30:00Z"},
        }
    }
    (source,) = spec["externalClusters"]
    assert source["name"] == "source"
    assert source["plugin"]["isWALArchiver"] is False
    assert source["plugin"]["parameters"] == {"barmanObjectName": "stalwart-database-source", "serverName": "mail"}
    (plugin,) = spec["plugins"]
    assert plugin["parameters"] == {"barmanObjectName": "stalwart-database", "serverName": "mail-2"}


def test_without_a_moment_it_is_restored_to_the_end_of_the_archive():
    source = {key: value for key, value in SOURCE.items() if key != "target_time"}
    spec = database.cluster(server({**RESTORED, "restored": {"database": source}}))
    assert "recoveryTarget" not in spec["bootstrap"]["recovery"]


def test_whoever_restores_never_deletes_a_backup():
    stores = _stores(RESTORED)
    assert "retentionPolicy" in stores["archive"]
    assert "retentionPolicy" not in stores["source"]
    # The plugin clears away where `plugins` points to, and nowhere else.
    assert [plugin["parameters"]["barmanObjectName"] for plugin in database.cluster(server(RESTORED))["plugins"]] == [
        "stalwart-database"
    ]


def test_each_archive_with_keys_has_its_own_region():
    """As variables they would clash: the plugin puts those of both stores into one container."""
    assert database.regions(server(RESTORED)) == {"archive": "eu-central-1", "source": "eu-west-1"}
    stores = _stores(RESTORED)
    assert {role: store["configuration"]["s3Credentials"]["region"]["key"] for role, store in stores.items()} == {
        "archive": "archive",
        "source": "source",
    }
    assert not any("AWS_DEFAULT_REGION" in _environment(store) for store in stores.values())


def _field(low, high):
    numbers = st.integers(low, high).map(str)
    steps = st.integers(1, high).map("*/{}".format)
    return st.one_of(st.just("*"), steps, st.lists(numbers, min_size=1, max_size=4).map(",".join))


@given(st.tuples(_field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 6)))
def test_every_cron_expression_gets_its_seconds_before_it(fields):
    schedule = database.scheduled_backup(_archive(cron=" ".join(fields)))["schedule"].split(" ")
    assert schedule == ["0", *fields]


@pytest.mark.parametrize(
    "cron", ["0 0 2 * * *", "0 2 * *", "@daily", "CRON_TZ=Europe/Berlin 0 2 * * *", "0  2 * * *", "0 2 * * *\n"]
)
def test_any_other_is_refused(cron):
    with pytest.raises(ValueError, match="is not a cron expression of five fields"):
        _ = _archive(cron=cron)


def test_base_backups_begin_at_once_and_go_when_the_database_does():
    assert database.scheduled_backup(_archive(cron="30 1 * * 0")) == {
        "schedule": "0 30 1 * * 0",
        "immediate": True,
        "method": "plugin",
        "pluginConfiguration": {"name": "barman-cloud.cloudnative-pg.io"},
        "cluster": {"name": "stalwart-database"},
        "backupOwnerReference": "cluster",
    }


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ({"archive": ARCHIVE}, "storage: has archive, which `embedded` storage does not use"),
        (
            {**ARCHIVED["storage"], "database": {"host": "pg.example.net", "password": {"name": "pg"}}},
            "storage: has `archive` beside a given `database`, whose backups are its owner's",
        ),
        ({**DISTRIBUTED["storage"], "archive": {**ARCHIVE, "endpoint": "http://s3.stores.svc:9000"}}, "is inside this cluster"),
        ({**DISTRIBUTED["storage"], "archive": {**ARCHIVE, "bucket": "No_Bucket"}}, "is not an S3 bucket name"),
        ({**DISTRIBUTED["storage"], "archive": {**ARCHIVE, "prefix": "a//b"}}, "storage.archive.prefix"),
        ({**DISTRIBUTED["storage"], "archive": {**ARCHIVE, "server_name": "Mail"}}, "is not a Kubernetes name"),
        ({**DISTRIBUTED["storage"], "archive": {**ARCHIVE, "keep_days": 6}}, "greater than or equal to 7"),
        ({**DISTRIBUTED["storage"], "archive": {**ARCHIVE, "keep_days": 3651}}, "less than or equal to 3650"),
        # No policy of the bucket could be written for it.
        ({**ARCHIVED["storage"], "archive": {**ARCHIVE, "prefix": ".hidden"}}, "none with a dot first"),
    ],
)
def test_an_archive_that_cannot_work_is_refused(storage, words):
    with pytest.raises(checks.ArgumentsError) as refused:
        _ = server({**PRIMARY, "storage": storage})
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "moment",
    ["2026-11-03", "2026-11-03T09:30:00", "2026-11-03 09:30:00Z", "2026-13-03T09:30:00Z", "yesterday", "2026-11-03T09:30Z"],
)
def test_a_moment_without_a_time_zone_or_none_at_all_is_refused(moment):
    with pytest.raises(ValueError, match="is not a moment with a time zone"):
        _ = _restored(target_time=moment)


@pytest.mark.parametrize(
    ("given_moment", "moment"),
    [
        ("2026-11-03t09:30:00z", "2026-11-03T09:30:00Z"),
        ("2026-11-03T09:30:00.25+02:00", "2026-11-03T09:30:00.25+02:00"),
    ],
)
def test_a_moment_is_taken_as_rfc_3339_writes_it(given_moment, moment):
    found = _restored(target_time=given_moment).database
    assert found
    assert found.target_time == moment


EMBEDDED = Storage.model_validate({})
SAME = {key: value for key, value in SOURCE.items() if key != "target_time"}
GIVEN = {"host": "pg.example.net", "password": {"name": "pg"}}


@pytest.mark.parametrize(
    ("restored", "storage", "words"),
    [
        (_restored(), EMBEDDED, "database: is for `distributed` storage"),
        (_restored(), _storage(database=GIVEN), "database: is for a database made here"),
        (Restored(), _storage(), "database: is needed, or the database made here would begin empty"),
        (_restored(), _storage(archive=SAME), "database.server_name: `mail` is also"),
    ],
)
def test_data_that_cannot_be_restored_like_this_is_refused(restored, storage, words):
    (problem,) = restored_problems(restored, storage)
    assert words in problem


@pytest.mark.parametrize(
    ("restored", "storage"),
    [
        (Restored(), EMBEDDED),
        (Restored(), _storage(database=GIVEN)),
        (_restored(), _storage()),
        (_restored(), _storage(archive={**ARCHIVE, "bucket": SOURCE["bucket"]})),
        (_restored(), _storage(archive={"bucket": SOURCE["bucket"], "region": "eu-west-1", "server_name": "mail-2"})),
    ],
)
def test_anything_else_is_not(restored, storage):
    assert restored_problems(restored, storage) == []


def test_nothing_is_left_to_the_api_server_to_fill_in_a_list():
    """A list belongs to whoever wrote it, as a whole: what is filled in later is a change that the next refresh sees."""
    spec = database.cluster(server(RESTORED))
    plugin = {"name", "enabled", "isWALArchiver", "parameters"}
    assert [found.keys() for found in spec["plugins"]] == [plugin]
    assert [found["plugin"].keys() for found in spec["externalClusters"]] == [plugin]


def test_there_are_connections_for_every_pod():
    spec = database.cluster(server(DISTRIBUTED))
    assert int(spec["postgresql"]["parameters"]["max_connections"]) > 20 * 10  # pods, and the pool of each
    assert spec["walStorage"]["size"] == "5Gi"
