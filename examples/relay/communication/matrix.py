"""`Matrix`: a Synapse homeserver, with its database, its keys and its media.

Users come from the identity provider. Notifications go out through the mail server's submission endpoint, like anybody's mail.
"""

from typing import Any, NotRequired, TypedDict

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
from pydantic import Field
from stalwart_mail import checks
from stalwart_mail.model import Hostname, KubernetesName, Model, Quantity

from . import cluster

APPLICATION = "synapse"
SERVER = "server"
DATABASE = "synapse-database"
KEYS, CLIENTS, MEDIA = "synapse-keys", "synapse-clients", "synapse-media"
HTTP_PORT, DATABASE_PORT = 8008, 5432
USER = 991  # the user of the image
CONFIG_DIRECTORY, SECRETS_DIRECTORY, MEDIA_DIRECTORY = "/etc/synapse", "/etc/synapse-secrets", "/media"
SEED_BYTES = 32  # of an Ed25519 key
SECRET_LENGTH = 48


class IssuerRef(TypedDict):
    """The identity provider."""

    url: str
    """The issuer, whose discovery document is fetched."""
    client_id: str
    """The client that Synapse is there."""
    client_secret: NotRequired[pulumi.Input[str]]
    """Its secret. Default: it is a public client, which proves itself by PKCE (RFC 7636)."""


class SubmissionRef(TypedDict):
    """The mail server's submission endpoint, and an account there."""

    endpoint: pulumi.Input[str]
    """`host:port` inside the cluster."""
    namespace: pulumi.Input[str]
    """The namespace of the mail server."""
    hostname: pulumi.Input[str]
    """The name in its certificate."""
    address: str
    """The account, and the sender of notifications."""
    password: pulumi.Input[str]
    """Its password."""


class MatrixArgs(TypedDict):
    """Arguments of `Matrix`."""

    hostname: str
    """The host name clients use."""
    domain: str
    """What Matrix IDs end in."""
    issuer: IssuerRef
    """Who signs users in."""
    gateway: cluster.GatewayRef
    """What takes HTTPS from the Internet."""
    calls_url: pulumi.Input[str]
    """Where clients ask for a way into calls."""
    submission: NotRequired[SubmissionRef]
    """How notifications are sent. Default: there are none."""
    namespace: NotRequired[str]
    """The namespace to make. Default `matrix`."""
    federation: NotRequired[bool]
    """Whether other homeservers are talked to. Default false."""
    media_size: NotRequired[str]
    """The size of the volume for media. Default `20Gi`."""
    database_size: NotRequired[str]
    """The size of each database instance's volume. Default `10Gi`."""
    database_instances: NotRequired[int]
    """How many database instances. Default 2."""
    image: NotRequired[str]
    """The image of Synapse, with an exact tag."""


class MatrixOptions(Model):
    """The plain part of `MatrixArgs`, as a stack's file has it."""

    hostname: Hostname = Field(description="the host name clients use", examples=["matrix.example.com"])
    namespace: KubernetesName = Field("matrix", description="a Kubernetes namespace, which is made", examples=["matrix"])
    federation: bool = Field(False, description="true to talk to other homeservers", examples=["true"])
    media_size: Quantity = Field("20Gi", description="a whole number of Mi, Gi or Ti", examples=["100Gi"])
    database_size: Quantity = Field("10Gi", description="a whole number of Mi, Gi or Ti", examples=["50Gi"])
    database_instances: int = Field(2, ge=1, le=9, description="1 to 9 instances", examples=["3"])
    image: cluster.Image = Field(
        "ghcr.io/element-hq/synapse:v1.163.2",
        description="an image with an exact tag",
        examples=["ghcr.io/element-hq/synapse:v1.163.2"],
    )


