"""`LiveKit`: the media server for calls, and the service that lets Matrix users into them.

Callers reach its media only through STUNner: the server's own address is that of its pod.
"""

from typing import Any, TypedDict

import pulumi
import yaml
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapInitArgs,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    PodSpecArgs,
    ProbeArgs,
    SecretVolumeSourceArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.networking.v1 import NetworkPolicySpecArgs
from pulumi_random import RandomPassword
from pydantic import Field, ValidationInfo, field_validator
from stalwart_mail.model import Hostname, KubernetesName, Model

from . import cluster

APPLICATION = "livekit"
KEYS = "livekit-keys"
SERVER, TOKENS = "server", "tokens"  # values of app.kubernetes.io/component
HTTP_PORT, MEDIA_PORT, TOKENS_PORT = 7880, 7882, 8080
KEY_NAME = "matrix"
SECRET_LENGTH = 48
CONFIG_DIRECTORY, SECRETS_DIRECTORY = "/etc/livekit", "/etc/livekit-secrets"
CALLS_PREFIX, TOKENS_PREFIX = "/livekit/sfu", "/livekit/jwt"
READABLE_BY_GROUP = 0o440  # the server refuses secrets that others can read
# A pod that is to go waits for its calls to end. With Redis, who joins a call is led to the pod that has it.
LEAVE_S = 5 * 3600
# Without, they come to the new pod and do not meet those on the old one, so that all move there soon.
MOVE_S = 60
USER = 65532  # the images name none


class TurnRef(TypedDict):
    """The TURN gateway callers' media comes through."""

    address: str
    """Where callers reach it, by UDP."""
    port: int
    """Its port."""
    gateway: pulumi.Input[str]
    """Its Gateway."""
    namespace: str
    """The namespace of that."""
    secret: pulumi.Input[str]
    """What credentials are made from."""


class LiveKitOptions(Model):
    """How the media server is."""

    hostname: Hostname = Field(description="the host name clients call", examples=["rtc.example.com"])
    namespace: KubernetesName = Field("livekit", description="a Kubernetes namespace, which is made", examples=["livekit"])
    redis: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$",
        description="host:port of a Redis or Valkey without a password, which more than one replica needs",
        examples=["valkey.livekit.svc:6379"],
    )
    replicas: int = Field(1, ge=1, le=20, description="1 to 20 pods; more than one need redis", examples=["2"])
    image: cluster.Image = Field(
        "docker.io/livekit/livekit-server:v1.13.5",
        description="an image with an exact tag",
        examples=["docker.io/livekit/livekit-server:v1.13.5"],
    )
    tokens_image: cluster.Image = Field(
        "ghcr.io/element-hq/lk-jwt-service:0.5.0",
        description="an image with an exact tag",
        examples=["ghcr.io/element-hq/lk-jwt-service:0.5.0"],
    )

    @field_validator("replicas")
    @classmethod
    def _find_each_other(cls, replicas: int, info: ValidationInfo) -> int:
        if replicas > 1 and not info.data.get("redis"):
            raise ValueError("is more than 1 without `redis`, in which they find each other's calls")
        return replicas

    @property
    def url(self) -> str:
        """Where clients ask for a way into calls."""
        return f"https://{self.hostname}{TOKENS_PREFIX}"


class LiveKitArgs(TypedDict):
    """Arguments of `LiveKit`."""

    options: LiveKitOptions
    """How it is."""
    domain: str
    """Whose Matrix users may start calls."""
    turn: TurnRef
    """Where media comes through."""
    gateway: cluster.GatewayRef
    """What takes HTTPS from the Internet."""


