"""Components that stand up the Stalwart mail platform, for any Pulumi project: server, DNS, backups, and what goes with them.

Each is imported when it is first named: the SDKs of providers that are not used cost nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backup.archive_bucket import ArchiveBucket as ArchiveBucket
    from .backup.mail_backup import MailBackup as MailBackup
    from .backup.mail_restore import MailRestore as MailRestore
    from .backup.restore_check import RestoreCheck as RestoreCheck
    from .backup.restore_drill import RestoreDrill as RestoreDrill
    from .dns.dkim_keys import DkimKeys as DkimKeys
    from .dns.mail_dns import MailDns as MailDns
    from .endpoints import DomainEndpoint as DomainEndpoint
    from .endpoints import RegionEndpoints as RegionEndpoints
    from .mail_domain import MailDomainArgs as MailDomainArgs
    from .monitoring.mail_monitoring import MailMonitoring as MailMonitoring
    from .stalwart.server import StalwartServer as StalwartServer

_HOMES = {
    "StalwartServer": ".stalwart.server",
    "MailDns": ".dns.mail_dns",
    "DkimKeys": ".dns.dkim_keys",
    "MailBackup": ".backup.mail_backup",
    "MailRestore": ".backup.mail_restore",
    "RestoreCheck": ".backup.restore_check",
    "RestoreDrill": ".backup.restore_drill",
    "ArchiveBucket": ".backup.archive_bucket",
    "MailDomainArgs": ".mail_domain",
    "MailMonitoring": ".monitoring.mail_monitoring",
    "RegionEndpoints": ".endpoints",
    "DomainEndpoint": ".endpoints",
}
__all__ = [
    "ArchiveBucket",
    "DkimKeys",
    "DomainEndpoint",
    "MailBackup",
    "MailDns",
    "MailDomainArgs",
    "MailMonitoring",
    "MailRestore",
    "RegionEndpoints",
    "RestoreCheck",
    "RestoreDrill",
    "StalwartServer",
]


def __getattr__(name: str) -> Any:
    """Import a component when it is first named (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
