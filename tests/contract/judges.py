"""What other people's validators say of a recorded stack: Kubernetes' own schemas, a DNS library, the server's plan checker."""

import json
from functools import cache

import dns.zone
import kubernetes_validate.utils

from offline.build import is_manifest, manifest
from offline.recorder import Recording, map_secrets, walk
from offline.summary import SERVER, plan_text

KUBERNETES_VERSIONS = ("1.30", "1.37")
CUSTOM = (
    *("cert-manager.io/", "velero.io/", "postgresql.cnpg.io/", "externaldns.k8s.io/", "barmancloud.cnpg.io/"),
    *("monitoring.coreos.com/", "gateway.networking.k8s.io/", "stunner.l7mp.io/"),
)

# It reads its schemas anew for every object, which takes most of its time.
kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)


def check_manifests(recording: Recording, versions: tuple[str, ...] = KUBERNETES_VERSIONS) -> int:
    """Validate every object of Kubernetes' own kinds, as it is sent and as it is written; return how many there were."""
    seen = 0
    for resource in recording.resources.values():
        if not is_manifest(resource) or str(resource.inputs["apiVersion"]).startswith(CUSTOM):
            continue
        for found in (manifest(resource), map_secrets(dict(resource.inputs), lambda value: value)):
            for version in versions:
                _validate(json.dumps(found), version)
        seen += 1
    return seen


@cache
def _validate(text: str, version: str) -> None:
    kubernetes_validate.validate(json.loads(text), version, strict=True)


def check_zones(recording: Recording) -> int:
    """Parse every zone that is an output; return how many records there were."""
    count = 0
    for name, text in recording.outputs["zones"].items():
        zone = dns.zone.from_text(text, origin=name, relativize=False, check_origin=" IN SOA " in text)
        count += sum(len(rdataset) for _name, rdataset in zone.iterate_rdatasets())
    return count


def check_record_sets(recordings: list[Recording]) -> None:
    """What receivers hold against the zones of both stacks together: aliases with other data, two where one is allowed."""
    sets: dict[tuple[str, str], list[str]] = {}
    for recording in recordings:
        for text in recording.outputs["zones"].values():
            for line in text.splitlines():
                if " IN " in line and not line.startswith("@"):
                    name, _ttl, _class, kind, data = line.split(" ", 4)
                    sets.setdefault((name, kind), []).append(data)
    for (name, kind), found in sets.items():
        assert len(set(found)) == len(found), f"{name} {kind} is published twice: {found}"
        if kind == "CNAME":
            assert len(found) == 1, name
            assert not [other for other_name, other in sets if other_name == name and other != kind], (
                f"{name} is an alias and more"
            )
        if kind == "MX" and "0 ." in found:
            assert len(found) == 1, name
        if kind in ("MX", "SRV"):
            targets = {data.rpartition(" ")[2] for data in found}
            assert not [target for target in targets if (target, "CNAME") in sets], f"{name} {kind} leads to an alias"
        for start in ('"v=spf1', '"v=DMARC1', '"v=STSv1', '"v=TLSRPTv1'):
            assert len([data for data in found if data.startswith(start)]) <= 1, f"{name} has two of {start}"


def plan_of(recording: Recording, server: str = SERVER) -> str:
    """The recorded plan of a server."""
    plan = plan_text(recording, server)
    assert plan
    return plan


def check_plan(recording: Recording, server: str = SERVER) -> int:
    """The rules of the plan format that need no server: references, match keys, no arrays. Return the number of lines."""
    defined: set[str] = set()
    lines = plan_of(recording, server).splitlines()
    for line in lines:
        operation = json.loads(line)
        kind, value = operation["@type"], operation.get("value", {})
        assert kind in ("upsert", "reconcile", "create", "update", "destroy"), line
        assert operation.keys() <= {"@type", "object", "matchOn", "scope", "value"}, line
        assert not any(isinstance(found, list) for found in walk(value)), f"the server refuses arrays: {line}"
        for reference in (found for found in walk(value) if isinstance(found, str) and found.startswith("#")):
            assert reference in defined, f"{reference} is not defined above: {line}"
        if kind in ("upsert", "reconcile"):
            match = operation["matchOn"]
            keys = [tuple(str(body.get(field)) for field in match) for body in value.values()]
            if match != "*":
                assert all(field in body for body in value.values() for field in match), line
                assert len(set(keys)) == len(keys), f"two entries with one key: {line}"
            for body in value.values():
                assert all(body.get(field, wanted) == wanted for field, wanted in operation.get("scope", {}).items()), line
        if kind in ("upsert", "reconcile", "create"):
            defined |= {f"#{name}" for name in value}
    return len(lines)
