"""What every sibling's Kubernetes objects have in common: labels, a namespace, hardened pods, and rules for its network."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentInitArgs, DeploymentSpecArgs, DeploymentStrategyArgs
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    Namespace,
    NamespaceInitArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    Secret,
    SecretInitArgs,
    SecurityContextArgs,
    Service,
    ServiceInitArgs,
    ServicePortArgs,
    ServiceSpecArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicy,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyInitArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)
from pydantic import AfterValidator
from stalwart_mail import checks, labels, secret_data

Image = Annotated[str, AfterValidator(checks.exact_image)]
GATEWAY_API = "gateway.networking.k8s.io/v1"
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
NAMESPACE_NAME = "kubernetes.io/metadata.name"  # the label that Kubernetes puts on each namespace
EVERYWHERE = [NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=cidr)) for cidr in ("0.0.0.0/0", "::/0")]


class GatewayRef(TypedDict):
    """The Gateway that takes HTTPS from the Internet."""

    name: str
    """Its name."""
    namespace: str
    """Its namespace. Routes from other namespaces must be allowed there."""
    proxy_namespace: str
    """The namespace of the pods that do its work."""


@dataclass(frozen=True)
class Place:
    """Where the objects of one sibling are registered."""

    name: str
    """The component's name."""
    application: str
    namespace: Output[str]
    parent: pulumi.Resource

    def meta(self, object_name: str, component: str, annotations: Mapping[str, str] | None = None) -> ObjectMetaArgs:
        """The metadata of an object of the namespace."""
        return ObjectMetaArgs(
            name=object_name,
            namespace=self.namespace,
            labels=recommended(self.application, component),
            annotations=dict(annotations) if annotations else None,
        )

    def child(self, after: Sequence[pulumi.Resource] = ()) -> ResourceOptions:
        """The options of a child that is made after others."""
        return ResourceOptions(parent=self.parent, depends_on=list(after))

    def kept(self, after: Sequence[pulumi.Resource] = ()) -> ResourceOptions:
        """The options of a child that cannot be made again as it was: no change and no removal deletes it."""
        return ResourceOptions(parent=self.parent, depends_on=list(after), protect=True, retain_on_delete=True)

    def secret(self, object_name: str, values: Mapping[str, pulumi.Input[str]], opts: ResourceOptions | None = None) -> Secret:
        """A Secret with these values."""
        data = Output.secret(Output.all(**values).apply(secret_data.encode))
        meta = self.meta(object_name, self.application)
        return Secret(f"{self.name}-{object_name}", SecretInitArgs(metadata=meta, data=data), opts or self.child())

    def custom(
        self,
        api_version: str,
        kind: str,
        object_name: str,
        spec: Mapping[str, Any],
        opts: ResourceOptions | None = None,
        annotations: Mapping[str, str] | None = None,
        namespaced: bool = True,
    ) -> CustomResource:
        """An object of another project's kind, of the namespace or of the whole cluster."""
        meta = self.meta(object_name, self.application, annotations)
        return CustomResource(
            f"{self.name}-{kind.lower()}-{object_name}",
            api_version=api_version,
            kind=kind,
            metadata=meta if namespaced else ObjectMetaArgs(name=object_name, labels=meta.labels),
            spec=dict(spec),
            opts=opts or self.child(),
        )

    def restrict(self, component: str, spec: NetworkPolicySpecArgs) -> NetworkPolicy:
        """A network policy."""
        meta = self.meta(f"{self.application}-{component}", component)
        return NetworkPolicy(f"{self.name}-{component}-policy", NetworkPolicyInitArgs(metadata=meta, spec=spec), self.child())

    def serve(
        self,
        component: str,
        pod: PodSpecArgs,
        ports: Mapping[str, tuple[int, str]],
        after: Sequence[pulumi.Resource],
        replicas: int = 1,
        changes: Mapping[str, pulumi.Input[str]] | None = None,
        alone: bool = False,
    ) -> str:
        """Pods, and a Service in front of them.

        Args:
            component: their part in the application.
            pod: what runs.
            ports: number and protocol of each port, by its name.
            after: what must be there first.
            replicas: how many pods.
            changes: annotations with which a pod is replaced once what it reads has changed.
            alone: whether a pod goes before its successor comes, since it has a volume to itself. Else that comes first.

        Returns:
            The Service's name.
        """
        object_name = f"{self.application}-{component}"
        metadata = ObjectMetaArgs(labels=recommended(self.application, component), annotations=dict(changes) if changes else None)
        deployment = Deployment(
            f"{self.name}-{component}",
            DeploymentInitArgs(
                metadata=self.meta(object_name, component),
                spec=DeploymentSpecArgs(
                    replicas=replicas,
                    strategy=DeploymentStrategyArgs(type="Recreate" if alone else "RollingUpdate"),
                    selector=pods(self.application, component),
                    template=PodTemplateSpecArgs(metadata=metadata, spec=pod),
                ),
            ),
            self.child(after),
        )
        _ = Service(
            f"{self.name}-{component}-service",
            ServiceInitArgs(
                metadata=self.meta(object_name, component),
                spec=ServiceSpecArgs(
                    selector=labels.selector(self.application, component),
                    ports=[
                        ServicePortArgs(name=name, port=number, target_port=name, protocol=protocol)
                        for name, (number, protocol) in ports.items()
                    ],
                ),
            ),
            self.child([deployment]),
        )
        return object_name


