"""The pod that runs the server: its configuration file, its volume and its StatefulSet, as typed Kubernetes arguments.

The pod holds the server back until its plan has been applied. An init container runs the server in recovery mode, in
which it takes no mail and answers management requests only (https://stalw.art/docs/configuration/declarative-deployments);
the plan's Job finds it there. So no port 25 is ever open on a server that knows no domains yet, whatever exposes it, and
settings that need a restart (a new listener) are in force from the first start.
"""

import json

from pulumi_kubernetes.apps.v1 import StatefulSetSpecArgs
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    ExecActionArgs,
    HTTPGetActionArgs,
    KeyToPathArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    ObjectFieldSelectorArgs,
    PersistentVolumeClaimSpecArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ProjectedVolumeSourceArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecretProjectionArgs,
    SecretVolumeSourceArgs,
    SecurityContextArgs,
    VolumeArgs,
    VolumeMountArgs,
    VolumeProjectionArgs,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from .. import labels
from ..model import SecretKey
from . import listeners, names, network, paths, scaling
from .arguments import Role, Server
from .certificates import certificates
from .job_pod import ADMIN_USER, secret_variable
from .listeners import MANAGEMENT_PORT
from .options.delivery import ExposureKind

USER_ID = 2000  # the user `stalwart` of the server image
CONFIG_FILE = f"{paths.CONFIG_DIRECTORY}/config.json"

START_PERIOD_S = 5
START_ATTEMPTS = 36  # three minutes: where egress is blocked the server waits a minute for its web interface before it listens
# No mail comes in or goes out: only the management port listens (https://stalw.art/docs/configuration/recovery-mode).
RECOVERY_MODE = EnvVarArgs(name="STALWART_RECOVERY_MODE", value="1")
DRAIN_S = 10  # for load balancers to notice that the pod is going
STOP_S = 40

# Pods that share stores start one after another. Two that start at once on an empty database each add the defaults of the server,
# and one of them is left without listeners (seen). A server that finds no coordinator runs without one until its next start
# (seen too). Both waits end: one pod or a coordinator that is gone for long must not keep the others down.
AWAIT_OTHERS = """\
set -eu
await() {
  for _ in $(seq 60); do
    if timeout 3 bash -c ": < /dev/tcp/$1/$2" 2> /dev/null; then return; fi
    echo "waiting for $1 port $2"
    sleep 5 &
    wait $!
  done
}
trap 'exit 143' TERM
for address in $COORDINATORS; do await "${address%:*}" "${address##*:}"; done
number="${HOSTNAME##*-}"
if [ "$number" -gt 0 ]; then await "${HOSTNAME%-*}-$((number - 1)).$SERVICE" 25; fi
"""

# Asks the server whether the plan in $PLAN is the last one applied in full. The password stays off the command line.
AWAIT_PLAN = """\
set -eu
stalwart --config "$CONFIG" &
server=$!
trap 'kill "$server"; wait "$server"; exit 143' TERM
applied() {
  printf 'user = "%s"' "$(printf %s "$STALWART_RECOVERY_ADMIN" | sed 's/[\\"]/\\\\&/g')" |
    curl --silent --fail --config - --header 'Content-Type: application/json' --data "$QUERY" http://127.0.0.1:8080/jmap |
    grep --quiet '"key":"'"$PLAN"'"'
}
until applied; do
  kill -0 "$server"
  echo "waiting for the Job that applies plan $PLAN"
  sleep 2 &
  wait $!
done
kill "$server"
wait "$server" || true
echo "plan $PLAN is applied"
"""


def applied_query() -> str:
    """The JMAP request that reads the mark which the Job leaves after a whole plan. Only `namespace` can be filtered by."""
    find = {"filter": {"namespace": names.MARK_NAMESPACE}}
    read = {"#ids": {"resultOf": "q", "name": "x:MemoryLookupKey/query", "path": "/ids"}}
    request = {
        "using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"],
        "methodCalls": [["x:MemoryLookupKey/query", find, "q"], ["x:MemoryLookupKey/get", read, "g"]],
    }
    return json.dumps(request, separators=(",", ":"))


def volume_claim(server: Server) -> PersistentVolumeClaimSpecArgs:
    """The volume of the data store: one writer, so one node at a time."""
    return PersistentVolumeClaimSpecArgs(
        access_modes=["ReadWriteOnce"],
        storage_class_name=server.storage.storage_class,
        resources=VolumeResourceRequirementsArgs(requests={"storage": server.storage.size}),
    )


