"""How traffic reaches the server: Services and network policies, as typed Kubernetes arguments."""

from urllib.parse import urlsplit

from pulumi_kubernetes.core.v1 import ServicePortArgs, ServiceSpecArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from .. import labels
from . import follow_up, listeners, names
from .arguments import Role, Server
from .listeners import HTTPS_PORT, MANAGEMENT, MANAGEMENT_PORT, SMTP_PORT, Listener
from .options.delivery import ExposureKind
from .options.tls import LETS_ENCRYPT

DNS_PORT = 53
# Out to other mail servers and smarthosts, and to web servers for certificates, MTA-STS policies and rule updates.
EGRESS_PORTS = (25, 465, 587, 80, 443)
# A scraper in any namespace with this label may read metrics on the management port.
SCRAPER_NAMESPACE_LABELS = {"stalwart-mail/scrape": "true"}

SERVER_PODS = labels.selector(names.APPLICATION, names.SERVER)
DEFAULT_PORTS = {"http": 80, "https": 443, "ldap": 389, "ldaps": 636, "redis": 6379, "rediss": 6379, "nats": 4222}
PYZOR_PORT = 24441


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
        ports=[_service_port(listener) for listener in listeners.public(server)],
    )


def internal_service() -> ServiceSpecArgs:
    """The headless Service for the management port. It also finds a pod that is not ready, as the plan's Job must."""
    return ServiceSpecArgs(
        cluster_ip="None", selector=SERVER_PODS, publish_not_ready_addresses=True, ports=[_service_port(MANAGEMENT)]
    )


def server_policy(server: Server) -> NetworkPolicySpecArgs:
    """Mail ports from everywhere; management from the plan's Job and from scrapers; out only what a mail server needs."""
    public = () if server.fenced else listeners.public(server)
    exporter = [names.EXPORTER] if server.monitored else []
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(match_labels=SERVER_PODS),
        policy_types=["Ingress", "Egress"],
        ingress=[
            # A rule without ports would allow every port.
            *([NetworkPolicyIngressRuleArgs(ports=[_tcp(found.port) for found in public])] if public else []),
            NetworkPolicyIngressRuleArgs(
                from_=[
                    NetworkPolicyPeerArgs(pod_selector=job_pods(names.PLAN, names.FOLLOW_UP, names.RECIPIENTS, *exporter)),
                    NetworkPolicyPeerArgs(namespace_selector=LabelSelectorArgs(match_labels=SCRAPER_NAMESPACE_LABELS)),
                ],
                ports=[_tcp(MANAGEMENT_PORT)],
            ),
        ],
        egress=[
            dns_egress(),
            *([] if server.fenced else [_world_egress()]),
            *_named_egress(server),
        ],
    )


def _world_egress() -> NetworkPolicyEgressRuleArgs:
    anywhere = [NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=cidr)) for cidr in ("0.0.0.0/0", "::/0")]
    return NetworkPolicyEgressRuleArgs(to=anywhere, ports=[_tcp(port) for port in EGRESS_PORTS])


