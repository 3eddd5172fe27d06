"""Domains, accounts and keys: whose mail it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from .encoding import Reference, RegistryObject, Structure
from .values import File, Manual, OptionalSecret


@dataclass(frozen=True, kw_only=True)
class SubAddressing(Structure):
    """`name+anything@domain` reaches `name@domain` (RFC 5233)."""

    VARIANT: ClassVar = "Enabled"


@dataclass(frozen=True, kw_only=True)
class NoSubAddressing(Structure):
    """A plus sign is a letter like any other."""

    VARIANT: ClassVar = "Disabled"


@dataclass(frozen=True, kw_only=True)
class AutomaticCertificate(Structure):
    """The server gets a certificate for these names itself."""

    VARIANT: ClassVar = "Automatic"
    acme_provider_id: Reference
    subject_alternative_names: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Domain(RegistryObject):
    """A domain whose mail ends here. The server's default is to make and rotate DKIM keys itself; here it must not."""

    OBJECT: ClassVar = "Domain"
    MATCH_ON: ClassVar = ("name",)
    name: str
    description: str | None
    aliases: frozenset[str]
    catch_all_address: str | None
    sub_addressing: SubAddressing | NoSubAddressing
    allow_relaying: bool
    report_address_uri: str
    dkim_management: Manual = field(default_factory=Manual)
    dns_management: Manual = field(default_factory=Manual)


@dataclass(frozen=True, kw_only=True)
class DomainWithoutCertificate(Domain):
    """A domain for whose names the server gets no certificate itself."""

    certificate_management: Manual = field(default_factory=Manual)


@dataclass(frozen=True, kw_only=True)
class DomainCertificate(RegistryObject):
    """The one field of a domain that says which certificate the server gets itself."""

    OBJECT: ClassVar = "Domain"
    MATCH_ON: ClassVar = ("name",)
    name: str
    certificate_management: AutomaticCertificate


@dataclass(frozen=True, kw_only=True)
class DkimSignature(RegistryObject):
    """A key the server signs with (RFC 6376)."""

    OBJECT: ClassVar = "DkimSignature"
    MATCH_ON: ClassVar = ("selector", "domainId")
    domain_id: Reference
    selector: str
    private_key: File


@dataclass(frozen=True, kw_only=True)
class RsaSignature(DkimSignature):
    """An RSA key."""

    VARIANT: ClassVar = "Dkim1RsaSha256"


@dataclass(frozen=True, kw_only=True)
class Ed25519Signature(DkimSignature):
    """An Ed25519 key (RFC 8463)."""

    VARIANT: ClassVar = "Dkim1Ed25519Sha256"


@dataclass(frozen=True, kw_only=True)
class EmailAlias(Structure):
    """Another address of an account."""

    name: str
    domain_id: Reference
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class UserRole(Structure):
    """An account that has mail."""

    VARIANT: ClassVar = "User"


@dataclass(frozen=True, kw_only=True)
class AdminRole(Structure):
    """An account that also administers the server."""

    VARIANT: ClassVar = "Admin"


@dataclass(frozen=True, kw_only=True)
class InheritedPermissions(Structure):
    """What the role gives."""

    VARIANT: ClassVar = "Inherit"


@dataclass(frozen=True, kw_only=True)
class OnlyPermissions(Structure):
    """These and no others, whatever the role gives."""

    VARIANT: ClassVar = "Replace"
    enabled_permissions: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Account(RegistryObject):
    """A mailbox. Its password is not here: the plan is no secret, and an update would undo the user's own change."""

    OBJECT: ClassVar = "Account"
    MATCH_ON: ClassVar = ("name", "domainId")
    VARIANT: ClassVar = "User"
    name: str
    domain_id: Reference
    description: str | None
    aliases: tuple[EmailAlias, ...]
    roles: UserRole | AdminRole
    permissions: InheritedPermissions | OnlyPermissions
    quotas: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class AccountWithoutAliases(RegistryObject):
    """A mailbox that has given up its other addresses, and keeps everything else."""

    OBJECT: ClassVar = "Account"
    MATCH_ON: ClassVar = ("name", "domainId")
    VARIANT: ClassVar = "User"
    name: str
    domain_id: Reference
    aliases: tuple[EmailAlias, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Directory(RegistryObject):
    """Where accounts are, when not in the server's own database."""

    OBJECT: ClassVar = "Directory"
    MATCH_ON: ClassVar = ("description",)
    description: str


@dataclass(frozen=True, kw_only=True)
class OidcDirectory(Directory):
    """An OpenID Connect provider."""

    VARIANT: ClassVar = "Oidc"
    issuer_url: str
    require_audience: str | None
    claim_username: str
    claim_groups: str | None
    username_domain: str | None


@dataclass(frozen=True, kw_only=True)
class LdapDirectory(Directory):
    """An LDAP server (RFC 4511)."""

    VARIANT: ClassVar = "Ldap"
    url: str
    use_tls: bool
    base_dn: str
    bind_dn: str | None
    bind_secret: OptionalSecret
    filter_login: str
    filter_mailbox: str


@dataclass(frozen=True, kw_only=True)
class Authentication(RegistryObject):
    """Which directory is asked."""

    OBJECT: ClassVar = "Authentication"
    directory_id: Reference | None
