"""How mail programs find their server: SRV records and the names that set-up assistants ask."""

from collections.abc import Mapping

from ...mail_domain import MailDomain
from .record import Record

NOT_OFFERED = "."  # RFC 2782: the service is decidedly not available
SERVICES = {  # by the listener that offers it
    "_submissions._tcp": "submissions",  # RFC 8314, section 5.1
    "_submission._tcp": "submission",  # RFC 6186
    "_imaps._tcp": "imaps",
    "_imap._tcp": "imap",
    "_pop3s._tcp": "pop3s",
    "_pop3._tcp": "pop3",
    "_sieve._tcp": "sieve",  # RFC 5804, section 1.8
    "_jmap._tcp": "https",  # RFC 8620, section 2.2
    "_caldavs._tcp": "https",  # RFC 6764
    "_carddavs._tcp": "https",
}
AUTODISCOVER = "_autodiscover._tcp"  # Microsoft's, for Outlook


def service_records(name: str, domain: MailDomain, hostname: str, ports: Mapping[str, int], ttl_seconds: int) -> list[Record]:
    """Where the mail programs of a domain connect.

    Args:
        name: the domain, or one of its aliases.
        domain: the domain.
        hostname: the host that serves its mailboxes.
        ports: the host's public ports by listener.
        ttl_seconds: for every record.
    """
    records: list[Record] = []
    if domain.records.services:
        records += [
            _srv(f"{service}.{name}", hostname, ports.get(listener), ttl_seconds) for service, listener in SERVICES.items()
        ]
    if domain.records.autodiscover:
        records.append(_srv(f"{AUTODISCOVER}.{name}", hostname, ports.get("https"), ttl_seconds))
    # A certificate covers these names, and an authority asks at them.
    records += [
        Record(label, f"{label}.{name}", "CNAME", hostname, ttl_seconds)
        for label in domain.service_labels
        if f"{label}.{name}" != hostname
    ]
    if domain.ua_auto_config_digest:
        text = f"v=UAAC1; a=sha256; d={domain.ua_auto_config_digest}"
        records.append(Record("ua-auto-config-digest", f"_ua-auto-config.{name}", "TXT", text, ttl_seconds))
    return records


def _srv(name: str, hostname: str, port: int | None, ttl_seconds: int) -> Record:
    if port is None:
        return Record("srv", name, "SRV", NOT_OFFERED, ttl_seconds, (0, 0, 0))
    return Record("srv", name, "SRV", hostname, ttl_seconds, (0, 1, port))
