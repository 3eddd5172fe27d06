"""The Job that applies the server plan with stalwart-cli, and the ConfigMap it reads.

The CLI's image has no shell, so each step is a container with one command: first the whole plan, then the mark that tells
the server's pod that the whole plan is in. Both are named after the plan, so another plan is another Job.
"""

from pulumi_kubernetes.batch.v1 import JobSpecArgs
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecretKeySelectorArgs,
    SecurityContextArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from .. import checks, labels
from . import names
from .arguments import Server
from .listeners import MANAGEMENT_PORT
from .operations import Plan, Reconcile, digest, to_ndjson
from .plan import server_plan
from .workload import ADMIN_USER

USER_ID = 65532  # `nonroot` of the distroless base image
PLAN_DIRECTORY = "/plan"
PLAN_FILE = "plan.ndjson"
MARK_FILE = "applied.ndjson"
RETRIES = 30  # the server may still be pulling its image
# https://kubernetes.io/docs/concepts/configuration/configmap: 1 MiB for the whole object
CONFIG_MAP_LIMIT_BYTES = 1_048_576
CONFIG_MAP_MARGIN_BYTES = 4_096


def plan_text(server: Server) -> str:
    """The server's plan as NDJSON.

    Raises:
        ArgumentsError: it is above what one ConfigMap holds.
    """
    text = to_ndjson(server_plan(server))
    limit = CONFIG_MAP_LIMIT_BYTES - CONFIG_MAP_MARGIN_BYTES
    if len(text) > limit:
        count = f"{len(server.mail_domains)} domains and {len(server.recipients or ())} recipients"
        problem = f"domains: the plan for {count} takes {len(text)} bytes, and a ConfigMap holds {limit}; divide the domains"
        raise checks.ArgumentsError("StalwartServer", [problem])
    return text


def mark(plan_digest: str) -> Plan:
    """The one operation that says which plan was applied in full."""
    value = {"applied": {"namespace": names.MARK_NAMESPACE, "key": plan_digest, "isGlobPattern": False}}
    return (Reconcile("MemoryLookupKey", ("namespace", "key"), value, scope={"namespace": names.MARK_NAMESPACE}),)


def config_map_data(text: str) -> dict[str, str]:
    """The files of the plan's ConfigMap."""
    return {PLAN_FILE: text, MARK_FILE: to_ndjson(mark(digest(text)))}


def job(server: Server, config_map_name: str, credentials_name: str) -> JobSpecArgs:
    """The Job.

    Args:
        server: the checked arguments.
        config_map_name: the ConfigMap with the plan's files.
        credentials_name: the Secret with the admin's password.
    """

    def step(name: str, file: str) -> ContainerArgs:
        return ContainerArgs(
            name=name,
            image=server.cli_image,
            args=["apply", "--file", f"{PLAN_DIRECTORY}/{file}"],
            env=[
                EnvVarArgs(name="STALWART_URL", value=f"http://{names.INTERNAL_SERVICE}:{MANAGEMENT_PORT}"),
                EnvVarArgs(name="STALWART_USER", value=ADMIN_USER),
                EnvVarArgs(
                    name="STALWART_PASSWORD",
                    value_from=EnvVarSourceArgs(
                        secret_key_ref=SecretKeySelectorArgs(name=credentials_name, key=names.ADMIN_PASSWORD_KEY)
                    ),
                ),
                EnvVarArgs(name="HOME", value="/tmp"),
            ],
            security_context=SecurityContextArgs(
                allow_privilege_escalation=False,
                read_only_root_filesystem=True,
                capabilities=CapabilitiesArgs(drop=["ALL"]),
            ),
            resources=ResourceRequirementsArgs(requests={"cpu": "50m", "memory": "64Mi"}, limits={"memory": "256Mi"}),
            volume_mounts=[
                VolumeMountArgs(name="plan", mount_path=PLAN_DIRECTORY, read_only=True),
                VolumeMountArgs(name="tmp", mount_path="/tmp"),
            ],
        )

    return JobSpecArgs(
        backoff_limit=RETRIES,
        template=PodTemplateSpecArgs(
            metadata=ObjectMetaArgs(labels=labels.recommended(names.APPLICATION, names.PLAN)),
            spec=PodSpecArgs(
                service_account_name=names.APPLICATION,
                automount_service_account_token=False,
                enable_service_links=False,
                restart_policy="OnFailure",
                security_context=PodSecurityContextArgs(
                    run_as_non_root=True,
                    run_as_user=USER_ID,
                    run_as_group=USER_ID,
                    seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
                ),
                init_containers=[step("apply", PLAN_FILE)],
                containers=[step("mark", MARK_FILE)],
                volumes=[
                    VolumeArgs(name="plan", config_map=ConfigMapVolumeSourceArgs(name=config_map_name)),
                    VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs()),
                ],
            ),
        ),
    )
