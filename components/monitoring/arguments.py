"""What a `MailMonitoring` is given, and the checked form that everything below works with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi

from .. import checks
from ..stalwart import names as server_names
from ..stalwart.arguments import DEFAULT_JOB_IMAGE, DEFAULT_TRUSTED_NETWORKS, Role
from .watched import Watched

# Lists that answer whoever asks by a resolver of their own, without registration.
DEFAULT_BLOCKLISTS = ("zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com", "dnsbl.dronebl.org")
DEFAULT_DASHBOARD_LABELS = {"grafana_dashboard": "1"}  # what the sidecar of Grafana's chart looks for
DEFAULT_QUEUE_LIMIT = 1000


class MailMonitoringArgs(TypedDict):
    """Arguments of `MailMonitoring`. It needs the Prometheus operator, and a `StalwartServer` that is `monitored`."""

    hostname: str
    """The server's host name."""
    role: NotRequired[str]
    """The server's: `primary` (default) or `backup`."""
    namespace: NotRequired[pulumi.Input[str]]
    """The server's namespace. Default `mail`."""
    region: NotRequired[str]
    """A name for the region: the label `region` of its metrics and alerts. Default: no such label."""
    exporter_username: NotRequired[pulumi.Input[str]]
    """The output of this name of a server that is `monitored`. Default: the queue and the bans are not read."""
    certificate_verified: NotRequired[bool]
    """True where the certificate should be one that clients trust: that they do not is an alert then. Default false."""
    credentials_secret: NotRequired[str]
    """The Secret with `metrics-password`. Default `stalwart-credentials`."""
    peer: NotRequired[str]
    """The host name of the other region's exchange. Default: there is none."""
    addresses: NotRequired[pulumi.Input[Sequence[pulumi.Input[str]]]]
    """The addresses that mail leaves from: those looked up on blocklists. Default: none."""
    trusted_networks: NotRequired[list[str]]
    """The server's. A ban in one of them is an alert. Default: the private ranges, as of the server."""
    blocklists: NotRequired[list[str]]
    """The zones of DNS blocklists that are asked. Default: four that need no registration."""
    volume_claims: NotRequired[list[str]]
    """Volume claims that must not fill up, as patterns of Prometheus. Default: the server's."""
    queue_limit: NotRequired[int]
    """On a primary: how many messages in the queue are too many. Default 1000."""
    labels: NotRequired[Mapping[str, str]]
    """More labels of the PodMonitors and the PrometheusRule, if your Prometheus selects by label."""
    dashboard: NotRequired[bool]
    """False to leave the dashboard out: one Grafana needs it once. Default true."""
    dashboard_labels: NotRequired[Mapping[str, str]]
    """By which Grafana finds the dashboard. Default `grafana_dashboard: "1"`."""
    dashboard_namespace: NotRequired[pulumi.Input[str]]
    """Where the dashboard is put. Default: beside the server."""
    job_image: NotRequired[str]
    """An image with Python 3.11 or newer as `python`, exact tag: for the exporter."""


@dataclass(frozen=True)
class Monitoring:
    """A checked `MailMonitoringArgs` with its defaults, less the fields that are only known when deployed."""

    hostname: str
    role: Role
    region: str | None
    reads_queue: bool
    certificate_verified: bool
    credentials_secret: str
    peer: str | None
    trusted_networks: tuple[str, ...]
    blocklists: tuple[str, ...]
    volume_claims: tuple[str, ...]
    queue_limit: int
    labels: Mapping[str, str]
    dashboard: bool
    dashboard_labels: Mapping[str, str]
    job_image: str

    def watched(self, namespace: str) -> Watched:
        """What the alerts are about."""
        return Watched(
            namespace=namespace,
            role=self.role,
            hostname=self.hostname,
            peer=self.peer,
            reads_queue=self.reads_queue,
            claims=self.volume_claims,
            queue_limit=self.queue_limit,
            region=self.region,
            certificate_verified=self.certificate_verified,
        )


def resolve(args: MailMonitoringArgs) -> Monitoring:
    """Check the arguments and fill the defaults.

    Raises:
        ArgumentsError: with every problem at once.
    """
    problems = checks.Problems("MailMonitoring")
    hostname = problems.checked("hostname", checks.hostname, args["hostname"])
    peer = problems.checked("peer", checks.hostname, args["peer"]) if "peer" in args else None
    if peer == hostname:
        problems.add(f"peer: `{peer}` is this server itself")
    found = Monitoring(
        hostname=hostname,
        role=problems.one_of("role", Role, args.get("role", Role.PRIMARY)),
        region=args.get("region"),
        reads_queue="exporter_username" in args,
        certificate_verified=args.get("certificate_verified", False),
        credentials_secret=args.get("credentials_secret", server_names.CREDENTIALS_SECRET),
        peer=peer,
        trusted_networks=problems.all_checked(
            "trusted_networks", checks.ip_network, args.get("trusted_networks", DEFAULT_TRUSTED_NETWORKS)
        ),
        blocklists=problems.all_checked("blocklists", checks.hostname, args.get("blocklists", DEFAULT_BLOCKLISTS)),
        volume_claims=tuple(args.get("volume_claims", [server_names.VOLUME_CLAIM])),
        # A package delivers whole numbers as floats.
        queue_limit=int(args.get("queue_limit", DEFAULT_QUEUE_LIMIT)),
        labels=dict(args.get("labels", {})),
        dashboard=args.get("dashboard", True),
        dashboard_labels=dict(args.get("dashboard_labels", DEFAULT_DASHBOARD_LABELS)),
        job_image=problems.checked("job_image", checks.exact_image, args.get("job_image", DEFAULT_JOB_IMAGE)),
    )
    if found.queue_limit < 1:
        problems.add(f"queue_limit: `{found.queue_limit}` is not 1 or more")
    problems.refuse()
    return found
