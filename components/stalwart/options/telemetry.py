"""What the server tells about itself."""

from enum import StrEnum
from typing import NotRequired, TypedDict

from pydantic import Field

from ...model import Model, SecretKey, WebUrl
from .secret import SecretKeyArgs


class LogLevel(StrEnum):
    """How much the server writes to its console (enum TracingLevel of the server)."""

    ERROR = "error"  # only what needs somebody
    WARN = "warn"  # and what may soon
    INFO = "info"  # and every session and delivery
    DEBUG = "debug"  # and what led to it
    TRACE = "trace"  # and the protocols' text, with the mail in it


class OtlpArgs(TypedDict):
    """An OpenTelemetry collector, by OTLP over HTTP."""

    endpoint: str
    """Its URL. The network policy lets the server out to ports 80 and 443 and to this one."""
    token: NotRequired[SecretKeyArgs]
    """A bearer token. Default: none."""
    traces: NotRequired[bool]
    """Send events and spans. Default true."""
    metrics: NotRequired[bool]
    """Send metrics. Default true."""


class WebhookArgs(TypedDict):
    """A URL that is told of events."""

    url: str
    """Where to."""
    events: list[str]
    """Names of events, such as `security.abuse-ban`."""
    signature_key: NotRequired[SecretKeyArgs]
    """What requests are signed with (HMAC, header X-Signature). Default: they are not."""


class TelemetryArgs(TypedDict):
    """What goes out beside the console and the Prometheus endpoint, which are always there."""

    otlp: NotRequired[OtlpArgs]
    """An OpenTelemetry collector."""
    webhooks: NotRequired[list[WebhookArgs]]
    """URLs that are told of events."""


class Otlp(Model):
    """A checked `OtlpArgs`."""

    endpoint: WebUrl = Field(description="an http or https URL", examples=["https://otlp.example.net:4318"])
    token: SecretKey | None = Field(None, description="a Secret with a bearer token", examples=['{"name": "otlp"}'])
    traces: bool = Field(True, description="true or false", examples=["false"])
    metrics: bool = Field(True, description="true or false", examples=["false"])


class Webhook(Model):
    """A checked `WebhookArgs`."""

    url: WebUrl = Field(description="an http or https URL", examples=["https://alerts.example.net/mail"])
    events: tuple[str, ...] = Field(min_length=1, description="names of events", examples=['["security.abuse-ban"]'])
    signature_key: SecretKey | None = Field(None, description="a Secret with a key", examples=['{"name": "webhook"}'])


class Telemetry(Model):
    """A checked `TelemetryArgs`."""

    otlp: Otlp | None = Field(None, description="an OpenTelemetry collector", examples=['{"endpoint": "https://..."}'])
    webhooks: tuple[Webhook, ...] = Field(
        (), description="URLs that are told of events", examples=['[{"url": "https://...", "events": ["..."]}]']
    )
