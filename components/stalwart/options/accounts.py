"""Mailboxes, or the directory that has them."""

from typing import NotRequired, Self, TypedDict

from pydantic import Field, model_validator

from ... import checks
from ...model import EmailAddress, Hostname, Model, Quantity, SecretKey, WebUrl
from .secret import SecretKeyArgs


class AccountArgs(TypedDict):
    """A mailbox."""

    address: str
    """Its address, in one of the domains."""
    description: NotRequired[str]
    """Whose it is."""
    admin: NotRequired[bool]
    """True for an account that may also change the server. Default false."""
    aliases: NotRequired[list[str]]
    """Other addresses of it, in any of the domains."""
    quota: NotRequired[str]
    """How much it may hold, such as `10Gi`. Default: no limit."""
    password: NotRequired[SecretKeyArgs]
    """The first password. A password that is there is left alone, so the user's own change stays. Default: none is set."""


class OidcArgs(TypedDict):
    """Accounts from an OpenID Connect provider. A mailbox is there once its owner has signed in."""

    issuer_url: str
    """The issuer, whose discovery document is fetched."""
    audience: NotRequired[str]
    """Which audience a token must name. Default: any."""
    username_claim: NotRequired[str]
    """Which claim is the user name. Default `preferred_username`."""
    username_domain: NotRequired[str]
    """The domain of user names that have none."""
    groups_claim: NotRequired[str]
    """Which claim lists groups. Default: none."""


class LdapArgs(TypedDict):
    """Accounts from an LDAP server."""

    url: str
    """`ldap://host:389` or `ldaps://host:636`."""
    base_dn: str
    """Where accounts are."""
    bind_dn: NotRequired[str]
    """Who searches. Default: anonymous."""
    bind_password: NotRequired[SecretKeyArgs]
    """Goes with `bind_dn`."""
    start_tls: NotRequired[bool]
    """Encrypt an `ldap://` connection. Default true."""
    login_filter: NotRequired[str]
    """Finds who signs in; `?` is the name. Default `(&(objectClass=inetOrgPerson)(mail=?))`."""
    mailbox_filter: NotRequired[str]
    """Finds whose an address is. Default: `mail` or `mailAlias` of a person, or of a group."""


class DirectoryArgs(TypedDict):
    """Where accounts are, when not in the server's own database. One of the two."""

    oidc: NotRequired[OidcArgs]
    """An OpenID Connect provider."""
    ldap: NotRequired[LdapArgs]
    """An LDAP server."""


class Account(Model):
    """A checked `AccountArgs`."""

    address: EmailAddress = Field(description="an address in one of the domains", examples=["alice@example.com"])
    description: str | None = Field(None, description="whose it is", examples=["Alice"])
    admin: bool = Field(False, description="true for an administrator of the server", examples=["true"])
    aliases: tuple[EmailAddress, ...] = Field((), description="other addresses", examples=['["al@example.com"]'])
    quota: Quantity | None = Field(None, description="a whole number of Mi, Gi or Ti", examples=["10Gi"])
    password: SecretKey | None = Field(None, description="a Secret with the first password", examples=['{"name": "alice"}'])

    @property
    def addresses(self) -> tuple[str, ...]:
        """All its addresses, in lower case."""
        return tuple(address.lower() for address in (self.address, *self.aliases))


class Oidc(Model):
    """A checked `OidcArgs`."""

    issuer_url: WebUrl = Field(description="the issuer", examples=["https://id.example.com/realms/mail"])
    audience: str | None = Field(None, description="the audience a token must name", examples=["stalwart"])
    username_claim: str = Field("preferred_username", description="a claim", examples=["email"])
    username_domain: Hostname | None = Field(None, description="a domain", examples=["example.com"])
    groups_claim: str | None = Field(None, description="a claim", examples=["groups"])


class Ldap(Model):
    """A checked `LdapArgs`."""

    url: str = Field(
        pattern=r"^ldaps?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$",
        description="ldap://host:port or ldaps://host:port",
        examples=["ldaps://ldap.example.com:636"],
    )
    base_dn: str = Field(min_length=1, description="a distinguished name", examples=["dc=example,dc=com"])
    bind_dn: str | None = Field(None, description="a distinguished name", examples=["cn=mail,dc=example,dc=com"])
    bind_password: SecretKey | None = Field(None, description="with bindDn: a Secret", examples=['{"name": "ldap"}'])
    start_tls: bool = Field(True, description="true or false", examples=["true"])
    login_filter: str = Field(
        "(&(objectClass=inetOrgPerson)(mail=?))", description="an LDAP filter with ?", examples=["(mail=?)"]
    )
    mailbox_filter: str = Field(
        "(|(&(objectClass=inetOrgPerson)(|(mail=?)(mailAlias=?)))(&(objectClass=groupOfNames)(|(mail=?)(mailAlias=?))))",
        description="an LDAP filter with ?",
        examples=["(|(mail=?)(mailAlias=?))"],
    )

    @model_validator(mode="after")
    def _whole_bind(self) -> Self:
        if (self.bind_dn is None) != (self.bind_password is None):
            raise ValueError("has one of `bindDn` and `bindPassword`; they go together")
        return self


class Directory(Model):
    """A checked `DirectoryArgs`."""

    oidc: Oidc | None = Field(None, description="an OpenID Connect provider", examples=['{"issuerUrl": "https://..."}'])
    ldap: Ldap | None = Field(None, description="an LDAP server", examples=['{"url": "ldaps://...", "baseDn": "..."}'])

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.oidc is None) == (self.ldap is None):
            raise ValueError("needs one of `oidc` and `ldap`")
        return self


def account_problems(accounts: tuple[Account, ...], directory: Directory | None, domains: frozenset[str]) -> list[str]:
    """What is wrong with accounts beside the domains and the directory.

    Args:
        accounts: the accounts.
        directory: where accounts are otherwise.
        domains: the domains, without their aliases.
    """
    found: list[str] = []
    addresses = [address for account in accounts for address in account.addresses]
    try:
        checks.no_duplicates(addresses)
    except ValueError as error:
        found.append(str(error))
    foreign = [address for address in addresses if address.rpartition("@")[2] not in domains]
    if foreign:
        found.append(f"has {', '.join(foreign[:5])}, which is in none of the domains {', '.join(sorted(domains)[:5])}")
    if directory and directory.ldap and accounts:
        found.append("is set beside an LDAP directory, which alone says who has a mailbox")
    if directory and any(account.password for account in accounts):
        found.append("has a password beside a directory, which alone says who may sign in")
    return found