def config(options: LiveKitOptions, turn_address: str, turn_port: int) -> dict[str, Any]:
    """The server's configuration (config-sample.yaml of livekit-server), without secrets."""
    host = f"[{turn_address}]" if ":" in turn_address else turn_address
    turn = {
        "host": host,
        "port": turn_port,
        "protocol": "udp",
        "secret_file": f"{SECRETS_DIRECTORY}/turn-secret",
    }
    return {
        "port": HTTP_PORT,
        "key_file": f"{SECRETS_DIRECTORY}/keys.yaml",
        "rtc": {
            "udp_port": MEDIA_PORT,  # one for all calls, so that policies can name it
            "tcp_port": 0,  # none: no caller would reach it
            "use_external_ip": False,
            "stun_servers": [f"{host}:{turn_port}"],  # else clients ask those of somebody else
            "turn_servers": [turn],
        },
        # Only the token service makes rooms, and only for users of the domain.
        "room": {"auto_create": False},
        "logging": {"level": "info", "json": True},
        **({"redis": {"address": options.redis}} if options.redis else {}),
    }


def server_pod(options: LiveKitOptions) -> PodSpecArgs:
    """The pod of the media server."""
    return PodSpecArgs(
        automount_service_account_token=False,
        enable_service_links=False,
        termination_grace_period_seconds=LEAVE_S if options.redis else MOVE_S,
        security_context=cluster.pod_security(USER),
        containers=[
            ContainerArgs(
                name=SERVER,
                image=options.image,
                args=["--config", f"{CONFIG_DIRECTORY}/config.yaml"],
                ports=[
                    ContainerPortArgs(name="http", container_port=HTTP_PORT, protocol="TCP"),
                    ContainerPortArgs(name="media", container_port=MEDIA_PORT, protocol="UDP"),
                ],
                readiness_probe=_probe("/", HTTP_PORT),
                liveness_probe=_probe("/", HTTP_PORT),
                security_context=cluster.container_security(),
                resources=cluster.resources("500m", "512Mi", "4Gi"),
                volume_mounts=[
                    VolumeMountArgs(name="config", mount_path=CONFIG_DIRECTORY, read_only=True),
                    VolumeMountArgs(name="secrets", mount_path=SECRETS_DIRECTORY, read_only=True),
                ],
            )
        ],
        volumes=[
            VolumeArgs(name="config", config_map=ConfigMapVolumeSourceArgs(name=APPLICATION)),
            _secrets_volume(),
        ],
    )


def tokens_pod(options: LiveKitOptions, domain: str) -> PodSpecArgs:
    """The pod that gives a Matrix user, whose homeserver vouches for it (OpenID), a token for the media server."""
    environment = {
        "LIVEKIT_URL": f"wss://{options.hostname}{CALLS_PREFIX}",
        "LIVEKIT_KEY_FILE": f"{SECRETS_DIRECTORY}/keys.yaml",
        "LIVEKIT_FULL_ACCESS_HOMESERVERS": domain,
        "LIVEKIT_JWT_BIND": f":{TOKENS_PORT}",
    }
    return PodSpecArgs(
        automount_service_account_token=False,
        enable_service_links=False,
        security_context=cluster.pod_security(USER),
        containers=[
            ContainerArgs(
                name=TOKENS,
                image=options.tokens_image,
                env=[EnvVarArgs(name=name, value=value) for name, value in environment.items()],
                ports=[ContainerPortArgs(name="http", container_port=TOKENS_PORT, protocol="TCP")],
                readiness_probe=_probe("/healthz", TOKENS_PORT),
                liveness_probe=_probe("/healthz", TOKENS_PORT),
                security_context=cluster.container_security(),
                resources=cluster.resources("20m", "32Mi", "128Mi"),
                volume_mounts=[VolumeMountArgs(name="secrets", mount_path=SECRETS_DIRECTORY, read_only=True)],
            )
        ],
        volumes=[_secrets_volume()],
    )


def _secrets_volume() -> VolumeArgs:
    return VolumeArgs(name="secrets", secret=SecretVolumeSourceArgs(secret_name=KEYS, default_mode=READABLE_BY_GROUP))


