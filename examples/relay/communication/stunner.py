"""`Stunner`: a TURN gateway, through which callers' media enters the cluster at one address and one port.

The STUNner operator must be there. It makes the pods and the LoadBalancer Service of the Gateway
(https://docs.l7mp.io/en/stable/GATEWAY).
"""

from typing import Any, TypedDict

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicySpecArgs
from pulumi_random import RandomPassword
from pydantic import Field
from stalwart_mail.model import Address, KubernetesName, Model

from . import cluster

APPLICATION = "stunner"
GATEWAY = "turn"
AUTH_SECRET = "turn-auth"
SECRET_LENGTH = 48
TURN_PORT = 3478
CONFIG_PORT = 13478  # of the operator, which tells the gateway's pods what to do
USER = 65532  # the image names none
# As the operator labels the pods that it makes.
TURN_PODS = LabelSelectorArgs(match_labels={"app": "stunner", "stunner.l7mp.io/related-gateway-name": GATEWAY})


class StunnerOptions(Model):
    """How the gateway is."""

    address: Address = Field(description="the public address callers send media to", examples=["203.0.113.40"])
    namespace: KubernetesName = Field("stunner", description="a Kubernetes namespace, which is made", examples=["stunner"])
    operator_namespace: KubernetesName = Field(
        "stunner-system", description="the namespace of the STUNner operator", examples=["stunner-system"]
    )
    image: cluster.Image = Field(
        "docker.io/l7mp/stunnerd:1.2.0", description="an image with an exact tag", examples=["docker.io/l7mp/stunnerd:1.2.0"]
    )
    replicas: int = Field(2, ge=1, le=20, description="1 to 20 pods", examples=["3"])
    annotations: dict[str, str] = Field(
        {},
        description="annotations of the Gateway, which its Service gets too: how load balancers are asked for the address",
        examples=['{"metallb.io/loadBalancerIPs": "203.0.113.40"}'],
    )


class StunnerArgs(TypedDict):
    """Arguments of `Stunner`."""

    options: StunnerOptions
    """How it is."""
    media_namespace: str
    """The namespace of the media server: the only place that media is led to."""
    media_port: int
    """Its UDP port."""


def dataplane(options: StunnerOptions) -> dict[str, Any]:
    """The spec of the `Dataplane`: what the operator makes the gateway's pods from."""
    return {
        "image": options.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["stunnerd"],
        "args": ["-w", "--udp-thread-num=16"],
        "replicas": options.replicas,
        "terminationGracePeriodSeconds": 3600,  # calls end before the pod does
        "resources": {"requests": {"cpu": "250m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def gateway(options: StunnerOptions, class_name: str, media_namespace: str) -> dict[str, Any]:
    """The spec of the `Gateway`: TURN over UDP, to which only the media server's namespace may attach a route."""
    from_media = {"from": "Selector", "selector": {"matchLabels": {cluster.NAMESPACE_NAME: media_namespace}}}
    return {
        "gatewayClassName": class_name,
        "addresses": [{"type": "IPAddress", "value": options.address}],
        "listeners": [{"name": "udp", "port": TURN_PORT, "protocol": "TURN-UDP", "allowedRoutes": {"namespaces": from_media}}],
    }


def turn_policy(options: StunnerOptions, media_namespace: str, media_port: int) -> NetworkPolicySpecArgs:
    """TURN from everywhere; on to the media server and nowhere else, whatever a caller asks for."""
    media = cluster.in_namespace(media_namespace)
    return cluster.policy(
        TURN_PODS,
        [
            cluster.accept(cluster.EVERYWHERE, cluster.port(TURN_PORT, "UDP")),
            # What it relays for a caller has a port of its own each time.
            cluster.accept([media], cluster.port(None, "UDP")),
        ],
        [
            cluster.reach([media], cluster.port(media_port, "UDP")),
            cluster.reach([cluster.in_namespace(options.operator_namespace)], cluster.port(CONFIG_PORT)),
        ],
    )


class Stunner(pulumi.ComponentResource):
    """A TURN gateway that leads to one media server."""

    address: Output[str]
    """Where callers reach it."""
    gateway_name: Output[str]
    """Its Gateway, for routes."""
    namespace: Output[str]
    """Its namespace."""
    secret: Output[str]
    """A secret: what time-limited credentials are made from (draft-uberti-behave-turn-rest)."""

    def __init__(self, name: str, args: StunnerArgs, opts: ResourceOptions | None = None) -> None:
        """Register the gateway.

        Args:
            name: the resource name.
            args: see `StunnerArgs`.
            opts: the usual options.
        """
        options = args["options"]
        super().__init__("communication:index:Stunner", name, {**args, "options": options.model_dump(mode="json")}, opts)
        place = cluster.place(name, APPLICATION, options.namespace, self)
        self.secret = RandomPassword(f"{name}-secret", length=SECRET_LENGTH, special=False, opts=place.child()).result
        auth = place.secret(AUTH_SECRET, {"type": "ephemeral", "secret": self.secret})
        # Objects that belong to the whole cluster are called after the namespace, which there is only once.
        shape = place.custom("stunner.l7mp.io/v1", "Dataplane", options.namespace, dataplane(options), namespaced=False)
        config = place.custom(
            "stunner.l7mp.io/v1",
            "GatewayConfig",
            options.namespace,
            {"dataplane": options.namespace, "authRef": {"name": AUTH_SECRET, "namespace": options.namespace}},
            place.child([auth, shape]),
        )
        gateway_class = place.custom(
            cluster.GATEWAY_API,
            "GatewayClass",
            options.namespace,
            {
                "controllerName": "stunner.l7mp.io/gateway-operator",
                "parametersRef": {
                    "group": "stunner.l7mp.io",
                    "kind": "GatewayConfig",
                    "name": options.namespace,
                    "namespace": options.namespace,
                },
            },
            place.child([config]),
            namespaced=False,
        )
        spec = turn_policy(options, args["media_namespace"], args["media_port"])
        allowed = place.restrict(GATEWAY, spec)
        wanted = gateway(options, options.namespace, args["media_namespace"])
        made = place.custom(
            cluster.GATEWAY_API, "Gateway", GATEWAY, wanted, place.child([gateway_class, allowed]), options.annotations
        )
        self.address = Output.from_input(options.address)
        # Known to depend on the Gateway: a route to one that is not there yet is refused.
        self.gateway_name = made.urn.apply(lambda _made: GATEWAY)
        self.namespace = place.namespace
        self.register_outputs({"address": self.address, "gateway_name": self.gateway_name, "secret": self.secret})