def recommended(application: str, component: str) -> dict[str, str]:
    """The recommended labels of an object."""
    return {**labels.recommended(application, component), "app.kubernetes.io/part-of": "communication"}


def place(name: str, application: str, namespace: str, parent: pulumi.Resource, kept: bool = False) -> Place:
    """A namespace that enforces Pod Security `restricted`, and what is registered in it.

    Args:
        name: the component's name.
        application: what runs there.
        namespace: the namespace to make.
        parent: the component.
        kept: whether what is in it cannot be made again.
    """
    meta = ObjectMetaArgs(name=namespace, labels={**recommended(application, "namespace"), **labels.pod_security()})
    opts = ResourceOptions(parent=parent, protect=kept, retain_on_delete=kept)
    made = Namespace(f"{name}-namespace", NamespaceInitArgs(metadata=meta), opts)
    return Place(name, application, made.metadata.apply(lambda metadata: str(metadata.name)), parent)


def pod_security(user: int) -> PodSecurityContextArgs:
    """A pod that runs as this user, and whose mounted Secrets only it can read."""
    return PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=user,
        fs_group=user,
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def container_security() -> SecurityContextArgs:
    """A container that can do nothing but run its program."""
    return SecurityContextArgs(
        allow_privilege_escalation=False, read_only_root_filesystem=True, capabilities=CapabilitiesArgs(drop=["ALL"])
    )


def resources(cpu: str, memory: str, limit: str) -> ResourceRequirementsArgs:
    """What a container asks for, and the memory it may have at most."""
    return ResourceRequirementsArgs(requests={"cpu": cpu, "memory": memory}, limits={"memory": limit})


def digest(text: str) -> str:
    """A short name for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def pods(application: str, component: str) -> LabelSelectorArgs:
    """The pods of a component."""
    return LabelSelectorArgs(match_labels=labels.selector(application, component))


def in_namespace(namespace: pulumi.Input[str], selector: LabelSelectorArgs | None = None) -> NetworkPolicyPeerArgs:
    """The pods of a namespace, or some of them."""
    return NetworkPolicyPeerArgs(
        namespace_selector=LabelSelectorArgs(match_labels={NAMESPACE_NAME: namespace}), pod_selector=selector
    )


def port(number: pulumi.Input[int] | None, protocol: str = "TCP") -> NetworkPolicyPortArgs:
    """A port, or all of a protocol."""
    return NetworkPolicyPortArgs(port=number, protocol=protocol)


def accept(peers: Sequence[NetworkPolicyPeerArgs], *ports: NetworkPolicyPortArgs) -> NetworkPolicyIngressRuleArgs:
    """Lets peers in to these ports, or to all."""
    return NetworkPolicyIngressRuleArgs(from_=list(peers), ports=list(ports) or None)


def reach(peers: Sequence[NetworkPolicyPeerArgs], *ports: NetworkPolicyPortArgs) -> NetworkPolicyEgressRuleArgs:
    """Lets out to these ports of peers, or to all; without peers to anywhere."""
    return NetworkPolicyEgressRuleArgs(to=list(peers) or None, ports=list(ports) or None)


def reach_web(gateway: GatewayRef) -> list[NetworkPolicyEgressRuleArgs]:
    """Lets out to HTTPS anywhere."""
    # Kubernetes may lead the Gateway's public address to its pods at once, and their port is another one.
    return [reach(EVERYWHERE, port(443)), reach([in_namespace(gateway["proxy_namespace"])])]


def policy(
    selector: LabelSelectorArgs,
    ingress: Sequence[NetworkPolicyIngressRuleArgs],
    egress: Sequence[NetworkPolicyEgressRuleArgs],
) -> NetworkPolicySpecArgs:
    """Nothing in or out of these pods but what the rules say, and questions to DNS."""
    dns = NetworkPolicyEgressRuleArgs(ports=[port(53, protocol) for protocol in ("UDP", "TCP")])
    return NetworkPolicySpecArgs(
        pod_selector=selector, policy_types=["Ingress", "Egress"], ingress=list(ingress), egress=[dns, *egress]
    )


def http_route(gateway: GatewayRef, hostname: str, rules: Sequence[tuple[str, str, int, bool]]) -> dict[str, Any]:
    """The spec of an HTTPRoute.

    Args:
        gateway: where requests come in.
        hostname: which host they are for.
        rules: path prefix, Service, its port, and whether the prefix is taken away.
    """
    stripped = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    return {
        "parentRefs": [
            {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway["name"], "namespace": gateway["namespace"]}
        ],
        "hostnames": [hostname],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
                **({"filters": [stripped]} if strip else {}),
                "backendRefs": [{"group": "", "kind": "Service", "name": service, "port": number, "weight": 1}],
            }
            for prefix, service, number, strip in rules
        ],
    }