def _probe(path: str, number: int) -> ProbeArgs:
    return ProbeArgs(http_get=HTTPGetActionArgs(path=path, port=number), period_seconds=10, timeout_seconds=3)


def policies(options: LiveKitOptions, args: LiveKitArgs) -> dict[str, NetworkPolicySpecArgs]:
    """Who may talk to whom: media by TURN only, the rest through the Gateway."""
    proxies = cluster.in_namespace(args["gateway"]["proxy_namespace"])
    turn = cluster.in_namespace(args["turn"]["namespace"])
    redis = [cluster.reach([], cluster.port(int(options.redis.rpartition(":")[2])))] if options.redis else []
    return {
        SERVER: cluster.policy(
            cluster.pods(APPLICATION, SERVER),
            [
                cluster.accept([proxies], cluster.port(HTTP_PORT)),
                cluster.accept([turn], cluster.port(MEDIA_PORT, "UDP")),
            ],
            [cluster.reach([turn], cluster.port(None, "UDP")), *redis],
        ),
        TOKENS: cluster.policy(
            cluster.pods(APPLICATION, TOKENS),
            [cluster.accept([proxies], cluster.port(TOKENS_PORT))],
            cluster.reach_web(args["gateway"]),  # the homeserver, as its .well-known says, and the media server
        ),
    }


class LiveKit(pulumi.ComponentResource):
    """A media server for Matrix calls."""

    url: Output[str]
    """Where Matrix clients ask for a way into calls: the `livekit_service_url` of MSC4195."""

    def __init__(self, name: str, args: LiveKitArgs, opts: ResourceOptions | None = None) -> None:
        """Register the media server.

        Args:
            name: the resource name.
            args: see `LiveKitArgs`.
            opts: the usual options.
        """
        options = args["options"]
        # Without what is secret: the inputs recorded here are shown in previews.
        inputs = {"options": options.model_dump(mode="json"), "domain": args["domain"]}
        super().__init__("communication:index:LiveKit", name, inputs, opts)
        place = cluster.place(name, APPLICATION, options.namespace, self)
        key = RandomPassword(f"{name}-key", length=SECRET_LENGTH, special=False, opts=place.child()).result
        secret = place.secret(KEYS, {"keys.yaml": Output.concat(KEY_NAME, ": ", key), "turn-secret": args["turn"]["secret"]})
        text = yaml.safe_dump(config(options, args["turn"]["address"], args["turn"]["port"]))
        files = ConfigMap(
            f"{name}-config",
            ConfigMapInitArgs(metadata=place.meta(APPLICATION, SERVER), data={"config.yaml": text}),
            place.child(),
        )
        allowed = [place.restrict(component, spec) for component, spec in policies(options, args).items()]
        server = place.serve(
            SERVER,
            server_pod(options),
            {"http": (HTTP_PORT, "TCP"), "media": (MEDIA_PORT, "UDP")},
            [secret, files, *allowed],
            options.replicas,
            {"communication/config": cluster.digest(text)},
        )
        pod = tokens_pod(options, args["domain"])
        tokens = place.serve(TOKENS, pod, {"http": (TOKENS_PORT, "TCP")}, [secret, *allowed])
        _ = place.custom(
            "stunner.l7mp.io/v1",
            "UDPRoute",
            APPLICATION,
            {
                "parentRefs": [{"name": args["turn"]["gateway"], "namespace": args["turn"]["namespace"]}],
                "rules": [{"backendRefs": [{"group": "", "kind": "Service", "name": server, "port": MEDIA_PORT}]}],
            },
        )
        routes = [(TOKENS_PREFIX, tokens, TOKENS_PORT, True), (CALLS_PREFIX, server, HTTP_PORT, True)]
        _ = place.custom(
            cluster.GATEWAY_API, "HTTPRoute", APPLICATION, cluster.http_route(args["gateway"], options.hostname, routes)
        )
        self.url = Output.from_input(options.url)
        self.register_outputs({"url": self.url})
