"""What a domain tells the world about its mail, beyond its keys: SPF, DMARC, CAA, BIMI, and which records it has at all."""

from enum import StrEnum
from typing import Annotated, NotRequired, Self, TypedDict

from pydantic import Field, StringConstraints, field_validator, model_validator

from ..model import DnsName, EmailAddress, Hostname, Model, Network, WebUrl

# In a record a semicolon ends the tag.
RecordUrl = Annotated[WebUrl, StringConstraints(pattern=r"^https:[^;]*$")]


class DmarcPolicy(StrEnum):
    """What a receiver does with mail that fails DMARC (RFC 9989)."""

    NONE = "none"  # watch the reports first
    QUARANTINE = "quarantine"  # file it as junk
    REJECT = "reject"  # refuse it


class SpfDefault(StrEnum):
    """What SPF says of senders it does not list (RFC 7208, section 4.6.2)."""

    SOFTFAIL = "softfail"  # `~all`: DKIM and DMARC are looked at as well
    FAIL = "fail"  # `-all`: some servers refuse forwarded mail before they look at its signature


class SpfArgs(TypedDict):
    """Who may send for the domain, beside its own exchanges and the addresses their mail leaves from."""

    includes: NotRequired[list[str]]
    """Domains whose SPF record is included: of a smarthost, or of a service that sends for the domain."""
    networks: NotRequired[list[str]]
    """Other hosts that send for the domain, as networks in CIDR notation."""
    otherwise: NotRequired[str]
    """`softfail` (default) or `fail`."""


class DmarcArgs(TypedDict):
    """What receivers do with mail of the domain that fails DMARC, and where they report it (RFC 9989)."""

    policy: NotRequired[str]
    """`none`, `quarantine` (default) or `reject`. A parked domain always says `reject`."""
    subdomain_policy: NotRequired[str]
    """For names below the domain. Default: as `policy`."""
    nonexistent_policy: NotRequired[str]
    """For names below the domain that do not exist. Default `reject`: they never send."""
    reports: NotRequired[bool]
    """Whether aggregate reports are asked for. Default true."""
    report_address: NotRequired[str]
    """Where they go. Default: the domain's postmaster; of a parked domain: that of the first mail domain."""
    failure_report_address: NotRequired[str]
    """Where reports of single failures go; they may hold what was written. Default: none are asked for."""
    strict_alignment: NotRequired[bool]
    """Whether SPF and DKIM must be for the very domain, not one above or below it. Default false."""


class CaaIssuerArgs(TypedDict):
    """An authority that may issue certificates."""

    authority: str
    """Its domain, as it writes in its CAA documentation."""
    account_uri: NotRequired[str]
    """The only account it may issue to (RFC 8657)."""
    validation_methods: NotRequired[list[str]]
    """The only ACME challenges it may use, such as `dns-01` (RFC 8657)."""
    persistent: NotRequired[bool]
    """Also publish the standing proof for `account_uri` (ACME dns-persist-01, a draft). Default false."""


class CaaArgs(TypedDict):
    """Who may issue certificates for the domain and all below it (RFC 8659), a website there included."""

    issuers: list[CaaIssuerArgs]
    """The authorities; no other may."""
    wildcards: NotRequired[bool]
    """Whether they may issue wildcard certificates. Default false."""
    report_address: NotRequired[str]
    """Who is told of refused requests. Default: nobody."""


class BimiArgs(TypedDict):
    """The logo that mail programs show (Brand Indicators for Message Identification). DMARC must quarantine or reject."""

    logo_url: str
    """An SVG Tiny PS file."""
    certificate_url: NotRequired[str]
    """A Verified Mark Certificate, which the large providers want."""


class RecordSwitchesArgs(TypedDict):
    """Which records of a domain are published. False where somebody else does, or nobody shall."""

    mx: NotRequired[bool]
    """Default true."""
    spf: NotRequired[bool]
    """Default true."""
    dkim: NotRequired[bool]
    """Default true."""
    dmarc: NotRequired[bool]
    """Default true."""
    report_authorization: NotRequired[bool]
    """Where DMARC reports go to another organization, its consent, if its zone is ours. Default true."""
    mta_sts: NotRequired[bool]
    """The announcement and the name of the MTA-STS policy. Default true, where a policy is served."""
    tls_reports: NotRequired[bool]
    """Default true."""
    services: NotRequired[bool]
    """SRV records, by which mail programs find their server. Default true."""
    autoconfig: NotRequired[bool]
    """The name that Thunderbird asks. Default true."""
    autodiscover: NotRequired[bool]
    """The name and the SRV record that Outlook asks. Default true."""
    ua_auto_config: NotRequired[bool]
    """The name of automatic set-up as the IETF drafts it. Default false."""


