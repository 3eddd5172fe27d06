"""The types of the server's objects: how they are written, and that the server knows them so."""

import inspect
import json
from dataclasses import fields
from datetime import timedelta

import pytest
from pydantic.alias_generators import to_camel

from components.stalwart.operations import Reconcile, Upsert
from components.stalwart.registry import directory, mta, spam, stores, system, telemetry, values
from components.stalwart.registry.encoding import Reference, RegistryObject, always, encode, when
from components.stalwart.registry.mta import MemoryLookupKey, MtaVirtualQueue
from offline.program import PROJECT_FOLDER

SCHEMA = PROJECT_FOLDER.parent / "shared" / "data" / "stalwart-0.16-schema.json"
OBJECTS = [
    found
    for module in (directory, mta, spam, stores, system, telemetry, values)
    for _name, found in inspect.getmembers(module, inspect.isclass)
    if issubclass(found, RegistryObject) and hasattr(found, "OBJECT")
]


def test_lists_sets_durations_and_references_are_encoded_as_the_server_reads_them():
    assert encode(("a", "b")) == {"0": "a", "1": "b"}
    assert encode(frozenset({"b", "a"})) == {"a": True, "b": True}
    assert encode(timedelta(minutes=2)) == 120_000
    assert encode(Reference("d0")) == "#d0"
    assert encode({"quota": 1}) == {"quota": 1}
    assert encode(None) is None


def test_expressions_are_rules_and_an_else():
    assert encode(when(("a", "b"), otherwise="c")) == {"match": {"0": {"if": "a", "then": "b"}}, "else": "c"}
    assert encode(always("c")) == {"match": {}, "else": "c"}


def test_what_has_no_place_in_a_plan_is_refused():
    with pytest.raises(TypeError, match="list has no place"):
        encode([1])


def test_fields_are_in_camel_case_and_the_variant_is_first():
    queue = MtaVirtualQueue(name="q", description="Q", threads_per_node=5)
    assert encode(queue) == {"name": "q", "description": "Q", "threadsPerNode": 5}
    assert list(encode(system.ReloadSettings())) == ["@type"]


def test_operations_name_their_object_and_its_key():
    key = MemoryLookupKey(namespace="n", key="k")
    assert Upsert({"a": key}).encode()["matchOn"] == ["namespace", "key"]
    empty = Reconcile(MemoryLookupKey, {}, scope={"namespace": "n"}).encode()
    assert empty == {
        "@type": "reconcile",
        "object": "MemoryLookupKey",
        "matchOn": ["namespace", "key"],
        "scope": {"namespace": "n"},
        "value": {},
    }


@pytest.mark.skipif(not SCHEMA.exists(), reason="the server's own schema is not beside this project")
@pytest.mark.parametrize("found", OBJECTS, ids=lambda found: found.__name__)
def test_the_server_knows_every_object_and_field(found):
    schema = json.loads(SCHEMA.read_text())
    described = schema["schemas"][f"x:{found.OBJECT}"]
    if described["type"] == "single":
        names = [described.get("schemaName", f"x:{found.OBJECT}")]
    elif found.VARIANT:
        names = [v.get("schemaName") for v in described["variants"] if v["name"] == found.VARIANT]
        assert names, f"no variant {found.VARIANT}"
    else:
        names = [v.get("schemaName") for v in described["variants"]]
    known = {field for name in names if name for field in schema["fields"][name]["properties"]}
    assert {to_camel(field.name) for field in fields(found)} <= known
    assert set(found.MATCH_ON or ()) <= known
