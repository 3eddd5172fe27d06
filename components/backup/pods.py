"""The pods of the Jobs that restore and drill: a program of `jobs/`, with rights in the cluster and none on its node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pulumi import Input
from pulumi_kubernetes.core.v1 import (
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from .. import labels
from ..stalwart import job_pod
from ..stalwart.operations import digest

APPLICATION = "mail-backup"  # the value of app.kubernetes.io/name
METRICS_PORT = "metrics"  # a port's name
PROGRAM_DIRECTORY = "/program"
PROGRAMS = Path(__file__).parent / "jobs"


def programs() -> dict[str, str]:
    """The programs as files of a ConfigMap: those of this folder, and the server's client, which they use."""
    client = job_pod.PROGRAMS / "jmap.py"
    return {path.name: path.read_text() for path in (*sorted(PROGRAMS.glob("*.py")), client)}


def programs_name(prefix: str, files: Mapping[str, str]) -> str:
    """The name of the ConfigMap with the programs: other programs are another one."""
    return f"{prefix}-programs-{digest(''.join(files.values()))}"


@dataclass(frozen=True)
class Program:
    """A program of `jobs/`, and what it is given."""

    name: str
    """The module's name."""
    image: str
    """An image with Python."""
    environment: Mapping[str, Input[str]]
    component: str
    """The value of its pods' label app.kubernetes.io/component."""
    application: str = APPLICATION
    """The value of app.kubernetes.io/name."""
    secrets: Sequence[EnvVarArgs] = ()
    """Variables with values of Secrets."""


def job_name(prefix: str, program: Program, config_map: str) -> str:
    """The name of a Job: another image, program or environment is another Job."""
    return f"{prefix}-{digest(repr(sorted(program.environment.items())) + program.image + config_map)}"


def template(
    program: Program,
    config_map: str,
    account: str | None = None,
    volumes: Mapping[str, VolumeArgs] | None = None,
    metrics_port: int | None = None,
) -> PodTemplateSpecArgs:
    """A pod that runs one program: once, or for ever when it serves metrics.

    Args:
        program: what runs.
        config_map: the ConfigMap with `programs()`.
        account: its service account; None where it has no rights.
        volumes: more volumes, by where they are mounted, read-only.
        metrics_port: where it serves metrics.
    """
    mounted = {f"{PROGRAM_DIRECTORY}/jobs": VolumeArgs(name="program", config_map=ConfigMapVolumeSourceArgs(name=config_map))}
    mounted |= volumes or {}
    return PodTemplateSpecArgs(
        metadata=ObjectMetaArgs(labels=labels.recommended(program.application, program.component)),
        spec=PodSpecArgs(
            service_account_name=account,
            automount_service_account_token=account is not None,
            enable_service_links=False,
            # A pod that failed stays, and its log with the reason.
            restart_policy="Always" if metrics_port else "Never",
            security_context=PodSecurityContextArgs(
                run_as_non_root=True,
                run_as_user=job_pod.USER_ID,
                run_as_group=job_pod.USER_ID,
                seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
            ),
            containers=[
                ContainerArgs(
                    name=program.name,
                    image=program.image,
                    command=["python"],
                    args=["-m", f"jobs.{program.name}"],
                    env=[
                        *(EnvVarArgs(name=name, value=value) for name, value in program.environment.items()),
                        *program.secrets,
                        EnvVarArgs(name="PYTHONPATH", value=PROGRAM_DIRECTORY),
                        EnvVarArgs(name="PYTHONDONTWRITEBYTECODE", value="1"),
                    ],
                    security_context=job_pod.unprivileged(),
                    resources=ResourceRequirementsArgs(requests={"cpu": "20m", "memory": "64Mi"}, limits={"memory": "256Mi"}),
                    ports=[ContainerPortArgs(name=METRICS_PORT, container_port=metrics_port)] if metrics_port else None,
                    liveness_probe=_answers() if metrics_port else None,
                    volume_mounts=[
                        VolumeMountArgs(name=volume.name, mount_path=path, read_only=True) for path, volume in mounted.items()
                    ],
                )
            ],
            volumes=list(mounted.values()),
        ),
    )


def _answers() -> ProbeArgs:
    # Whoever scrapes it asks once a minute too; only a process that hangs as a whole does not answer for five.
    scrape = HTTPGetActionArgs(path="/metrics", port=METRICS_PORT)
    return ProbeArgs(http_get=scrape, period_seconds=60, timeout_seconds=10, failure_threshold=5)
