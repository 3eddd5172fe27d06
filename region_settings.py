"""The settings of a region's server, its domains, records and backups: all but which part the region plays now.

Every key is named, with what is allowed and an example, in the models here and in those they are made of.
"""

from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from backup_settings import Backup
from components import checks, dkim
from components.dns.zones import Zone, without_id, zone_of
from components.mail_domain import MailDomain
from components.model import Address, Hostname, KubernetesName, Model, Network
from components.mta_sts import MtaSts
from components.stalwart import arguments as server_arguments
from components.stalwart.options.accounts import Account, Directory, account_problems
from components.stalwart.options.delivery import (
    Exposure,
    ExposureKind,
    ExtraListener,
    Smarthost,
    one_smarthost_a_domain,
)
from components.stalwart.options.limits import Limits
from components.stalwart.options.policies import Reports
from components.stalwart.options.recipients import Recipients
from components.stalwart.options.spam import Spam
from components.stalwart.options.storage import Storage
from components.stalwart.options.telemetry import LogLevel, Telemetry
from components.stalwart.options.tls import Tls
from dns_settings import Dns
from monitoring_settings import Monitoring


class Exchange(Model):
    """The backup's exchange, as the primary must know it before it exists."""

    hostname: Hostname = Field(description="a host name", examples=["mx2.example.com"])
    addresses: tuple[Address, ...] = Field((), description="the addresses it connects from", examples=['["198.51.100.20"]'])
    publish_mx: bool = Field(
        False,
        description="with external-dns, true once it takes mail: this stack then publishes the MX of both",
        examples=["true"],
    )


# The settings that only one role has.
OWNERS = {
    "accounts": "primary",
    "directory": "primary",
    "extra_listeners": "primary",
    "mta_sts": "primary",
    "reports": "primary",
    "backup_exchange": "primary",
    "dkim_keys": "primary",
    "primary_stack": "backup",
    "recipients": "backup",
}


