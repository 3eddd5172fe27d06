"""The exporter's pod, what it is given, and whom it may talk to, as typed Kubernetes arguments."""

import json
from pathlib import Path

from pulumi import Input, Output
from pulumi_kubernetes.apps.v1 import DeploymentSpecArgs, DeploymentStrategyArgs
from pulumi_kubernetes.core.v1 import ConfigMapVolumeSourceArgs, EnvVarArgs, KeyToPathArgs, VolumeArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from .. import labels
from ..backup import pods
from ..stalwart import job_pod, names, network
from ..stalwart.listeners import MANAGEMENT_PORT, SMTP_PORT
from ..stalwart.operations import digest
from . import library
from .arguments import Monitoring
from .jobs.metrics import PORT

PROGRAMS = Path(__file__).parent / "jobs"
PODS = labels.selector(names.APPLICATION, names.EXPORTER)


def programs() -> dict[str, str]:
    """The exporter's programs as files of a ConfigMap, with the server's client, which they use."""
    client = job_pod.PROGRAMS / "jmap.py"
    return {path.name: path.read_text() for path in (*sorted(PROGRAMS.glob("*.py")), client)}


def programs_name() -> str:
    """The ConfigMap's name: other programs are another one, and so another pod."""
    return f"mail-exporter-{digest(''.join(programs().values()))}"


def libraries() -> dict[str, str]:
    """The library as files of another ConfigMap."""
    return {library.key(path): text for path, text in library.files().items()}


def libraries_name() -> str:
    """Its name, likewise."""
    return f"mail-exporter-library-{digest(''.join(libraries().values()))}"


def _library_volume() -> VolumeArgs:
    items = [KeyToPathArgs(key=library.key(path), path=path) for path in library.files()]
    return VolumeArgs(name="library", config_map=ConfigMapVolumeSourceArgs(name=libraries_name(), items=items))


def deployment(monitoring: Monitoring, addresses: Output[list[str]], username: Input[str]) -> DeploymentSpecArgs:
    """One pod with no rights in the cluster.

    Args:
        monitoring: the checked arguments.
        addresses: those mail leaves from.
        username: who reads the queue, if it is read.
    """
    environment: dict[str, Input[str]] = {
        "HOST": monitoring.hostname,
        # Its pods, past every load balancer: they show the certificate, and answer before they are ready.
        "SERVER": names.INTERNAL_SERVICE,
        "ALLOWED": json.dumps(monitoring.trusted_networks),
        "ADDRESSES": addresses.apply(json.dumps),
        "BLOCKLISTS": json.dumps(monitoring.blocklists),
        "PORT": str(PORT),
    }
    secrets: list[EnvVarArgs] = []
    if monitoring.certificate_verified:
        environment["CERTIFICATE"] = "public"
    if monitoring.peer:
        environment["PEER"] = monitoring.peer
    if monitoring.reads_queue:
        environment |= {"STALWART_URL": job_pod.MANAGEMENT_URL, "STALWART_USER": username}
        # Without it the other checks still run: a server whose accounts are in a directory has no such account.
        secrets.append(job_pod.secret_variable("STALWART_PASSWORD", names.EXPORTER_SECRET, names.EXPORTER_PASSWORD_KEY, True))
    program = pods.Program("exporter", monitoring.job_image, environment, names.EXPORTER, names.APPLICATION, secrets)
    volumes = {f"{pods.PROGRAM_DIRECTORY}/{library.PACKAGE}": _library_volume()}
    return DeploymentSpecArgs(
        replicas=1,
        strategy=DeploymentStrategyArgs(type="Recreate"),  # two would be one series, told twice
        selector=LabelSelectorArgs(match_labels=PODS),
        template=pods.template(program, programs_name(), volumes=volumes, metrics_port=PORT),
    )


def policy(monitoring: Monitoring) -> NetworkPolicySpecArgs:
    """Metrics for scrapers alone; out to DNS, to the server, and to port 25 of the other exchange."""
    scrapers = NetworkPolicyPeerArgs(namespace_selector=LabelSelectorArgs(match_labels=network.SCRAPER_NAMESPACE_LABELS))
    server = NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs(match_labels=network.SERVER_PODS))
    management = [MANAGEMENT_PORT] if monitoring.reads_queue else []
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(match_labels=PODS),
        policy_types=["Ingress", "Egress"],
        ingress=[NetworkPolicyIngressRuleArgs(from_=[scrapers], ports=[_tcp(PORT)])],
        egress=[
            network.dns_egress(),
            NetworkPolicyEgressRuleArgs(to=[server], ports=[_tcp(port) for port in (SMTP_PORT, *management)]),
            # To every address. Those in the settings are where the other exchange's mail comes from; where it listens, DNS
            # says, and a failover changes that while nobody runs `up` here: into this cluster, onto a node's address, or behind
            # a balancer. A policy that is behind would make the alert that the other exchange is away, just then.
            *([NetworkPolicyEgressRuleArgs(ports=[_tcp(SMTP_PORT)])] if monitoring.peer else []),
        ],
    )


def _tcp(port: int) -> NetworkPolicyPortArgs:
    return NetworkPolicyPortArgs(port=port, protocol="TCP")
