"""The database cluster, and what it is archived with, before the schemas of CloudNativePG and of its plugin."""

from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml

from components.stalwart.database import cluster, object_stores, scheduled_backup
from offline.program import PROJECT_FOLDER
from tests.unit.servers import DISTRIBUTED, server
from tests.unit.test_database import ARCHIVED, RESTORED

CRDS = (PROJECT_FOLDER / ".tools" / "crds", PROJECT_FOLDER.parent / "shared" / "data" / "crds")
SERVERS = {
    "plain": server(DISTRIBUTED),
    "with a class": server(DISTRIBUTED, storage={**DISTRIBUTED["storage"], "storage_class": "fast", "wal_size": "10Gi"}),
    "archived": server(ARCHIVED),
    "restored": server(RESTORED),
}


def _strict(schema: Any) -> Any:
    """The schema with unknown fields refused, as the API server does with strict field validation."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        closed = {key: value for key, value in closed.items() if key not in ("anyOf", "type", "pattern")}
    return closed


@cache
def _validator(crd: str) -> jsonschema.protocols.Validator:
    file = next((path for folder in CRDS if (path := folder / f"{crd}.yaml").exists()), None)
    if file is None:
        pytest.skip(f"the schema {crd} is not here; `make tools` fetches it")
    definition = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
    schema = next(v for v in definition["spec"]["versions"] if v["name"] == "v1")["schema"]
    return validator_of(_strict(schema["openAPIV3Schema"]["properties"]["spec"]))


def validator_of(schema: dict[str, Any]) -> jsonschema.protocols.Validator:
    """What validates by a schema, which is itself checked once."""
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _validate(spec: dict[str, Any], crd: str = "postgresql.cnpg.io_clusters") -> None:
    _validator(crd).validate(spec)


@pytest.mark.parametrize("found", SERVERS.values(), ids=SERVERS)
def test_the_cluster_follows_the_operators_schema(found):
    _validate(cluster(found))


def test_a_misspelt_field_is_refused():
    with pytest.raises(jsonschema.ValidationError, match="instanses"):
        _validate({**cluster(server(DISTRIBUTED)), "instanses": 3})


def test_the_scheduled_backup_follows_the_operators_schema():
    archive = SERVERS["archived"].storage.archive
    assert archive
    _validate(scheduled_backup(archive), "postgresql.cnpg.io_scheduledbackups")


@pytest.mark.parametrize("found", [SERVERS["archived"], SERVERS["restored"]], ids=["archived", "restored"])
def test_the_archives_follow_the_plugins_schema(found):
    for spec in object_stores(found).values():
        _validate(spec, "barmancloud.cnpg.io_objectstores")


def test_nothing_is_left_to_the_api_server_to_fill_in_a_list():
    """A list belongs to whoever wrote it, as a whole: what is filled in later is a change that the next refresh sees."""
    spec = cluster(SERVERS["restored"])
    plugin = {"name", "enabled", "isWALArchiver", "parameters"}
    assert [found.keys() for found in spec["plugins"]] == [plugin]
    assert [found["plugin"].keys() for found in spec["externalClusters"]] == [plugin]


def test_there_are_connections_for_every_pod():
    spec = cluster(server(DISTRIBUTED))
    assert int(spec["postgresql"]["parameters"]["max_connections"]) > 20 * 10  # pods, and the pool of each
    assert spec["walStorage"]["size"] == "5Gi"
