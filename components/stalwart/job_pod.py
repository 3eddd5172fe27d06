"""The pods of Jobs: one short command after another, each a container, without a shell, privileges or a writable disk."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

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

from .. import labels
from . import names
from .arguments import Server
from .listeners import MANAGEMENT_PORT

USER_ID = 65532  # `nonroot` of distroless images; any user will do
ADMIN_USER = "admin"
RETRY_FAILED = {"pulumi.com/replaceUnready": "true"}  # an annotation: a Job that failed is made anew by the next run
PLAN_DIRECTORY = "/plan"
PROGRAM_DIRECTORY = "/program"
PROGRAMS = Path(__file__).parent / "jobs"
MANAGEMENT_URL = f"http://{names.INTERNAL_SERVICE}:{MANAGEMENT_PORT}"


@dataclass(frozen=True)
class Step:
    """A command."""

    name: str
    image: str
    args: Sequence[str]
    command: Sequence[str] | None = None
    environment: Sequence[EnvVarArgs] = ()
    mounts: Sequence[VolumeMountArgs] = ()


@dataclass(frozen=True)
class Work:
    """What a Job does: its steps, one after another, and the volumes they mount."""

    component: str
    """The value of its pods' label app.kubernetes.io/component, by which network policies know them."""
    steps: Sequence[Step]
    volumes: Sequence[VolumeArgs] = field(default_factory=list[VolumeArgs])


def apply_step(server: Server, name: str, file: str, volume: str = "plan") -> Step:
    """Apply a plan file that is in the volume of this name."""
    mount = VolumeMountArgs(name=volume, mount_path=PLAN_DIRECTORY, read_only=True)
    return Step(name, server.cli_image, ["apply", "--file", f"{PLAN_DIRECTORY}/{file}"], mounts=[mount])


def program_step(server: Server, name: str, environment: Sequence[EnvVarArgs], mounts: Sequence[VolumeMountArgs]) -> Step:
    """Run a program of `jobs/`, which is in the volume `program`."""
    return Step(
        name,
        server.job_image,
        ["-m", f"jobs.{name}"],
        command=["python"],
        environment=[*environment, EnvVarArgs(name="PYTHONPATH", value=PROGRAM_DIRECTORY)],
        mounts=[*mounts, VolumeMountArgs(name="program", mount_path=f"{PROGRAM_DIRECTORY}/jobs", read_only=True)],
    )


def programs() -> dict[str, str]:
    """The programs of `jobs/`, as files of a ConfigMap."""
    return {path.name: path.read_text() for path in sorted(PROGRAMS.glob("*.py"))}


def config_map_volume(name: str, config_map: str) -> VolumeArgs:
    """A volume with the files of a ConfigMap."""
    return VolumeArgs(name=name, config_map=ConfigMapVolumeSourceArgs(name=config_map))


def secret_variable(variable: str, secret: str, key: str, is_optional: bool = False) -> EnvVarArgs:
    """An environment variable with a value of a Secret."""
    reference = SecretKeySelectorArgs(name=secret, key=key, optional=True if is_optional else None)
    return EnvVarArgs(name=variable, value_from=EnvVarSourceArgs(secret_key_ref=reference))


def template(work: Work, credentials_name: str, retried: bool = True) -> PodTemplateSpecArgs:
    """The pod.

    Args:
        work: what it does.
        credentials_name: the Secret with the admin's password.
        retried: whether a step that failed is tried again. If not, the pod stays, and its log with the reason.
    """
    *first, last = [_container(step, credentials_name) for step in work.steps]
    return PodTemplateSpecArgs(
        metadata=ObjectMetaArgs(labels=labels.recommended(names.APPLICATION, work.component)),
        spec=PodSpecArgs(
            service_account_name=names.APPLICATION,
            automount_service_account_token=False,
            enable_service_links=False,
            restart_policy="OnFailure" if retried else "Never",
            security_context=PodSecurityContextArgs(
                run_as_non_root=True,
                run_as_user=USER_ID,
                run_as_group=USER_ID,
                fs_group=USER_ID,
                seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
            ),
            init_containers=first,
            containers=[last],
            volumes=[*work.volumes, VolumeArgs(name="tmp", empty_dir=EmptyDirVolumeSourceArgs())],
        ),
    )


def unprivileged() -> SecurityContextArgs:
    """What a program's container may do: nothing but run, on a disk that it cannot write."""
    return SecurityContextArgs(
        allow_privilege_escalation=False, read_only_root_filesystem=True, capabilities=CapabilitiesArgs(drop=["ALL"])
    )


def _container(step: Step, credentials_name: str) -> ContainerArgs:
    return ContainerArgs(
        name=step.name,
        image=step.image,
        command=list(step.command) if step.command else None,
        args=list(step.args),
        env=[
            EnvVarArgs(name="STALWART_URL", value=MANAGEMENT_URL),
            EnvVarArgs(name="STALWART_USER", value=ADMIN_USER),
            secret_variable("STALWART_PASSWORD", credentials_name, names.ADMIN_PASSWORD_KEY),
            EnvVarArgs(name="HOME", value="/tmp"),
            *step.environment,
        ],
        security_context=unprivileged(),
        # A list of 100,000 recipients, read back from the server, takes some 150 MiB.
        resources=ResourceRequirementsArgs(requests={"cpu": "50m", "memory": "64Mi"}, limits={"memory": "512Mi"}),
        volume_mounts=[*step.mounts, VolumeMountArgs(name="tmp", mount_path="/tmp")],
    )
