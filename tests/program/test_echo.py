"""The echo engine is strict: what an API server would refuse, it refuses."""

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.programs import DEFINITIONS
from tests.engine.echo.cluster import AlreadyExists, Cluster, place
from tests.engine.echo.schemas import faults

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "mail", "namespace": "post"},
    "spec": {"selector": {"app": "mail"}, "ports": [{"port": 25}]},
}
SCHEDULE = {
    "apiVersion": "velero.io/v1",
    "kind": "Schedule",
    "metadata": {"name": "hot"},
    "spec": {"schedule": "0 * * * *", "template": {}},
}


def misspelt(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "spec": {**found["spec"], "selectr": {}}}


@pytest.mark.parametrize("found", [SERVICE, SCHEDULE], ids=["Kubernetes' own", "other people's"])
def test_a_misspelt_field_is_a_fault(found: dict[str, Any]):
    if found is SCHEDULE and not DEFINITIONS.exists():
        pytest.skip("other people's schemas are not here; `make tools` fetches them")
    assert faults(found) == []
    (fault,) = faults(misspelt(found))
    assert "selectr" in fault


def test_an_object_that_is_there_is_only_taken_over_when_asked(tmp_path: Path):
    cluster = Cluster(tmp_path)
    cluster.create(SERVICE)
    with pytest.raises(AlreadyExists, match='Service "mail" already exists'):
        cluster.create(SERVICE)
    cluster.create({**SERVICE, "spec": {}}, upsert=True)
    found = cluster.read(place(SERVICE))
    assert found
    assert found["spec"] == {}
    cluster.delete(place(SERVICE))
    assert cluster.objects() == []
