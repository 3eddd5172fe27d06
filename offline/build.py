"""Writes what a recorded stack would create, as files an operator can read, validate and apply. Secrets become placeholders."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from .recorder import Recording, Resource, map_secrets, reveal
from .summary import MAILBOXES, plan_text, server_page
from .world import STAND_IN_ADDRESS

PLACEHOLDER = "<secret>"
HELM_RELEASE = "kubernetes:helm.sh/v3:Release"
# `kubectl apply -f` takes files by name, and an object must come after those it cannot be made without.
APPLY_ORDER = ("Namespace", "ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim", "NetworkPolicy", "Certificate")
DKIM_NOTE = "; Offline preview. The DKIM public keys (p=) are stand-ins: `pulumi up` makes the real ones.\n"
ADDRESS_NOTE = f"; Offline preview. {STAND_IN_ADDRESS} is a stand-in: `pulumi up` puts in the load balancer's address.\n"


def write(recording: Recording, summary: str, folder: Path) -> None:
    """Write everything of one stack, replacing what an earlier preview wrote.

    Args:
        recording: what the program registered.
        summary: the one-page summary.
        folder: where to; made if needed.
    """
    files = {
        "summary.md": summary,
        "outputs.json": _json(hide(dict(recording.outputs))),
        "resources.json": _json({urn: _registration(resource) for urn, resource in recording.resources.items()}),
        "plan.ndjson": plan_text(recording),
        "server.md": server_page(recording.outputs["hostname"], plan_text(recording)),
    }
    mailboxes = plan_text(recording, MAILBOXES)
    if mailboxes:
        files["mailboxes.ndjson"] = mailboxes
        files["mailboxes.md"] = server_page(recording.outputs["mailboxes"]["hostname"], mailboxes)
    for resource in sorted(recording.resources.values(), key=lambda resource: resource.urn):
        if resource.type == HELM_RELEASE:
            files[f"helm/{resource.inputs['name']}.yaml"] = to_yaml(hide(dict(resource.inputs)))
        elif is_manifest(resource):
            files[f"manifests/{_file_name(resource)}"] = to_yaml(manifest(resource))
    for name, policy in recording.outputs.get("bucketPolicies", {}).items():
        files[f"iam/{name}.json"] = _json(policy)
    zones = recording.outputs.get("zones", {})
    files |= {f"zones/{name}.zone": _noted(text) for name, text in zones.items()}

    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _registration(resource: Resource) -> dict[str, Any]:
    """A resource as `resources.json` has it: what the engine would be told, with a placeholder for every secret value."""
    return {
        "type": resource.type,
        "name": resource.name,
        "parent": resource.parent,
        "custom": resource.custom,
        "protect": resource.protect,
        "retainOnDelete": resource.retain_on_delete,
        "aliases": list(resource.aliases),
        "dependencies": sorted(resource.dependencies),
        "inputs": hide(dict(resource.inputs)),
    }


def is_manifest(resource: Resource) -> bool:
    """Whether a resource is a Kubernetes object."""
    return resource.type.startswith("kubernetes:") and resource.type != HELM_RELEASE


def manifest(resource: Resource) -> dict[str, Any]:
    """A Kubernetes object as kubectl takes it, with a placeholder for every secret value."""
    found = dict(resource.inputs)
    if found["kind"] == "Secret":
        # Readable, and still an object that can be applied: `data` would have to be base64.
        found["stringData"] = dict.fromkeys(reveal(found.pop("data")), PLACEHOLDER)
    return hide(found)


def hide(value: Any) -> Any:
    """A recorded value with a placeholder in place of every secret."""
    return map_secrets(value, _placeholder)


def _placeholder(_secret: Any) -> str:
    return PLACEHOLDER


def _file_name(resource: Resource) -> str:
    kind, metadata = resource.inputs["kind"], resource.inputs["metadata"]
    order = APPLY_ORDER.index(kind) if kind in APPLY_ORDER else len(APPLY_ORDER)
    # The server that stands in for the primary has objects of the same names as this region's own, in another namespace; so have
    # rights in two namespaces.
    is_twice = f"::{MAILBOXES}-" in resource.urn or kind in ("Role", "RoleBinding")
    place = f"{metadata['namespace']}-" if is_twice else ""
    return f"{order}-{kind.lower()}-{place}{metadata['name']}.yaml"


def _noted(zone: str) -> str:
    notes = DKIM_NOTE if "v=DKIM1; k=" in zone else ""
    return notes + (ADDRESS_NOTE if STAND_IN_ADDRESS in zone else "") + zone


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


class _Dumper(yaml.CSafeDumper):
    """Writes text of several lines as a block, so that a script in a manifest can be read."""


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)  # pyright: ignore[reportUnknownMemberType]


def to_yaml(value: Any) -> str:
    """Plain data as YAML, the same bytes for the same data."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=True, width=120)
