"""What this stack has deployed before, read from its own outputs, and which changes of it lose mail and are refused."""

from collections.abc import Mapping
from dataclasses import dataclass

from components import checks
from components.stalwart.options.storage import StorageKind
from settings import Settings, SettingsError

OUTPUT = "deployed"


@dataclass(frozen=True)
class Deployed:
    """What the next deployment must not change by the way."""

    server_line: str
    """Such as `0.16`: servers of one line read the same store."""
    storage: str
    """`embedded` or `distributed`."""
    database: str
    """Which database: `host:port/name`, `made here`, or empty when the data is in a volume."""
    bodies: str
    """Where mail bodies are: the URL of a bucket and a folder in it; empty when they are with the other data."""

    @classmethod
    def by(cls, settings: Settings) -> "Deployed":
        """What these settings deploy."""
        major, minor = checks.server_line(settings.image)
        blobs = settings.storage.blobs
        bodies = f"{blobs.url}/{blobs.bucket}/{blobs.prefix or ''}" if blobs else ""
        given = settings.storage.database
        made = "made here" if settings.storage.kind == StorageKind.DISTRIBUTED else ""
        return cls(
            server_line=f"{major}.{minor}",
            storage=settings.storage.kind.value,
            database=f"{given.host}:{given.port}/{given.name}" if given else made,
            bodies=bodies,
        )

    def export(self) -> dict[str, str]:
        """The stack output `deployed`."""
        return {"serverLine": self.server_line, "storage": self.storage, "database": self.database, "bodies": self.bodies}


def refuse_losing_mail(settings: Settings, outputs: Mapping[str, object], prefix: str) -> None:
    """Refuse a change that the data would not survive.

    Args:
        settings: the new settings.
        outputs: what the stack has put out before; empty for a new one.
        prefix: the namespace of the settings' keys.

    Raises:
        SettingsError: naming what there is, what is wanted, and the runbook.
    """
    before = outputs.get(OUTPUT)
    if not isinstance(before, dict):
        return
    old, new = {str(key): str(value) for key, value in before.items()}, Deployed.by(settings).export()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    mistakes: list[str] = []
    if old.get("storage", new["storage"]) != new["storage"]:
        mistakes.append(
            f"{prefix}:storage.kind = '{new['storage']}' and this stack runs on '{old['storage']}', where its mail is\n"
            f"    allowed: {old['storage']}, until the mail has been moved\n"
            "    example: follow docs/runbooks/storage.md"
        )
    elif old.get("database", new["database"]) != new["database"]:
        mistakes.append(
            f"{prefix}:storage.database is {new['database']} and the mail is in another: {old['database']}\n"
            f"    allowed: {old['database']}, until the data has been moved\n"
            "    example: follow docs/runbooks/storage.md"
        )
    elif old.get("bodies", new["bodies"]) != new["bodies"]:
        mistakes.append(
            f"{prefix}:storage.blobs is {new['bodies']} and mail bodies are in {old['bodies']}: mail would be empty\n"
            f"    allowed: {old['bodies']}, until they have been copied\n"
            "    example: follow docs/runbooks/storage.md"
        )
    if old.get("serverLine", new["serverLine"]) != new["serverLine"] and settings.migrated_to != new["serverLine"]:
        mistakes.append(
            f"{prefix}:image is of the line {new['serverLine']}, which cannot open the store of the running {old['serverLine']}\n"
            f"    allowed: an image of {old['serverLine']}, or {prefix}:migratedTo once the data has been migrated\n"
            f"    example: follow docs/runbooks/upgrade.md, then pulumi config set migratedTo {new['serverLine']}"
        )
    if mistakes:
        raise SettingsError("This change would lose mail; nothing was created.\n\n" + "\n\n".join(mistakes))
