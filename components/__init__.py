"""Three components that stand up the Stalwart mail platform, for any Pulumi project, and the keys they share.

Each is imported when it is first named: the SDKs of providers that are not used cost nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backup.mail_backup import MailBackup as MailBackup
    from .dns.dkim_keys import DkimKeys as DkimKeys
    from .dns.mail_dns import MailDns as MailDns
    from .endpoints import RegionEndpoints as RegionEndpoints
    from .stalwart.server import StalwartServer as StalwartServer

_HOMES = {
    "StalwartServer": ".stalwart.server",
    "MailDns": ".dns.mail_dns",
    "DkimKeys": ".dns.dkim_keys",
    "MailBackup": ".backup.mail_backup",
    "RegionEndpoints": ".endpoints",
}
__all__ = ["DkimKeys", "MailBackup", "MailDns", "RegionEndpoints", "StalwartServer"]


def __getattr__(name: str) -> Any:
    """Import a component when it is first named (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
