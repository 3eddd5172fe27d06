"""The database cluster before CloudNativePG's own schema."""

from typing import Any

import jsonschema
import pytest
import yaml

from components.stalwart.database import cluster
from offline.program import PROJECT_FOLDER
from tests.unit.servers import DISTRIBUTED, server

CRD = PROJECT_FOLDER.parent / "shared" / "data" / "crds" / "postgresql.cnpg.io_clusters.yaml"

pytestmark = pytest.mark.skipif(not CRD.exists(), reason="CloudNativePG's schema is not beside this project")


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


def _validate(spec: dict[str, Any]) -> None:
    crd = yaml.safe_load(CRD.read_text())
    schema = next(v for v in crd["spec"]["versions"] if v["name"] == "v1")["schema"]["openAPIV3Schema"]
    jsonschema.validate(spec, _strict(schema["properties"]["spec"]))


def test_the_cluster_follows_the_operators_schema():
    _validate(cluster(server(DISTRIBUTED)))
    _validate(cluster(server(DISTRIBUTED, storage={**DISTRIBUTED["storage"], "storage_class": "fast", "wal_size": "10Gi"})))


def test_a_misspelt_field_is_refused():
    with pytest.raises(jsonschema.ValidationError, match="instanses"):
        _validate({**cluster(server(DISTRIBUTED)), "instanses": 3})


def test_there_are_connections_for_every_pod():
    spec = cluster(server(DISTRIBUTED))
    assert int(spec["postgresql"]["parameters"]["max_connections"]) > 20 * 10  # pods, and the pool of each
    assert spec["walStorage"]["size"] == "5Gi"
