"""`RestoreDrill`: restores the newest backup into a scratch namespace, looks whether the mail is there, and removes it again."""

from collections.abc import Callable
from typing import NotRequired, TypedDict

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentInitArgs, DeploymentSpecArgs
from pulumi_kubernetes.batch.v1 import CronJob, CronJobInitArgs, CronJobSpecArgs, JobSpecArgs, JobTemplateSpecArgs
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    ConfigMapInitArgs,
    ConfigMapVolumeSourceArgs,
    Namespace,
    NamespaceInitArgs,
    ServiceAccount,
    ServiceAccountInitArgs,
    VolumeArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyInitArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from .. import checks, labels
from ..cron import cron
from ..stalwart import names as server_names
from ..stalwart.arguments import DEFAULT_JOB_IMAGE, DEFAULT_SERVER_IMAGE
from ..stalwart.plans.stores import volume_config_json
from . import pods
from .arguments import DEFAULT_VELERO_NAMESPACE
from .jobs import metrics, restore, scratch
from .mail_restore import velero_rights
from .rights import Account, Right, grant

DRILL = "drill"  # the component of its pods
METRICS = "drill-metrics"  # likewise
NAME = "mail-drill"  # of its CronJob and its account; `make drill` starts it by this name
RESULT = "mail-drill-result"
CONFIG = "drill-server-config"
NEVER = "0 0 1 1 *"  # a CronJob has a schedule, also one that is suspended
DEADLINE_S = 25 * 3600
NAMESPACE_LABEL = "kubernetes.io/metadata.name"  # every namespace has it

SCRATCH_RIGHTS = (
    Right("", ["persistentvolumeclaims"], ["get", "delete"], [server_names.VOLUME_CLAIM]),
    Right("", ["configmaps"], ["get", "delete"], [restore.MARK]),
    Right("", ["pods", "secrets"], ["get", "delete"], [scratch.SCRATCH]),
    Right("", ["configmaps", "pods", "secrets"], ["create"]),
)


class RestoreDrillArgs(TypedDict):
    """Arguments of `RestoreDrill`, for a server with its mail in a volume."""

    location: str
    """The BackupStorageLocation with the backups; read-only will do."""
    source_namespace: str
    """The namespace that is backed up."""
    sentinel_mailbox: NotRequired[str]
    """As of the `MailBackup` that made the backups. Default: there is no sentinel; only what is there is read."""
    server_image: NotRequired[str]
    """The server's image, as it is deployed."""
    cron: NotRequired[str]
    """When there is a drill: five cron fields, in UTC. Default: only by hand."""
    storage_class: NotRequired[str]
    """Of the rehearsed volume. Default: that of the backed up one."""
    namespace: NotRequired[str]
    """The scratch namespace, which is made. Default `mail-drill`."""
    velero_namespace: NotRequired[str]
    """Where Velero is. Default `velero`."""
    job_image: NotRequired[str]
    """An image with Python 3.11 or newer as `python`, exact tag."""
    metrics: NotRequired[bool]
    """Serve the last result for Prometheus, with a PodMonitor of its operator. Default false."""


