"""On a backup: whose mail it takes while the primary cannot be asked."""

from enum import StrEnum
from typing import NotRequired, Self, TypedDict

from pydantic import Field, model_validator

from ...model import EmailAddress, Model


class RecipientSource(StrEnum):
    """Where a backup knows the recipients from."""

    PRIMARY = "primary"  # read from it every few minutes; the last list stays while it is away
    LIST = "list"  # given here
    ANY = "any"  # every address of the domains; and then no bounce is ever sent


class RecipientsArgs(TypedDict):
    """Whose mail a backup takes. An address that is not known is refused at once, so that no bounce is needed."""

    source: NotRequired[str]
    """`any` (default), `list` or `primary`."""
    addresses: NotRequired[list[str]]
    """With `list`: addresses of the domains. Sub-addresses, domain aliases and catch-all are as the domains say."""
    sync_minutes: NotRequired[int]
    """With `primary`: how often it is read. Default 5."""


class Recipients(Model):
    """A checked `RecipientsArgs`."""

    source: RecipientSource = Field(RecipientSource.ANY, description="primary, list or any", examples=["primary"])
    addresses: tuple[EmailAddress, ...] = Field(
        (), description="with source list: who is taken", examples=['["alice@example.com"]']
    )
    sync_minutes: int = Field(5, ge=1, le=59, description="minutes from 1 to 59", examples=["5"])

    @model_validator(mode="after")
    def _list_where_it_is_used(self) -> Self:
        if self.source == RecipientSource.LIST and not self.addresses:
            raise ValueError("has the source list and no `addresses`: nobody's mail would be taken")
        if self.source != RecipientSource.LIST and self.addresses:
            raise ValueError(f"has `addresses` that are not used: the source is {self.source}")
        return self
