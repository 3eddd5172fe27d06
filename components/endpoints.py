"""`RegionEndpoints`: the one contract between the regions, exported by the primary and read by the backup.

It holds all the backup needs while the primary cannot be asked. The version rises when a field is added that a backup
cannot do without; fields it does not know are ignored.
"""

from collections.abc import Mapping
from typing import Any, Self, cast

import pulumi
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from .mail_domain import DnsProvider

VERSION = 4


class EndpointsError(pulumi.RunError):
    """The other region's `endpoints` cannot be used; the message says what is missing. The engine prints no traceback."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True, extra="ignore")


class DomainEndpoint(_Model):
    """A mail domain of the primary."""

    name: str
    zone_id: str | None = None
    dns_provider: DnsProvider | None = None
    """Absent for a domain that has no provider of its own."""
    dnssec: bool = False
    """Whether its zone is signed."""
    mx_by_primary: bool = False
    """Whether the primary publishes the MX records of both exchanges, or somebody else does."""
    aliases: tuple[str, ...] = ()
    sub_addressing: bool = True
    catch_all: bool = False
    """Whether it takes mail for every address."""


class RecipientReader(_Model):
    """How the backup reads the recipients from the primary."""

    url: str
    username: str
    password: SecretStr


class ArchiveEndpoint(_Model):
    """The primary's archive, as a location that another region mounts read-only."""

    location: str
    bucket: str
    region: str
    prefix: str | None = None
    s3_url: str | None = None
    repository_password: SecretStr | None = None
    """What its volume data is encrypted with; absent when the primary's Velero was not installed by this program."""
    schedules: Mapping[str, str] = {}
    """The Schedules whose backups are in it, each with its cron expression."""
    sentinel_mailbox: str | None = None
    """Where each backup leaves a sentinel."""
    volume: bool
    """Whether the mail is in a volume, and so in the archive; else it is in a database with an archive of its own."""


class RegionEndpoints(_Model):
    """What the backup region must know of the primary."""

    version: int
    region: str
    hostname: str
    addresses: tuple[str, ...]
    certificate_verified: bool
    """Whether the host has a certificate that other servers can verify."""
    mail_namespace: str
    backup_exchange: str | None = None
    """The backup's host name, as the primary exempts it and lists it in its MTA-STS policy."""
    domains: tuple[DomainEndpoint, ...]
    recipient_reader: RecipientReader | None = None
    """Absent where accounts are in a directory, which alone knows them all."""
    archive: ArchiveEndpoint | None = None
    server: dict[str, Any]
    """The arguments of the primary's `StalwartServer`, less what belongs to its region and less its keys."""
    dkim_private_keys: dict[str, SecretStr]
    """The keys it signs with, by `<selector>._domainkey.<domain>`."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read the stack output `endpoints`.

        Raises:
            EndpointsError: it is missing, older or newer than this program, or lacks a field.
        """
        if not isinstance(value, dict):
            raise EndpointsError("it has no output `endpoints`")
        version: object = cast("dict[str, object]", value).get("version")
        if not isinstance(version, (int, float)):
            raise EndpointsError("its output `endpoints` has no version")
        if version < VERSION:
            raise EndpointsError(f"its output `endpoints` has version {version:g}, and this program needs {VERSION}")
        if version > VERSION:
            raise EndpointsError(
                f"its output `endpoints` has version {version:g}, and this program knows {VERSION}: bring this program up to date"
            )
        try:
            return cls.model_validate(_in_order(value))
        except ValidationError as error:
            # Names only: one of the values is a secret.
            fields = ", ".join(".".join(str(part) for part in problem["loc"]) for problem in error.errors(include_input=False))
            raise EndpointsError(f"its output `endpoints` lacks or garbles: {fields}") from None

    @staticmethod
    def export(
        *,
        region: str,
        hostname: str,
        addresses: pulumi.Input[Any],
        certificate_verified: bool,
        mail_namespace: pulumi.Input[str],
        backup_exchange: pulumi.Input[str] | None,
        domains: list[DomainEndpoint],
        recipient_reader: dict[str, pulumi.Input[Any]] | None,
        archive: dict[str, pulumi.Input[Any]] | None,
        server: Mapping[str, Any],
        dkim_private_keys: pulumi.Input[Any],
    ) -> dict[str, pulumi.Input[Any]]:
        """The stack output `endpoints`, in the form that `parse` reads. Arguments are the fields of this class."""
        return {
            "version": VERSION,
            "region": region,
            "hostname": hostname,
            "addresses": addresses,
            "certificateVerified": certificate_verified,
            "mailNamespace": mail_namespace,
            "backupExchange": backup_exchange,
            "domains": [domain.model_dump(mode="json", by_alias=True, exclude_none=True) for domain in domains],
            **({"recipientReader": recipient_reader} if recipient_reader else {}),
            **({"archive": archive} if archive else {}),
            "server": server,
            "dkimPrivateKeys": dkim_private_keys,
        }


def _in_order(value: Any) -> Any:
    """The same with the keys of every mapping in order: the engine hands them over in another one each time."""
    match value:
        case dict():
            return {key: _in_order(item) for key, item in sorted(cast("dict[str, Any]", value).items())}
        case list():
            return [_in_order(item) for item in cast("list[Any]", value)]
        case _:
            return value