class RestoreDrill(pulumi.ComponentResource):
    """A CronJob that rehearses a restore, and the namespace it does it in, from which nothing gets out.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    namespace: Output[str]
    """The scratch namespace."""
    cron_job: Output[str]
    """The CronJob's name, in Velero's namespace: `kubectl create job --from=cronjob/...` starts a drill by hand."""

    def __init__(self, name: str, args: RestoreDrillArgs, opts: ResourceOptions | None = None) -> None:
        """Register the drill's resources.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `RestoreDrillArgs`.
            opts: the usual options. Let it depend on the `MailBackup` with the location.
        """
        problems = checks.Problems("RestoreDrill")
        scratch_name = problems.checked("namespace", checks.kubernetes_name, args.get("namespace", NAME))
        image = problems.checked("job_image", checks.exact_image, args.get("job_image", DEFAULT_JOB_IMAGE))
        server_image = problems.checked("server_image", checks.server_image, args.get("server_image", DEFAULT_SERVER_IMAGE))
        schedule = problems.checked("cron", cron, args["cron"]) if "cron" in args else None
        if scratch_name == args["source_namespace"]:
            problems.add(f"namespace: `{scratch_name}` has the mail itself; a drill removes what is in its namespace")
        problems.refuse()
        super().__init__("stalwart-mail:index:RestoreDrill", name, dict(args), opts)

        velero_namespace = args.get("velero_namespace", DEFAULT_VELERO_NAMESPACE)
        child = ResourceOptions(parent=self)

        def meta(object_name: str, namespace: str = velero_namespace, component: str = DRILL) -> ObjectMetaArgs:
            found = labels.recommended(pods.APPLICATION, component)
            return ObjectMetaArgs(name=object_name, namespace=namespace, labels=found)

        namespace = Namespace(
            f"{name}-namespace",
            NamespaceInitArgs(
                metadata=ObjectMetaArgs(
                    name=scratch_name,
                    labels={**labels.recommended(pods.APPLICATION, DRILL), **labels.pod_security()},
                )
            ),
            child,
        )
        inside = ResourceOptions(parent=self, depends_on=[namespace])
        wall = NetworkPolicy(
            f"{name}-wall", NetworkPolicyInitArgs(metadata=meta("wall", scratch_name), spec=_wall(velero_namespace)), inside
        )
        config = ConfigMap(
            f"{name}-config",
            ConfigMapInitArgs(metadata=meta(CONFIG, scratch_name), data={"config.json": volume_config_json()}),
            inside,
        )
        account = ServiceAccount(
            f"{name}-account", ServiceAccountInitArgs(metadata=meta(NAME), automount_service_account_token=False), child
        )
        owner = Account(NAME, velero_namespace, DRILL)
        own = [RESULT, restore.restore_name(scratch_name)]
        kept = [Right("", ["configmaps"], ["get", "patch", "delete"], own)]
        granted = [
            *grant(f"{name}-velero", NAME, velero_namespace, (*velero_rights(scratch_name), *kept), owner, child),
            *grant(f"{name}-scratch", NAME, scratch_name, SCRATCH_RIGHTS, owner, inside),
        ]
        files = pods.programs()
        programs_name = pods.programs_name(NAME, files)
        programs = ConfigMap(f"{name}-programs", ConfigMapInitArgs(metadata=meta(programs_name), data=files), child)
        environment = {
            "VELERO_NAMESPACE": velero_namespace,
            "LOCATION": args["location"],
            "SOURCE_NAMESPACE": args["source_namespace"],
            "TARGET_NAMESPACE": scratch_name,
            "CLAIM": server_names.VOLUME_CLAIM,
            "STORAGE_CLASS": args.get("storage_class", ""),
            "SERVER_IMAGE": server_image,
            "CONFIG": CONFIG,
            "MAILBOX": args.get("sentinel_mailbox", ""),
            "RESULT": RESULT,
        }
        job = JobSpecArgs(
            backoff_limit=0,
            active_deadline_seconds=DEADLINE_S,
            template=pods.template(pods.Program("drill", image, environment, DRILL), programs_name, NAME),
        )
        _ = CronJob(
            f"{name}-job",
            CronJobInitArgs(
                metadata=meta(NAME),
                spec=CronJobSpecArgs(
                    schedule=schedule or NEVER,
                    time_zone="Etc/UTC",
                    suspend=schedule is None,
                    concurrency_policy="Forbid",
                    starting_deadline_seconds=3600,
                    successful_jobs_history_limit=1,
                    failed_jobs_history_limit=3,
                    job_template=JobTemplateSpecArgs(spec=job),
                ),
            ),
            ResourceOptions(parent=self, depends_on=[wall, config, account, programs, *granted]),
        )
        if args.get("metrics", False):
            _serve_metrics(name, image, programs_name, meta, ResourceOptions(parent=self, depends_on=[programs]))
        self.namespace = Output.from_input(scratch_name)
        self.cron_job = Output.from_input(NAME)
        self.register_outputs({"namespace": self.namespace, "cron_job": self.cron_job})


def _wall(velero_namespace: str) -> NetworkPolicySpecArgs:
    """Nothing gets out of the scratch namespace, and only the drill itself gets in."""
    drill = NetworkPolicyPeerArgs(
        namespace_selector=LabelSelectorArgs(match_labels={NAMESPACE_LABEL: velero_namespace}),
        pod_selector=LabelSelectorArgs(match_labels=labels.selector(pods.APPLICATION, DRILL)),
    )
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(),
        policy_types=["Ingress", "Egress"],
        ingress=[NetworkPolicyIngressRuleArgs(from_=[drill], ports=[NetworkPolicyPortArgs(port=scratch.PORT, protocol="TCP")])],
        # No rule for what goes out: the API server would drop an empty list, and an `up` see a change.
    )


def _serve_metrics(
    name: str, image: str, programs_name: str, meta: Callable[..., ObjectMetaArgs], options: ResourceOptions
) -> None:
    """The last result for Prometheus: a drill's own pod is gone before it is read."""
    selector = labels.selector(pods.APPLICATION, METRICS)
    result = VolumeArgs(name="result", config_map=ConfigMapVolumeSourceArgs(name=RESULT, optional=True))
    _ = Deployment(
        f"{name}-metrics",
        DeploymentInitArgs(
            metadata=meta(f"{NAME}-metrics", component=METRICS),
            spec=DeploymentSpecArgs(
                replicas=1,
                selector=LabelSelectorArgs(match_labels=selector),
                template=pods.template(
                    pods.Program("metrics", image, {"FOLDER": "/result"}, METRICS),
                    programs_name,
                    volumes={"/result": result},
                    metrics_port=metrics.PORT,
                ),
            ),
        ),
        options,
    )
    _ = CustomResource(
        f"{name}-pod-monitor",
        api_version="monitoring.coreos.com/v1",
        kind="PodMonitor",
        metadata=meta(f"{NAME}-metrics", component=METRICS),
        spec={"selector": {"matchLabels": selector}, "podMetricsEndpoints": [{"port": pods.METRICS_PORT}]},
        opts=options,
    )
