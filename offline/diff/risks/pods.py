"""Pods and namespaces that are less secure than they were (Kubernetes' Pod Security Standards)."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..model import Level, Risk
from ..objects import at, both, mapping, pairs
from ..reading import Build, Resource

ENFORCE = "pod-security.kubernetes.io/enforce"
LEVELS = ("privileged", "baseline", "restricted")  # weakest first; a namespace without the label enforces nothing
HOST = ("hostNetwork", "hostPID", "hostIPC")
TEMPLATES = {"CronJob": "spec.jobTemplate.spec.template"}


def pod_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Namespaces that enforce less, and pods that may do more."""
    for stack, was, now in both(old, new):
        for before, after in pairs(was, now):
            if before and after and after.kind == "Namespace":
                yield from _namespace(stack, before, after)
            elif before and after:
                weak_before, weak_after = (
                    {weak for template in pod_templates(found) for weak in _weaknesses(template["spec"])}
                    for found in (before, after)
                )
                for weakness in sorted(weak_after - weak_before):
                    level: Level = "danger" if weakness.endswith("privileged") else "warning"
                    subject = f"{after.kind} {after.name}"
                    yield Risk(level, "pod-security", stack, subject, f"its pods get weaker: {weakness}", "leave it as it was")


def pod_templates(resource: Resource | None) -> list[Mapping[str, Any]]:
    """The pod template that a workload has; none for other resources."""
    if not resource or not resource.type.startswith("kubernetes:"):
        return []
    template = at(resource.inputs, TEMPLATES.get(resource.kind, "spec.template"))
    return [cast("Mapping[str, Any]", template)] if at(template, "spec.containers") else []


def _namespace(stack: str, before: Resource, after: Resource) -> Iterator[Risk]:
    was, now = (_level(found) for found in (before, after))
    if LEVELS.index(now) < LEVELS.index(was):
        level: Level = "danger" if now == "privileged" else "warning"
        message = f"enforces the Pod Security level {now} instead of {was}"
        yield Risk(level, "pod-security", stack, f"Namespace {after.name}", message, f"keep the label {ENFORCE}: {was}")


def _level(namespace: Resource) -> str:
    found = str(mapping(namespace.inputs, "metadata.labels").get(ENFORCE, "privileged"))
    return found if found in LEVELS else "privileged"


def _weaknesses(spec: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{key} is on" for key in HOST if spec.get(key))
    of_pod = mapping(spec, "securityContext")
    for container in [*spec.get("containers", []), *spec.get("initContainers", [])]:
        name, own = container["name"], mapping(container, "securityContext")
        if own.get("privileged"):
            yield f"{name} is privileged"
        if own.get("allowPrivilegeEscalation", True):
            yield f"{name} may gain privileges"
        if not own.get("readOnlyRootFilesystem"):
            yield f"{name} may write to its own files"
        if not own.get("runAsNonRoot", of_pod.get("runAsNonRoot")):
            yield f"{name} may run as root"
        if not own.get("seccompProfile", of_pod.get("seccompProfile")):
            yield f"{name} may make any system call"
        capabilities = mapping(own, "capabilities")
        if "ALL" not in capabilities.get("drop", []):
            yield f"{name} keeps the runtime's capabilities"
        yield from (f"{name} gets the capability {found}" for found in capabilities.get("add", []))
