"""`Matrix`: a Synapse homeserver, with its database, its keys and its media.

Users come from the identity provider. Notifications go out through the mail server's submission endpoint, like anybody's mail.
"""

from typing import TypedDict

import pulumi
import yaml
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapInitArgs,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    HTTPGetActionArgs,
    PersistentVolumeClaim,
    PersistentVolumeClaimInitArgs,
    PersistentVolumeClaimSpecArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    PodSpecArgs,
    ProbeArgs,
    ProjectedVolumeSourceArgs,
    Secret,
    SecretKeySelectorArgs,
    SecretProjectionArgs,
    VolumeArgs,
    VolumeMountArgs,
    VolumeProjectionArgs,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyPeerArgs, NetworkPolicySpecArgs
from pulumi_random import RandomBytes, RandomPassword

from . import cluster
from .homeserver import (
    APPLICATION,
    DATABASE,
    DATABASE_PORT,
    HTTP_PORT,
    MEDIA_DIRECTORY,
    SECRETS_DIRECTORY,
    IssuerRef,
    MatrixOptions,
    SubmissionRef,
    database,
    email,
    homeserver,
)

SERVER = "server"
KEYS, CLIENTS, MEDIA = "synapse-keys", "synapse-clients", "synapse-media"
USER = 991  # the user of the image
CONFIG_DIRECTORY = "/etc/synapse"
INSTANCE_MANAGER_PORT = 8000
# As CloudNativePG labels an instance, and itself.
INSTANCES = LabelSelectorArgs(match_labels={"cnpg.io/cluster": DATABASE})
OPERATOR = LabelSelectorArgs(match_labels={"app.kubernetes.io/name": "cloudnative-pg"})
SEED_BYTES = 32  # of an Ed25519 key
SECRET_LENGTH = 48


class MatrixArgs(TypedDict):
    """Arguments of `Matrix`."""

    options: MatrixOptions
    """How it is."""
    domain: str
    """What Matrix IDs end in."""
    issuer: IssuerRef
    """Who signs users in."""
    gateway: cluster.GatewayRef
    """What takes HTTPS from the Internet."""
    calls_url: pulumi.Input[str]
    """Where clients ask for a way into calls."""
    submission: SubmissionRef | None
    """How notifications are sent; None for no notifications."""


def pod(options: MatrixOptions, secret_names: list[str], sends_mail: bool) -> PodSpecArgs:
    """The homeserver's pod."""
    files = [f"{CONFIG_DIRECTORY}/homeserver.yaml", *([f"{SECRETS_DIRECTORY}/email.yaml"] if sends_mail else [])]
    password = SecretKeySelectorArgs(name=f"{DATABASE}-app", key="password")
    probe = HTTPGetActionArgs(path="/health", port=HTTP_PORT)
    secrets = [VolumeProjectionArgs(secret=SecretProjectionArgs(name=name)) for name in secret_names]
    return PodSpecArgs(
        automount_service_account_token=False,
        enable_service_links=False,
        security_context=cluster.pod_security(USER),
        containers=[
            ContainerArgs(
                name=APPLICATION,
                image=options.image,
                command=["python", "-m", "synapse.app.homeserver"],
                args=[f"--config-path={path}" for path in files],
                env=[EnvVarArgs(name="PGPASSWORD", value_from=EnvVarSourceArgs(secret_key_ref=password))],
                ports=[ContainerPortArgs(name="http", container_port=HTTP_PORT, protocol="TCP")],
                # Its first start makes the tables, and one after an upgrade changes them.
                startup_probe=ProbeArgs(http_get=probe, period_seconds=5, failure_threshold=60),
                readiness_probe=ProbeArgs(http_get=probe, period_seconds=10, timeout_seconds=3),
                liveness_probe=ProbeArgs(http_get=probe, period_seconds=20, timeout_seconds=5, failure_threshold=6),
                security_context=cluster.container_security(),
                resources=cluster.resources("500m", "1Gi", "2Gi"),
                volume_mounts=[
                    VolumeMountArgs(name="config", mount_path=CONFIG_DIRECTORY, read_only=True),
                    VolumeMountArgs(name="secrets", mount_path=SECRETS_DIRECTORY, read_only=True),
                    VolumeMountArgs(name="media", mount_path=MEDIA_DIRECTORY),
                    VolumeMountArgs(name="tmp", mount_path="/tmp"),
                ],
            )
        ],
        volumes=[
            VolumeArgs(name="config", config_map=ConfigMapVolumeSourceArgs(name=APPLICATION)),
            VolumeArgs(name="secrets", projected=ProjectedVolumeSourceArgs(sources=secrets, default_mode=0o440)),
            VolumeArgs(name="media", persistent_volume_claim=PersistentVolumeClaimVolumeSourceArgs(claim_name=MEDIA)),
            VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs()),
        ],
    )


def server_policy(gateway: cluster.GatewayRef, submission: SubmissionRef | None) -> NetworkPolicySpecArgs:
    """In through the Gateway; out to the database, the mail server, and the web: issuer, push gateways, homeservers."""
    mail = (
        [
            cluster.reach(
                [cluster.in_namespace(submission["namespace"])],
                cluster.port(Output.from_input(submission["endpoint"]).apply(lambda found: int(found.rpartition(":")[2]))),
            )
        ]
        if submission
        else []
    )
    return cluster.policy(
        cluster.pods(APPLICATION, SERVER),
        [cluster.accept([cluster.in_namespace(gateway["proxy_namespace"])], cluster.port(HTTP_PORT))],
        [
            cluster.reach([NetworkPolicyPeerArgs(pod_selector=INSTANCES)], cluster.port(DATABASE_PORT)),
            *mail,
            *cluster.reach_web(gateway),
        ],
    )


