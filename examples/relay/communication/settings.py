"""The stack's configuration as typed, frozen settings, made of the options of the components."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import get_config_env
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from stalwart_mail.model import Hostname, KubernetesName, Model, WebUrl
from stalwart_mail.stalwart.options.delivery import Exposure
from stalwart_mail.stalwart.options.storage import Storage
from stalwart_mail.stalwart.options.tls import Tls

from .homeserver import MatrixOptions
from .livekit import LiveKitOptions
from .stunner import StunnerOptions

PREFIX = "relay:"


class Issuer(Model):
    """The identity provider that mail and chat share."""

    url: WebUrl = Field(description="the issuer", examples=["https://id.example.com/realms/example"])
    mail_audience: str | None = Field(
        None, description="the audience a token for mail must name; without it any token of the issuer", examples=["stalwart"]
    )
    matrix_client_id: str = Field("matrix", min_length=1, description="the client that Synapse is", examples=["matrix"])
    matrix_client_secret: SecretStr | None = Field(
        None, description="its secret; without it the client is a public one", examples=["pulumi config set --secret"]
    )


class Mail(Model):
    """The mail server."""

    hostname: Hostname = Field(description="a name in the domain: the MX, and the name in PTR", examples=["mx1.example.com"])
    namespace: KubernetesName = Field("mail", description="a Kubernetes namespace, which is made", examples=["mail"])
    storage: Storage = Field(Storage.model_validate({}), description="where mail is kept", examples=['{"size": "100Gi"}'])
    exposure: Exposure = Field(
        Exposure.model_validate({}), description="how the mail ports reach the Internet", examples=['{"kind": "LoadBalancer"}']
    )
    tls: Tls = Field(description="where the certificate comes from", examples=['{"issuer": "letsencrypt"}'])

    @field_validator("tls")
    @classmethod
    def _can_be_verified(cls, tls: Tls) -> Tls:
        if not tls.verified:
            raise ValueError("has no source; chat sends its password only to a certificate that it can verify")
        return tls


class Notifications(Model):
    """The mail that chat sends."""

    local_part: str = Field(
        "chat", pattern=r"^[a-z0-9][a-z0-9.-]*$", description="of the sender's address in the domain", examples=["chat"]
    )
    app_password: SecretStr | None = Field(
        None,
        description="an app password that the mail server made for this address; without it no mail is sent",
        examples=["pulumi config set --secret"],
    )

    @field_validator("app_password")
    @classmethod
    def _of_the_server(cls, password: SecretStr | None) -> SecretStr | None:
        # Where an identity provider signs in, the server knows no other passwords than those it made.
        if password and not password.get_secret_value().startswith("app_"):
            raise ValueError("is not an app password, which begins with app_; README.md says how one is made")
        return password


class Gateway(Model):
    """The Gateway (gateway.networking.k8s.io) that takes HTTPS from the Internet."""

    name: KubernetesName = Field(description="its name", examples=["public"])
    namespace: KubernetesName = Field(description="its namespace", examples=["gateways"])
    proxy_namespace: KubernetesName | None = Field(
        None, description="the namespace of its pods, when it is another", examples=["envoy-gateway-system"]
    )


class Settings(Model):
    """The configuration of a suite."""

    domain: Hostname = Field(description="what mail addresses and Matrix IDs end in", examples=["example.com"])
    issuer: Issuer = Field(description="the identity provider", examples=['{"url": "https://..."}'])
    gateway: Gateway = Field(description="what takes HTTPS", examples=['{"name": "public", "namespace": "gateways"}'])
    mail: Mail = Field(description="the mail server", examples=['{"hostname": "mx1.example.com", "tls": {...}}'])
    matrix: MatrixOptions = Field(description="the homeserver", examples=['{"hostname": "matrix.example.com"}'])
    livekit: LiveKitOptions = Field(description="the media server", examples=['{"hostname": "rtc.example.com"}'])
    stunner: StunnerOptions = Field(description="the TURN gateway", examples=['{"address": "203.0.113.40"}'])
    notifications: Notifications = Field(
        Notifications.model_validate({}), description="the mail that chat sends", examples=['{"localPart": "chat"}']
    )
    kube_context: str = Field("", description="a context of your kubeconfig; default: kubectl's", examples=["suite"])

    @field_validator("mail")
    @classmethod
    def _host_in_the_domain(cls, mail: Mail, info: ValidationInfo) -> Mail:
        domain = info.data.get("domain", "")
        if domain and not mail.hostname.endswith(f".{domain}"):
            raise ValueError(f"has the hostname {mail.hostname}, which is not in the domain {domain}")
        return mail

    @field_validator("stunner")
    @classmethod
    def _namespaces_differ(cls, stunner: StunnerOptions, info: ValidationInfo) -> StunnerOptions:
        siblings = [info.data[name].namespace for name in ("mail", "matrix", "livekit") if name in info.data]
        namespaces = [*siblings, stunner.namespace]
        twice = sorted({name for name in namespaces if namespaces.count(name) > 1})
        if twice:
            raise ValueError(f"and its siblings have the namespace {', '.join(twice)} twice; each has one to itself")
        return stunner


class SettingsError(pulumi.RunError):
    """The stack's configuration cannot be used; the message lists every mistake. The engine prints it without a traceback."""


def parse(values: Mapping[str, Any]) -> Settings:
    """Check a stack's configuration.

    Args:
        values: the configuration by key, without prefix.

    Raises:
        SettingsError: with every mistake at once; no value is in it, since it may be a secret.
    """
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        mistakes = [
            f"  - {PREFIX}{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg'].removeprefix('Value error, ')}"
            for mistake in error.errors(include_url=False, include_input=False, include_context=False)
        ]
    raise SettingsError("The configuration of this stack cannot be used; nothing was created:\n" + "\n".join(mistakes))


def load() -> Settings:
    """Read and check the configuration of the stack that is running.

    Raises:
        SettingsError: with every mistake at once.
    """
    own = {key.removeprefix(PREFIX): value for key, value in get_config_env().items() if key.startswith(PREFIX)}
    # The engine hands over objects as JSON text, and plain values as they are.
    return parse({key: json.loads(value) if value.startswith("{") else value for key, value in own.items()})
