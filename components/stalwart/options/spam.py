"""The spam filter."""

from enum import StrEnum
from typing import Annotated, NotRequired, TypedDict

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from ... import checks
from ...model import EmailAddress, Hostname, Model, WebUrl

RULES_URL = "https://github.com/stalwartlabs/spam-filter/releases/latest/download/spam-filter-rules.json.gz"


class BlocklistKind(StrEnum):
    """What a DNS blocklist lists."""

    IP = "ip"  # addresses: the client is looked up
    DOMAIN = "domain"  # domains: those named in the message are looked up


class BlocklistArgs(TypedDict):
    """A DNS blocklist. An answer in 127.255.255.0/24 is an error of the list (often: too many questions), never a listing."""

    zone: str
    """The zone that is asked, such as `zen.spamhaus.org`. It must be reachable by the cluster's resolver."""
    kind: NotRequired[str]
    """`ip` (default) or `domain`."""
    score: NotRequired[float]
    """What a listing adds to a message's score. Default 5."""
    codes: NotRequired[dict[str, float]]
    """Answers that count, each with a score of its own. Default: every answer in 127.0.0.0/8 that is no error."""


class SpamArgs(TypedDict):
    """The spam filter. Nothing here asks the outside unless it is turned on."""

    enabled: NotRequired[bool]
    """Whether mail from outside is filtered. Default true."""
    score_spam: NotRequired[float]
    """From this score on a message is filed as junk. Default 5."""
    score_reject: NotRequired[float]
    """From this score on it is refused; 0 for never. Default 15."""
    score_discard: NotRequired[float]
    """From this score on it vanishes without a word; 0 for never, which is the default."""
    greylist_minutes: NotRequired[int]
    """How long the first try of a sender for a recipient is remembered; the first try is put off. 0, the default, is off."""
    traps: NotRequired[list[str]]
    """Addresses nobody uses: mail to them teaches the filter."""
    trusted_domains: NotRequired[list[str]]
    """Domains whose links are not suspicious."""
    blocklists: NotRequired[list[BlocklistArgs]]
    """DNS blocklists. Default: none."""
    pyzor: NotRequired[bool]
    """Ask Pyzor for digests of known spam. Needs UDP 24441 to public.pyzor.org. Default false."""
    rules_url: NotRequired[str]
    """Where filter rules are fetched from daily, such as those of the Stalwart project. Default: none are fetched."""


class Blocklist(Model):
    """A checked `BlocklistArgs`."""

    zone: Hostname = Field(description="the zone of a DNS blocklist", examples=["zen.spamhaus.org"])
    kind: BlocklistKind = Field(BlocklistKind.IP, description="ip or domain", examples=["ip"])
    score: float = Field(5.0, ge=-100, le=100, description="a number from -100 to 100", examples=["5"])
    codes: dict[Annotated[str, AfterValidator(checks.blocklist_answer)], float] = Field(
        {}, description="answers that count, with their scores", examples=['{"127.0.0.2": 6}']
    )


class Spam(Model):
    """A checked `SpamArgs`."""

    enabled: bool = Field(True, description="true or false", examples=["true"])
    score_spam: float = Field(5.0, gt=0, le=100, description="filed as junk from this score on, up to 100", examples=["5"])
    score_reject: float = Field(15.0, ge=0, le=100, description="refused from this score on; 0 for never", examples=["15"])
    score_discard: float = Field(0.0, ge=0, le=100, description="dropped from this score on; 0 for never", examples=["0"])
    greylist_minutes: int = Field(0, ge=0, le=10_080, description="minutes up to a week; 0 for off", examples=["60"])
    traps: tuple[EmailAddress, ...] = Field((), description="addresses nobody uses", examples=['["trap@example.com"]'])
    trusted_domains: tuple[Hostname, ...] = Field((), description="domains", examples=['["example.org"]'])
    blocklists: tuple[Blocklist, ...] = Field(
        (), description="DNS blocklists, each with zone, kind, score and codes", examples=['[{"zone": "zen.spamhaus.org"}]']
    )
    pyzor: bool = Field(False, description="true to ask Pyzor, UDP 24441 to public.pyzor.org", examples=["true"])
    rules_url: WebUrl | None = Field(None, description="an https URL that filter rules are fetched from", examples=[RULES_URL])

    @field_validator("score_reject", "score_discard")
    @classmethod
    def _above_the_threshold_of_junk(cls, score: float, info: ValidationInfo) -> float:
        wanted = info.data.get("score_spam")
        if score and wanted and score < wanted:
            raise ValueError(f"is below scoreSpam ({wanted:g}): mail would be refused that is not even junk")
        return score

    @field_validator("blocklists")
    @classmethod
    def _each_once(cls, blocklists: tuple[Blocklist, ...]) -> tuple[Blocklist, ...]:
        checks.no_duplicates([blocklist.zone for blocklist in blocklists])
        return blocklists
