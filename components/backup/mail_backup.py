"""`MailBackup`: scheduled backups of the mail platform to S3 with Velero, and the sight of another region's archive."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap, ConfigMapInitArgs, Namespace, NamespaceInitArgs, Secret, SecretInitArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_random import RandomPassword

from .. import labels, secret_data
from . import alerts, velero
from .arguments import DEFAULT_CHART_VERSION, DEFAULT_MAIL_NAMESPACE, Backup, LocationArgs, MailBackupArgs, credentials, resolve

PASSWORD_LENGTH = 40


class MailBackup(pulumi.ComponentResource):
    """Velero's locations, their keys, the schedules, and what they need; Velero itself when asked for.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    location_names: Output[Sequence[str]]
    """The names of the BackupStorageLocations."""
    schedule_names: Output[Sequence[str]]
    """The names of the Schedules."""
    repository_password: Output[str]
    """What volume data is encrypted with; a secret, and empty when Velero was there already and no password was given."""

    def __init__(self, name: str, args: MailBackupArgs, opts: ResourceOptions | None = None) -> None:
        """Register the backup's resources.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `MailBackupArgs`.
            opts: the usual options.
        """
        backup = resolve(args)
        super().__init__("stalwart-mail:index:MailBackup", name, _without_secrets(args), opts)

        mail_namespace = Output.from_input(args.get("mail_namespace", DEFAULT_MAIL_NAMESPACE))
        self.repository_password, velero_ready = _velero(name, backup, args, self)
        after_velero = ResourceOptions(parent=self, depends_on=velero_ready)
        policy = ConfigMap(
            f"{name}-volume-policy",
            ConfigMapInitArgs(metadata=_metadata(velero.POLICY_CONFIG_MAP, backup), data={"policy.yaml": velero.volume_policy()}),
            after_velero,
        )
        locations = {
            location.name: CustomResource(
                f"{name}-location-{location.name}",
                api_version=velero.API_VERSION,
                kind="BackupStorageLocation",
                metadata=_metadata(location.name, backup),
                spec=velero.storage_location(location),
                opts=ResourceOptions(
                    parent=self,
                    depends_on=[*velero_ready, *_credentials(name, location.secret_name, given, backup, after_velero)],
                ),
            )
            for location, given in zip(backup.locations, args["locations"], strict=True)
        }
        for schedule in backup.schedules:
            CustomResource(
                f"{name}-schedule-{schedule.name}",
                api_version=velero.API_VERSION,
                kind="Schedule",
                metadata=_metadata(schedule.name, backup),
                spec=velero.schedule(schedule, mail_namespace, backup.sentinel_mailbox),
                opts=ResourceOptions(parent=self, depends_on=[locations[schedule.location], policy]),
            )

        watched = backup.watched
        if watched:
            _ = CustomResource(
                f"{name}-alerts",
                api_version="monitoring.coreos.com/v1",
                kind="PrometheusRule",
                metadata=_metadata("mail-backup", backup),
                spec=mail_namespace.apply(lambda namespace: alerts.spec(replace(watched, mail_namespace=namespace))),
                opts=after_velero,
            )

        self.location_names = Output.from_input([location.name for location in backup.locations])
        self.schedule_names = Output.from_input([schedule.name for schedule in backup.schedules])
        self.register_outputs(
            {
                "location_names": self.location_names,
                "schedule_names": self.schedule_names,
                "repository_password": self.repository_password,
            }
        )


def _without_secrets(args: MailBackupArgs) -> dict[str, Any]:
    """The arguments as they may be recorded: they are shown in previews, and a caller may have given plain text."""
    inputs: dict[str, Any] = {key: value for key, value in args.items() if key not in ("repository_password", "locations")}
    keys = ("access_key_id", "secret_access_key")
    inputs["locations"] = [{k: v for k, v in location.items() if k not in keys} for location in args["locations"]]
    return inputs


def _metadata(name: str, backup: Backup) -> ObjectMetaArgs:
    return ObjectMetaArgs(name=name, namespace=backup.velero_namespace, labels=labels.recommended("mail-backup", "backup"))


def _secret_data(key: str, value: Output[str]) -> Output[dict[str, str]]:
    return Output.secret(value.apply(lambda plain: secret_data.encode({key: plain})))


def _velero(name: str, backup: Backup, args: MailBackupArgs, parent: MailBackup) -> tuple[Output[str], list[pulumi.Resource]]:
    """The repository password, and what must exist before Velero's objects can."""
    given = args.get("repository_password")
    if not backup.install_velero:
        return Output.secret(given or ""), []
    from pulumi_kubernetes.helm.v3 import Release, ReleaseArgs, RepositoryOptsArgs  # noqa: PLC0415  only where it is used

    kept = ResourceOptions(parent=parent, protect=True, retain_on_delete=True)
    if given is None:
        password = RandomPassword(f"{name}-repository-password", length=PASSWORD_LENGTH, special=False, opts=kept).result
    else:
        password = Output.from_input(given)
    namespace = Namespace(
        f"{name}-velero-namespace",
        NamespaceInitArgs(
            metadata=ObjectMetaArgs(
                name=backup.velero_namespace,
                labels={
                    **labels.recommended("velero", "namespace"),
                    # The node agent runs as root and mounts the kubelet's folders.
                    "pod-security.kubernetes.io/enforce": "privileged",
                },
            )
        ),
        kept,  # with it the repository password would go, and with that every backup
    )
    repository_secret = Secret(
        f"{name}-repository-credentials",
        SecretInitArgs(
            metadata=_metadata(velero.REPOSITORY_SECRET, backup), data=_secret_data(velero.REPOSITORY_PASSWORD_KEY, password)
        ),
        ResourceOptions(parent=parent, depends_on=[namespace], protect=True, retain_on_delete=True),
    )
    release = Release(
        f"{name}-velero",
        ReleaseArgs(
            name=velero.CHART,
            chart=velero.CHART,
            version=DEFAULT_CHART_VERSION,
            namespace=backup.velero_namespace,
            repository_opts=RepositoryOptsArgs(repo=velero.CHART_REPOSITORY),
            values=velero.chart_values(backup),
        ),
        # Before Velero starts, or it makes the Secret itself with the password everybody knows.
        ResourceOptions(parent=parent, depends_on=[repository_secret]),
    )
    return Output.secret(password), [namespace, release]


def _credentials(
    name: str, secret_name: str | None, given: LocationArgs, backup: Backup, options: ResourceOptions
) -> list[pulumi.Resource]:
    if secret_name is None:
        return []
    keys = Output.all(aws_access_key_id=given.get("access_key_id"), aws_secret_access_key=given.get("secret_access_key")).apply(
        credentials
    )
    data = _secret_data(velero.CREDENTIALS_KEY, keys)
    return [Secret(f"{name}-{secret_name}", SecretInitArgs(metadata=_metadata(secret_name, backup), data=data), options)]
