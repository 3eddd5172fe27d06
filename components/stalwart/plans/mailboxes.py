"""Domains, the keys that sign for them, and who has a mailbox."""

from datetime import timedelta

from ...dkim import DkimAlgorithm, DkimSelector
from ...mail_domain import POSTMASTER, MailDomain
from .. import paths
from ..arguments import EXPORTER, RECIPIENT_READER, Server
from ..certificates import service_names
from ..operations import Create, Plan, Reconcile, Update, Upsert
from ..options.accounts import Account as AccountSettings
from ..options.accounts import Ldap, Oidc
from ..registry.directory import (
    Account,
    AccountWithoutAliases,
    AdminRole,
    Authentication,
    AutomaticCertificate,
    Directory,
    DkimSignature,
    Domain,
    DomainCertificate,
    DomainWithoutCertificate,
    Ed25519Signature,
    EmailAlias,
    InheritedPermissions,
    LdapDirectory,
    NoSubAddressing,
    OidcDirectory,
    OnlyPermissions,
    RsaSignature,
    SubAddressing,
    UserRole,
)
from ..registry.encoding import Reference
from ..registry.mta import MtaSts
from ..registry.system import AcmeProvider, ReloadSettings
from ..registry.values import EnvironmentSecret, File, NoSecret
from .host import FIRST_DOMAIN

ACME_PROVIDER = Reference("acme")
SIGNATURE = {DkimAlgorithm.RSA: RsaSignature, DkimAlgorithm.ED25519: Ed25519Signature}
DIRECTORY = Reference("directory")
ABUSE = "abuse"  # RFC 2142, section 2
ROLE_MAILBOX = "role-mailbox"
READER_PERMISSIONS = frozenset(
    {
        "authenticate",
        "sysAccountGet",
        "sysAccountQuery",
        "sysDomainGet",
        "sysDomainQuery",
        "sysMailingListGet",
        "sysMailingListQuery",
    }
)
EXPORTER_PERMISSIONS = frozenset(
    {"authenticate", "sysBlockedIpGet", "sysBlockedIpQuery", "sysQueuedMessageGet", "sysQueuedMessageQuery"}
)
BINARY_UNITS = {"Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def domain_operations(server: Server) -> Plan:
    """The domains and their keys."""
    ids = _domain_ids(server)
    domains = {ids[domain.name].client_id: _domain(server, domain) for domain in server.mail_domains}
    signatures = {
        f"{ids[domain.name].client_id}-{selector.name}": _signature(domain, selector, ids[domain.name])
        for domain in server.mail_domains
        for selector in domain.selectors
        if selector.signs_here
    }
    # Upsert, never reconcile: a domain dropped from the config must not take its mailboxes with it.
    return (Upsert(domains), Reconcile(DkimSignature, signatures))


def _domain_ids(server: Server) -> dict[str, Reference]:
    return {domain.name: Reference(f"d{number}") for number, domain in enumerate(server.mail_domains)}


def _domain(server: Server, domain: MailDomain) -> Domain:
    # With ACME the certificate is left as it is: what follows the start sets it, and must not be undone by the next plan.
    kind = Domain if server.tls.acme else DomainWithoutCertificate
    return kind(
        name=domain.name,
        description=None,
        aliases=frozenset(domain.aliases),
        catch_all_address=domain.catch_all,
        sub_addressing=SubAddressing() if domain.sub_addressing else NoSubAddressing(),
        allow_relaying=False,
        report_address_uri=f"mailto:{domain.dmarc.report_address or POSTMASTER}",
    )


def acme_operations(server: Server) -> Plan:
    """The authority the server gets its certificates from, for a server that runs: it is asked at once."""
    if server.tls.acme is None:
        return ()
    provider = AcmeProvider(
        directory=server.tls.acme.directory_url, challenge_type="TlsAlpn01", contact=frozenset({server.tls.acme.contact})
    )
    domains = {
        f"d{number}": DomainCertificate(name=domain.name, certificate_management=_automatic(server, domain))
        for number, domain in enumerate(server.mail_domains)
    }
    return (Upsert({ACME_PROVIDER.client_id: provider}), Upsert(domains))


def _automatic(server: Server, domain: MailDomain) -> AutomaticCertificate:
    # The host name goes with the domain it is in, or with the first: the server knows no certificate without a domain.
    domains = [found.name for found in server.mail_domains]
    home = next((name for name in domains if server.hostname.endswith(f".{name}") or server.hostname == name), domains[0])
    own = frozenset(name for name in service_names(server) if name.partition(".")[2] in domain.names)
    return AutomaticCertificate(
        acme_provider_id=ACME_PROVIDER,
        subject_alternative_names=own | {server.hostname} if domain.name == home else own,
    )


def _signature(domain: MailDomain, selector: DkimSelector, domain_id: Reference) -> DkimSignature:
    key = File(file_path=f"{paths.DKIM_DIRECTORY}/{selector.record_name(domain.name)}")
    return SIGNATURE[selector.algorithm](domain_id=domain_id, selector=selector.name, private_key=key)


def mailboxes(server: Server) -> tuple[AccountSettings, ...]:
    """The accounts that are given, and one for the postmaster and abuse addresses that nobody has."""
    if server.directory and server.directory.ldap:
        return server.accounts
    taken = {address for account in server.accounts for address in account.addresses}
    wanted = [f"{name}@{domain.name}" for name in (POSTMASTER, ABUSE) for domain in server.mail_domains]
    free = [address for address in wanted if address not in taken]
    # Aliases all of them, so that any can be given to somebody later: an account's own name stays taken.
    address = f"{ROLE_MAILBOX}@{server.mail_domains[0].name}"
    given = [account for account in server.accounts if account.address.lower() == address]
    others = tuple(account for account in server.accounts if account not in given)
    own = given[0] if given else AccountSettings.model_validate({"address": address, "description": "Postmaster and abuse"})
    return (*others, own.model_copy(update={"aliases": (*own.aliases, *free)}))


def account_operations(server: Server) -> Plan:
    """The mailboxes, without their passwords. Accounts that are not listed are left alone."""
    ids = _domain_ids(server)
    accounts: dict[str, Account] = {f"a{number}": _account(account, ids) for number, account in enumerate(mailboxes(server))}
    if server.has_recipient_reader:
        accounts["reader"] = _machine(RECIPIENT_READER, "Reads the recipients for the backup exchange", READER_PERMISSIONS)
    accounts |= exporter_account(server)
    if not accounts:
        return ()
    # What somebody else gets must be free before; only the role mailbox gives up addresses by itself.
    role = [account for account in accounts.values() if account.name == ROLE_MAILBOX and account.domain_id == Reference("d0")]
    freed = {f"role{n}": AccountWithoutAliases(name=found.name, domain_id=found.domain_id) for n, found in enumerate(role)}
    return (*((Upsert(freed),) if freed else ()), Upsert(accounts))


def exporter_account(server: Server) -> dict[str, Account]:
    """The account that the exporter reads the queue with, if there is one."""
    if not server.has_exporter_account:
        return {}
    return {"exporter": _machine(EXPORTER, "Reads the queue and the bans for Prometheus", EXPORTER_PERMISSIONS)}


def _machine(name: str, description: str, permissions: frozenset[str]) -> Account:
    return Account(
        name=name,
        domain_id=FIRST_DOMAIN,
        description=description,
        aliases=(),
        roles=UserRole(),
        permissions=OnlyPermissions(enabled_permissions=permissions),
        quotas={},
    )


def _account(account: AccountSettings, domain_ids: dict[str, Reference]) -> Account:
    def parts(address: str) -> tuple[str, Reference]:
        name, _, domain = address.lower().rpartition("@")
        return name, domain_ids[domain]

    name, domain_id = parts(account.address)
    return Account(
        name=name,
        domain_id=domain_id,
        description=account.description,
        aliases=tuple(EmailAlias(name=alias, domain_id=domain) for alias, domain in map(parts, account.aliases)),
        roles=AdminRole() if account.admin else UserRole(),
        permissions=InheritedPermissions(),
        quotas={"maxDiskQuota": _bytes(account.quota)} if account.quota else {},
    )


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) * BINARY_UNITS[quantity[-2:]]


