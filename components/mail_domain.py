"""A mail domain as the components see it: its names, its signing selectors and what receivers are told about it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NotRequired, Self, TypedDict

from pydantic import Field, ValidationInfo, field_validator, model_validator

from . import checks
from .dkim import DEFAULT_SELECTORS, DkimSelector, DkimSelectorArgs, selectors_of_a_domain
from .dns.policies import (
    Bimi,
    BimiArgs,
    Caa,
    CaaArgs,
    Dmarc,
    DmarcArgs,
    DmarcPolicy,
    RecordSwitches,
    RecordSwitchesArgs,
    Spf,
    SpfArgs,
)
from .model import EmailAddress, Hostname, Model

POSTMASTER = "postmaster"  # RFC 5321, section 4.5.1: every domain has one


class DnsProvider(StrEnum):
    """Who serves a zone."""

    ZONE_FILE = "zonefile"  # any DNS server: the text is an output, nothing is created
    CLOUDFLARE = "cloudflare"  # one resource a record
    EXTERNAL_DNS = "external-dns"  # objects in the cluster, which its external-dns publishes


class HostedDkimArgs(TypedDict):
    """DKIM keys in a zone of ours, for a domain whose DNS is not: its owner publishes CNAMEs once, and never touches a key."""

    zone: str
    """The zone of ours. Keys are at `<selector>.<domain>.<zone>`."""
    selectors: NotRequired[list[str]]
    """Selectors that have a CNAME beside those in use, so that the next key finds its name there. Default: none."""


class HostedDkim(Model):
    """A checked `HostedDkimArgs`."""

    zone: Hostname = Field(description="a zone of ours", examples=["dkim.example.net"])
    selectors: tuple[str, ...] = Field((), description="selectors that have a CNAME in advance", examples=['["s2-rsa"]'])

    @field_validator("selectors")
    @classmethod
    def _are_selectors(cls, selectors: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checks.selector(selector) for selector in selectors)


class MailDomainArgs(TypedDict):
    """A domain that receives mail, or a parked one that never does. All fields are plain: they decide which resources exist."""

    name: str
    """The domain, for example `example.com`."""
    parked: NotRequired[bool]
    """True for a domain without mail: null MX, and SPF and DMARC that refuse everything. Default false."""
    aliases: NotRequired[list[str]]
    """Other names of this domain: mail to `name@alias` reaches `name@domain`. They have its records, but no DKIM key: the
    server signs their mail as this domain."""
    catch_all: NotRequired[str]
    """The account that gets mail for addresses nobody has. Default: such mail is refused."""
    sub_addressing: NotRequired[bool]
    """Whether `name+anything` reaches `name` (RFC 5233). Default true."""
    dkim_selectors: NotRequired[list[DkimSelectorArgs]]
    """The keys that sign for this domain. Default: `s1-rsa` and `s1-ed25519`."""
    hosted_dkim: NotRequired[HostedDkimArgs]
    """DKIM keys in a zone of ours. Default: in the domain's own."""
    spf: NotRequired[SpfArgs]
    """Who else may send for the domain."""
    dmarc: NotRequired[DmarcArgs]
    """What receivers do with mail that fails DMARC."""
    tls_report_address: NotRequired[str]
    """Where reports about TLS go (RFC 8460). Default: the domain's postmaster."""
    caa: NotRequired[CaaArgs]
    """Who may issue certificates. Default: any authority."""
    bimi: NotRequired[BimiArgs]
    """The domain's logo. Default: none."""
    ua_auto_config_digest: NotRequired[str]
    """SHA-256, in base64, of the set-up document served at `ua-auto-config`, if you know it. Default: not published."""
    records: NotRequired[RecordSwitchesArgs]
    """Which records are published. Default: all that make sense."""
    dns_provider: NotRequired[str]
    """`zonefile`, `cloudflare` or `external-dns`. Default: that of `MailDns`."""
    zone_id: NotRequired[str]
    """The provider's id of the zone this domain lives in. Needed by `cloudflare`."""
    dnssec: NotRequired[bool]
    """True for a signed zone: with `cloudflare` signing is switched on, elsewhere you say that it is. Default false."""


