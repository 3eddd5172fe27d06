"""`MailRestore`: a namespace with the mailboxes of a backup in it, for a `StalwartServer` that is `restored`."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.batch.v1 import Job, JobInitArgs, JobSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapInitArgs,
    Namespace,
    NamespaceInitArgs,
    ServiceAccount,
    ServiceAccountInitArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from .. import checks, labels
from ..stalwart import job_pod
from ..stalwart import names as server_names
from ..stalwart.arguments import DEFAULT_JOB_IMAGE
from . import pods
from .arguments import DEFAULT_VELERO_NAMESPACE, MAX_TARGET_LENGTH
from .jobs import restore
from .rights import Account, Right, grant

RESTORE = "restore"  # the component of its pods, and the name of its account
# Uploads of a large store take hours, and so do downloads.
JOB_TIMEOUT = "25h"

TARGET_RIGHTS = (
    Right("", ["persistentvolumeclaims"], ["get"], [server_names.VOLUME_CLAIM]),
    Right("", ["configmaps"], ["get"], [restore.MARK]),
    Right("", ["pods"], ["delete"], [restore.CONSUMER]),
    Right("", ["configmaps", "pods"], ["create"]),
)


def velero_rights(target: str) -> tuple[Right, ...]:
    """What driving Velero needs in its namespace, for a restore to a namespace."""
    own = restore.restore_name(target)
    return (
        Right("velero.io", ["backups"], ["get", "list"]),
        Right("velero.io", ["backupstoragelocations"], ["get"]),
        Right("velero.io", ["restores"], ["get", "delete"], [own]),
        Right("velero.io", ["restores"], ["create"]),
        Right("", ["configmaps"], ["patch"], [own]),
        Right("", ["configmaps"], ["create"]),
    )


class MailRestoreArgs(TypedDict):
    """Arguments of `MailRestore`."""

    namespace: str
    """Where the mailboxes are restored to. It holds no mail yet; it is made. A new one for every restore."""
    source_namespace: str
    """The namespace that was backed up."""
    location: str
    """The BackupStorageLocation with the backups; read-only will do."""
    backup_name: NotRequired[str]
    """Which backup. Default: the newest completed one."""
    volume: NotRequired[bool]
    """Whether a volume comes back. Default true; false where the mail is in a database, which brings itself back."""
    storage_class: NotRequired[str]
    """Of the restored volume. Default: that of the backed up one."""
    velero_namespace: NotRequired[str]
    """Where Velero is. Default `velero`."""
    job_image: NotRequired[str]
    """An image with Python 3.11 or newer as `python`, exact tag."""
    pod_security: NotRequired[str]
    """The level of Pod Security that the namespace enforces. Default `restricted`; host ports need `privileged`."""
    fenced: NotRequired[bool]
    """As of the server that the mailboxes are for: while true, the namespace is not protected. It is always kept."""


class MailRestore(pulumi.ComponentResource):
    """A restored namespace: the volume of the mailboxes and the Secrets that people made, as they were at the backup.

    A Job drives Velero, and can be stopped and run again at any point. Velero and the location must be there. An `up` that was
    killed leaves objects that Pulumi does not know of; the next one takes them over with PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    namespace: Output[str]
    """The namespace; resolves when everything is restored."""

    def __init__(self, name: str, args: MailRestoreArgs, opts: ResourceOptions | None = None) -> None:
        """Register the restore's resources.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `MailRestoreArgs`.
            opts: the usual options. Let it depend on the `MailBackup` with the location.
        """
        target, image = _checked(args)
        super().__init__("stalwart-mail:index:MailRestore", name, dict(args), opts)

        velero_namespace = args.get("velero_namespace", DEFAULT_VELERO_NAMESPACE)
        environment = {
            "VELERO_NAMESPACE": velero_namespace,
            "LOCATION": args["location"],
            "SOURCE_NAMESPACE": args["source_namespace"],
            "TARGET_NAMESPACE": target,
            "CLAIM": server_names.VOLUME_CLAIM if args.get("volume", True) else "",
            "BACKUP": args.get("backup_name", ""),
            "STORAGE_CLASS": args.get("storage_class", ""),
            "IMAGE": image,
        }
        child = ResourceOptions(parent=self)
        namespace = Namespace(
            f"{name}-namespace",
            NamespaceInitArgs(
                metadata=ObjectMetaArgs(
                    name=target,
                    labels={
                        **labels.recommended(server_names.APPLICATION, "namespace"),
                        **labels.pod_security(args.get("pod_security", "restricted")),
                    },
                )
            ),
            ResourceOptions(parent=self, protect=not args.get("fenced", False), retain_on_delete=True),
        )
        after = ResourceOptions(parent=self, depends_on=[namespace])

        def meta(object_name: str, where: str, annotations: dict[str, str] | None = None) -> ObjectMetaArgs:
            return ObjectMetaArgs(
                name=object_name,
                namespace=where,
                labels=labels.recommended(pods.APPLICATION, RESTORE),
                annotations=annotations,
            )

        account_name = f"mail-{RESTORE}"
        owner = Account(account_name, target, RESTORE)
        account = ServiceAccount(
            f"{name}-account",
            ServiceAccountInitArgs(metadata=meta(account_name, target), automount_service_account_token=False),
            after,
        )
        # Named after the target, since the location's namespace may see more than one restore.
        granted = [
            *grant(f"{name}-velero", f"{account_name}-{target}", velero_namespace, velero_rights(target), owner, child),
            *grant(f"{name}-target", account_name, target, TARGET_RIGHTS, owner, after),
        ]
        files = pods.programs()
        config_name = pods.programs_name(account_name, files)
        programs = ConfigMap(f"{name}-programs", ConfigMapInitArgs(metadata=meta(config_name, target), data=files), after)
        program = pods.Program("restore", image, environment, RESTORE)
        job = Job(
            f"{name}-job",
            JobInitArgs(
                metadata=meta(pods.job_name(account_name, program, config_name), target, job_pod.RETRY_FAILED),
                spec=JobSpecArgs(backoff_limit=0, template=pods.template(program, config_name, account_name)),
            ),
            ResourceOptions(
                parent=self,
                depends_on=[account, programs, *granted],
                custom_timeouts=pulumi.CustomTimeouts(create=JOB_TIMEOUT, update=JOB_TIMEOUT),
            ),
        )
        # The URN is known in a preview and resolves only after the Job is done.
        self.namespace = job.urn.apply(lambda _done: target)
        self.register_outputs({"namespace": self.namespace})


def _checked(args: MailRestoreArgs) -> tuple[str, str]:
    """The namespace and the image."""
    problems = checks.Problems("MailRestore")
    target = problems.checked("namespace", checks.kubernetes_name, args["namespace"])
    image = problems.checked("job_image", checks.exact_image, args.get("job_image", DEFAULT_JOB_IMAGE))
    if len(target) > MAX_TARGET_LENGTH:
        problems.add(
            f"namespace: `{target}` has more than {MAX_TARGET_LENGTH} characters: the name of a Restore must fit a label"
        )
    if target == args["source_namespace"]:
        problems.add(f"namespace: `{target}` is the one that was backed up; restore to another, so that neither is lost")
    problems.refuse()
    return target, image
