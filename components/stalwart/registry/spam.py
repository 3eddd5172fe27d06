"""The spam filter: whether it runs, what a score means, and what it asks the outside."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from .encoding import Expression, RegistryObject


@dataclass(frozen=True, kw_only=True)
class SpamSettings(RegistryObject):
    """The filter. A score of zero turns a threshold off, a null period turns greylisting off."""

    OBJECT: ClassVar = "SpamSettings"
    enable: bool
    score_spam: float
    score_reject: float
    score_discard: float
    greylist_for: timedelta | None
    spam_filter_rules_url: str | None


@dataclass(frozen=True, kw_only=True)
class SpamPyzor(RegistryObject):
    """Pyzor, a service outside that knows digests of spam. A reload fails while its host does not resolve."""

    OBJECT: ClassVar = "SpamPyzor"
    enable: bool


@dataclass(frozen=True, kw_only=True)
class SpamDnsblServer(RegistryObject):
    """A DNS blocklist: which name is asked for, and which tag an answer gives."""

    OBJECT: ClassVar = "SpamDnsblServer"
    MATCH_ON: ClassVar = ("name",)
    name: str
    description: str
    zone: Expression
    tag: Expression
    enable: bool = True


@dataclass(frozen=True, kw_only=True)
class IpBlocklist(SpamDnsblServer):
    """A list of addresses."""

    VARIANT: ClassVar = "Ip"


@dataclass(frozen=True, kw_only=True)
class DomainBlocklist(SpamDnsblServer):
    """A list of domains."""

    VARIANT: ClassVar = "Domain"


@dataclass(frozen=True, kw_only=True)
class SpamTag(RegistryObject):
    """What a tag is worth."""

    OBJECT: ClassVar = "SpamTag"
    MATCH_ON: ClassVar = ("tag",)
    VARIANT: ClassVar = "Score"
    tag: str
    score: float
