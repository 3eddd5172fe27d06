"""What the network policies of a recording allow, read as networking.k8s.io/v1 describes them.

Whether an `ipBlock` also matches the address of a pod is left open there, and network plugins differ (Calico: yes; Cilium: no).
So every question is answered under both readings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from offline.recorder import Recording

Labels = Mapping[str, str]
Rule = Mapping[str, Any]
WORKLOADS = ("StatefulSet", "Deployment", "Job", "CronJob")


@dataclass(frozen=True)
class Pod:
    """A pod, with what policies look at."""

    namespace: str
    labels: Labels = field(default_factory=dict)
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The number of each named container port, by name and protocol."""
    address: str = "10.1.2.3"


@dataclass(frozen=True)
class Outside:
    """An address that is no pod's."""

    address: str


End = Pod | Outside


@dataclass
class Cluster:
    """Namespaces and the policies in them."""

    policies: Sequence[Rule]
    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    """Their labels; a namespace that is not listed has only the one that Kubernetes gives to each."""

    def allows(self, source: End, target: End, port: int, protocol: str = "TCP", *, blocks_match_pods: bool) -> bool:
        """Whether a connection is let out of its source and into its target."""
        sides = (("Egress", "to", source, target), ("Ingress", "from", target, source))
        for direction, key, end, other in sides:
            policies = self.governing(end, direction)
            rules = [(policy, rule) for policy in policies for rule in policy["spec"].get(direction.lower()) or ()]
            if policies and not any(
                _ports_match(rule.get("ports"), target, port, protocol)
                and self._peers_match(rule.get(key), other, policy["metadata"]["namespace"], blocks_match_pods)
                for policy, rule in rules
            ):
                return False
        return True

    def governing(self, end: End, direction: str) -> list[Rule]:
        """The policies that say what an end may do in a direction: `Ingress` or `Egress`; where there is none, it may do all."""
        return [
            policy
            for policy in self.policies
            if isinstance(end, Pod)
            and policy["metadata"]["namespace"] == end.namespace
            and direction in _directions(policy["spec"])
            and selects(policy["spec"]["podSelector"], end.labels)
        ]

    def _peers_match(self, peers: Sequence[Rule] | None, end: End, namespace: str, blocks_match_pods: bool) -> bool:
        return not peers or any(self._peer_matches(peer, end, namespace, blocks_match_pods) for peer in peers)

    def _peer_matches(self, peer: Rule, end: End, namespace: str, blocks_match_pods: bool) -> bool:
        if "ipBlock" in peer:
            return (blocks_match_pods or isinstance(end, Outside)) and _in_block(peer["ipBlock"], end.address)
        if isinstance(end, Outside):
            return False
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], self._labels_of(end.namespace)):
                return False
        elif end.namespace != namespace:
            return False
        return selects(peer.get("podSelector", {}), end.labels)

    def _labels_of(self, namespace: str) -> Labels:
        return {**self.namespaces.get(namespace, {}), "kubernetes.io/metadata.name": namespace}


def cluster_of(recording: Recording, others: Mapping[str, Labels] | None = None) -> Cluster:
    """The recorded policies and namespaces, beside other namespaces with labels."""
    found = [r.inputs for r in recording.of_type("kubernetes:networking.k8s.io/v1:NetworkPolicy")]
    made = [r.inputs["metadata"] for r in recording.of_type("kubernetes:core/v1:Namespace")]
    return Cluster(found, {**(others or {}), **{metadata["name"]: metadata.get("labels", {}) for metadata in made}})


def pods_of(recording: Recording) -> dict[str, Pod]:
    """A pod of every recorded workload, by the workload's resource name."""
    return {
        resource.name: _pod(resource.inputs)
        for resource in recording.resources.values()
        if resource.type.startswith("kubernetes:") and resource.type.rpartition(":")[2] in WORKLOADS
    }


def _pod(workload: Rule) -> Pod:
    spec = workload["spec"].get("jobTemplate", workload)["spec"]
    return pod_of(workload["metadata"]["namespace"], spec["template"])


def pod_of(namespace: str, template: Rule) -> Pod:
    """The pod that a template makes in a namespace."""
    assert not template["spec"].get("hostNetwork"), "what policies mean for the network of a node is not defined"
    ports = {
        (port["name"], port.get("protocol", "TCP")): port["containerPort"]
        for container in template["spec"]["containers"]
        for port in container.get("ports", ())
        if "name" in port
    }
    return Pod(namespace, template["metadata"]["labels"], ports)


def selects(selector: Rule, labels: Labels) -> bool:
    """Whether a label selector matches; an empty one matches all."""
    wanted = selector.get("matchLabels", {})
    return wanted.items() <= labels.items() and all(_holds(found, labels) for found in selector.get("matchExpressions", ()))


def _holds(requirement: Rule, labels: Labels) -> bool:
    value = labels.get(requirement["key"])
    match requirement["operator"]:
        case "In":
            return value in requirement["values"]
        case "NotIn":
            return value not in requirement["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case unknown:
            raise ValueError(unknown)


def _directions(spec: Rule) -> Sequence[str]:
    return spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _ports_match(ports: Sequence[Rule] | None, target: End, port: int, protocol: str) -> bool:
    return not ports or any(_port_matches(found, target, port, protocol) for found in ports)


def _port_matches(found: Rule, target: End, port: int, protocol: str) -> bool:
    if found.get("protocol", "TCP") != protocol:
        return False
    first = found.get("port")
    if isinstance(first, str):
        return isinstance(target, Pod) and target.ports.get((first, protocol)) == port
    return first is None or first <= port <= found.get("endPort", first)


def _in_block(block: Rule, address: str) -> bool:
    found = ip_address(address)
    return found in ip_network(block["cidr"]) and not any(found in ip_network(hole) for hole in block.get("except", ()))
