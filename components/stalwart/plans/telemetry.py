"""What the server tells about itself: the console, Prometheus, OTLP and webhooks."""

from datetime import timedelta

from .. import paths
from ..arguments import Server
from ..operations import Create, Destroy, Plan, Reconcile, Update
from ..registry.telemetry import (
    ConsoleTracer,
    Metrics,
    NoOtlpMetrics,
    OtlpMetrics,
    OtlpTracer,
    PrometheusEndpoint,
    Tracer,
    WebHook,
)
from ..registry.values import BearerAuth, EnvironmentSecret, HttpAuth, NoHttpAuth, NoSecret

METRICS_USER = "prometheus"
OTLP_INTERVAL = timedelta(minutes=1)


def telemetry_operations(server: Server) -> Plan:
    """The console's level, and where events and metrics go."""
    otlp = server.telemetry.otlp
    token = EnvironmentSecret(variable_name=paths.OTLP_TOKEN)
    auth: HttpAuth = BearerAuth(bearer_token=token) if otlp and otlp.token else NoHttpAuth()
    tracers: dict[str, Tracer] = {"console": ConsoleTracer(level=server.log_level)}
    if otlp and otlp.traces:
        tracers["otlp"] = OtlpTracer(endpoint=otlp.endpoint, http_auth=auth, level=server.log_level)
    prometheus = PrometheusEndpoint(
        auth_username=METRICS_USER, auth_secret=EnvironmentSecret(variable_name=paths.METRICS_PASSWORD)
    )
    sends_metrics = otlp is not None and otlp.metrics
    webhooks = {
        f"hook{number}": WebHook(
            url=webhook.url,
            events=frozenset(webhook.events),
            events_policy="include",
            level=server.log_level,
            signature_key=EnvironmentSecret(variable_name=paths.webhook_key(number)) if webhook.signature_key else NoSecret(),
        )
        for number, webhook in enumerate(server.telemetry.webhooks)
    }
    return (
        # The default tracer writes to a folder the pod does not have, and an object's variant cannot change.
        Destroy(Tracer),
        Create(tracers),
        Update(
            Metrics(
                prometheus=prometheus,
                open_telemetry=OtlpMetrics(endpoint=otlp.endpoint, http_auth=auth, interval=OTLP_INTERVAL)
                if otlp and sends_metrics
                else NoOtlpMetrics(),
            )
        ),
        Reconcile(WebHook, webhooks),
    )
