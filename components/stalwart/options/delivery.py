"""How mail comes in and goes out: listeners, exposure, the other exchange, smarthosts."""

import ipaddress
from enum import StrEnum
from typing import NotRequired, Self, TypedDict

from pydantic import Field, field_validator, model_validator

from ... import checks
from ...egress import Egress, EgressArgs
from ...model import Address, Hostname, Model, Network, SecretKey
from .secret import SecretKeyArgs


class ExposureKind(StrEnum):
    """How the mail ports reach the Internet."""

    LOAD_BALANCER = "LoadBalancer"  # the cluster gives the Service an address
    NODE_PORT = "NodePort"  # a balancer of your own forwards to ports of the nodes
    HOST_PORT = "HostPort"  # the pod takes the ports of its node


class ExtraListener(StrEnum):
    """Listeners a primary has only when asked: clients that know no better need them."""

    IMAP = "imap"  # 143, with STARTTLS; the server (0.16.19) also takes AUTHENTICATE PLAIN before it
    POP3 = "pop3"  # 110, with STARTTLS
    POP3S = "pop3s"  # 995


class ProxyListener(StrEnum):
    """Listeners that a balancer in front may speak the PROXY protocol to. Never the management port: probes use it."""

    SMTP = "smtp"
    SUBMISSIONS = "submissions"
    SUBMISSION = "submission"
    IMAPS = "imaps"
    SIEVE = "sieve"
    HTTPS = "https"
    IMAP = "imap"
    POP3 = "pop3"
    POP3S = "pop3s"


class ProxyProtocolArgs(TypedDict):
    """A balancer that says the client's address by the PROXY protocol, version 1 or 2."""

    networks: list[str]
    """Where the balancer connects from. From there, connections without the header are refused."""
    listeners: NotRequired[list[str]]
    """Which listeners it speaks to. Default: every public one."""


class ExposureArgs(TypedDict):
    """How the mail ports reach the Internet."""

    kind: NotRequired[str]
    """`LoadBalancer` (default), `NodePort` or `HostPort`."""
    addresses: NotRequired[list[str]]
    """The public addresses of this host, if known before. NodePort and HostPort need them (or `addresses` of the server)."""
    egress: NotRequired[list[EgressArgs]]
    """Addresses mail leaves from, with their names. Default: any, with the host name."""
    annotations: NotRequired[dict[str, str]]
    """Annotations for the Service, as your load balancer's documentation names them."""
    load_balancer_class: NotRequired[str]
    """The class of load balancer. Default: the cluster's."""
    proxy_protocol: NotRequired[ProxyProtocolArgs]
    """A balancer that speaks the PROXY protocol. Default: none does."""


class PeerArgs(TypedDict):
    """The exchange in the other region."""

    hostname: str
    """Its host name, as in MX records."""
    addresses: NotRequired[list[str]]
    """The addresses it connects from. On the primary they are exempt from bans, SPF, DMARC, greylisting and rate limits."""
    networks: NotRequired[list[str]]
    """Networks it connects from, exempt likewise: those of the cluster, when both run in one."""
    verified: NotRequired[bool]
    """True when its certificate is from a public authority: it is then verified at the first try of a message. Default false."""


class SmarthostArgs(TypedDict):
    """A host that takes outgoing mail: where the cloud blocks port 25, or for one domain."""

    name: str
    """A short name, for the logs."""
    hostname: str
    """The host."""
    port: NotRequired[int]
    """Default 587."""
    implicit_tls: NotRequired[bool]
    """True for TLS from the first byte (port 465). Default false: STARTTLS is required."""
    username: NotRequired[str]
    """Default: none."""
    password: NotRequired[SecretKeyArgs]
    """Goes with `username`."""
    domains: NotRequired[list[str]]
    """Recipient domains it is for. Default: all mail that leaves."""


class ProxyProtocol(Model):
    """A checked `ProxyProtocolArgs`."""

    networks: tuple[Network, ...] = Field(min_length=1, description="the balancer's networks", examples=['["10.1.0.0/24"]'])
    listeners: tuple[ProxyListener, ...] = Field(
        (), description="public listeners; default: all; never the management port, which probes use", examples=['["smtp"]']
    )


class Exposure(Model):
    """A checked `ExposureArgs`."""

    kind: ExposureKind = Field(
        ExposureKind.LOAD_BALANCER, description="LoadBalancer, NodePort or HostPort", examples=["LoadBalancer"]
    )
    addresses: tuple[Address, ...] = Field(
        (),
        description="the host's public addresses; needed with NodePort and HostPort, else found out",
        examples=['["203.0.113.10"]'],
    )
    egress: tuple[Egress, ...] = Field(
        (),
        description="addresses mail leaves from, when they are others, each with ehloHostname",
        examples=['[{"address": "203.0.113.99", "ehloHostname": "out1.example.com"}]'],
    )
    annotations: dict[str, str] = Field({}, description="annotations of the Service", examples=['{"key": "value"}'])
    load_balancer_class: str | None = Field(None, description="a load balancer class", examples=["service.k8s.aws/nlb"])
    proxy_protocol: ProxyProtocol | None = Field(
        None, description="networks and listeners of a balancer that speaks it", examples=['{"networks": ["10.1.0.0/24"]}']
    )


class Peer(Model):
    """A checked `PeerArgs`."""

    hostname: Hostname = Field(description="a host name", examples=["mx2.example.com"])
    addresses: tuple[Address, ...] = Field((), description="the addresses it connects from", examples=['["198.51.100.20"]'])
    networks: tuple[Network, ...] = Field((), description="networks it connects from", examples=['["10.0.0.0/8"]'])
    verified: bool = Field(False, description="true when its certificate is from a public authority", examples=["true"])

    def sources(self) -> tuple[str, ...]:
        """Every network it connects from; an address is a network of one host."""
        return (*(str(ipaddress.ip_network(address)) for address in self.addresses), *self.networks)


class Smarthost(Model):
    """A checked `SmarthostArgs`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$", description="a short name in lower case", examples=["ses"])
    hostname: Hostname = Field(description="a host name", examples=["email-smtp.eu-west-1.amazonaws.com"])
    port: int = Field(587, ge=1, le=65535, description="a port", examples=["587"])
    implicit_tls: bool = Field(False, description="true for TLS from the first byte", examples=["true"])
    username: str | None = Field(None, min_length=1, description="with password", examples=["AKIAEXAMPLE"])
    password: SecretKey | None = Field(None, description="with username: a Secret", examples=['{"name": "smarthost"}'])
    domains: tuple[Hostname, ...] = Field((), description="recipient domains; default: all", examples=['["example.org"]'])

    @field_validator("name")
    @classmethod
    def _name_is_free(cls, name: str) -> str:
        if name in ("mx", "local", "primary", "default"):
            raise ValueError("is the name of a route that is always there")
        return name

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("has one of `username` and `password`; they go together")
        return self


def one_smarthost_a_domain(smarthosts: tuple[Smarthost, ...]) -> tuple[Smarthost, ...]:
    """The smarthosts, unless two are for the same mail.

    Raises:
        ValueError: two are for all mail, or for one domain, or have one name.
    """
    checks.no_duplicates([smarthost.name for smarthost in smarthosts])
    checks.no_duplicates([domain for smarthost in smarthosts for domain in smarthost.domains])
    everything = [smarthost.name for smarthost in smarthosts if not smarthost.domains]
    if len(everything) > 1:
        raise ValueError(f"has {' and '.join(everything)} both for all mail; give all but one of them `domains`")
    return smarthosts