class Spf(Model):
    """A checked `SpfArgs`."""

    includes: tuple[DnsName, ...] = Field((), description="domains whose SPF is included", examples=['["amazonses.com"]'])
    networks: tuple[Network, ...] = Field((), description="networks that send for it", examples=['["192.0.2.0/28"]'])
    otherwise: SpfDefault = Field(SpfDefault.SOFTFAIL, description="softfail or fail", examples=["fail"])


class Dmarc(Model):
    """A checked `DmarcArgs`."""

    policy: DmarcPolicy = Field(DmarcPolicy.QUARANTINE, description="none, quarantine or reject", examples=["quarantine"])
    subdomain_policy: DmarcPolicy | None = Field(
        None, description="none, quarantine or reject; default: as policy", examples=["reject"]
    )
    nonexistent_policy: DmarcPolicy = Field(DmarcPolicy.REJECT, description="none, quarantine or reject", examples=["reject"])
    reports: bool = Field(True, description="false to ask for no aggregate reports", examples=["false"])
    report_address: EmailAddress | None = Field(
        None, description="an e-mail address for aggregate reports; default: postmaster", examples=["dmarc@example.com"]
    )
    failure_report_address: EmailAddress | None = Field(
        None, description="an e-mail address for reports of single failures", examples=["dmarc@example.com"]
    )
    strict_alignment: bool = Field(False, description="true for the very domain only", examples=["true"])

    @model_validator(mode="after")
    def _no_address_without_reports(self) -> Self:
        if self.report_address and not self.reports:
            raise ValueError("has a report address, and asks for no reports")
        return self


class CaaIssuer(Model):
    """A checked `CaaIssuerArgs`."""

    authority: Hostname = Field(description="the authority's domain", examples=["letsencrypt.org"])
    account_uri: RecordUrl | None = Field(
        None, description="the URI of an ACME account", examples=["https://acme-v02.api.letsencrypt.org/acme/acct/1"]
    )
    validation_methods: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")], ...] = Field(
        (), description="ACME challenges", examples=['["dns-01"]']
    )
    persistent: bool = Field(False, description="true for dns-persist-01, with accountUri", examples=["true"])

    @model_validator(mode="after")
    def _proof_of_an_account(self) -> Self:
        if self.persistent and not self.account_uri:
            raise ValueError("has `persistent` and no account URI to prove")
        return self


class Caa(Model):
    """A checked `CaaArgs`."""

    issuers: tuple[CaaIssuer, ...] = Field(
        description="who may issue certificates", examples=['[{"authority": "letsencrypt.org"}]']
    )
    wildcards: bool = Field(False, description="whether wildcard certificates may be issued", examples=["true"])
    report_address: EmailAddress | None = Field(
        None, description="who is told of refused requests", examples=["postmaster@example.com"]
    )

    @field_validator("issuers")
    @classmethod
    def _somebody_may(cls, issuers: tuple[CaaIssuer, ...]) -> tuple[CaaIssuer, ...]:
        # With `min_length` a wrong issuer would be told as a missing one as well.
        if not issuers:
            raise ValueError("names no authority, so that nobody could issue a certificate")
        return issuers


class Bimi(Model):
    """A checked `BimiArgs`."""

    logo_url: RecordUrl = Field(description="the https URL of an SVG", examples=["https://example.com/logo.svg"])
    certificate_url: RecordUrl | None = Field(
        None, description="the https URL of a certificate", examples=["https://example.com/logo.pem"]
    )


class RecordSwitches(Model):
    """A checked `RecordSwitchesArgs`."""

    mx: bool = Field(True, description="whether MX is published here", examples=["false"])
    spf: bool = Field(True, description="whether SPF is published here", examples=["false"])
    dkim: bool = Field(True, description="whether DKIM keys are published here", examples=["false"])
    dmarc: bool = Field(True, description="whether DMARC is published here", examples=["false"])
    report_authorization: bool = Field(True, description="whether consent to DMARC reports is published here", examples=["false"])
    mta_sts: bool = Field(True, description="whether MTA-STS is published here", examples=["false"])
    tls_reports: bool = Field(True, description="whether TLS-RPT is published here", examples=["false"])
    services: bool = Field(True, description="whether SRV is published here", examples=["false"])
    autoconfig: bool = Field(True, description="whether autoconfig is published here", examples=["false"])
    autodiscover: bool = Field(True, description="whether autodiscover is published here", examples=["false"])
    ua_auto_config: bool = Field(False, description="whether ua-auto-config is published here", examples=["true"])
