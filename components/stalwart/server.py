"""`StalwartServer`: one Stalwart mail server on Kubernetes, configured entirely by its arguments."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import StatefulSet, StatefulSetInitArgs
from pulumi_kubernetes.batch.v1 import Job, JobInitArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapInitArgs,
    Namespace,
    NamespaceInitArgs,
    PersistentVolumeClaim,
    PersistentVolumeClaimInitArgs,
    Secret,
    SecretInitArgs,
    Service,
    ServiceAccount,
    ServiceAccountInitArgs,
    ServiceInitArgs,
)
from pulumi_kubernetes.core.v1.outputs import ServiceStatus
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicyInitArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetInitArgs
from pulumi_random import RandomPassword

from .. import checks, labels, secret_data
from . import listeners, names, network, plan_job, workload
from .arguments import DEFAULT_NAMESPACE, ExposureKind, Role, Server, StalwartServerArgs, resolve
from .operations import digest

PASSWORD_LENGTH = 32
PLAN_TIMEOUT = "20m"  # a first start pulls two images, provisions a volume and may wait for a certificate
SERVER_TIMEOUT = "25m"  # the pod is ready only after the plan
RETRY_FAILED = {"pulumi.com/replaceUnready": "true"}  # a Job that failed is made anew by the next run
DKIM_KEYS_PER_SECRET = 400  # an RSA key takes some 2.3 kB encoded, and a Secret holds 1 MiB
SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}


class StalwartServer(pulumi.ComponentResource):
    """One Stalwart 0.16 mail server: a primary that holds mailboxes, or a backup that relays to it.

    The server takes no mail, and has no public address, before its plan has been applied in full.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    hostname: Output[str]
    """The host name."""
    exchange: Output[str]
    """The host name as the target of MX records: the same text, but known to depend on the plan having been applied."""
    addresses: Output[Sequence[str]]
    """The public addresses."""
    ports: Output[Mapping[str, int]]
    """Listener name to public port."""
    jmap_url: Output[str]
    """Where JMAP sessions start (RFC 8620, section 2.2); empty on a backup."""
    submission_url: Output[str]
    """Where mail clients submit (RFC 6409), as `smtp://host:587`; empty on a backup."""
    relay_endpoint: Output[str]
    """`host:port` at which other workloads of the cluster submit mail; on a backup, the SMTP port."""
    namespace: Output[str]
    """The Kubernetes namespace."""

    def __init__(self, name: str, args: StalwartServerArgs, opts: ResourceOptions | None = None) -> None:
        """Register the server's resources.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `StalwartServerArgs`.
            opts: the usual options. `protect`, `providers` and `depends_on` reach every child.
        """
        server = resolve(args)
        plan = plan_job.plan_text(server)
        dkim_names = {f"{names.DKIM_SECRET}-{n}": keys for n, keys in enumerate(_dkim_key_groups(server))}
        # Without the keys: what is recorded here is shown in previews, and a caller may have given plain text.
        inputs = {key: value for key, value in args.items() if key != "dkim_private_keys"}
        super().__init__("stalwart-mail:index:StalwartServer", name, inputs, opts)

        child = ResourceOptions(parent=self)
        self.namespace = _namespace(name, server, args, self)
        credentials = _credentials(name, server, self.namespace, child)
        plan_digest = digest(plan)

        def meta(object_name: str, component: str = names.SERVER, annotations: dict[str, str] | None = None) -> ObjectMetaArgs:
            return ObjectMetaArgs(
                name=object_name,
                namespace=self.namespace,
                labels=labels.recommended(names.APPLICATION, component),
                annotations=annotations,
            )

        service_account = ServiceAccount(
            f"{name}-service-account",
            ServiceAccountInitArgs(metadata=meta(names.APPLICATION), automount_service_account_token=False),
            child,
        )
        claim = PersistentVolumeClaim(
            f"{name}-data",
            PersistentVolumeClaimInitArgs(
                # Many storage classes bind a volume only once a pod uses it, so waiting here would wait for ever.
                metadata=meta(names.VOLUME_CLAIM, annotations=SKIP_AWAIT),
                spec=workload.volume_claim(server),
            ),
            ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        config_json = workload.config_json()
        config = ConfigMap(
            f"{name}-config",
            ConfigMapInitArgs(metadata=meta(f"stalwart-config-{digest(config_json)}"), data={"config.json": config_json}),
            child,
        )
        dkim = [
            Secret(
                f"{name}-{secret_name}",
                SecretInitArgs(metadata=meta(secret_name), data=_dkim_data(args, keys)),
                child,
            )
            for secret_name, keys in dkim_names.items()
        ]
        certificate = _certificate(name, server, meta(names.TLS_SECRET), child)
        internal = Service(
            f"{name}-internal",
            # Nothing answers yet: the pod needs the plan, and the plan's Job needs this Service.
            ServiceInitArgs(metadata=meta(names.INTERNAL_SERVICE, annotations=SKIP_AWAIT), spec=network.internal_service()),
            child,
        )
        policies = [
            NetworkPolicy(
                f"{name}-server-policy",
                NetworkPolicyInitArgs(metadata=meta("stalwart-server"), spec=network.server_policy(server)),
                child,
            ),
            NetworkPolicy(
                f"{name}-plan-policy",
                NetworkPolicyInitArgs(metadata=meta("stalwart-plan", names.PLAN), spec=network.plan_policy()),
                child,
            ),
        ]
        plan_files = ConfigMap(
            f"{name}-plan",
            ConfigMapInitArgs(metadata=meta(f"stalwart-plan-{plan_digest}", names.PLAN), data=plan_job.config_map_data(plan)),
            child,
        )
        StatefulSet(
            f"{name}-server",
            StatefulSetInitArgs(
                metadata=meta(names.APPLICATION),
                spec=workload.stateful_set(
                    server,
                    config_name=f"stalwart-config-{digest(config_json)}",
                    credentials_name=_credentials_name(server),
                    dkim_names=list(dkim_names),
                    plan_digest=plan_digest,
                ),
            ),
            ResourceOptions(
                parent=self,
                depends_on=[service_account, claim, config, *credentials, *dkim, *certificate],
                custom_timeouts=pulumi.CustomTimeouts(create=SERVER_TIMEOUT, update=SERVER_TIMEOUT),
            ),
        )
        # Not after the StatefulSet: its pod becomes ready only once this Job is done.
        applied = Job(
            f"{name}-apply-plan",
            JobInitArgs(
                metadata=meta(f"stalwart-plan-{plan_digest}", names.PLAN, RETRY_FAILED),
                spec=plan_job.job(
                    server,
                    config_map_name=f"stalwart-plan-{plan_digest}",
                    credentials_name=_credentials_name(server),
                ),
            ),
            ResourceOptions(
                parent=self,
                depends_on=[service_account, plan_files, internal, *policies, *credentials],
                custom_timeouts=pulumi.CustomTimeouts(create=PLAN_TIMEOUT, update=PLAN_TIMEOUT),
            ),
        )
        service = Service(
            f"{name}-mail",
            ServiceInitArgs(
                metadata=meta(names.MAIL_SERVICE, annotations={**server.exposure.annotations} or None),
                spec=network.mail_service(server),
            ),
            ResourceOptions(parent=self, depends_on=[applied]),
        )
        PodDisruptionBudget(
            f"{name}-budget",
            PodDisruptionBudgetInitArgs(metadata=meta(names.APPLICATION), spec=network.disruption_budget()),
            child,
        )

        is_primary = server.role == Role.PRIMARY
        host = Output.from_input(server.hostname)
        relay_port = listeners.SUBMISSION_PORT if is_primary else listeners.SMTP_PORT
        self.hostname = host
        # The URN is known in a preview and resolves only after the Job is done: a dependency that leaves the value known.
        self.exchange = Output.all(host, applied.urn).apply(lambda both: str(both[0]))
        self.addresses = _addresses(server, args, service)
        self.ports = Output.from_input({listener.name: listener.port for listener in listeners.public(server.role)})
        self.jmap_url = Output.from_input(f"https://{server.hostname}/.well-known/jmap" if is_primary else "")
        self.submission_url = Output.from_input(f"smtp://{server.hostname}:{listeners.SUBMISSION_PORT}" if is_primary else "")
        self.relay_endpoint = Output.format("{0}.{1}.svc:{2}", names.MAIL_SERVICE, self.namespace, relay_port)
        self.register_outputs(
            {
                "hostname": self.hostname,
                "exchange": self.exchange,
                "addresses": self.addresses,
                "ports": self.ports,
                "jmap_url": self.jmap_url,
                "submission_url": self.submission_url,
                "relay_endpoint": self.relay_endpoint,
                "namespace": self.namespace,
            }
        )


def _dkim_key_groups(server: Server) -> list[list[str]]:
    """The names of the keys a server signs with, divided over as many Secrets as their size needs; none on a backup."""
    if server.role == Role.BACKUP:
        return []
    keys = [selector.record_name(domain.name) for domain in server.mail_domains for selector in domain.dkim_selectors]
    return [keys[start : start + DKIM_KEYS_PER_SECRET] for start in range(0, len(keys), DKIM_KEYS_PER_SECRET)]


def _dkim_data(args: StalwartServerArgs, wanted: Sequence[str]) -> Output[dict[str, str]]:
    def encode(given: Mapping[str, Any]) -> dict[str, str]:
        missing = [key for key in wanted if key not in given]
        if missing:
            raise checks.ArgumentsError("StalwartServer", [f"dkim_private_keys: no key is given for {key}" for key in missing])
        return secret_data.encode({key: given[key] for key in wanted})

    return Output.secret(Output.from_input(args.get("dkim_private_keys", {})).apply(encode))


def _credentials_name(server: Server) -> str:
    return server.admin_secret_name or names.CREDENTIALS_SECRET


def _namespace(name: str, server: Server, args: StalwartServerArgs, parent: StalwartServer) -> Output[str]:
    given = Output.from_input(args.get("namespace", DEFAULT_NAMESPACE))
    if not server.create_namespace:
        return given
    # Host ports are outside every Pod Security level but the last.
    level = "privileged" if server.exposure.kind == ExposureKind.HOST_PORT else "restricted"
    namespace = Namespace(
        f"{name}-namespace",
        NamespaceInitArgs(
            metadata=ObjectMetaArgs(
                name=given,
                labels={
                    **labels.recommended(names.APPLICATION, "namespace"),
                    "pod-security.kubernetes.io/enforce": level,
                    "pod-security.kubernetes.io/warn": "restricted",
                },
            )
        ),
        # The volume claim lives in it: to delete it is to delete the mail.
        ResourceOptions(parent=parent, protect=True, retain_on_delete=True),
    )
    return namespace.metadata.apply(lambda metadata: str(metadata.name))


def _credentials(name: str, server: Server, namespace: Output[str], child: ResourceOptions) -> list[pulumi.Resource]:
    if server.admin_secret_name:
        return []
    passwords = {
        names.ADMIN_PASSWORD_KEY: RandomPassword(f"{name}-admin-password", length=PASSWORD_LENGTH, special=False, opts=child),
        names.METRICS_PASSWORD_KEY: RandomPassword(f"{name}-metrics-password", length=PASSWORD_LENGTH, special=False, opts=child),
    }
    secret = Secret(
        f"{name}-credentials",
        SecretInitArgs(
            metadata=ObjectMetaArgs(
                name=names.CREDENTIALS_SECRET,
                namespace=namespace,
                labels=labels.recommended(names.APPLICATION, names.SERVER),
            ),
            data=Output.secret(
                Output.all(**{key: password.result for key, password in passwords.items()}).apply(secret_data.encode)
            ),
        ),
        child,
    )
    return [secret]


def _certificate(name: str, server: Server, meta: ObjectMetaArgs, child: ResourceOptions) -> list[pulumi.Resource]:
    if not server.tls.issuer:
        return []
    spec = {
        "secretName": names.TLS_SECRET,
        "dnsNames": [server.hostname],
        "issuerRef": {"group": "cert-manager.io", "kind": server.tls.issuer_kind, "name": server.tls.issuer},
    }
    return [
        CustomResource(
            f"{name}-certificate",
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata=meta,
            spec=spec,
            opts=child,
        )
    ]


def _addresses(server: Server, args: StalwartServerArgs, service: Service) -> Output[Sequence[str]]:
    if "addresses" in args:
        return Output.from_input(args["addresses"]).apply(lambda given: [checks.ip_address(str(address)) for address in given])
    if server.exposure.addresses:
        return Output.from_input(list(server.exposure.addresses))
    return service.status.apply(_load_balancer_addresses)


def _load_balancer_addresses(status: ServiceStatus | None) -> Sequence[str]:
    points = (status.load_balancer.ingress if status and status.load_balancer else None) or []
    addresses = [point.ip for point in points if point.ip]
    if not addresses:
        raise checks.ArgumentsError(
            "StalwartServer",
            [
                "exposure.addresses: the load balancer gave no address, and a host name of its own cannot be an MX"
                " target; give its fixed addresses"
            ],
        )
    return addresses
