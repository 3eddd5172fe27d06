"""Every object of every kind of stack before a real API server: its schemas, its admission, and what it makes of them."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from components.backup.jobs.restore import Request, restore_object
from components.backup.jobs.scratch import scratch_pod
from components.stalwart import database
from components.stalwart.arguments import StalwartServerArgs
from offline.recorder import Recording
from tests.cluster.api import Object, Refused
from tests.cluster.region import Region
from tests.conftest import changed, manifests
from tests.contract.test_network_policies import CASES
from tests.golden.regions import REGIONS
from tests.program.stacks import run, settings_of
from tests.program.test_external_dns import DNS, DOMAINS
from tests.program.test_relay import LARGE, suite
from tests.unit.servers import DISTRIBUTED, server
from tests.unit.test_database import ARCHIVED, RESTORED
from tests.unit.test_settings import CASES as SETTINGS


def _full() -> Recording:
    """A primary with nearly every setting there is."""
    found = yaml.safe_load((SETTINGS / "full-primary.happy.yaml").read_text())
    return run("primary", {f"mail:{key}": value for key, value in found.items()})


def _watched() -> Recording:
    drill = {"cron": "23 4 2 * *", "storageClass": "fast"}
    return changed("primary", backup={**settings_of("primary")["mail:backup"], "alerts": True, "drill": drill})


STACKS: dict[str, Callable[[], Recording]] = {
    **REGIONS,
    **{name: program for name, (program, _) in CASES.items()},
    "nearly every setting": _full,
    "watched": _watched,
    "external-dns": lambda: changed("primary", dns=DNS, domains=DOMAINS),
    "the communication suite": lambda: suite(**LARGE),
}
HOST_PORTS = {"host ports": "mail", "nearly every setting": "mail-eu"}
"""The stacks whose server has ports of its node, and the server's namespace: there, more than `restricted` must be allowed."""
WITH_CLASSES = {**DISTRIBUTED, "storage": {**DISTRIBUTED["storage"], "storage_class": "fast", "wal_size": "10Gi"}}
TEMPLATES: dict[str, Callable[[Any], Any]] = {
    "Deployment": lambda spec: spec["template"],
    "StatefulSet": lambda spec: spec["template"],
    "Job": lambda spec: spec["template"],
    "CronJob": lambda spec: spec["jobTemplate"]["spec"]["template"],
}


MORE_THAN_RESTRICTED = re.compile(
    r'299 - "would violate PodSecurity ."restricted:latest.": hostPort .container ."stalwart." uses hostPorts [0-9, ]+."'
)


@cache
def _objects(name: str) -> list[Object]:
    return manifests(STACKS[name]())


def _content(found: Object) -> Object:
    """An object without what the API server counts and notes of it."""
    metadata = {key: value for key, value in found["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    return {**found, "metadata": metadata}


def _lost(asked: Any, found: Any, place: str = "") -> list[str]:
    """Where an object has less than was asked for; what is empty may be left out."""
    match asked:
        case dict() if isinstance(found, dict):
            return [where for key, value in asked.items() for where in _lost(value, found.get(key), f"{place}.{key}")]
        case list() if isinstance(found, list) and len(asked) == len(found):
            return [where for key, pair in enumerate(zip(asked, found, strict=True)) for where in _lost(*pair, f"{place}.{key}")]
        case "" | []:
            return [] if not found else [place]
        case _:
            return [] if asked == found else [place]


def _namespaces(name: str) -> list[Object]:
    """Those that are there without the program: Velero's, and others that it is told to use."""
    objects = _objects(name)
    brought = {found["metadata"]["name"] for found in objects if found["kind"] == "Namespace"}
    names = {found["metadata"].get("namespace", "") for found in objects} - {""} - brought
    return [_namespace(other, "privileged" if HOST_PORTS.get(name) == other else "restricted") for other in sorted(names)]


def _namespace(name: str, level: str) -> Object:
    labels = {"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/warn": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


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
    made += [api.create(found)[0] for found in _namespaces(name)]
    told: list[str] = []
    for found in objects:
        try:
            applied, warning = api.apply(found)
        except Refused as error:
            told.append(f"{api.path(found)}: {error}")
            continue
        made.append(applied)
        again, _ = api.apply(found)
        if warning and not (name in HOST_PORTS and MORE_THAN_RESTRICTED.fullmatch(warning)):
            told.append(f"{api.path(found)}: {warning}")
        if _content(again) != _content(applied):
            told.append(f"{api.path(found)} is another the second time")
        told += [f"{api.path(found)}{where} is lost" for where in _lost(found, applied)]
    assert told == []
    assert len({api.path(found) for found in objects}) == len(objects)


@pytest.mark.parametrize("name", STACKS)
def test_every_pod_is_admitted_where_restricted_is_enforced(name: str, quiet_region: Region, made: list[Object]):
    objects, api = _objects(name), quiet_region.api
    brought = [found for found in objects if found["kind"] == "Namespace"]
    namespaces = [*_namespaces(name), *brought]
    accounts = [found for found in objects if found["kind"] == "ServiceAccount"]
    made += [api.create(found)[0] for found in (*namespaces, *accounts, *map(_default_account, namespaces))]
    pods = [found for found in objects if found["kind"] in TEMPLATES]
    for found in pods:
        template = TEMPLATES[found["kind"]](found["spec"])
        metadata = {**template["metadata"], "name": "pod", "namespace": found["metadata"]["namespace"]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        _, warning = api.create(pod, dry_run=True)
        is_allowed_more = name in HOST_PORTS and found["kind"] == "StatefulSet"
        assert MORE_THAN_RESTRICTED.fullmatch(warning) if is_allowed_more else not warning
    assert pods
    for found in namespaces:
        level = "privileged" if HOST_PORTS.get(name) == found["metadata"]["name"] else "restricted"
        assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == level


def test_the_server_that_a_drill_starts_is_admitted_there_too(quiet_region: Region, made: list[Object]):
    namespace = _namespace("mail-drill", "restricted")
    made += [quiet_region.api.create(found)[0] for found in (namespace, _default_account(namespace))]
    _, warning = quiet_region.api.create(scratch_pod("mail-drill", "image:1", "config", "claim"), dry_run=True)
    assert not warning


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
