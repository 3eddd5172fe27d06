"""What a server's data was restored from, when it did not begin empty."""

import re
from datetime import datetime
from typing import Annotated, NotRequired, TypedDict

from pydantic import AfterValidator, Field

from ...model import Model
from .storage import ArchiveFolder, Storage, StorageKind

RFC_3339 = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")


def _moment(value: str) -> str:
    moment = value.upper()
    try:
        if not RFC_3339.fullmatch(moment):
            raise ValueError
        _ = datetime.fromisoformat(moment)
    except ValueError:
        raise ValueError("is not a moment with a time zone (RFC 3339), such as 2026-11-03T09:30:00Z") from None
    return moment


Moment = Annotated[str, AfterValidator(_moment)]


class DatabaseSourceArgs(TypedDict):
    """An archive that a database is restored from. It is only read: the keys need to get and list objects, no more."""

    bucket: str
    """The bucket."""
    region: str
    """Its region."""
    endpoint: NotRequired[str]
    """Of an S3-compatible server, outside this cluster. Default: AWS."""
    prefix: NotRequired[str]
    """The folder in the bucket. Default: the whole bucket."""
    keys_secret: NotRequired[str]
    """A Secret with `access-key-id` and `secret-access-key`. Default: the identity of the database's pods."""
    server_name: NotRequired[str]
    """The incarnation of the database: `storage.archive.server_name` of who wrote the archive. Default `mail`."""
    target_time: NotRequired[str]
    """The moment to go back to (RFC 3339, with a time zone). Default: the end of the archive."""


class RestoredArgs(TypedDict):
    """What a server's data was restored from. Without `database`: a volume claim that is there already, restored by Velero."""

    database: NotRequired[DatabaseSourceArgs]
    """Distributed: the archive of the database."""


class DatabaseSource(ArchiveFolder):
    """A checked `DatabaseSourceArgs`."""

    target_time: Moment | None = Field(
        None, description="a moment with a time zone (RFC 3339)", examples=["2026-11-03T09:30:00Z"]
    )


class Restored(Model):
    """A checked `RestoredArgs`."""

    database: DatabaseSource | None = Field(
        None, description="distributed: the archive of the database", examples=['{"bucket": "...", "region": "..."}']
    )


def restored_problems(restored: Restored, storage: Storage) -> list[str]:
    """What is wrong with what the data was restored from, given where it is kept."""
    source = restored.database
    if storage.kind == StorageKind.EMBEDDED:
        return ["database: is for `distributed` storage; a volume is restored by Velero"] if source else []
    if storage.database:
        return ["database: is for a database made here; restoring a given one is its owner's"] if source else []
    if source is None:
        return ["database: is needed, or the database made here would begin empty"]
    archive = storage.archive
    if archive and (archive.endpoint, archive.path, archive.server_name) == (source.endpoint, source.path, source.server_name):
        return [
            f"database.server_name: `{source.server_name}` is also where `storage.archive` writes, and a restored database may"
            " only write to an empty folder; give `storage.archive` another `server_name`"
        ]
    return []
