"""What this stack has deployed before, read from its own outputs, and which changes of it lose mail and are refused."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from components import checks
from components.dkim import DkimSelector, private_key
from components.dns.zones import zone_of
from components.endpoints import DomainEndpoint
from components.mail_domain import MailDomain
from components.stalwart.options.storage import StorageKind
from dns_steps import dkim_mistakes, provider_mistakes
from settings import Settings, SettingsError

OUTPUT = "deployed"
DIGEST_LENGTH = 16


@dataclass(frozen=True)
class Deployed:
    """What the next deployment must not change by the way."""

    server_line: str
    """Such as `0.16`: servers of one line read the same store."""
    storage: str
    """`embedded` or `distributed`."""
    database: str
    """Which database: `host:port/name`, `made here`, or empty when the data is in a volume."""
    dkim: Mapping[str, Mapping[str, str]]
    """`state`, `key` (such as `rsa made here`) and zone it is `hosted` in, of every DKIM selector that signs here, by
    `<selector>._domainkey.<domain>`."""
    names: Mapping[str, Mapping[str, str]]
    """By domain, alias and host: the `zone` it is in, its `provider` and `id` there, and whether its records are `kept` when this
    stack no longer publishes them."""
    bodies: str
    """Where mail bodies are: the URL of a bucket and a folder in it; empty when they are with the other data."""

    @classmethod
    def by(cls, settings: Settings, domains: Sequence[MailDomain | DomainEndpoint]) -> "Deployed":
        """What these settings deploy.

        Args:
            settings: of this stack.
            domains: the mail domains: its own, or on a backup those of the primary.
        """
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
            dkim={
                selector.record_name(domain.name): _selector(settings, domain, selector)
                for domain in settings.domains
                for selector in domain.selectors
                if not selector.public_key  # what signs elsewhere has its own life
            },
            names=_names(settings, domains),
        )

    def export(self) -> dict[str, Any]:
        """The stack output `deployed`."""
        return {
            "serverLine": self.server_line,
            "storage": self.storage,
            "database": self.database,
            "bodies": self.bodies,
            "dkim": dict(self.dkim),
            "names": dict(self.names),
        }


def refuse_losing_mail(wanted: Deployed, outputs: Mapping[str, object], migrated_to: str | None, prefix: str) -> None:
    """Refuse a change that mail would not survive.

    Args:
        wanted: what the settings deploy.
        outputs: what the stack has put out before; empty for a new one.
        migrated_to: the server line the data was migrated to, if it was.
        prefix: the namespace of the settings' keys.

    Raises:
        SettingsError: naming what there is, what is wanted, and the runbook.
    """
    before = outputs.get(OUTPUT)
    if not isinstance(before, dict):
        return
    old, new = cast("dict[str, Any]", before), wanted.export()
    mistakes = dkim_mistakes(old.get("dkim", {}), new["dkim"], prefix) + provider_mistakes(
        old.get("names", {}), new["names"], prefix
    )
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
    if old.get("serverLine", new["serverLine"]) != new["serverLine"] and migrated_to != new["serverLine"]:
        mistakes.append(
            f"{prefix}:image is of the line {new['serverLine']}, which cannot open the store of the running {old['serverLine']}\n"
            f"    allowed: an image of {old['serverLine']}, or {prefix}:migratedTo once the data has been migrated\n"
            f"    example: follow docs/runbooks/upgrade.md, then pulumi config set migratedTo {new['serverLine']}"
        )
    if mistakes:
        raise SettingsError("This change would lose mail; nothing was created.\n\n" + "\n\n".join(mistakes))


def _selector(settings: Settings, domain: MailDomain, selector: DkimSelector) -> dict[str, str]:
    brought = settings.dkim_keys.get(selector.record_name(domain.name))
    key = "made here"
    if brought:
        public = private_key(brought.get_secret_value(), selector.algorithm)[1]
        key = f"brought {hashlib.sha256(public.encode()).hexdigest()[:DIGEST_LENGTH]}"
    hosted = domain.hosted_dkim.zone if domain.hosted_dkim else ""
    return {"state": selector.state.value, "key": f"{selector.algorithm} {key}", "hosted": hosted}


def _names(settings: Settings, domains: Sequence[MailDomain | DomainEndpoint]) -> dict[str, dict[str, str]]:
    zones = settings.dns.zones_with(domains)
    names = [settings.hostname, *(name for domain in domains for name in (domain.name, *domain.aliases))]
    found = {name: zone_of(name, zones) for name in names}
    return {
        name: {
            "zone": zone.name,
            "provider": zone.provider.value,
            "id": zone.id or "",
            "kept": "yes" if zone.is_kept else "no",
        }
        for name, zone in found.items()
        if zone
    }
