"""Every object of every kind of stack before a real API server: its schemas, its admission, and what it makes of them."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from components.backup.jobs.restore import Request, restore_object
from components.stalwart import database
from components.stalwart.arguments import StalwartServerArgs
from offline.build import is_manifest
from offline.program import record
from offline.recorder import Recording, reveal
from offline.world import OfflineWorld
from tests.cluster.api import Object, Refused
from tests.cluster.region import Region
from tests.conftest import changed
from tests.golden.regions import REGIONS
from tests.program.stacks import settings_of
from tests.program.test_external_dns import DNS, DOMAINS
from tests.unit.servers import DISTRIBUTED, server
from tests.unit.test_database import ARCHIVED, RESTORED
from tests.unit.test_settings import CASES


def _full() -> Recording:
    """A primary with nearly every setting there is."""
    found = yaml.safe_load((CASES / "full-primary.happy.yaml").read_text())
    return record("primary", {f"mail:{key}": value for key, value in found.items()}, OfflineWorld())


def _watched(stack: str) -> Recording:
    drill = {"cron": "23 4 2 * *", "storageClass": "fast"}
    return changed(stack, backup={**settings_of(stack)["mail:backup"], "alerts": True, "drill": drill})


STACKS: dict[str, Callable[[], Recording]] = {
    **REGIONS,
    "full-primary": _full,
    "listed-recipients": lambda: changed("backup", recipients={"source": "list", "addresses": ["alice@example.com"]}),
    "watched-primary": lambda: _watched("primary"),
    "watched-backup": lambda: _watched("backup"),
    "external-dns": lambda: changed("primary", dns=DNS, domains=DOMAINS),
    "node-port": lambda: changed("primary", exposure={"kind": "NodePort", "addresses": ["203.0.113.10"]}),
    "host-port": lambda: changed("primary", exposure={"kind": "HostPort", "addresses": ["203.0.113.10"]}),
}
WITH_CLASSES = {**DISTRIBUTED, "storage": {**DISTRIBUTED["storage"], "storage_class": "fast", "wal_size": "10Gi"}}
TEMPLATES: dict[str, Callable[[Any], Any]] = {
    "Deployment": lambda spec: spec["template"],
    "StatefulSet": lambda spec: spec["template"],
    "Job": lambda spec: spec["template"],
    "CronJob": lambda spec: spec["jobTemplate"]["spec"]["template"],
}


# What a server with host ports asks for beyond `restricted`.
HOST_PORTS = re.compile(
    r'299 - "would violate PodSecurity ."restricted:latest.": hostPort .container ."stalwart." uses hostPorts [0-9, ]+."'
)


@cache
def _objects(name: str) -> list[Object]:
    return [reveal(dict(found.inputs)) for found in STACKS[name]().resources.values() if is_manifest(found)]


def _content(found: Object) -> Object:
    """An object without what the API server counts and notes of it."""
    metadata = {key: value for key, value in found["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    return {**found, "metadata": metadata}


def _namespaces(objects: list[Object]) -> list[Object]:
    """Those that are there without the program: Velero's, and others that it is told to use."""
    brought = {found["metadata"]["name"] for found in objects if found["kind"] == "Namespace"}
    names = {found["metadata"].get("namespace", "") for found in objects} - {""} - brought
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(names)]


def _default_account(namespace: Object) -> Object:
    """What a controller makes in every namespace."""
    metadata = {"name": "default", "namespace": namespace["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


@pytest.fixture
def made(quiet_region: Region) -> Iterator[list[Object]]:
    """What a test has put into the cluster: it is gone when the next one comes."""
    made: list[Object] = []
    yield made
    for found in reversed(made):
        quiet_region.api.remove(found)


@pytest.mark.parametrize("name", STACKS)
def test_every_object_is_accepted_and_a_second_time_nothing_changes(name: str, quiet_region: Region, made: list[Object]):
    objects, api = _objects(name), quiet_region.api
    made += [api.create(found)[0] for found in _namespaces(objects)]
    told: list[str] = []
    for found in objects:
        try:
            applied, warning = api.apply(found)
        except Refused as error:
            told.append(f"{api.path(found)}: {error}")
            continue
        made.append(applied)
        again, _ = api.apply(found)
        if warning and not (name == "host-port" and HOST_PORTS.fullmatch(warning)):
            told.append(f"{api.path(found)}: {warning}")
        if _content(again) != _content(applied):
            told.append(f"{api.path(found)} is another the second time")
    assert told == []
    assert len({api.path(found) for found in objects}) == len(objects)


@pytest.mark.parametrize("name", STACKS)
def test_every_pod_is_admitted_where_restricted_is_enforced(name: str, quiet_region: Region, made: list[Object]):
    objects, api = _objects(name), quiet_region.api
    brought = [found for found in objects if found["kind"] == "Namespace"]
    namespaces = [*_namespaces(objects), *brought]
    accounts = [found for found in objects if found["kind"] == "ServiceAccount"]
    made += [api.create(found)[0] for found in (*namespaces, *accounts, *map(_default_account, namespaces))]
    pods = [found for found in objects if found["kind"] in TEMPLATES]
    for found in pods:
        template = TEMPLATES[found["kind"]](found["spec"])
        metadata = {**template["metadata"], "name": "pod", "namespace": found["metadata"]["namespace"]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        _, warning = api.create(pod, dry_run=True)
        is_allowed_more = name == "host-port" and found["kind"] == "StatefulSet"
        assert HOST_PORTS.fullmatch(warning) if is_allowed_more else not warning
    assert pods
    enforced = {namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for namespace in brought}
    assert enforced - {"restricted"} == ({"privileged"} if name == "host-port" else set())


@pytest.mark.parametrize(
    "more", [{}, {"storage_class": "fast"}, {"secrets": False}], ids=["plain", "another class", "no Secrets"]
)
def test_the_restore_that_a_job_makes_is_accepted(more: dict[str, Any], quiet_region: Region):
    request = Request("default", "mail-primary-archive", "mail", "mail-2", "stalwart-data", **more)
    quiet_region.api.create(restore_object(request, "mail-primary-archive-20261103024700"), dry_run=True)


@pytest.mark.parametrize(
    "arguments", [ARCHIVED, RESTORED, WITH_CLASSES], ids=["archived", "restored to a moment", "with classes"]
)
def test_a_database_is_accepted_whatever_it_is_told(arguments: StalwartServerArgs, quiet_region: Region):
    found = server(arguments)
    stores = [("barmancloud.cnpg.io/v1", "ObjectStore", spec) for spec in database.object_stores(found).values()]
    for api_version, kind, spec in [("postgresql.cnpg.io/v1", "Cluster", database.cluster(found)), *stores]:
        metadata = {"name": "database", "namespace": "default"}
        quiet_region.api.create({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}, dry_run=True)


@pytest.mark.parametrize("kind", ["Service", "Schedule", "Certificate"])
def test_a_misspelt_field_is_refused(kind: str, quiet_region: Region):
    found = next(found for found in _objects("primary") if found["kind"] == kind)
    metadata = {**found["metadata"], "namespace": "default"}
    with pytest.raises(Refused, match="unknown field"):
        quiet_region.api.create({**found, "metadata": metadata, "spec": {**found["spec"], "misspelt": 1}}, dry_run=True)
