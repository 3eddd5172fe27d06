"""A mail domain as the components see it: its name, its signing selectors and what receivers are told about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NotRequired, TypedDict

from . import checks


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
    zone_id: str | None = None


def resolve(args: MailDomainArgs) -> MailDomain:
    """Check one domain and fill its defaults.

    Raises:
        ValueError: a name, selector, algorithm, policy or address is not allowed; the message starts with the value.
    """
    name = _checked(checks.hostname, args["name"])
    parked = args.get("parked", False)
    selectors = DEFAULT_SELECTORS
    if "dkim_selectors" in args:
        selectors = tuple(
            DkimSelector(_checked(checks.selector, s["name"]), DkimAlgorithm(s["algorithm"])) for s in args["dkim_selectors"]
        )
    if len({selector.name for selector in selectors}) < len(selectors):
        raise ValueError(f"{name} names a DKIM selector twice")
    report = args.get("dmarc_report_address")
    return MailDomain(
        name=name,
        parked=parked,
        dkim_selectors=() if parked else selectors,
        dmarc_policy=DmarcPolicy.REJECT if parked else DmarcPolicy(args.get("dmarc_policy", DmarcPolicy.QUARANTINE)),
        dmarc_report_address=None if report is None else _checked(checks.email_address, report),
        zone_id=args.get("zone_id"),
    )


def resolve_all(args: Sequence[MailDomainArgs], problems: list[str]) -> tuple[MailDomain, ...]:
    """Check every domain; what is wrong is added to `problems`, one line each, and the domain left out."""
    domains: dict[str, MailDomain] = {}
    for number, item in enumerate(args):
        try:
            domain = resolve(item)
        except (ValueError, KeyError) as error:
            problems.append(f"domains[{number}]: {error}")
            continue
        if domain.name in domains:
            problems.append(f"domains[{number}]: {domain.name} is listed twice")
        domains[domain.name] = domain
    return tuple(domains.values())


def _checked(rule, value: str) -> str:  # noqa: ANN001
    try:
        return rule(value)
    except ValueError as error:
        raise ValueError(f"`{value}` {error}") from None
