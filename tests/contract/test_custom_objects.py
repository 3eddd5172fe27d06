"""Objects of other people's kinds before their own schemas, with unknown fields refused, as a strict API server does."""

from functools import cache

import jsonschema
import pytest
import yaml

from components.backup.jobs.restore import Request, restore_object
from offline.program import PROJECT_FOLDER
from offline.recorder import Recording, reveal
from tests.conftest import changed, recorded
from tests.contract.test_database import _strict, validator_of
from tests.program.stacks import run, settings_of
from tests.program.test_failover import ACTIVE, HERE
from tests.program.test_storage import DISTRIBUTED

CRDS = PROJECT_FOLDER / ".tools" / "crds"
KINDS = ("velero.io", "postgresql.cnpg.io", "barmancloud.cnpg.io", "monitoring.coreos.com")

pytestmark = pytest.mark.skipif(not CRDS.exists(), reason="other people's schemas are not here; `make tools` fetches them")


@cache
def _validator(api_version: str, kind: str) -> jsonschema.protocols.Validator:
    group, _, version = api_version.partition("/")
    text = (CRDS / f"{group}_{kind.lower()}s.yaml").read_text()
    # Go takes flags anywhere in a pattern, Python only at its start.
    definition = yaml.load(text.replace("^(?i)", "(?i)^"), Loader=yaml.CSafeLoader)
    (found,) = [v for v in definition["spec"]["versions"] if v["name"] == version]
    schema = _strict(found["schema"]["openAPIV3Schema"])
    # What every object has is described in no definition.
    schema["properties"]["metadata"] = {"type": "object"}
    return validator_of(schema)


def _validate(found) -> None:
    _validator(found["apiVersion"], found["kind"]).validate(found)


def _with_alerts(stack: str) -> dict[str, object]:
    return {**settings_of(stack)["mail:backup"], "alerts": True, "drill": {"cron": "23 4 2 * *"}}


def _recordings() -> dict[str, Recording]:
    primary = changed("primary", storage=DISTRIBUTED, backup=_with_alerts("primary"))
    fenced = run("primary", settings_of("primary", storage=DISTRIBUTED, mode="fenced"), before=primary)
    restored = settings_of("primary", storage=DISTRIBUTED, restore={"namespace": "mail-2"})
    here = {**DISTRIBUTED, "archive": {"bucket": "a-bucket", "region": "r", "keysSecret": "k"}}
    return {
        "primary": changed("primary", backup=_with_alerts("primary")),
        "backup": changed("backup", backup=_with_alerts("backup")),
        "active": changed("backup", **ACTIVE, restore={**HERE, "checked": True}),
        "distributed": primary,
        "distributed, restored": run("primary", restored, before=fenced),
        "distributed, active": run("backup", settings_of("backup", **ACTIVE, restore={"storage": here}), primary),
    }


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("primary", {"BackupStorageLocation", "Schedule", "PrometheusRule", "PodMonitor"}),
        ("backup", {"BackupStorageLocation", "Schedule", "PrometheusRule", "PodMonitor"}),
        ("active", {"BackupStorageLocation", "Schedule"}),
        ("distributed", {"Cluster", "ObjectStore", "ScheduledBackup", "PrometheusRule"}),
        ("distributed, restored", {"Cluster", "ObjectStore", "ScheduledBackup"}),
        ("distributed, active", {"Cluster", "ObjectStore", "ScheduledBackup"}),
    ],
)
def test_every_object_follows_its_owners_schema(name, kinds):
    seen = set()
    for resource in _recordings()[name].resources.values():
        found = reveal(resource.inputs)
        if str(found.get("apiVersion", "")).partition("/")[0] in KINDS:
            _validate(found)
            seen.add(found["kind"])
    assert seen >= kinds


@pytest.mark.parametrize("more", [{}, {"storage_class": "fast"}, {"secrets": False}])
def test_the_restore_that_a_job_makes_does_so_too(more):
    request = Request("velero", "mail-primary-archive", "mail", "mail-2", "stalwart-data", **more)
    _validate(restore_object(request, "mail-primary-archive-20261103024700"))


def test_a_misspelt_field_is_refused():
    (schedule, *_) = recorded("primary").of_type("kubernetes:velero.io/v1:Schedule")
    found = reveal(schedule.inputs)
    with pytest.raises(jsonschema.ValidationError, match="bucket"):
        _validate({**found, "spec": {**found["spec"], "bucket": "a-bucket"}})
