"""Which resource of one build is which of the other, and which changes the engine can only make by a replacement."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .reading import KUBERNETES, Build, Resource, Stack

# What pulumi-kubernetes replaces an object for (provider/pkg/provider/diff.go), and what else the API server refuses to change.
IDENTITY = ("metadata.name", "metadata.namespace")
IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "ConfigMap": ("immutable", "data", "binaryData"),
    "Secret": ("type",),
    "PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.dataSource",
        "spec.dataSourceRef",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeMode",
        "spec.volumeName",
    ),
    "StatefulSet": (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "Service": ("spec.clusterIP",),
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "Job": ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "StorageClass": ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
}
SECRET_DATA = ("data", "stringData")  # unless the provider has `enableSecretMutable`
OF_OTHERS: Mapping[str, tuple[str, ...]] = {
    "tls:index/privateKey:PrivateKey": ("algorithm", "rsaBits", "ecdsaCurve"),
    "random:index/randomPassword:RandomPassword": ("",),  # any change makes another one
    "cloudflare:index/dnsRecord:DnsRecord": ("zoneId",),
    "cloudflare:index/zoneDnssec:ZoneDnssec": ("zoneId",),
    "kubernetes:helm.sh/v3:Release": ("name", "namespace"),
}
SIZES: Mapping[str, tuple[str, ...]] = {
    "PersistentVolumeClaim": ("spec.resources.requests.storage",),
    "Cluster": ("spec.storage.size", "spec.walStorage.size"),
}
QUANTITY = re.compile(r"([0-9.]+)([KMGTPE]i?|k)?")
BINARY, DECIMAL = "KMGTPE", "kMGTPE"


def both(old: Build, new: Build) -> Iterator[tuple[str, Stack, Stack]]:
    """The stacks that two builds share: name, old and new, in one order."""
    return ((name, old[name], new[name]) for name in sorted(old.keys() & new.keys()))


def pairs(old: Stack, new: Stack) -> Iterator[tuple[Resource | None, Resource | None]]:
    """Every resource of two builds, beside the same one of the other build. One that was renamed with an alias is the same."""
    formerly = {
        (found.type, alias): found for urn, found in new.resources.items() if urn not in old.resources for alias in found.aliases
    }
    taken: set[str] = set()
    for urn, found in old.resources.items():
        same = new.resources.get(urn) or formerly.get((found.type, found.name))
        taken |= {same.urn} if same else set()
        yield found, same
    yield from ((None, found) for urn, found in new.resources.items() if urn not in taken)


def replaces(old: Resource, new: Resource, stack: Stack) -> list[str]:
    """The changed inputs that the engine replaces a resource for; empty when it is changed in place.

    Args:
        old: the resource as it was.
        new: the same one as it would be.
        stack: what the new one is in, with its provider.
    """
    if old.type != new.type:
        return ["type"]
    if old.type in OF_OTHERS:
        paths = OF_OTHERS[old.type]
    elif old.type.startswith("kubernetes:"):
        paths = (*IDENTITY, *IMMUTABLE.get(old.kind, ()))
        if old.kind == "Secret" and not _may_change_secrets(stack):
            paths = (*paths, *SECRET_DATA)
    else:
        paths = ()
    return [path or "inputs" for path in paths if at(old.inputs, path) != at(new.inputs, path)]


def _may_change_secrets(stack: Stack) -> bool:
    providers = [found for found in stack.resources.values() if found.type == KUBERNETES]
    # On the wire, what is given to a provider is JSON in a text.
    return any(str(found.inputs.get("enableSecretMutable")).lower() == "true" for found in providers)


def shrinks(old: Resource, new: Resource) -> list[tuple[str, str, str]]:
    """The sizes of volumes that become smaller, which Kubernetes refuses: path, old and new size."""
    sizes = [(path, at(old.inputs, path), at(new.inputs, path)) for path in SIZES.get(old.kind, ())]
    return [(path, before, after) for path, before, after in sizes if before and after and quantity(after) < quantity(before)]


def at(value: Any, path: str) -> Any:
    """What is at a path of plain data, such as `spec.replicas`; None when nothing is."""
    for key in path.split(".") if path else ():
        value = value.get(key) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return value  # pyright: ignore[reportUnknownVariableType]


def mapping(value: Any, path: str) -> Mapping[str, Any]:
    """The mapping at a path; an empty one when there is none."""
    return at(value, path) or {}


def quantity(text: str) -> float:
    """A Kubernetes quantity in bytes."""
    match = QUANTITY.fullmatch(text)
    if not match:
        return 0.0
    number, unit = float(match[1]), match[2] or ""
    if unit.endswith("i"):
        return number * 1024 ** (BINARY.index(unit[0]) + 1)
    return number * 1000 ** (DECIMAL.index(unit) + 1) if unit else number


def namespace(resource: Resource) -> str:
    """The namespace of an object; empty when it has none."""
    return str(at(resource.inputs, "metadata.namespace") or "")
