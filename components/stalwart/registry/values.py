"""Values that several objects have: secrets by reference, text from files, rates."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from .encoding import Structure


@dataclass(frozen=True, kw_only=True)
class EnvironmentSecret(Structure):
    """A secret in an environment variable of the server's pod; the plan holds the name only."""

    VARIANT: ClassVar = "EnvironmentVariable"
    variable_name: str


@dataclass(frozen=True, kw_only=True)
class NoSecret(Structure):
    """No secret."""

    VARIANT: ClassVar = "None"


OptionalSecret = EnvironmentSecret | NoSecret


@dataclass(frozen=True, kw_only=True)
class File(Structure):
    """Text in a file of the server's pod, such as a key or a certificate."""

    VARIANT: ClassVar = "File"
    file_path: str


@dataclass(frozen=True, kw_only=True)
class Rate(Structure):
    """So many in so long."""

    count: int
    period: timedelta


@dataclass(frozen=True, kw_only=True)
class NoHttpAuth(Structure):
    """An HTTP client that does not say who it is."""

    VARIANT: ClassVar = "Unauthenticated"


@dataclass(frozen=True, kw_only=True)
class BearerAuth(Structure):
    """An HTTP client with a token (RFC 6750)."""

    VARIANT: ClassVar = "Bearer"
    bearer_token: EnvironmentSecret


HttpAuth = NoHttpAuth | BearerAuth


@dataclass(frozen=True, kw_only=True)
class Manual(Structure):
    """Not managed by the server: one publisher, one owner."""

    VARIANT: ClassVar = "Manual"