def mta_sts_operations(server: Server) -> Plan:
    """The MTA-STS policy: both exchanges, or a sender that enforces it would not try the second."""
    hosts = {server.hostname, *([server.peer.hostname] if server.peer else [])}
    age = timedelta(days=server.mta_sts.max_age_days)
    return (Update(MtaSts(mode=server.mta_sts.mode, max_age=age, mx_hosts=frozenset(hosts))),)


def directory_operations(server: Server) -> Plan:
    """The directory, or none, for a server that has been started once.

    Before its first start a server must not be told of `Authentication`: it would then leave out its own default roles.
    """
    found = _directory(server)
    return (
        Reconcile(Directory, {DIRECTORY.client_id: found} if found else {}),
        Update(Authentication(directory_id=DIRECTORY if found else None)),
        Create({"reload": ReloadSettings()}),
    )


def _directory(server: Server) -> Directory | None:
    if server.directory is None:
        return None
    return _oidc(server.directory.oidc) if server.directory.oidc else _ldap(server.directory.ldap)


def _oidc(oidc: Oidc) -> OidcDirectory:
    return OidcDirectory(
        description="Accounts of the identity provider",
        issuer_url=oidc.issuer_url,
        require_audience=oidc.audience,
        claim_username=oidc.username_claim,
        claim_groups=oidc.groups_claim,
        username_domain=oidc.username_domain,
    )


def _ldap(ldap: Ldap | None) -> LdapDirectory:
    assert ldap is not None
    return LdapDirectory(
        description="Accounts of the LDAP server",
        url=ldap.url,
        use_tls=ldap.start_tls and ldap.url.startswith("ldap:"),
        base_dn=ldap.base_dn,
        bind_dn=ldap.bind_dn,
        bind_secret=EnvironmentSecret(variable_name=paths.LDAP_PASSWORD) if ldap.bind_dn else NoSecret(),
        filter_login=ldap.login_filter,
        filter_mailbox=ldap.mailbox_filter,
    )