class MailDomain(Model):
    """A checked `MailDomainArgs`."""

    name: Hostname = Field(description="a domain name", examples=["example.com"])
    parked: bool = Field(False, description="true for a domain without mail, else false", examples=["true"])
    aliases: tuple[Hostname, ...] = Field((), description="other names of this domain", examples=['["example.org"]'])
    catch_all: EmailAddress | None = Field(
        None, description="the account that gets mail for unknown addresses", examples=["info@example.com"]
    )
    sub_addressing: bool = Field(True, description="whether name+anything reaches name", examples=["false"])
    dkim_selectors: tuple[DkimSelector, ...] = Field(
        DEFAULT_SELECTORS,
        description="DKIM keys, each with name, algorithm and state",
        examples=['[{"name": "s1-rsa", "algorithm": "rsa"}]'],
    )
    hosted_dkim: HostedDkim | None = Field(
        None, description="zone: DKIM keys in a zone of ours, for a domain whose DNS is not", examples=['{"zone": "..."}']
    )
    spf: Spf = Field(Spf.model_validate({}), description="who else may send for it", examples=['{"includes": ["amazonses.com"]}'])
    dmarc: Dmarc = Field(Dmarc.model_validate({}), description="policy and reports", examples=['{"policy": "reject"}'])
    tls_report_address: EmailAddress | None = Field(
        None, description="an e-mail address for TLS reports; default: postmaster", examples=["tls@example.com"]
    )
    caa: Caa | None = Field(
        None, description="who may issue certificates", examples=['{"issuers": [{"authority": "letsencrypt.org"}]}']
    )
    bimi: Bimi | None = Field(None, description="the domain's logo", examples=['{"logoUrl": "https://example.com/logo.svg"}'])
    ua_auto_config_digest: str | None = Field(
        None, pattern="^[A-Za-z0-9+/]{43}=$", description="SHA-256 in base64 of the set-up document", examples=["47DEQpj8HBSa..."]
    )
    records: RecordSwitches = Field(
        RecordSwitches.model_validate({}), description="which records are published", examples=['{"services": false}']
    )
    dns_provider: DnsProvider | None = Field(
        None, description="zonefile, cloudflare or external-dns; default: dns.provider", examples=["zonefile"]
    )
    zone_id: str | None = Field(
        None, min_length=1, description="the DNS provider's id of the zone", examples=["0123456789abcdef0123456789abcdef"]
    )
    dnssec: bool = Field(False, description="true for a signed zone; Cloudflare is told to sign it", examples=["true"])

    @field_validator("dkim_selectors")
    @classmethod
    def _selectors_sign(cls, selectors: tuple[DkimSelector, ...]) -> tuple[DkimSelector, ...]:
        selectors_of_a_domain(selectors)
        return selectors

    @field_validator("bimi")
    @classmethod
    def _dmarc_is_enforced(cls, bimi: Bimi | None, info: ValidationInfo) -> Bimi | None:
        if bimi and info.data.get("dmarc") and info.data["dmarc"].policy == DmarcPolicy.NONE:
            raise ValueError("needs the DMARC policy quarantine or reject; with none no logo is shown")
        return bimi

    @model_validator(mode="after")
    def _parked_has_no_mail(self) -> Self:
        if self.parked and (self.aliases or self.catch_all or "dkim_selectors" in self.model_fields_set):
            raise ValueError("is parked, so it has no mail: no aliases, no catch-all and no DKIM selectors")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)

    @property
    def selectors(self) -> tuple[DkimSelector, ...]:
        """Its DKIM selectors; a parked domain has none."""
        return () if self.parked else self.dkim_selectors

    @property
    def service_labels(self) -> tuple[str, ...]:
        """Names below it at which its server answers web requests: client set-up, and the MTA-STS policy (RFC 8461)."""
        switches = {
            "autoconfig": self.records.autoconfig,
            "autodiscover": self.records.autodiscover,
            "mta-sts": self.records.mta_sts,
            "ua-auto-config": self.records.ua_auto_config,
        }
        return tuple(label for label, is_on in switches.items() if is_on)


def resolve(args: Sequence[MailDomainArgs], problems: checks.Problems) -> tuple[MailDomain, ...]:
    """Check the domains and fill their defaults; what is wrong is added to `problems`."""
    domains: list[MailDomain] = []
    taken: set[str] = set()
    for number, item in enumerate(args):
        before = len(problems.found)
        domain = problems.model(f"domains[{number}]", MailDomain, item)
        if len(problems.found) > before:
            continue
        twice = [name for name in domain.names if name in taken]
        if twice:
            problems.add(f"domains[{number}]: {', '.join(twice)} is listed twice")
        taken |= set(domain.names)
        domains.append(domain)
    return tuple(domains)
