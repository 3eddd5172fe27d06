"""Where the certificate comes from, and what TLS must be."""

from enum import StrEnum
from typing import NotRequired, Self, TypedDict

from pydantic import Field, model_validator

from ...model import EmailAddress, KubernetesName, Model, WebUrl

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


class TlsVersion(StrEnum):
    """The lowest version of TLS that is spoken. The server knows no older ones."""

    V1_2 = "1.2"
    V1_3 = "1.3"


class IssuerKind(StrEnum):
    """Where a cert-manager issuer is."""

    CLUSTER_ISSUER = "ClusterIssuer"
    ISSUER = "Issuer"


class AcmeArgs(TypedDict):
    """The server gets its certificate itself, by TLS-ALPN-01 (RFC 8737): port 443 of every name must reach it."""

    contact: str
    """An e-mail address for the authority."""
    directory_url: NotRequired[str]
    """The authority. Default: Let's Encrypt."""


class TlsArgs(TypedDict):
    """Where the server's certificate comes from. With no source the server signs its own, which clients warn about."""

    secret_name: NotRequired[str]
    """An existing Secret of type kubernetes.io/tls in the server's namespace. It must cover every name clients use."""
    issuer: NotRequired[str]
    """A cert-manager issuer; a Certificate for every name clients use is made and its Secret used."""
    issuer_kind: NotRequired[str]
    """`ClusterIssuer` (default) or `Issuer`."""
    keep_key: NotRequired[bool]
    """With `issuer`: keep the key when the certificate is renewed, as TLSA records that pin it need. Default false."""
    acme: NotRequired[AcmeArgs]
    """The server gets its certificate itself. On a primary only: a backup listens on port 25 alone."""
    minimum_version: NotRequired[str]
    """`1.2` (default) or `1.3`, for every listener."""


class Acme(Model):
    """A checked `AcmeArgs`."""

    contact: EmailAddress = Field(description="an e-mail address for the authority", examples=["postmaster@example.com"])
    directory_url: WebUrl = Field(LETS_ENCRYPT, description="the authority's directory", examples=[LETS_ENCRYPT])


class Tls(Model):
    """A checked `TlsArgs`."""

    secret_name: KubernetesName | None = Field(None, description="an existing kubernetes.io/tls Secret", examples=["mx1-tls"])
    issuer: KubernetesName | None = Field(None, description="a cert-manager issuer", examples=["letsencrypt"])
    issuer_kind: IssuerKind = Field(IssuerKind.CLUSTER_ISSUER, description="ClusterIssuer or Issuer", examples=["ClusterIssuer"])
    keep_key: bool = Field(
        False, description="with issuer: true to keep the key at renewals, as dns.tlsa needs", examples=["true"]
    )
    acme: Acme | None = Field(
        None, description="contact, and directoryUrl: the server gets its certificate itself", examples=['{"contact": "..."}']
    )
    minimum_version: TlsVersion = Field(TlsVersion.V1_2, description="1.2 or 1.3", examples=["1.3"])

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len([source for source in (self.secret_name, self.issuer, self.acme) if source]) > 1:
            raise ValueError("has more than one of `secretName`, `issuer` and `acme`; a certificate has one source")
        if self.keep_key and not self.issuer:
            raise ValueError("has `keepKey` and no `issuer`, whose certificates it is about")
        return self

    @property
    def verified(self) -> bool:
        """Whether other servers can verify the certificate."""
        return bool(self.secret_name or self.issuer or self.acme)
