"""What the server tells about itself: console, metrics, traces, webhooks."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from .encoding import RegistryObject, Structure
from .values import EnvironmentSecret, HttpAuth, OptionalSecret


@dataclass(frozen=True, kw_only=True)
class Tracer(RegistryObject):
    """Where events go. A stored tracer's kind cannot change: the plan removes them all first."""

    OBJECT: ClassVar = "Tracer"


@dataclass(frozen=True, kw_only=True)
class ConsoleTracer(Tracer):
    """Standard error, which the cluster collects."""

    VARIANT: ClassVar = "Stdout"
    level: str
    enable: bool = True
    ansi: bool = False
    multiline: bool = False


@dataclass(frozen=True, kw_only=True)
class OtlpTracer(Tracer):
    """An OpenTelemetry collector, over HTTP."""

    VARIANT: ClassVar = "OtelHttp"
    endpoint: str
    http_auth: HttpAuth
    level: str
    enable: bool = True
    enable_log_exporter: bool = True
    enable_span_exporter: bool = True


@dataclass(frozen=True, kw_only=True)
class PrometheusEndpoint(Structure):
    """`/metrics/prometheus`, for who knows the password."""

    VARIANT: ClassVar = "Enabled"
    auth_username: str
    auth_secret: EnvironmentSecret


@dataclass(frozen=True, kw_only=True)
class NoOtlpMetrics(Structure):
    """No metrics by OTLP."""

    VARIANT: ClassVar = "Disabled"


@dataclass(frozen=True, kw_only=True)
class OtlpMetrics(Structure):
    """Metrics sent to a collector, over HTTP."""

    VARIANT: ClassVar = "Http"
    endpoint: str
    http_auth: HttpAuth
    interval: timedelta


@dataclass(frozen=True, kw_only=True)
class Metrics(RegistryObject):
    """How metrics are read."""

    OBJECT: ClassVar = "Metrics"
    prometheus: PrometheusEndpoint
    open_telemetry: NoOtlpMetrics | OtlpMetrics


@dataclass(frozen=True, kw_only=True)
class WebHook(RegistryObject):
    """A URL that is told of events."""

    OBJECT: ClassVar = "WebHook"
    MATCH_ON: ClassVar = ("url",)
    url: str
    events: frozenset[str]
    events_policy: str
    level: str
    signature_key: OptionalSecret
    enable: bool = True
    allow_invalid_certs: bool = False
