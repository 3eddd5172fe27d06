"""A mail domain as the components see it: its name, its signing selectors and what receivers are told about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NotRequired, TypedDict

from . import checks

# Names below a domain at which its server answers web requests: client set-up, and the MTA-STS policy (RFC 8461, section 3.3).
SERVICE_LABELS = ("autoconfig", "autodiscover", "mta-sts")


class DkimAlgorithm(StrEnum):
    """How a selector's key signs (RFC 6376, RFC 8463)."""

    RSA = "rsa"  # RSA-2048: every receiver verifies it
    ED25519 = "ed25519"  # small and strong, but not verified everywhere: always beside an RSA key


class DmarcPolicy(StrEnum):
    """What a receiver does with mail that fails DMARC (RFC 9989)."""

    NONE = "none"  # watch the reports first
    QUARANTINE = "quarantine"  # file it as junk
    REJECT = "reject"  # refuse it


class DkimSelectorArgs(TypedDict):
    """One DKIM key of a domain."""

    name: str
    """The selector: the label below `_domainkey` where the public key is published."""
    algorithm: str
    """`rsa` or `ed25519`."""


class MailDomainArgs(TypedDict):
    """A domain that receives mail, or a parked one that never does. All fields are plain: they decide which resources exist."""

    name: str
    """The domain, for example `example.com`."""
    parked: NotRequired[bool]
    """True for a domain without mail: null MX, and SPF and DMARC that refuse everything. Default false."""
    dkim_selectors: NotRequired[list[DkimSelectorArgs]]
    """The keys that sign for this domain. Default: `s1-rsa` and `s1-ed25519`."""
    dmarc_policy: NotRequired[str]
    """`none`, `quarantine` or `reject`. Default `quarantine`; a parked domain always says `reject`."""
    dmarc_report_address: NotRequired[str]
    """Where receivers send aggregate reports. Default: none are asked for."""
    aliases: NotRequired[list[str]]
    """Other names of this domain: mail to `name@alias` reaches `name@domain`. They get MX, SPF and DMARC records of their own,
    and no DKIM key: the server signs their mail as this domain."""
    catch_all: NotRequired[str]
    """The account that gets mail for addresses nobody has. Default: such mail is refused."""
    sub_addressing: NotRequired[bool]
    """Whether `name+anything` reaches `name` (RFC 5233). Default true."""
    zone_id: NotRequired[str]
    """The provider's id of the zone this domain lives in. Needed by the `cloudflare` publisher."""


@dataclass(frozen=True)
class DkimSelector:
    """One DKIM key of a domain."""

    name: str
    algorithm: DkimAlgorithm

    def record_name(self, domain: str) -> str:
        """The name the public key is published under; Secrets and the plan call the key by it too (RFC 6376, section 3.6.2.1)."""
        return f"{self.name}._domainkey.{domain}"


DEFAULT_SELECTORS = (DkimSelector("s1-rsa", DkimAlgorithm.RSA), DkimSelector("s1-ed25519", DkimAlgorithm.ED25519))


@dataclass(frozen=True)
class MailDomain:
    """A checked `MailDomainArgs` with its defaults filled in."""

    name: str
    parked: bool = False
    dkim_selectors: tuple[DkimSelector, ...] = DEFAULT_SELECTORS
    dmarc_policy: DmarcPolicy = DmarcPolicy.QUARANTINE
    dmarc_report_address: str | None = None
    aliases: tuple[str, ...] = ()
    catch_all: str | None = None
    sub_addressing: bool = True
    zone_id: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)

    def as_alias(self, alias: str) -> "MailDomain":
        """The domain that DNS sees under one of its aliases: with the same policy, and without keys of its own."""
        return replace(self, name=alias, aliases=(), dkim_selectors=(), zone_id=None)


def resolve(args: Sequence[MailDomainArgs], problems: checks.Problems) -> tuple[MailDomain, ...]:
    """Check the domains and fill their defaults; what is wrong is added to `problems`."""
    domains: list[MailDomain] = []
    taken: set[str] = set()
    for number, item in enumerate(args):
        domain = _resolve_one(f"domains[{number}]", item, problems)
        twice = [name for name in domain.names if name in taken]
        if twice:
            problems.add(f"domains[{number}]: {', '.join(twice)} is listed twice")
        taken |= set(domain.names)
        domains.append(domain)
    return tuple(domains)


def _resolve_one(field: str, args: MailDomainArgs, problems: checks.Problems) -> MailDomain:
    selectors = DEFAULT_SELECTORS
    if "dkim_selectors" in args:
        selectors = tuple(
            DkimSelector(
                problems.checked(f"{field}.dkim_selectors", checks.selector, selector["name"]),
                problems.one_of(f"{field}.dkim_selectors", DkimAlgorithm, selector["algorithm"]),
            )
            for selector in args["dkim_selectors"]
        )
    if len({selector.name for selector in selectors}) < len(selectors):
        problems.add(f"{field}.dkim_selectors: a selector is listed twice")
    parked = args.get("parked", False)
    policy = problems.one_of(f"{field}.dmarc_policy", DmarcPolicy, args.get("dmarc_policy", DmarcPolicy.QUARANTINE))
    report = args.get("dmarc_report_address")
    aliases = problems.all_checked(f"{field}.aliases", checks.hostname, args.get("aliases", []))
    catch_all = args.get("catch_all")
    if parked and (aliases or catch_all):
        problems.add(f"{field}: a parked domain has no mail, so no `aliases` and no `catch_all`")
    return MailDomain(
        name=problems.checked(f"{field}.name", checks.hostname, args["name"]),
        parked=parked,
        dkim_selectors=() if parked else selectors,
        dmarc_policy=DmarcPolicy.REJECT if parked else policy,
        dmarc_report_address=report and problems.checked(f"{field}.dmarc_report_address", checks.email_address, report),
        aliases=aliases,
        catch_all=catch_all and problems.checked(f"{field}.catch_all", checks.email_address, catch_all),
        sub_addressing=args.get("sub_addressing", True),
        zone_id=args.get("zone_id"),
    )
