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
    mailboxes: str
    """The namespace that mailboxes are in; empty when this stack has none."""
    fenced: bool
    """Whether those are kept away from the world."""
    served: bool
    """Whether they were ever not."""
    left: Sequence[str]
    """The namespaces that this stack had mailboxes in before, which are kept and no longer count."""

    @classmethod
    def by(cls, settings: Settings, domains: Sequence[MailDomain | DomainEndpoint], outputs: Mapping[str, object]) -> "Deployed":
        """What these settings deploy.

        Args:
            settings: of this stack.
            domains: the mail domains: its own, or on a backup those of the primary.
            outputs: what the stack has put out before; empty for a new one.
        """
        before = _before(outputs)
        mailboxes = settings.mailbox_namespace if settings.has_mailboxes else ""
        is_same = before.get("mailboxes") == mailboxes
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
            mailboxes=mailboxes,
            fenced=settings.is_fenced,
            served=bool(mailboxes) and (not settings.is_fenced or (is_same and before.get("served", True))),
            left=sorted({*before.get("left", []), before.get("mailboxes", "")} - {"", mailboxes}),
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
            "mailboxes": self.mailboxes,
            "fenced": self.fenced,
            "served": self.served,
            "left": list(self.left),
        }


def refuse_losing_mail(wanted: Deployed, outputs: Mapping[str, object], settings: Settings, prefix: str) -> None:
    """Refuse a change that mail would not survive.

    Args:
        wanted: what the settings deploy.
        outputs: what the stack has put out before; empty for a new one.
        settings: of this stack.
        prefix: the namespace of the settings' keys.

    Raises:
        SettingsError: naming what there is, what is wanted, and the runbook.
    """
    old, new = _before(outputs), wanted.export()
    if not old:
        return
    mistakes = dkim_mistakes(old.get("dkim", {}), new["dkim"], prefix) + provider_mistakes(
        old.get("names", {}), new["names"], prefix
    )
    has_moved = old.get("mailboxes", new["mailboxes"]) != new["mailboxes"]
    mistakes += _mailbox_mistakes(old, wanted, has_moved, settings.return_to, prefix)
    # Other mailboxes may be kept in another way; the mail that a backup holds for others has not moved with them.
    if not has_moved or settings.role == "backup":
        mistakes += _store_mistakes(old, new, prefix)
    if old.get("serverLine", new["serverLine"]) != new["serverLine"] and settings.migrated_to != new["serverLine"]:
        mistakes.append(
            f"{prefix}:image is of the line {new['serverLine']}, which cannot open the store of the running {old['serverLine']}\n"
            f"    allowed: an image of {old['serverLine']}, or {prefix}:migratedTo once the data has been migrated\n"
            f"    example: follow docs/runbooks/upgrade.md, then pulumi config set migratedTo {new['serverLine']}"
        )
    if mistakes:
        raise SettingsError("This change would lose mail; nothing was created.\n\n" + "\n\n".join(mistakes))


def _mailbox_mistakes(old: Mapping[str, Any], wanted: Deployed, has_moved: bool, return_to: str | None, prefix: str) -> list[str]:
    """Mailboxes that would be left while they are served, or served again as they once were."""
    mistakes: list[str] = []
    if has_moved and old["mailboxes"] and not old["fenced"]:
        mistakes.append(_left_behind(wanted, old["mailboxes"], prefix))
    is_back = has_moved and wanted.mailboxes in old.get("left", [])
    if not has_moved and old.get("fenced") and old.get("served") and not wanted.fenced and return_to != wanted.mailboxes:
        mistakes.append(
            f"{prefix}:mode and {prefix}:restore.checked would serve {wanted.mailboxes} again, which was served and then fenced:"
            " another region may have the mailboxes by now, with newer mail\n"
            f"    allowed: this, if no other region has served them since, with the same name as {prefix}:returnTo\n"
            f"    example: pulumi config set returnTo {wanted.mailboxes}"
        )
    if is_back and return_to != wanted.mailboxes:
        mistakes.append(
            f"{prefix}:restore.namespace is {wanted.mailboxes}, where this stack had mailboxes before: they would be served as"
            " they were when it left them\n"
            "    allowed: a namespace that was not used before; or, if those very mailboxes are wanted, the same name as"
            f" {prefix}:returnTo\n"
            f"    example: pulumi config set --path restore.namespace {wanted.mailboxes}-2"
        )
    return mistakes


def _store_mistakes(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> list[str]:
    """The same mailboxes in another store, which does not have them."""
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
    return mistakes


def _before(outputs: Mapping[str, object]) -> dict[str, Any]:
    found = outputs.get(OUTPUT)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _left_behind(wanted: Deployed, namespace: str, prefix: str) -> str:
    if wanted.mailboxes:
        fence = f"{prefix}:mode fenced with the mailboxes where they are"
        what = f"{prefix}:restore would put the mailboxes into {wanted.mailboxes}"
    else:
        fence, what = f"{prefix}:mode active with restore.checked false", f"{prefix}:mode would leave the mailboxes"
    return (
        f"{what}, and they are served from {namespace}: mail that came since the last backup would be left behind\n"
        f"    allowed: {fence}, and after that this; so nothing comes in meanwhile\n"
        "    example: follow docs/runbooks/failover.md"
    )


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