def database_policy(operator_namespace: str) -> NetworkPolicySpecArgs:
    """In for the homeserver, the operator and each other (CloudNativePG, networking.md).

    What goes out is left alone: every instance asks the cluster's API server, whose address no policy can name everywhere.
    """
    homeserver_pods = NetworkPolicyPeerArgs(pod_selector=cluster.pods(APPLICATION, SERVER))
    managing = [cluster.in_namespace(operator_namespace, OPERATOR), NetworkPolicyPeerArgs(pod_selector=INSTANCES)]
    return NetworkPolicySpecArgs(
        pod_selector=INSTANCES,
        policy_types=["Ingress"],
        ingress=[
            cluster.accept([homeserver_pods], cluster.port(DATABASE_PORT)),
            cluster.accept(managing, cluster.port(DATABASE_PORT), cluster.port(INSTANCE_MANAGER_PORT)),
        ],
    )


class Matrix(pulumi.ComponentResource):
    """A Matrix homeserver."""

    url: Output[str]
    """Where clients find it."""

    def __init__(self, name: str, args: MatrixArgs, opts: ResourceOptions | None = None) -> None:
        """Register the homeserver.

        Args:
            name: the resource name.
            args: see `MatrixArgs`.
            opts: the usual options.
        """
        options = args["options"]
        # Without what is secret: the inputs recorded here are shown in previews.
        inputs = {"options": options.model_dump(mode="json"), "domain": args["domain"]}
        super().__init__("communication:index:Matrix", name, inputs, opts)
        place = cluster.place(name, APPLICATION, options.namespace, self, kept=True)
        submission, issuer = args["submission"], args["issuer"]
        secrets = {KEYS: _keys(place), **_clients(place, issuer, submission)}
        text = Output.from_input(args["calls_url"]).apply(
            lambda calls_url: yaml.safe_dump(homeserver(options, args["domain"], issuer, calls_url))
        )
        files = ConfigMap(
            f"{name}-config",
            ConfigMapInitArgs(metadata=place.meta(APPLICATION, SERVER), data={"homeserver.yaml": text}),
            place.child(),
        )
        media = PersistentVolumeClaim(
            f"{name}-media",
            PersistentVolumeClaimInitArgs(
                # Many storage classes bind a volume only once a pod uses it, so waiting here would wait for ever.
                metadata=place.meta(MEDIA, SERVER, cluster.SKIP_AWAIT),
                spec=PersistentVolumeClaimSpecArgs(
                    access_modes=["ReadWriteOnce"],
                    resources=VolumeResourceRequirementsArgs(requests={"storage": options.media_size}),
                ),
            ),
            place.kept(),
        )
        fence = place.restrict("database", database_policy(options.database_operator_namespace))
        base = place.custom("postgresql.cnpg.io/v1", "Cluster", DATABASE, database(options), place.kept([fence]))
        allowed = place.restrict(SERVER, server_policy(args["gateway"], submission))
        service = place.serve(
            SERVER,
            pod(options, list(secrets), submission is not None),
            {"http": (HTTP_PORT, "TCP")},
            [files, media, base, allowed, *secrets.values()],
            changes={
                "communication/config": text.apply(cluster.digest),
                **{f"communication/{found}": secret.metadata.resource_version for found, secret in secrets.items()},
            },
            alone=True,
        )
        # Others find the homeserver by the domain: there is its .well-known, which leads them back to the domain.
        by_domain = ("/.well-known/matrix", "/_matrix/federation", "/_matrix/key")
        hosts = {"client": (options.hostname, ("/_matrix", "/_synapse/client")), "domain": (args["domain"], by_domain)}
        for object_name, (hostname, prefixes) in hosts.items():
            rules = [(prefix, service, HTTP_PORT, False) for prefix in prefixes]
            _ = place.custom(cluster.GATEWAY_API, "HTTPRoute", object_name, cluster.http_route(args["gateway"], hostname, rules))
        self.url = Output.from_input(f"https://{options.hostname}")
        self.register_outputs({"url": self.url})


def _keys(place: cluster.Place) -> Secret:
    """What the homeserver signs with. Others know it by this key, so it is never made twice."""
    seed = RandomBytes(f"{place.name}-signing-key", length=SEED_BYTES, opts=place.kept()).base64
    values: dict[str, pulumi.Input[str]] = {
        # Algorithm, version, and the seed without padding, as `signedjson` reads it.
        "signing.key": Output.secret(seed).apply(lambda text: f"ed25519 a_1 {text.rstrip('=')}\n"),
        **{
            use: RandomPassword(f"{place.name}-{use}", length=SECRET_LENGTH, special=False, opts=place.child()).result
            for use in ("macaroon", "form")
        },
    }
    return place.secret(KEYS, values, place.kept())


def _clients(place: cluster.Place, issuer: IssuerRef, submission: SubmissionRef | None) -> dict[str, Secret]:
    """With what it proves itself to others; nothing where it need not."""
    values: dict[str, pulumi.Input[str]] = {}
    if "client_secret" in issuer:
        values["client-secret"] = issuer["client_secret"]
    if submission:
        parts = Output.all(*(submission[part] for part in ("endpoint", "hostname", "address", "password")))
        values["email.yaml"] = Output.secret(parts.apply(lambda found: email(*found)))
    return {CLIENTS: place.secret(CLIENTS, values)} if values else {}