def homeserver(options: MatrixOptions, domain: str, issuer: IssuerRef, calls_url: str) -> dict[str, Any]:
    """`homeserver.yaml`, without secrets (https://element-hq.github.io/synapse, configuration manual)."""
    alone: dict[str, Any] = {
        "federation_domain_whitelist": [],
        "trusted_key_servers": [],
        "allow_public_rooms_over_federation": False,
    }
    # Without federation a service can still ask who a user is (OpenID), as that of calls does.
    names = ["client", "federation"] if options.federation else ["client", "openid"]
    return {
        "server_name": domain,
        "public_baseurl": f"https://{options.hostname}/",
        "serve_server_wellknown": True,
        # Clients that do not ask the homeserver for it (MSC4143) read it here.
        "extra_well_known_client_content": {
            "org.matrix.msc4143.rtc_foci": [{"type": "livekit", "livekit_service_url": calls_url}]
        },
        "listeners": [{"port": HTTP_PORT, "type": "http", "tls": False, "x_forwarded": True, "resources": [{"names": names}]}],
        "database": {
            "name": "psycopg2",
            # libpq takes the password from its variable PGPASSWORD.
            "args": {
                "user": APPLICATION,
                "dbname": APPLICATION,
                "host": f"{DATABASE}-rw",
                "port": DATABASE_PORT,
                "sslmode": "require",
                "cp_min": 5,
                "cp_max": 10,
            },
        },
        "media_store_path": MEDIA_DIRECTORY,
        "max_upload_size": "100M",
        "signing_key_path": f"{SECRETS_DIRECTORY}/signing.key",
        "macaroon_secret_key_path": f"{SECRETS_DIRECTORY}/macaroon",
        "form_secret_path": f"{SECRETS_DIRECTORY}/form",
        "report_stats": False,
        "suppress_key_server_warning": True,
        "password_config": {"enabled": False},
        "oidc_providers": [_provider(issuer)],
        # What calls need: where they are, the state after a sync, and leaving them when a client is gone (MSC4143, 4222, 4140).
        "matrix_rtc": {"transports": [{"type": "livekit", "livekit_service_url": calls_url}]},
        "experimental_features": {"msc4143_enabled": True, "msc4222_enabled": True},
        "max_event_delay_duration": "24h",
        "rc_message": {"per_second": 0.5, "burst_count": 30},
        "rc_delayed_event_mgmt": {"per_second": 1, "burst_count": 20},
        **({} if options.federation else alone),
    }


def _provider(issuer: IssuerRef) -> dict[str, Any]:
    if "client_secret" in issuer:
        proof = {"client_auth_method": "client_secret_basic", "client_secret_path": f"{SECRETS_DIRECTORY}/client-secret"}
    else:
        proof = {"client_auth_method": "none", "pkce_method": "always"}
    mapping = {
        # As the address, so the Matrix ID: alice@example.com is @alice:example.com.
        "localpart_template": "{{ user.email | localpart_from_email }}",
        "display_name_template": "{{ user.name }}",
        "email_template": "{{ user.email }}",
    }
    return {
        "idp_id": "issuer",
        "idp_name": "Single sign-on",
        "issuer": issuer["url"],
        "client_id": issuer["client_id"],
        **proof,
        "scopes": ["openid", "profile", "email"],
        "user_mapping_provider": {"config": mapping},
    }


def email(endpoint: str, hostname: str, address: str, password: str) -> str:
    """`email.yaml`: the section of the configuration that has a password in it, and no option to read it from a file."""
    host, _, number = endpoint.rpartition(":")
    section = {
        "smtp_host": host,
        "smtp_port": int(number),
        "smtp_user": address,
        "smtp_pass": password,
        "require_transport_security": True,
        # The host is a name of this cluster, and the certificate is for the public one.
        "tlsname": hostname,
        "notif_from": f"%(app)s <{address}>",
        "enable_notifs": True,
        "notif_for_new_users": True,
    }
    return yaml.safe_dump({"email": section})


def database(options: MatrixOptions) -> dict[str, Any]:
    """The spec of CloudNativePG's `Cluster`. Synapse wants a database that sorts by bytes (its docs, postgres.md)."""
    return {
        "instances": options.database_instances,
        "imageName": "ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie",
        "bootstrap": {
            "initdb": {
                "database": APPLICATION,
                "owner": APPLICATION,
                "encoding": "UTF8",
                "localeCollate": "C",
                "localeCType": "C",
            }
        },
        "storage": {"size": options.database_size},
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
    }


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
    instances = LabelSelectorArgs(match_labels={"cnpg.io/cluster": DATABASE})
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
            cluster.reach([NetworkPolicyPeerArgs(pod_selector=instances)], cluster.port(DATABASE_PORT)),
            *mail,
            *cluster.reach_web(gateway),
        ],
    )


class Matrix(pulumi.ComponentResource):
    """A Matrix homeserver.

    Raises:
        ArgumentsError: listing every argument that is wrong.
    """

    url: Output[str]
    """Where clients find it."""

    def __init__(self, name: str, args: MatrixArgs, opts: ResourceOptions | None = None) -> None:
        """Register the homeserver.

        Args:
            name: the resource name.
            args: see `MatrixArgs`.
            opts: the usual options.
        """
        problems = checks.Problems("Matrix")
        plain = {key: value for key, value in args.items() if key in MatrixOptions.model_fields}
        options = problems.model("arguments", MatrixOptions, plain)
        problems.refuse()
        super().__init__("communication:index:Matrix", name, {**plain, "domain": args["domain"]}, opts)
        place = cluster.place(name, APPLICATION, options.namespace, self, kept=True)
        submission, issuer = args.get("submission"), args["issuer"]
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
        base = place.custom("postgresql.cnpg.io/v1", "Cluster", DATABASE, database(options), place.kept())
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
