"""What this stack has deployed before, read from its own outputs, and which changes of it lose mail and are refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from components import checks
from components.dkim import SelectorState
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
    dkim: Mapping[str, str]
    """State of every DKIM selector by `<selector>._domainkey.<domain>`; the key of a retired one is revoked."""
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
            dkim={s.record_name(domain.name): s.state.value for domain in settings.domains for s in domain.selectors},
        )

    def export(self) -> dict[str, Any]:
        """The stack output `deployed`."""
        return {
            "serverLine": self.server_line,
            "storage": self.storage,
            "database": self.database,
            "bodies": self.bodies,
            "dkim": dict(self.dkim),
        }


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
    old, new = cast("dict[str, Any]", before), Deployed.by(settings).export()
    mistakes = _dkim_mistakes(old.get("dkim", {}), new["dkim"], prefix)
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


# What a selector may become, so that no signature on its way loses its key. None: not there.
NEXT_STATES: Mapping[str | None, tuple[str | None, ...]] = {
    None: (None, SelectorState.PENDING),
    SelectorState.PENDING: (SelectorState.PENDING, SelectorState.ACTIVE, SelectorState.RETIRED, None),
    SelectorState.ACTIVE: (SelectorState.ACTIVE, SelectorState.RETIRING),
    SelectorState.RETIRING: (SelectorState.RETIRING, SelectorState.ACTIVE, SelectorState.RETIRED),
    SelectorState.RETIRED: (SelectorState.RETIRED, None),
}


def _dkim_mistakes(old: Mapping[str, str], new: Mapping[str, str], prefix: str) -> list[str]:
    """Steps of selectors that receivers could not follow. A new domain has none on its way; a removed one stops at its keys."""
    mistakes: list[str] = []
    old_domains, new_domains = ({_domain_of(name) for name in found} for found in (old, new))
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if _domain_of(name) not in old_domains & new_domains or after in NEXT_STATES[before]:
            continue
        allowed = [state or "taken out of the settings" for state in NEXT_STATES[before] if state or before]
        mistakes.append(
            f"{prefix}:domains: the DKIM selector {name} was {before or 'not there'} and would be {after or 'gone'}: mail on its"
            " way would not verify\n"
            f"    allowed: {', '.join(allowed)}\n"
            "    example: make rotate prints the next step; see docs/runbooks/dkim.md"
        )
    return mistakes


def _domain_of(record_name: str) -> str:
    return record_name.partition("._domainkey.")[2]
