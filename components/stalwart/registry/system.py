"""The host: its name, its listeners, its certificate, who may connect, and what makes changes live."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from .encoding import Reference, RegistryObject, Structure
from .values import File


@dataclass(frozen=True, kw_only=True)
class MailExchanger(Structure):
    """A host in the MTA-STS policy and in the records the server proposes."""

    hostname: str
    priority: int


@dataclass(frozen=True, kw_only=True)
class SystemSettings(RegistryObject):
    """What the server calls itself."""

    OBJECT: ClassVar = "SystemSettings"
    default_hostname: str
    default_domain_id: Reference
    default_certificate_id: Reference | None
    mail_exchangers: tuple[MailExchanger, ...]
    proxy_trusted_networks: frozenset[str] = frozenset()  # for every listener, so also the one that probes use: never


@dataclass(frozen=True, kw_only=True)
class NetworkListener(RegistryObject):
    """A port the server listens on. A new one opens at the next start."""

    OBJECT: ClassVar = "NetworkListener"
    MATCH_ON: ClassVar = ("name",)
    name: str
    protocol: str
    bind: frozenset[str]
    use_tls: bool
    tls_implicit: bool
    tls_disable_protocols: frozenset[str]
    override_proxy_trusted_networks: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Certificate(RegistryObject):
    """A certificate and its key, in files. The server chooses by the names in it."""

    OBJECT: ClassVar = "Certificate"
    certificate: File
    private_key: File


@dataclass(frozen=True, kw_only=True)
class AcmeProvider(RegistryObject):
    """An authority the server gets certificates from (RFC 8555)."""

    OBJECT: ClassVar = "AcmeProvider"
    MATCH_ON: ClassVar = ("directory",)
    directory: str
    challenge_type: str
    contact: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class AllowedIp(RegistryObject):
    """An address or network that is never banned."""

    OBJECT: ClassVar = "AllowedIp"
    MATCH_ON: ClassVar = ("address",)
    address: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Security(RegistryObject):
    """How long a ban lasts, by what it was for."""

    OBJECT: ClassVar = "Security"
    auth_ban_period: timedelta
    abuse_ban_period: timedelta
    loiter_ban_period: timedelta
    scan_ban_period: timedelta


@dataclass(frozen=True, kw_only=True)
class Http(RegistryObject):
    """What the web listener tells browsers and proxies."""

    OBJECT: ClassVar = "Http"
    enable_hsts: bool
    use_permissive_cors: bool
    use_x_forwarded: bool
    response_headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Action(RegistryObject):
    """Something the server does at once."""

    OBJECT: ClassVar = "Action"


@dataclass(frozen=True, kw_only=True)
class ReloadLookupStores(Action):
    """Make stored lookup keys live."""

    VARIANT: ClassVar = "ReloadLookupStores"


@dataclass(frozen=True, kw_only=True)
class ReloadTlsCertificates(Action):
    """Read the certificate files again."""

    VARIANT: ClassVar = "ReloadTlsCertificates"


@dataclass(frozen=True, kw_only=True)
class ReloadBlockedIps(Action):
    """Make allowed and blocked addresses live."""

    VARIANT: ClassVar = "ReloadBlockedIps"


@dataclass(frozen=True, kw_only=True)
class ReloadSettings(Action):
    """Make everything else live. Refused as a whole while anything stored cannot be used."""

    VARIANT: ClassVar = "ReloadSettings"
