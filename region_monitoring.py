"""How a region's settings become the arguments of `MailMonitoring`."""

from pulumi import ResourceOptions

from components import MailMonitoring, StalwartServer
from components.monitoring.arguments import MailMonitoringArgs
from components.stalwart import follow_up, names
from components.stalwart.arguments import Role, Server
from settings import Settings


def watch(name: str, settings: Settings, wanted: Server, server: StalwartServer, options: ResourceOptions) -> None:
    """Register what watches a server, where that is wanted. One that is fenced takes no mail, and every alert would fire.

    Args:
        name: of the resource. The first of a region has the dashboard, which shows all.
        settings: of this stack.
        wanted: the server, checked.
        server: the server itself.
        options: its provider; it depends on the server.
    """
    if settings.monitoring is None or wanted.fenced:
        return
    _ = MailMonitoring(name, _args(settings, wanted, server, is_first=name == "monitoring"), options)


def _args(settings: Settings, wanted: Server, server: StalwartServer, is_first: bool) -> MailMonitoringArgs:
    given = settings.monitoring
    assert given is not None
    egress = [found.address for found in wanted.exposure.egress]
    # With a smarthost for everything nobody sees its addresses, and often its cloud blocks port 25.
    sends = all(smarthost.domains for smarthost in wanted.smarthosts)
    args = MailMonitoringArgs(
        hostname=wanted.hostname,
        role=wanted.role,
        namespace=server.namespace,
        region=settings.region,
        certificate_verified=wanted.tls.verified and given.public_certificate,
        trusted_networks=list(wanted.trusted_networks),
        blocklists=list(given.blocklists),
        volume_claims=_claims(wanted),
        queue_limit=given.queue_limit,
        labels=given.labels,
        dashboard=given.dashboard and is_first,
        dashboard_labels=given.dashboard_labels,
        job_image=wanted.job_image,
    )
    if sends:
        args["addresses"] = server.addresses.apply(lambda found: [*found, *egress])
    if wanted.peer and (sends or wanted.role == Role.BACKUP):
        args["peer"] = wanted.peer.hostname
    if wanted.has_exporter_account:
        args["exporter_username"] = follow_up.exporter_address(wanted)
    if wanted.admin_secret_name:
        args["credentials_secret"] = wanted.admin_secret_name
    if given.dashboard_namespace:
        args["dashboard_namespace"] = given.dashboard_namespace
    return args


def _claims(wanted: Server) -> list[str]:
    if not wanted.is_distributed:
        return [names.VOLUME_CLAIM]
    # CloudNativePG names them after the cluster, with a number, and `-wal` where the log has its own.
    return [] if wanted.storage.database else [f"{names.DATABASE}-[0-9]+(-wal)?"]
