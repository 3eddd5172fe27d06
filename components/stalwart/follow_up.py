"""What a server is told once it runs: first passwords, the directory, and on a backup a given list of recipients.

The passwords and the recipients cannot be in the plan: it is no secret, and it must fit a ConfigMap.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi_kubernetes.batch.v1 import CronJobSpecArgs, JobSpecArgs, JobTemplateSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMapProjectionArgs,
    EnvVarArgs,
    KeyToPathArgs,
    ProjectedVolumeSourceArgs,
    SecretProjectionArgs,
    VolumeArgs,
    VolumeMountArgs,
    VolumeProjectionArgs,
)

from . import job_pod, names
from .arguments import EXPORTER, RECIPIENT_READER, Role, Server
from .job_pod import Step, Work
from .operations import Create, Plan, digest, to_ndjson
from .options.recipients import RecipientSource
from .plans.mailboxes import acme_operations, directory_operations
from .registry.system import ReloadTlsCertificates

RETRIES = 12
DIRECTORY_FILE = "directory.ndjson"
ACME_FILE = "acme.ndjson"
RELOAD_TLS_FILE = "reload-tls.ndjson"
RELOAD_TLS_CRON = "23 3 * * *"  # cert-manager renews weeks before the end, so once a day is early enough
PASSWORDS_DIRECTORY = "/passwords"
RECIPIENTS_DIRECTORY = "/recipients"
SYNC_DEADLINE_S = 240
LIST_BYTES = 900_000  # of the 1 MiB that a ConfigMap holds


@dataclass(frozen=True)
class Primary:
    """Where recipients are read from, and by whom."""

    url: str
    username: str


def reader_address(server: Server) -> str:
    """The account on the primary that reads recipients for the backup."""
    return f"{RECIPIENT_READER}@{server.own_domain}"


def exporter_address(server: Server) -> str:
    """The account that reads the queue for the exporter."""
    return f"{EXPORTER}@{server.own_domain}"


def files(server: Server) -> dict[str, str]:
    """The plans that are applied to a running server, by file name."""
    plans: dict[str, Plan] = {RELOAD_TLS_FILE: (Create({"reload": ReloadTlsCertificates()}),)}
    if server.role == Role.PRIMARY:
        plans[DIRECTORY_FILE] = directory_operations(server)
    if server.tls.acme:
        plans[ACME_FILE] = acme_operations(server)
    return {name: to_ndjson(plan) for name, plan in plans.items()}


def work(server: Server, files_name: str, programs_name: str) -> Work | None:
    """What the Job after the start does; None when there is nothing to do.

    Args:
        server: the checked arguments.
        files_name: the ConfigMap with `files`.
        programs_name: the ConfigMap with the programs.
    """
    steps: list[Step] = []
    volumes = [job_pod.config_map_volume("program", programs_name), job_pod.config_map_volume("plan", files_name)]
    passwords = _password_sources(server)
    if passwords:
        environment = [EnvVarArgs(name="PASSWORDS_FOLDER", value=PASSWORDS_DIRECTORY)]
        mount = VolumeMountArgs(name="passwords", mount_path=PASSWORDS_DIRECTORY, read_only=True)
        steps.append(job_pod.program_step(server, "passwords", environment, [mount]))
        volumes.append(VolumeArgs(name="passwords", projected=ProjectedVolumeSourceArgs(sources=passwords)))
    if server.role == Role.PRIMARY:
        steps.append(job_pod.apply_step(server, "directory", DIRECTORY_FILE))
    if server.tls.acme:
        steps.append(job_pod.apply_step(server, "acme", ACME_FILE))
    return Work(names.FOLLOW_UP, steps, volumes) if steps else None


def _password_sources(server: Server) -> list[VolumeProjectionArgs]:
    def source(secret: str, key: str, path: str) -> VolumeProjectionArgs:
        return VolumeProjectionArgs(secret=SecretProjectionArgs(name=secret, items=[KeyToPathArgs(key=key, path=path)]))

    given = [(account.address.lower(), account.password) for account in server.accounts if account.password]
    sources = [source(password.name, password.key, f"initial/{address}") for address, password in given]
    if server.has_recipient_reader:
        # A machine's password: whoever changes it by hand would stop the backup's synchronization.
        sources.append(source(names.READER_SECRET, names.READER_PASSWORD_KEY, f"kept/{reader_address(server)}"))
    if server.has_exporter_account:
        sources.append(source(names.EXPORTER_SECRET, names.EXPORTER_PASSWORD_KEY, f"kept/{exporter_address(server)}"))
    return sources


def recipient_files(server: Server) -> list[str]:
    """A given list of recipients, one a line, in as many texts as ConfigMaps are needed to hold it."""
    texts: list[str] = []
    lines: list[str] = []
    size = 0
    for address in server.recipients.addresses:
        length = len(address) + 1
        if size + length > LIST_BYTES:
            texts.append("".join(lines))
            lines, size = [], 0
        lines.append(f"{address}\n")
        size += length
    return [*texts, "".join(lines)] if lines else texts


def recipients_work(server: Server, programs_name: str, list_names: Sequence[str], primary: Primary | None) -> Work:
    """What writes the recipients of a backup.

    Args:
        server: the checked arguments of a backup.
        programs_name: the ConfigMap with the programs.
        list_names: the ConfigMaps with a given list.
        primary: where they are read from, when they are not given.
    """
    environment = [EnvVarArgs(name="DOMAINS", value=json.dumps(_relayed_domains(server), separators=(",", ":")))]
    volumes = [job_pod.config_map_volume("program", programs_name)]
    mounts: list[VolumeMountArgs] = []
    if primary:
        environment += [
            EnvVarArgs(name="PRIMARY_URL", value=primary.url),
            EnvVarArgs(name="PRIMARY_USER", value=primary.username),
            job_pod.secret_variable("PRIMARY_PASSWORD", names.READER_SECRET, names.READER_PASSWORD_KEY),
        ]
    else:
        sources = [VolumeProjectionArgs(config_map=ConfigMapProjectionArgs(name=name)) for name in list_names]
        environment.append(EnvVarArgs(name="RECIPIENTS_FOLDER", value=RECIPIENTS_DIRECTORY))
        mounts.append(VolumeMountArgs(name="recipients", mount_path=RECIPIENTS_DIRECTORY, read_only=True))
        volumes.append(VolumeArgs(name="recipients", projected=ProjectedVolumeSourceArgs(sources=sources)))
    return Work(names.RECIPIENTS, [job_pod.program_step(server, "recipients", environment, mounts)], volumes)


def _relayed_domains(server: Server) -> list[Mapping[str, object]]:
    return [
        {
            "name": domain.name,
            "aliases": list(domain.aliases),
            "subAddressing": domain.sub_addressing,
            "catchAll": domain.catch_all is not None,
        }
        for domain in server.mail_domains
    ]


def syncs_recipients(server: Server) -> bool:
    """Whether a backup reads its recipients from the primary."""
    return server.role == Role.BACKUP and server.recipients.source == RecipientSource.PRIMARY


def reload_tls_work(server: Server, files_name: str) -> Work:
    """Reads the certificate files again, which cert-manager or you may have renewed."""
    step = job_pod.apply_step(server, "reload-tls", RELOAD_TLS_FILE)
    return Work(names.FOLLOW_UP, [step], [job_pod.config_map_volume("plan", files_name)])


def job(found: Work, credentials_name: str) -> JobSpecArgs:
    """A Job that does it once."""
    return JobSpecArgs(backoff_limit=RETRIES, template=job_pod.template(found, credentials_name))


def cron_job(found: Work, credentials_name: str, cron: str, deadline_s: int | None = None) -> CronJobSpecArgs:
    """A CronJob that does it again and again, never twice at once. The last failures stay for whoever looks."""
    return CronJobSpecArgs(
        schedule=cron,
        concurrency_policy="Forbid",
        starting_deadline_seconds=120,
        successful_jobs_history_limit=1,
        failed_jobs_history_limit=3,
        job_template=JobTemplateSpecArgs(
            spec=JobSpecArgs(
                backoff_limit=0,
                active_deadline_seconds=deadline_s,
                template=job_pod.template(found, credentials_name, retried=False),
            )
        ),
    )


def work_digest(found: Work, *texts: str) -> str:
    """A short name for this work: another list or another program is another Job.

    Args:
        found: the work.
        texts: the contents of what it mounts.
    """
    return digest("\0".join([*(f"{step.image} {step.args}" for step in found.steps), *texts]))
