"""`MailMonitoring`: a mail server watched by Prometheus: scrapes, alerts, a dashboard, and an exporter of the rest."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentInitArgs
from pulumi_kubernetes.core.v1 import ConfigMap, ConfigMapInitArgs, Secret, SecretInitArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicyInitArgs

from .. import labels, secret_data
from ..backup import pods
from ..stalwart import names
from ..stalwart.arguments import DEFAULT_NAMESPACE
from ..stalwart.listeners import MANAGEMENT
from ..stalwart.plans.telemetry import METRICS_USER
from . import alerts, dashboard, exporter_pod
from .arguments import MailMonitoringArgs, Monitoring, resolve
from .watched import EXPORTER, SERVER

API_VERSION = "monitoring.coreos.com/v1"
METRICS_PATH = "/metrics/prometheus"
USER_SECRET = "stalwart-metrics-user"  # the operator reads a name from a Secret as well
USER_KEY = "username"


class MailMonitoring(pulumi.ComponentResource):
    """What Prometheus reads of a server, what it says of it, and what Grafana shows.

    Raises:
        ArgumentsError: listing every argument that is wrong, before any resource is registered.
    """

    dashboard: Output[str]
    """The name of the ConfigMap with the dashboard; empty when it is left out."""

    def __init__(self, name: str, args: MailMonitoringArgs, opts: ResourceOptions | None = None) -> None:
        """Register what watches the server.

        Args:
            name: the resource name; it prefixes the names of all children.
            args: see `MailMonitoringArgs`.
            opts: the usual options. Let it depend on the server.
        """
        monitoring = resolve(args)
        super().__init__("stalwart-mail:index:MailMonitoring", name, dict(args), opts)
        namespace = Output.from_input(args.get("namespace", DEFAULT_NAMESPACE))
        child = ResourceOptions(parent=self)

        def meta(object_name: str, component: str = names.EXPORTER, more: Mapping[str, str] | None = None) -> ObjectMetaArgs:
            found = {**labels.recommended(names.APPLICATION, component), **(more or {})}
            return ObjectMetaArgs(name=object_name, namespace=namespace, labels=found)

        user = Secret(
            f"{name}-metrics-user",
            SecretInitArgs(
                metadata=meta(USER_SECRET, more={labels.NOT_IN_BACKUPS: "true"}),
                data=Output.secret(secret_data.encode({USER_KEY: METRICS_USER})),
            ),
            child,
        )
        programs = ConfigMap(
            f"{name}-programs",
            ConfigMapInitArgs(metadata=meta(exporter_pod.programs_name()), data=exporter_pod.programs()),
            child,
        )
        libraries = ConfigMap(
            f"{name}-libraries",
            ConfigMapInitArgs(metadata=meta(exporter_pod.libraries_name()), data=exporter_pod.libraries()),
            child,
        )
        policy = NetworkPolicy(
            f"{name}-policy", NetworkPolicyInitArgs(metadata=meta(EXPORTER), spec=exporter_pod.policy(monitoring)), child
        )
        addresses = Output.from_input(args.get("addresses", [])).apply(lambda given: sorted({str(found) for found in given}))
        spec = exporter_pod.deployment(monitoring, addresses, args.get("exporter_username", ""))
        exporter = Deployment(
            f"{name}-exporter",
            DeploymentInitArgs(metadata=meta(EXPORTER), spec=spec),
            ResourceOptions(parent=self, depends_on=[programs, libraries, policy]),
        )

        def operated(suffix: str, kind: str, object_name: str, component: str, spec: Any, after: pulumi.Resource) -> None:
            _ = CustomResource(
                f"{name}-{suffix}",
                api_version=API_VERSION,
                kind=kind,
                metadata=meta(object_name, component, monitoring.labels),
                spec=spec,
                opts=ResourceOptions(parent=self, depends_on=[after]),
            )

        operated("server-monitor", "PodMonitor", SERVER, names.SERVER, _server_monitor(monitoring), user)
        operated("exporter-monitor", "PodMonitor", EXPORTER, names.EXPORTER, _exporter_monitor(monitoring), exporter)
        rules = namespace.apply(lambda known: alerts.spec(monitoring.watched(known)))
        operated("alerts", "PrometheusRule", "stalwart-mail", names.SERVER, rules, exporter)
        if monitoring.dashboard:
            _ = ConfigMap(
                f"{name}-dashboard",
                ConfigMapInitArgs(
                    metadata=ObjectMetaArgs(
                        name="stalwart-mail-dashboard",
                        namespace=args.get("dashboard_namespace", namespace),
                        labels={**labels.recommended(names.APPLICATION, "dashboard"), **monitoring.dashboard_labels},
                    ),
                    data={dashboard.FILE: dashboard.text()},
                ),
                child,
            )
        self.dashboard = Output.from_input("stalwart-mail-dashboard" if monitoring.dashboard else "")
        self.register_outputs({"dashboard": self.dashboard})


def _server_monitor(monitoring: Monitoring) -> dict[str, Any]:
    endpoint = {
        "port": MANAGEMENT.name,
        "path": METRICS_PATH,
        "basicAuth": {
            "username": {"name": USER_SECRET, "key": USER_KEY},
            "password": {"name": monitoring.credentials_secret, "key": names.METRICS_PASSWORD_KEY},
        },
        # Those of histograms are not cumulative, as Prometheus takes them to be, so that nothing right can be made of them.
        "metricRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": ".+_bucket"}],
        **_region(monitoring),
    }
    return {
        "selector": {"matchLabels": labels.selector(names.APPLICATION, names.SERVER)},
        "podMetricsEndpoints": [endpoint],
    }


def _exporter_monitor(monitoring: Monitoring) -> dict[str, Any]:
    return {
        "selector": {"matchLabels": exporter_pod.PODS},
        "podMetricsEndpoints": [{"port": pods.METRICS_PORT, **_region(monitoring)}],
    }


def _region(monitoring: Monitoring) -> dict[str, Any]:
    if monitoring.region is None:
        return {}
    return {"relabelings": [{"action": "replace", "targetLabel": "region", "replacement": monitoring.region}]}
