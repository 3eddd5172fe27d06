"""Kubernetes objects as rules see them: pods, what is open to the world, and namespaces."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from .model import UNKNOWN, Resource, at, entries, members, text, walk

OPEN_TYPES = ("LoadBalancer", "NodePort")
SMTP_PORT = 25
RECOVERY_MODE = "STALWART_RECOVERY_MODE"
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True)
class Pod:
    """A pod, or the template of pods."""

    resource: Resource
    namespace: str
    labels: Mapping[str, Any]
    spec: Mapping[str, Any]

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """All its containers."""
        return [members(found) for key in CONTAINERS for found in entries(self.spec.get(key)) if isinstance(found, Mapping)]

    @property
    def ports(self) -> list[Mapping[str, Any]]:
        """The ports its containers declare."""
        return [members(port) for container in self.containers for port in entries(container.get("ports"))]

    @property
    def is_fenced(self) -> bool:
        """Whether it is a mail server in recovery mode, which takes no mail; some do their first steps in it and then serve."""
        servers = entries(self.spec.get("containers"))
        return any(at(variable, "name") == RECOVERY_MODE for server in servers for variable in entries(at(server, "env")))


@dataclass(frozen=True)
class Opening:
    """A way from outside the cluster to a port of pods."""

    resource: Resource
    way: str
    """What opens it, in words."""
    ports: frozenset[int]
    """The number outside, that of the Service, and that in the pod, as far as they are known."""
    pods: tuple[Pod, ...]
    """Those behind it that are in the stack."""


def kind(resource: Resource) -> str:
    """The kind of a Kubernetes object; of another resource, an empty text."""
    if not resource.type.startswith("kubernetes:"):
        return ""
    return text(at(resource.inputs, "kind")) or resource.type.rpartition(":")[2]


def of_kind(resources: Sequence[Resource], *kinds: str) -> list[Resource]:
    """The Kubernetes objects of these kinds."""
    return [resource for resource in resources if kind(resource) in kinds]


def metadata_name(resource: Resource) -> str:
    """The object's name in the cluster, as far as it is known."""
    return text(at(resource.inputs, "metadata", "name"))


def namespace(resource: Resource) -> str:
    """The object's namespace; an empty text when it is not known."""
    found = at(resource.inputs, "metadata", "namespace")
    return "" if found is UNKNOWN else text(found) or "default"


def may_be_same(one: str, other: str) -> bool:
    """Whether two namespaces are one, as far as they are known."""
    return one == other or not one or not other


def pods(resources: Sequence[Resource]) -> list[Pod]:
    """The pods and the templates of pods of every kind of workload, also of kinds that are not Kubernetes' own."""
    return [
        Pod(resource, namespace(resource), members(at(value, "metadata", "labels")), members(at(value, "spec")))
        for resource in resources
        if kind(resource)
        for value in walk(resource.inputs)
        if isinstance(at(value, "spec", "containers"), list)
    ]


def openings(resources: Sequence[Resource]) -> Iterator[Opening]:
    """Every way in."""
    found = pods(resources)
    services = of_kind(resources, "Service")
    for service in services:
        type_ = text(at(service.inputs, "spec", "type"))
        if type_ in OPEN_TYPES or entries(at(service.inputs, "spec", "externalIPs")):
            for port in entries(at(service.inputs, "spec", "ports")):
                behind = selected(service, found)
                yield Opening(service, f"a Service of type {type_ or 'ClusterIP'}", _numbers(port, behind), behind)
    for pod in found:
        is_on_host = pod.spec.get("hostNetwork") is True
        for port in pod.ports:
            if port.get("hostPort") or is_on_host:
                numbers = frozenset(
                    int(value) for value in (port.get("hostPort"), port.get("containerPort")) if _is_number(value)
                )
                yield Opening(pod.resource, "hostNetwork" if is_on_host else "a hostPort", numbers, (pod,))
    for route in resources:
        for name, number in _backends(route):
            behind_it = [it for it in services if metadata_name(it) == name and may_be_same(namespace(it), namespace(route))]
            entry = {"port": number} if _is_number(number) else {}
            ports = [port for it in behind_it for port in entries(at(it.inputs, "spec", "ports")) if _is_called(port, number)]
            behind = tuple(pod for it in behind_it for pod in selected(it, found))
            for port in ports or [entry]:
                yield Opening(route, f"an {kind(route)}", _numbers(port, behind), behind)


def selected(service: Resource, found: Sequence[Pod]) -> tuple[Pod, ...]:
    """The pods that a Service leads to."""
    selector = members(at(service.inputs, "spec", "selector"))
    if not selector:
        return ()
    near = (pod for pod in found if may_be_same(pod.namespace, namespace(service)))
    return tuple(pod for pod in near if all(pod.labels.get(key) == value for key, value in selector.items()))


def is_mail_server(pod: Pod) -> bool:
    """Whether it listens for mail."""
    return any(port.get("containerPort") == SMTP_PORT for port in pod.ports)


def _is_called(port: Any, number: Any) -> bool:
    return number is not None and number in (at(port, "port"), at(port, "name"))


def _backends(route: Resource) -> Iterator[tuple[str, Any]]:
    """The Services that an Ingress or a route of the Gateway API leads to, each with its port's number or name."""
    if kind(route) == "Ingress":
        for value in walk(route.inputs):
            service = at(value, "service")
            if isinstance(service, Mapping):
                port = at(service, "port")
                yield text(at(service, "name")), at(port, "number") or at(port, "name")
    elif kind(route).endswith("Route"):
        for value in walk(route.inputs):
            for backend in entries(at(value, "backendRefs")):
                yield text(at(backend, "name")), at(backend, "port")


def _numbers(port: Any, behind: Sequence[Pod]) -> frozenset[int]:
    """The numbers of a Service's port: its own, and that in the pods."""
    number, target = at(port, "port"), at(port, "targetPort")
    named = [own.get("containerPort") for pod in behind for own in pod.ports if text(target) and own.get("name") == target]
    return frozenset(int(value) for value in (number, target, *named) if _is_number(value))


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
