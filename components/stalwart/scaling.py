"""How many pods there are, how far apart they are, and how many may go at once."""

from pulumi_kubernetes.autoscaling.v2 import (
    CrossVersionObjectReferenceArgs,
    HorizontalPodAutoscalerSpecArgs,
    MetricSpecArgs,
    MetricTargetArgs,
    ResourceMetricSourceArgs,
)
from pulumi_kubernetes.core.v1 import AffinityArgs, PodAffinityTermArgs, PodAntiAffinityArgs, WeightedPodAffinityTermArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudgetSpecArgs

from .. import labels
from . import names
from .arguments import Server

SERVER_PODS = labels.selector(names.APPLICATION, names.SERVER)


def apart() -> AffinityArgs:
    """One node and one zone may go, and a pod is left: as far apart as the cluster allows."""

    def away_from(topology_key: str, weight: int) -> WeightedPodAffinityTermArgs:
        pods = LabelSelectorArgs(match_labels=SERVER_PODS)
        term = PodAffinityTermArgs(label_selector=pods, topology_key=topology_key)
        return WeightedPodAffinityTermArgs(weight=weight, pod_affinity_term=term)

    terms = [away_from("kubernetes.io/hostname", 100), away_from("topology.kubernetes.io/zone", 50)]
    return AffinityArgs(pod_anti_affinity=PodAntiAffinityArgs(preferred_during_scheduling_ignored_during_execution=terms))


def autoscaler(server: Server) -> HorizontalPodAutoscalerSpecArgs:
    """More pods while the CPU is busy, fewer when it has been calm for a while."""
    target = MetricTargetArgs(type="Utilization", average_utilization=server.storage.cpu_percent)
    return HorizontalPodAutoscalerSpecArgs(
        scale_target_ref=CrossVersionObjectReferenceArgs(api_version="apps/v1", kind="StatefulSet", name=names.APPLICATION),
        min_replicas=server.storage.pods,
        max_replicas=server.storage.max_replicas or server.storage.pods,
        metrics=[MetricSpecArgs(type="Resource", resource=ResourceMetricSourceArgs(name="cpu", target=target))],
    )


def disruption_budget() -> PodDisruptionBudgetSpecArgs:
    """One pod may go at a time. A minimum of one would stop every node drain, since there is only one."""
    return PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=LabelSelectorArgs(match_labels=SERVER_PODS))
