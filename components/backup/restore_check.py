"""`RestoreCheck`: looks at restored mailboxes while their server is still fenced, and says what is in them."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.batch.v1 import Job, JobInitArgs, JobSpecArgs
from pulumi_kubernetes.core.v1 import ConfigMap, ConfigMapInitArgs, ConfigMapVolumeSourceArgs, VolumeArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from .. import checks, labels
from ..stalwart import job_pod
from ..stalwart import names as server_names
from ..stalwart.arguments import DEFAULT_JOB_IMAGE
from . import pods
from .jobs import restore

PREFIX = "mail-restore-check"
JOB_TIMEOUT = "40m"
NOTED = "/noted"  # what the restore noted


class RestoreCheckArgs(TypedDict):
    """Arguments of `RestoreCheck`."""

    namespace: pulumi.Input[str]
    """Of the restored server."""
    sentinel_mailbox: NotRequired[str]
    """As of the `MailBackup` that made the backup. Default: there is no sentinel; only what is there is read."""
    admin_secret_name: NotRequired[str]
    """As of the server. Default: the Secret that the server makes."""
    job_image: NotRequired[str]
    """An image with Python 3.11 or newer as `python`, exact tag."""


class RestoreCheck(pulumi.ComponentResource):
    """A Job that compares restored mailboxes with the backup's sentinel. Its log says what is there, and what waits to be sent.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    job: Output[str]
    """The Job, whose log has the report; resolves when it is done."""

    def __init__(self, name: str, args: RestoreCheckArgs, opts: ResourceOptions | None = None) -> None:
        """Register the Job.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `RestoreCheckArgs`.
            opts: the usual options. Let it depend on the fenced `StalwartServer`.
        """
        problems = checks.Problems("RestoreCheck")
        image = problems.checked("job_image", checks.exact_image, args.get("job_image", DEFAULT_JOB_IMAGE))
        problems.refuse()
        super().__init__("stalwart-mail:index:RestoreCheck", name, dict(args), opts)

        def meta(object_name: str, annotations: dict[str, str] | None = None) -> ObjectMetaArgs:
            # As a Job of the server's own, which its network policies let in.
            found = labels.recommended(server_names.APPLICATION, server_names.FOLLOW_UP)
            return ObjectMetaArgs(name=object_name, namespace=args["namespace"], labels=found, annotations=annotations)

        files = pods.programs()
        environment = {
            "STALWART_URL": job_pod.MANAGEMENT_URL,
            "STALWART_USER": job_pod.ADMIN_USER,
            "MAILBOX": args.get("sentinel_mailbox", ""),
            "FOLDER": NOTED,
        }
        password = job_pod.secret_variable(
            "STALWART_PASSWORD",
            args.get("admin_secret_name", server_names.CREDENTIALS_SECRET),
            server_names.ADMIN_PASSWORD_KEY,
        )
        config_name = pods.programs_name(PREFIX, files)
        programs = ConfigMap(
            f"{name}-programs", ConfigMapInitArgs(metadata=meta(config_name), data=files), ResourceOptions(parent=self)
        )
        look = pods.Program("look", image, environment, server_names.FOLLOW_UP, server_names.APPLICATION, [password])
        job_name = pods.job_name(PREFIX, look, config_name)
        noted = VolumeArgs(name="noted", config_map=ConfigMapVolumeSourceArgs(name=restore.MARK, optional=True))
        template = pods.template(look, config_name, volumes={NOTED: noted})
        job = Job(
            f"{name}-job",
            JobInitArgs(metadata=meta(job_name, job_pod.RETRY_FAILED), spec=JobSpecArgs(backoff_limit=0, template=template)),
            ResourceOptions(
                parent=self,
                depends_on=[programs],
                custom_timeouts=pulumi.CustomTimeouts(create=JOB_TIMEOUT, update=JOB_TIMEOUT),
            ),
        )
        self.job = job.urn.apply(lambda _done: job_name)
        self.register_outputs({"job": self.job})