class RegionSettings(Model):
    """What a region has, whatever part it plays now."""

    role: Literal["primary", "backup"] = Field(description="primary (MX 10) or backup (MX 20)", examples=["primary"])
    region: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="a name for this region", examples=["eu-west-1"])
    domains: tuple[MailDomain, ...] = Field(
        (),
        description="on the primary: the mail domains; on the backup: none, it takes them from the primary",
        examples=['[{"name": "example.com"}]'],
        validate_default=True,
    )
    dkim_keys: dict[str, SecretStr] = Field(
        {},
        description="on the primary: DKIM keys you bring: selector._domainkey.domain to a private key in PEM; others are made",
        examples=["pulumi config set --secret --path 'dkimKeys[\"s1-rsa._domainkey.example.com\"]' < key.pem"],
    )
    dns: Dns = Field(
        Dns.model_validate({}),
        description="who publishes the records",
        examples=['{"provider": "cloudflare"}'],
        validate_default=True,
    )
    hostname: Hostname = Field(description="a name in the zone of a domain, or in one of dns.zones", examples=["mx1.example.com"])
    namespace: KubernetesName = Field("mail", description="a Kubernetes namespace", examples=["mail"])
    create_namespace: bool = Field(True, description="true, or false when the namespace is there already", examples=["false"])
    image: Annotated[str, AfterValidator(checks.server_image)] = Field(
        server_arguments.DEFAULT_SERVER_IMAGE,
        description="repository:tag with an exact 0.16 tag; may end in @sha256:...",
        examples=[server_arguments.DEFAULT_SERVER_IMAGE],
    )
    migrated_to: str | None = Field(
        None,
        pattern=r"^[0-9]+\.[0-9]+$",
        description="the server line the data was migrated to, once the runbook's migration is done",
        examples=["1.0"],
    )
    cli_image: Annotated[str, AfterValidator(checks.cli_image)] = Field(
        server_arguments.DEFAULT_CLI_IMAGE,
        description="repository:tag with an exact tag, 1.0.12 or newer; may end in @sha256:...",
        examples=[server_arguments.DEFAULT_CLI_IMAGE],
    )
    job_image: Annotated[str, AfterValidator(checks.exact_image)] = Field(
        server_arguments.DEFAULT_JOB_IMAGE,
        description="an image with Python 3.11 or newer, with an exact tag; may end in @sha256:...",
        examples=[server_arguments.DEFAULT_JOB_IMAGE],
    )
    admin_secret_name: KubernetesName | None = Field(
        None, description="an existing Secret with admin-password and metrics-password", examples=["stalwart-credentials"]
    )
    storage: Storage = Field(Storage.model_validate({}), description="where mail is kept", examples=['{"size": "100Gi"}'])
    exposure: Exposure = Field(
        Exposure.model_validate({}), description="how the mail ports reach the Internet", examples=['{"kind": "LoadBalancer"}']
    )
    trusted_networks: tuple[Network, ...] = Field(
        server_arguments.DEFAULT_TRUSTED_NETWORKS,
        description="networks of nodes, pods and load balancers: never banned, and trusted to hand over mail after a failover",
        examples=['["10.0.0.0/8"]'],
    )
    tls: Tls = Field(
        Tls.model_validate({}),
        description="where the certificate comes from",
        examples=['{"issuer": "letsencrypt", "keepKey": true}'],
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="error, warn, info, debug or trace", examples=["info"])
    accounts: tuple[Account, ...] = Field(
        (), description="on the primary: mailboxes; others are left alone", examples=['[{"address": "alice@example.com"}]']
    )
    directory: Directory | None = Field(
        None,
        description="on the primary: where accounts are, when not in the server's own database",
        examples=['{"oidc": {"issuerUrl": "https://id.example.com"}}'],
        validate_default=True,
    )
    extra_listeners: tuple[ExtraListener, ...] = Field(
        (), description="on the primary, for old clients: imap, pop3, pop3s", examples=['["imap"]']
    )
    smarthosts: tuple[Smarthost, ...] = Field(
        (),
        description="hosts that take outgoing mail",
        examples=['[{"name": "ses", "hostname": "email-smtp.eu-west-1.amazonaws.com"}]'],
    )
    spam: Spam = Field(Spam.model_validate({}), description="the spam filter", examples=['{"scoreReject": 12}'])
    limits: Limits = Field(Limits.model_validate({}), description="rates, sizes and bans", examples=['{"messageSizeMib": 50}'])
    mta_sts: MtaSts = Field(
        MtaSts.model_validate({}), description="on the primary: the MTA-STS policy", examples=['{"mode": "enforce"}']
    )
    reports: Reports = Field(
        Reports.model_validate({}), description="on the primary: reports to other domains", examples=['{"dmarc": "weekly"}']
    )
    telemetry: Telemetry = Field(
        Telemetry.model_validate({}),
        description="what goes out beside console and Prometheus",
        examples=['{"otlp": {"endpoint": "https://..."}}'],
    )
    backup_exchange: Exchange | None = Field(
        None,
        description="on the primary: the backup's hostname and addresses",
        examples=['{"hostname": "mx2.example.com"}'],
        validate_default=True,
    )
    primary_stack: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,2}$",
        description="on the backup: the primary's stack, as stack, project/stack or organization/project/stack",
        examples=["primary"],
        validate_default=True,
    )
    recipients: Recipients = Field(
        Recipients.model_validate({}), description="on the backup: whose mail it takes", examples=['{"source": "primary"}']
    )
    backup: Backup | None = Field(None, description="backups to S3", examples=['{"location": {...}}'], validate_default=True)
    monitoring: Monitoring | None = Field(
        None,
        description="where the Prometheus operator is: scrapes, alerts, an exporter and a Grafana dashboard; {} for the defaults",
        examples=["{}"],
    )
    kube_context: str | None = Field(None, description="a context of your kubeconfig", examples=["mail-eu-west-1"])

    # A validator sees in `info.data` the fields above its own that are right, so every mistake is found in one pass.

    @field_validator("domains")
    @classmethod
    def _domains_by_role(cls, domains: tuple[MailDomain, ...], info: ValidationInfo) -> tuple[MailDomain, ...]:
        role = info.data.get("role")
        checks.no_duplicates([name for domain in domains for name in domain.names])
        if role == "primary" and not any(not domain.parked for domain in domains):
            raise ValueError("has no domain that receives mail")
        if role == "backup" and domains:
            raise ValueError("is set on a backup, which takes the domains from the primary's stack")
        return domains

    @field_validator("dkim_keys")
    @classmethod
    def _keys_of_selectors(cls, keys: dict[str, SecretStr], info: ValidationInfo) -> dict[str, SecretStr]:
        domains: tuple[MailDomain, ...] = info.data.get("domains", ())
        selectors = {selector.record_name(domain.name): selector for domain in domains for selector in domain.selectors}
        faults: list[str] = []
        for name, key in keys.items():
            selector = selectors.get(name)
            if selector is None:
                faults.append(f"{name} is no selector of a domain; there are {', '.join(selectors)}")
                continue
            if selector.public_key:
                faults.append(f"{name} has a publicKey, so it signs elsewhere")
            try:
                _ = dkim.private_key(key.get_secret_value(), selector.algorithm)
            except ValueError as error:
                faults.append(f"{name} {error}")
        if faults and "domains" in info.data:
            raise ValueError(f"has {len(faults)} wrong: {'; '.join(faults)}")
        return keys

    @field_validator("dns")
    @classmethod
    def _zones_have_ids(cls, dns: Dns, info: ValidationInfo) -> Dns:
        domains: tuple[MailDomain, ...] = info.data.get("domains", ())
        nameless = without_id(dns.zones_with(domains))
        if nameless:
            raise ValueError(
                f"publishes to Cloudflare, which needs the zoneId of {', '.join(nameless)}: at the domain, or for an alias in"
                " dns.zones"
            )
        return dns

    @field_validator("hostname")
    @classmethod
    def _hostname_in_a_zone(cls, hostname: str, info: ValidationInfo) -> str:
        context = cast("dict[str, list[str]]", info.context or {})
        zones = {name: Zone(name) for name in context.get("zones", [])}
        if hostname in [domain.name for domain in info.data.get("domains", ()) if domain.parked]:
            raise ValueError("is a parked domain, which says that it has no mail host")
        # A backup's zones are known once the primary's stack has been read.
        if info.data.get("role") == "primary" and zones and zone_of(hostname, zones) is None:
            raise ValueError(f"is outside every known zone ({', '.join(zones)})")
        return hostname

    @field_validator("exposure")
    @classmethod
    def _addresses_where_nothing_tells_them(cls, exposure: Exposure) -> Exposure:
        if exposure.kind != ExposureKind.LOAD_BALANCER and not exposure.addresses:
            raise ValueError(f"has the kind {exposure.kind} and no `addresses`: nothing else tells which addresses to publish")
        return exposure

    @field_validator("tls")
    @classmethod
    def _authority_and_key_fit(cls, tls: Tls, info: ValidationInfo) -> Tls:
        if tls.acme and info.data.get("role") == "backup":
            raise ValueError("has `acme` on a backup, which listens on port 25 only; use `issuer` or `secretName`")
        dns: Dns | None = info.data.get("dns")
        pinned = [tlsa for tlsa in dns.tlsa if tlsa.startswith("3")] if dns else []
        if pinned and not (tls.secret_name or tls.keep_key):
            raise ValueError(
                "gets a new key at every renewal, and `dns.tlsa` pins the one of today: senders that check it would stop"
                " delivering; set `issuer` and `keepKey`, or bring a certificate with `secretName`"
            )
        return tls

    @field_validator("smarthosts")
    @classmethod
    def _one_smarthost_a_domain(cls, smarthosts: tuple[Smarthost, ...]) -> tuple[Smarthost, ...]:
        return one_smarthost_a_domain(smarthosts)

    @field_validator("directory")
    @classmethod
    def _accounts_fit(cls, directory: Directory | None, info: ValidationInfo) -> Directory | None:
        if "accounts" in info.data and "domains" in info.data and info.data.get("role") == "primary":
            domains = frozenset(domain.name for domain in info.data["domains"])
            faults = account_problems(info.data["accounts"], directory, domains)
            if faults:
                raise ValueError("does not go with `accounts`, which " + "; ".join(faults))
        return directory

    @field_validator(*OWNERS, "backup")
    @classmethod
    def _set_in_its_role(cls, value: Any, info: ValidationInfo) -> Any:
        role, name = info.data.get("role"), info.field_name
        if role == "backup" and name == "primary_stack" and value is None:
            raise ValueError("is not set, and a backup reads the domains and the archive from the primary's stack")
        owner = OWNERS.get(str(name))
        if owner and role and role != owner and value is not None:
            raise ValueError(f"is for a {owner} stack, and this one is a {role}")
        if isinstance(value, Exchange) and value.hostname == info.data.get("hostname"):
            raise ValueError("has the host name of this stack; the backup's exchange is another host")
        storage: Storage | None = info.data.get("storage")
        if isinstance(value, Backup) and role == "primary" and storage and storage.database_is_ours and not storage.archive:
            raise ValueError(
                "does not reach the database of `distributed` storage, whose volumes no backup of volumes can restore; set"
                " `storage.archive` as well"
            )
        if isinstance(value, Backup) and role == "backup" and value.archive:
            raise ValueError("has an `archive` on a backup stack; the primary's is mounted read-only instead")
        return value
