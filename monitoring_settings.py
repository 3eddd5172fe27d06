"""The settings of monitoring: what goes beside the defaults where the Prometheus operator is."""

from pydantic import Field

from components.model import Hostname, KubernetesName, Model
from components.monitoring import arguments


class Monitoring(Model):
    """A server watched by Prometheus."""

    labels: dict[str, str] = Field(
        {},
        description="labels of the PodMonitors and the PrometheusRule, if your Prometheus selects by label",
        examples=['{"release": "kube-prometheus-stack"}'],
    )
    blocklists: tuple[Hostname, ...] = Field(
        arguments.DEFAULT_BLOCKLISTS,
        description="zones of DNS blocklists that are asked about the addresses mail leaves from",
        examples=['["zen.spamhaus.org"]'],
    )
    queue_limit: int = Field(
        arguments.DEFAULT_QUEUE_LIMIT,
        ge=1,
        description="on a primary: how many messages in the queue are too many",
        examples=["1000"],
    )
    public_certificate: bool = Field(
        True,
        description="false where the certificate is of an authority of your own: then it is no alert that clients refuse it",
        examples=["false"],
    )
    dashboard: bool = Field(True, description="false to leave the dashboard out: one Grafana needs it once", examples=["false"])
    dashboard_labels: dict[str, str] = Field(
        arguments.DEFAULT_DASHBOARD_LABELS,
        description="by which Grafana's sidecar finds the dashboard",
        examples=['{"grafana_dashboard": "1"}'],
    )
    dashboard_namespace: KubernetesName | None = Field(
        None, description="where the dashboard is put; default: beside the server", examples=["monitoring"]
    )
