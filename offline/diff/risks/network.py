"""Ports that are opened, and ways out to the world."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, cast

from ..model import Level, Risk
from ..objects import both, mapping, namespace, pairs
from ..reading import Build, Resource, Stack
from .pods import pod_templates

PUBLIC_TYPES = ("LoadBalancer", "NodePort")
MANAGEMENT_PORTS = {8080}  # the server's console and metrics
WORLD = ("0.0.0.0/0", "::/0")
ANYWHERE = "everywhere"
EVERY_PORT = "every port"
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
    was, now = (public_ports(found) for found in (before, after))
    opened = sorted(now - was)
    if opened:
        is_console = bool(MANAGEMENT_PORTS.intersection(opened))
        message = f"{_listed('port', opened)} open to the Internet" + (
            ": 8080 has the console and the metrics" if is_console else ""
        )
        level: Level = "danger" if is_console else "warning"
        yield Risk(level, "port-opened", stack, f"Service {after.name}", message, "close what is not meant")


def public_ports(service: Resource | None) -> set[int]:
    """The ports that a Service has towards the Internet."""
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
        opened: dict[str, list[str]] = {}
        for port, whom in sorted(_opened(before, after, direction, peer)):
            if direction == "ingress" or (whom == ANYWHERE and port not in DNS):  # others are named ways out
                opened.setdefault(whom, []).append(port)
        together: dict[tuple[str, ...], list[str]] = {}
        for whom, ports in opened.items():
            together.setdefault(tuple(ports), []).append(whom)
        for ports, peers in together.items():
            is_danger = ANYWHERE in peers and not {EVERY_PORT, *(f"{port}/TCP" for port in MANAGEMENT_PORTS)}.isdisjoint(ports)
            message = f"{_listed('', ports)} opened {to} {' and '.join(peers)}"
            advice = "name the peers and ports that need it, and no others"
            yield Risk("danger" if is_danger else "warning", rule, stack, subject, message, advice)


def _listed(what: str, ports: Sequence[object]) -> str:
    plural = len(ports) != 1
    words = f"{what}{'s' if plural else ''} " if what else ""
    return f"{words}{', '.join(map(str, ports))} {'are' if plural else 'is'}"


def _opened(before: Resource | None, after: Resource, direction: str, peer: str) -> Openings:
    if before is None and not _is_ruled(after, direction):
        return set()  # its pods had that before
    was, now = (openings(found, direction, peer) if found else set[tuple[str, str]]() for found in (before, after))
    return {
        (port, whom)
        for port, whom in now
        if was.isdisjoint({(port, whom), (port, ANYWHERE), (EVERY_PORT, whom), (EVERY_PORT, ANYWHERE)})
    }


def _is_ruled(policy: Resource, direction: str) -> bool:
    return direction.capitalize() in policy.inputs["spec"].get("policyTypes", ["Ingress"])


def _is_used(policy: Resource, stack: Stack) -> bool:
    """Whether a stack has pods that a policy selects."""
    return any(is_ruled_by(found, policy) for found in stack.resources.values())


def is_ruled_by(workload: Resource, policy: Resource) -> bool:
    """Whether a network policy selects the pods of a workload."""
    return namespace(workload) == namespace(policy) and any(
        _selects(mapping(policy.inputs, "spec.podSelector"), mapping(template, "metadata.labels"))
        for template in pod_templates(workload)
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


def openings(policy: Resource, direction: str, peer: str) -> Openings:
    """What a network policy lets in (`ingress`, `from`) or out (`egress`, `to`)."""
    spec = policy.inputs["spec"]
    if not _is_ruled(policy, direction):
        return {(EVERY_PORT, ANYWHERE)}
    return {
        (port, whom)
        for rule in spec.get(direction, [])
        for port in _ports(rule)
        for whom in ([whom for one in rule.get(peer, []) for whom in _whom(one)] or [ANYWHERE])
    }


def _ports(rule: Mapping[str, Any]) -> list[str]:
    ports = [f"{port.get('port', EVERY_PORT)}/{port.get('protocol', 'TCP')}" for port in rule.get("ports", [])]
    return ports or [EVERY_PORT]


def _whom(peer: Mapping[str, Any]) -> list[str]:
    """Everybody that a peer of a rule names, one by one: to name fewer of them opens nothing."""
    if "ipBlock" in peer:
        cidr = peer["ipBlock"]["cidr"]
        return [ANYWHERE if cidr in WORLD else cidr]
    selectors = [
        [f"{'pods' if key == 'podSelector' else 'namespaces'} {found}" for found in _selected(peer[key])]
        for key in sorted(peer, reverse=True)
    ]
    return [" in ".join(found) for found in product(*selectors)]


def _selected(selector: Mapping[str, Any]) -> list[str]:
    wanted = [[f"{key}={value}"] for key, value in selector.get("matchLabels", {}).items()]
    for found in selector.get("matchExpressions", []):
        key, operator, values = found["key"], found["operator"], found.get("values", [])
        wanted.append(
            [f"{key}={value}" for value in values]
            if operator == "In"
            else [f"{key} {operator} {','.join(sorted(values))}".strip()]
        )
    return [", ".join(sorted(one)) or "of every kind" for one in product(*wanted)]


def _host_ports(stack: str, before: Resource | None, after: Resource) -> Iterator[Risk]:
    was, now = (
        {port for template in pod_templates(found) for port in ports_at_host(template["spec"])} for found in (before, after)
    )
    opened = sorted(now - was)
    if opened:
        message = f"{_listed('port', opened)} open at every node's own address"
        yield Risk("warning", "port-opened", stack, f"{after.kind} {after.name}", message, "close what is not meant")


def ports_at_host(spec: Mapping[str, Any]) -> Iterator[int]:
    """The ports that a pod takes of its node."""
    for container in spec.get("containers", []):
        for port in container.get("ports", []):
            found = port.get("hostPort") or (spec.get("hostNetwork") and port.get("containerPort"))
            if found:
                yield int(found)