def stateful_set(
    server: Server, config_name: str, credentials_name: str, dkim_names: list[str], plan_digest: str
) -> StatefulSetSpecArgs:
    """The server's StatefulSet.

    Args:
        server: the checked arguments.
        config_name: the ConfigMap with `config.json`.
        credentials_name: the Secret with the admin's and the metrics reader's password.
        dkim_names: the Secrets with the DKIM keys; none on a backup.
        plan_digest: which plan the server must have before it starts.
    """
    return StatefulSetSpecArgs(
        service_name=names.INTERNAL_SERVICE,
        replicas=server.pods,
        # In order, a pod that waits for a plan that failed would never be replaced by one that waits for its correction.
        pod_management_policy="Parallel",
        selector=LabelSelectorArgs(match_labels=labels.selector(names.APPLICATION, names.SERVER)),
        template=PodTemplateSpecArgs(
            metadata=ObjectMetaArgs(
                labels=labels.recommended(names.APPLICATION, names.SERVER), annotations={names.PLAN_ANNOTATION: plan_digest}
            ),
            spec=_pod(server, config_name, credentials_name, dkim_names),
        ),
    )


def _pod(server: Server, config_name: str, credentials_name: str, dkim_names: list[str]) -> PodSpecArgs:
    environment = _environment(server, credentials_name)
    mounts, volumes = _mounts(server, config_name, dkim_names)
    return PodSpecArgs(
        service_account_name=names.APPLICATION,
        automount_service_account_token=False,
        enable_service_links=False,
        termination_grace_period_seconds=STOP_S,
        affinity=scaling.apart() if server.is_distributed else None,
        security_context=PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=USER_ID,
            run_as_group=USER_ID,
            fs_group=USER_ID,
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
        ),
        init_containers=[
            ContainerArgs(
                name="await-plan",
                image=server.server_image,
                command=["/bin/sh", "-c", AWAIT_OTHERS + AWAIT_PLAN if server.is_distributed else AWAIT_PLAN],
                env=[
                    *environment,
                    RECOVERY_MODE,
                    EnvVarArgs(name="CONFIG", value=CONFIG_FILE),
                    EnvVarArgs(
                        name="PLAN",
                        value_from=EnvVarSourceArgs(
                            field_ref=ObjectFieldSelectorArgs(field_path=f"metadata.annotations['{names.PLAN_ANNOTATION}']")
                        ),
                    ),
                    EnvVarArgs(name="QUERY", value=applied_query()),
                    *_others(server),
                ],
                security_context=_server_security(),
                resources=_server_resources(),
                volume_mounts=mounts,
            )
        ],
        containers=[
            ContainerArgs(
                name=names.CONTAINER,
                image=server.server_image,
                args=["--config", CONFIG_FILE],
                env=[*environment, RECOVERY_MODE] if server.fenced else environment,
                ports=[_port(server, listener) for listener in listeners.of(server)],
                startup_probe=_probe("/healthz/live", period=START_PERIOD_S, failures=START_ATTEMPTS),
                readiness_probe=_probe("/healthz/ready", period=10, failures=3),
                liveness_probe=_probe("/healthz/live", period=20, failures=6),
                lifecycle=LifecycleArgs(pre_stop=LifecycleHandlerArgs(exec_=ExecActionArgs(command=["sleep", str(DRAIN_S)]))),
                security_context=_server_security(),
                resources=_server_resources(),
                volume_mounts=mounts,
            )
        ],
        volumes=volumes,
    )


def _environment(server: Server, credentials_name: str) -> list[EnvVarArgs]:
    environment = [
        secret_variable("ADMIN_PASSWORD", credentials_name, names.ADMIN_PASSWORD_KEY),
        # Kubernetes puts in the password: the server wants user and secret in one variable.
        EnvVarArgs(name="STALWART_RECOVERY_ADMIN", value=f"{ADMIN_USER}:$(ADMIN_PASSWORD)"),
        secret_variable(paths.METRICS_PASSWORD, credentials_name, names.METRICS_PASSWORD_KEY),
    ]
    environment += [
        secret_variable(variable, secret.name, secret.key) for variable, secret in paths.given_secrets(server).items()
    ]
    if server.is_distributed and server.storage.database is None:
        environment.append(secret_variable(paths.DATABASE_PASSWORD, f"{names.DATABASE}-app", "password"))
    if server.storage.blobs and server.storage.blobs.keys_secret:
        keys = server.storage.blobs.keys_secret
        environment.append(secret_variable(paths.BLOBS_ACCESS_KEY, keys, names.BLOBS_ACCESS_KEY_ID))
        environment.append(secret_variable(paths.BLOBS_SECRET_KEY, keys, names.BLOBS_SECRET_ACCESS_KEY))
    if _database_ca(server):
        # Both: the database's own authority, and the public ones for everybody else.
        environment.append(EnvVarArgs(name="SSL_CERT_FILE", value=f"{paths.DATABASE_CA_DIRECTORY}/ca.crt"))
        environment.append(EnvVarArgs(name="SSL_CERT_DIR", value="/etc/ssl/certs"))
    if server.role == Role.PRIMARY:
        environment.append(EnvVarArgs(name="STALWART_PUBLIC_URL", value=f"https://{server.hostname}"))
    return environment