def _named_egress(server: Server) -> list[NetworkPolicyEgressRuleArgs]:
    """To what the settings name: stores, directories, collectors. Wherever it is, so also inside this cluster."""
    storage, telemetry = server.storage, server.telemetry
    stores = [
        *(storage.redis.sentinels if storage.redis else ()),
        storage.redis and storage.redis.url,
        storage.blobs and storage.blobs.url,
        *(f"nats://{address}" for address in (storage.nats.addresses if storage.nats else ())),
    ]
    others = [
        server.directory and server.directory.ldap and server.directory.ldap.url,
        server.directory and server.directory.oidc and server.directory.oidc.issuer_url,
        server.spam.rules_url,
        server.tls.acme.directory_url if server.tls.acme and server.tls.acme.directory_url != LETS_ENCRYPT else None,
        telemetry.otlp and telemetry.otlp.endpoint,
        *(webhook.url for webhook in telemetry.webhooks),
    ]
    ports = {_port_of(url) for url in stores if url}
    if not server.fenced:
        ports |= {_port_of(url) for url in others if url} | {smarthost.port for smarthost in server.smarthosts}
    if storage.database:
        ports.add(storage.database.port)
    # A pod waits for the one before it to serve; a backup hands over to the primary, which may be in this cluster too.
    if not server.fenced and (server.is_distributed or server.role == Role.BACKUP):
        ports.add(SMTP_PORT)
    if storage.redis and storage.redis.sentinels:
        ports.add(DEFAULT_PORTS["redis"])  # Sentinel says where the server is
    allowed = [_tcp(port) for port in sorted(ports)]
    if server.spam.pyzor and not server.fenced:
        allowed.append(NetworkPolicyPortArgs(port=PYZOR_PORT, protocol="UDP"))
    named = [NetworkPolicyEgressRuleArgs(ports=allowed)] if allowed else []
    return [*named, *([_database_egress()] if server.is_distributed and not storage.database else [])]


def _database_egress() -> NetworkPolicyEgressRuleArgs:
    """To the pods of the database that is made here, by the label that CloudNativePG gives them."""
    pods = LabelSelectorArgs(match_labels={"cnpg.io/cluster": names.DATABASE})
    return NetworkPolicyEgressRuleArgs(to=[NetworkPolicyPeerArgs(pod_selector=pods)], ports=[_tcp(names.DATABASE_PORT)])


def coordinators(server: Server) -> list[str]:
    """`host:port` of what the pods tell each other of changes through."""
    redis, nats = server.storage.redis, server.storage.nats
    urls = [*((redis.url,) if redis and redis.url else redis.sentinels if redis else ())]
    urls += [f"nats://{address}" for address in (nats.addresses if nats else ())]
    return [f"{urlsplit(url).hostname}:{_port_of(url)}" for url in urls]


def _port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or DEFAULT_PORTS[parts.scheme]


def job_pods(*components: str) -> LabelSelectorArgs:
    """The pods of these Jobs."""
    among = LabelSelectorRequirementArgs(key=labels.COMPONENT, operator="In", values=list(components))
    return LabelSelectorArgs(match_labels={labels.NAME: names.APPLICATION}, match_expressions=[among])


def plan_policy() -> NetworkPolicySpecArgs:
    """The Jobs that tell the server something talk to its management port and to nothing else."""
    return _job_policy(job_pods(names.PLAN, names.FOLLOW_UP), [])


def recipients_policy(server: Server) -> NetworkPolicySpecArgs:
    """The Job that writes the recipients also reads them from the primary, when it is to."""
    primary = [NetworkPolicyEgressRuleArgs(ports=[_tcp(HTTPS_PORT)])] if follow_up.syncs_recipients(server) else []
    return _job_policy(job_pods(names.RECIPIENTS), primary)


def _job_policy(pods: LabelSelectorArgs, more: list[NetworkPolicyEgressRuleArgs]) -> NetworkPolicySpecArgs:
    return NetworkPolicySpecArgs(
        pod_selector=pods,
        policy_types=["Ingress", "Egress"],  # and no rule for what comes in
        egress=[
            dns_egress(),
            NetworkPolicyEgressRuleArgs(
                to=[NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs(match_labels=SERVER_PODS))],
                ports=[_tcp(MANAGEMENT_PORT)],
            ),
            *more,
        ],
    )


def _service_port(listener: Listener) -> ServicePortArgs:
    return ServicePortArgs(name=listener.name, port=listener.port, target_port=listener.name, protocol="TCP")


def _tcp(port: int) -> NetworkPolicyPortArgs:
    return NetworkPolicyPortArgs(port=port, protocol="TCP")


def dns_egress() -> NetworkPolicyEgressRuleArgs:
    """To whatever answers for the cluster's names."""
    return NetworkPolicyEgressRuleArgs(
        ports=[NetworkPolicyPortArgs(port=DNS_PORT, protocol=protocol) for protocol in ("UDP", "TCP")]
    )
