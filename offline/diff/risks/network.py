"""Ports that are opened, and ways out to the world."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from ..model import Level, Risk
from ..objects import both, mapping, namespace, pairs
from ..reading import Build, Resource, Stack
from .pods import pod_templates

PUBLIC_TYPES = ("LoadBalancer", "NodePort")
MANAGEMENT_PORTS = {8080}  # the server's console and metrics
WORLD = ("0.0.0.0/0", "::/0")
ANYWHERE = "everywhere"
DNS = {"53/UDP", "53/TCP"}  # every pod may ask for names
Openings = set[tuple[str, str]]
"""Port and protocol, such as `25/TCP`, and from or to whom."""


def network_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Ports opened by Services, network policies and hosts, and policies that are gone."""
    for stack, was, now in both(old, new):
        for before, after in pairs(was, now):
            match after or before:
                case Resource(kind="Service") if after:
                    yield from _service(stack, before, after)
                case Resource(kind="NetworkPolicy"):
                    yield from _policy(stack, before, after, now)
                case Resource() if after:
                    yield from _host_ports(stack, before, after)
                case _:
                    pass


def _service(stack: str, before: Resource | None, after: Resource) -> Iterator[Risk]:
    was, now = (_public_ports(found) for found in (before, after))
    for port in sorted(now - was):
        level: Level = "danger" if port in MANAGEMENT_PORTS else "warning"
        message = f"port {port} is open to the Internet" + (": it shows the console and metrics" if level == "danger" else "")
        yield Risk(level, "port-opened", stack, f"Service {after.name}", message, "close it unless it is meant")


def _public_ports(service: Resource | None) -> set[int]:
    spec = mapping(service and service.inputs, "spec")
    is_public = spec.get("type") in PUBLIC_TYPES or spec.get("externalIPs")
    return {int(port["port"]) for port in spec.get("ports", [])} if is_public else set()


def _policy(stack: str, before: Resource | None, after: Resource | None, new: Stack) -> Iterator[Risk]:
    subject = f"NetworkPolicy {(after or cast('Resource', before)).name}"
    if after is None:
        if before and _is_used(before, new):
            message = "is removed: its pods talk to whom they like, and whoever is in the cluster talks to them"
            yield Risk("danger", "policy-removed", stack, subject, message, "keep it for as long as its pods")
        return
    for direction, peer, rule, to in (("ingress", "from", "port-opened", "from"), ("egress", "to", "egress-opened", "to")):
        was = _openings(before, direction, peer) if before else set[tuple[str, str]]()
        for port, whom in sorted(_openings(after, direction, peer) - was):
            is_to_all = whom == ANYWHERE
            if (port, ANYWHERE) in was or (direction == "egress" and (not is_to_all or port in DNS)):
                continue  # open already, or a named way out
            level: Level = (
                "danger" if is_to_all and port in ("every port", *(f"{port}/TCP" for port in MANAGEMENT_PORTS)) else "warning"
            )
            message = f"{port} is opened {to} {whom}"
            yield Risk(level, rule, stack, subject, message, "name the peers and ports that need it, and no others")


def _is_used(policy: Resource, stack: Stack) -> bool:
    """Whether a stack has pods that a policy selects."""
    return any(
        _selects(mapping(policy.inputs, "spec.podSelector"), mapping(template, "metadata.labels"))
        for found in stack.resources.values()
        for template in pod_templates(found)
        if namespace(found) == namespace(policy)
    )


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    holds: Mapping[str, Callable[[str | None, Sequence[str]], bool]] = {
        "In": lambda value, values: value in values,
        "NotIn": lambda value, values: value not in values,
        "Exists": lambda value, _values: value is not None,
        "DoesNotExist": lambda value, _values: value is None,
    }
    return mapping(selector, "matchLabels").items() <= labels.items() and all(
        holds[found["operator"]](labels.get(found["key"]), found.get("values", []))
        for found in selector.get("matchExpressions", [])
    )


def _openings(policy: Resource, direction: str, peer: str) -> Openings:
    spec = policy.inputs["spec"]
    if direction.capitalize() not in spec.get("policyTypes", ["Ingress"]):
        return {("every port", ANYWHERE)}
    return {
        (port, whom)
        for rule in spec.get(direction, [])
        for port in _ports(rule)
        for whom in ([_whom(one) for one in rule.get(peer, [])] or [ANYWHERE])
    }


def _ports(rule: Mapping[str, Any]) -> list[str]:
    ports = [f"{port.get('port', 'every port')}/{port.get('protocol', 'TCP')}" for port in rule.get("ports", [])]
    return ports or ["every port"]


def _whom(peer: Mapping[str, Any]) -> str:
    if "ipBlock" in peer:
        cidr = peer["ipBlock"]["cidr"]
        return ANYWHERE if cidr in WORLD else cidr
    selectors = [f"{'pods' if key == 'podSelector' else 'namespaces'} {_selected(peer[key])}" for key in sorted(peer)]
    return " in ".join(reversed(selectors))


def _selected(selector: Mapping[str, Any]) -> str:
    labels = [f"{key}={value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
    labels += [
        f"{found['key']} {found['operator']} {','.join(found.get('values', []))}"
        for found in selector.get("matchExpressions", [])
    ]
    return ", ".join(labels) or "of every kind"


def _host_ports(stack: str, before: Resource | None, after: Resource) -> Iterator[Risk]:
    was, now = (
        {port for template in pod_templates(found) for port in _ports_at_host(template["spec"])} for found in (before, after)
    )
    for port in sorted(now - was):
        message = f"port {port} is open at every node's own address"
        yield Risk("warning", "port-opened", stack, f"{after.kind} {after.name}", message, "close it unless it is meant")


def _ports_at_host(spec: Mapping[str, Any]) -> Iterator[int]:
    for container in spec.get("containers", []):
        for port in container.get("ports", []):
            found = port.get("hostPort") or (spec.get("hostNetwork") and port.get("containerPort"))
            if found:
                yield int(found)