def _others(server: Server) -> list[EnvVarArgs]:
    if not server.is_distributed:
        return []
    return [
        EnvVarArgs(name="COORDINATORS", value=" ".join(network.coordinators(server))),
        EnvVarArgs(name="SERVICE", value=names.INTERNAL_SERVICE),
    ]


def _database_ca(server: Server) -> SecretKey | None:
    """The authority that signed the database's certificate, when it is no public one."""
    if not server.is_distributed:
        return None
    database = server.storage.database
    return database.ca if database else SecretKey.model_validate({"name": f"{names.DATABASE}-ca", "key": "ca.crt"})


def _mounts(server: Server, config_name: str, dkim_names: list[str]) -> tuple[list[VolumeMountArgs], list[VolumeArgs]]:
    claim = PersistentVolumeClaimVolumeSourceArgs(claim_name=names.VOLUME_CLAIM)
    found: list[tuple[str, VolumeArgs]] = [
        (
            paths.DATA_DIRECTORY,
            VolumeArgs(name="data", empty_dir=EmptyDirVolumeSourceArgs())
            if server.is_distributed
            else VolumeArgs(name="data", persistent_volume_claim=claim),
        ),
        (paths.CONFIG_DIRECTORY, VolumeArgs(name="config", config_map=ConfigMapVolumeSourceArgs(name=config_name))),
        ("/tmp", VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs())),
    ]
    if dkim_names:
        sources = [VolumeProjectionArgs(secret=SecretProjectionArgs(name=name)) for name in dkim_names]
        found.append((paths.DKIM_DIRECTORY, VolumeArgs(name="dkim", projected=ProjectedVolumeSourceArgs(sources=sources))))
    # Folders, not subPaths: only in a folder does a renewed certificate appear.
    found += [
        (
            paths.tls_directory(number),
            VolumeArgs(name=f"tls-{number}", secret=SecretVolumeSourceArgs(secret_name=certificate.secret_name)),
        )
        for number, certificate in enumerate(certificates(server))
    ]
    ca = _database_ca(server)
    if ca:
        items = [KeyToPathArgs(key=ca.key, path="ca.crt")]
        secret = SecretVolumeSourceArgs(secret_name=ca.name, items=items)
        found.append((paths.DATABASE_CA_DIRECTORY, VolumeArgs(name="database-ca", secret=secret)))
    writable = ("data", "tmp")
    mounts = [
        VolumeMountArgs(name=volume.name, mount_path=path, read_only=None if volume.name in writable else True)
        for path, volume in found
    ]
    return mounts, [volume for _path, volume in found]


def _port(server: Server, listener: listeners.Listener) -> ContainerPortArgs:
    on_node = server.exposure.kind == ExposureKind.HOST_PORT and listener.public
    return ContainerPortArgs(
        name=listener.name, container_port=listener.port, host_port=listener.port if on_node else None, protocol="TCP"
    )


def _probe(path: str, period: int, failures: int) -> ProbeArgs:
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port=MANAGEMENT_PORT),
        period_seconds=period,
        timeout_seconds=3,
        failure_threshold=failures,
    )


def _server_security() -> SecurityContextArgs:
    return SecurityContextArgs(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        # The server binary carries this file capability and cannot be executed without it, whatever ports it binds.
        capabilities=CapabilitiesArgs(drop=["ALL"], add=["NET_BIND_SERVICE"]),
    )


def _server_resources() -> ResourceRequirementsArgs:
    # RocksDB's default buffer and cache are 256 MiB together; upstream asks for 1 CPU and 1 GB for a small server.
    return ResourceRequirementsArgs(requests={"cpu": "250m", "memory": "512Mi"}, limits={"memory": "2Gi"})
