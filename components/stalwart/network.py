"""How traffic reaches the server: Services, network policies and the disruption budget, as typed Kubernetes arguments."""

from pulumi_kubernetes.core.v1 import ServicePortArgs, ServiceSpecArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)
from pulumi_kubernetes.policy.v1 import PodDisruptionBudgetSpecArgs

from .. import labels
from . import listeners, names
from .arguments import ExposureKind, Server
from .listeners import MANAGEMENT, MANAGEMENT_PORT, Listener

DNS_PORT = 53
# Out to other mail servers and smarthosts, and to web servers for certificates, MTA-STS policies and rule updates.
EGRESS_PORTS = (25, 465, 587, 80, 443)
# A scraper in any namespace with this label may read metrics on the management port.
SCRAPER_NAMESPACE_LABELS = {"stalwart-mail/scrape": "true"}

SERVER_PODS = labels.selector(names.APPLICATION, names.SERVER)
PLAN_PODS = labels.selector(names.APPLICATION, names.PLAN)


def mail_service(server: Server) -> ServiceSpecArgs:
    """The Service for the mail ports: public, or with host ports for workloads of the cluster only."""
    kind = server.exposure.kind
    is_public = kind != ExposureKind.HOST_PORT
    return ServiceSpecArgs(
        type=kind.value if is_public else "ClusterIP",
        selector=SERVER_PODS,
        ip_family_policy="PreferDualStack",
        load_balancer_class=server.exposure.load_balancer_class if kind == ExposureKind.LOAD_BALANCER else None,
        # Keep the client's address: SPF, DNS blocklists and bans judge by it.
        external_traffic_policy="Local" if is_public else None,
        ports=[_service_port(listener) for listener in listeners.public(server.role)],
    )


def internal_service() -> ServiceSpecArgs:
    """The headless Service for the management port. It also finds a pod that is not ready, as the plan's Job must."""
    return ServiceSpecArgs(
        cluster_ip="None", selector=SERVER_PODS, publish_not_ready_addresses=True, ports=[_service_port(MANAGEMENT)]
    )


def server_policy(server: Server) -> NetworkPolicySpecArgs:
    """Mail ports from everywhere; management from the plan's Job and from scrapers; out only what a mail server needs."""
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(match_labels=SERVER_PODS),
        policy_types=["Ingress", "Egress"],
        ingress=[
            NetworkPolicyIngressRuleArgs(ports=[_tcp(listener.port) for listener in listeners.public(server.role)]),
            NetworkPolicyIngressRuleArgs(
                from_=[
                    NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs(match_labels=PLAN_PODS)),
                    NetworkPolicyPeerArgs(namespace_selector=LabelSelectorArgs(match_labels=SCRAPER_NAMESPACE_LABELS)),
                ],
                ports=[_tcp(MANAGEMENT_PORT)],
            ),
        ],
        egress=[
            _dns_egress(),
            NetworkPolicyEgressRuleArgs(
                to=[
                    NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr="0.0.0.0/0")),
                    NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr="::/0")),
                ],
                ports=[_tcp(port) for port in EGRESS_PORTS],
            ),
        ],
    )


def plan_policy() -> NetworkPolicySpecArgs:
    """The plan's Job talks to the server's management port and to nothing else."""
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(match_labels=PLAN_PODS),
        policy_types=["Ingress", "Egress"],
        ingress=[],
        egress=[
            _dns_egress(),
            NetworkPolicyEgressRuleArgs(
                to=[NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs(match_labels=SERVER_PODS))],
                ports=[_tcp(MANAGEMENT_PORT)],
            ),
        ],
    )


def disruption_budget() -> PodDisruptionBudgetSpecArgs:
    """One pod may go at a time. A minimum of one would stop every node drain, since there is only one."""
    return PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=LabelSelectorArgs(match_labels=SERVER_PODS))


def _service_port(listener: Listener) -> ServicePortArgs:
    return ServicePortArgs(name=listener.name, port=listener.port, target_port=listener.name, protocol="TCP")


def _tcp(port: int) -> NetworkPolicyPortArgs:
    return NetworkPolicyPortArgs(port=port, protocol="TCP")


def _dns_egress() -> NetworkPolicyEgressRuleArgs:
    return NetworkPolicyEgressRuleArgs(
        ports=[NetworkPolicyPortArgs(port=DNS_PORT, protocol=protocol) for protocol in ("UDP", "TCP")]
    )
