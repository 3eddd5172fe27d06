"""The records of a mail domain: where its mail goes, and what receivers and authorities are told about it."""

from collections import Counter
from dataclasses import dataclass

from ...mail_domain import POSTMASTER, MailDomain
from ...mta_sts import MtaSts
from ..policies import Caa, CaaIssuer
from .dmarc import ENFORCED, consent, dmarc_text
from .exchange import Exchange
from .record import Record
from .spf import domain_spf

NULL_MX = "."  # RFC 7505


@dataclass(frozen=True)
class Announcement:
    """The MTA-STS policy as DNS announces it."""

    policy: MtaSts
    exchanges: tuple[str, ...]
    """The hosts the policy lists."""


def mx_records(name: str, exchange: Exchange, others: dict[str, int], ttl_seconds: int) -> list[Record]:
    """The exchange as one of a domain's (RFC 5321, section 5.1), and others that are published with it.

    Args:
        name: the domain, or one of its aliases.
        exchange: this stack's.
        others: priority by host name.
        ttl_seconds: for every record.
    """
    own = Record("mx", name, "MX", exchange.target, ttl_seconds, (exchange.priority,), waits=True)
    # The policy of this server must list them first.
    with_it = ((host, exchange.when_ready(host), rank) for host, rank in others.items())
    return [own, *(Record(f"mx-{host}", name, "MX", target, ttl_seconds, (rank,), waits=True) for host, target, rank in with_it)]


def policy_records(
    name: str, domain: MailDomain, exchange: Exchange, mta_sts: Announcement | None, reports_to: str | None, ttl: int
) -> list[Record]:
    """What a domain says about its mail: SPF, DMARC, MTA-STS, TLS reports, CAA, BIMI.

    Args:
        name: the domain, or one of its aliases.
        domain: the domain.
        exchange: where its mail leaves from.
        mta_sts: the policy its server serves, if it serves one that others can verify.
        reports_to: see `report_address`.
        ttl: for every record, in seconds.
    """
    on = domain.records
    records: list[Record] = []
    if on.spf:
        text = domain_spf(domain.spf, exchange.egress_addresses, is_host=name == exchange.hostname)
        records.append(Record("spf", name, "TXT", text, ttl))
    if on.dmarc:
        text = dmarc_text(domain.dmarc, reports_to)
        records.append(Record("dmarc", f"_dmarc.{name}", "TXT", text, ttl))
    if on.mta_sts and mta_sts:
        # Senders read the policy when the id is new, so the server must serve it by then (RFC 8461, section 8.3).
        text = f"v=STSv1; id={mta_sts.policy.policy_id(mta_sts.exchanges)}"
        records.append(Record("mta-sts-id", f"_mta-sts.{name}", "TXT", exchange.when_ready(text), ttl, waits=True))
    if on.tls_reports:
        address = domain.tls_report_address or f"{POSTMASTER}@{name}"
        records.append(Record("tls-reports", f"_smtp._tls.{name}", "TXT", f"v=TLSRPTv1; rua=mailto:{address}", ttl))
    if domain.bimi:
        parts = ["v=BIMI1", f"l={domain.bimi.logo_url}", f"a={domain.bimi.certificate_url or ''}"]
        records.append(Record("bimi", f"default._bimi.{name}", "TXT", "; ".join(parts), ttl))
    return records + (_caa_records(name, domain.caa, ttl) if domain.caa else [])


def report_address(name: str, domain: MailDomain, home: str | None) -> str | None:
    """Where aggregate DMARC reports go; None when none are asked for.

    Args:
        name: the domain, or one of its aliases.
        domain: the domain.
        home: a domain that receives mail, for the reports of parked ones.
    """
    receiver = home if domain.parked else name
    if not domain.dmarc.reports or receiver is None:
        return None
    return domain.dmarc.report_address or f"{POSTMASTER}@{receiver}"


def parked_records(domain: MailDomain, reports_to: str | None, ttl: int) -> list[Record]:
    """What says that a domain has no mail: the null MX (RFC 7505), no sender, no key, everything refused.

    Args:
        domain: a parked domain.
        reports_to: see `report_address`.
        ttl: for every record, in seconds.
    """
    name, on = domain.name, domain.records
    records: list[Record] = []
    if on.mx:
        records.append(Record("mx", name, "MX", NULL_MX, ttl, (0,)))
    if on.spf:
        records.append(Record("spf", name, "TXT", "v=spf1 -all", ttl))
    if on.dkim:
        records.append(Record("dkim", f"*._domainkey.{name}", "TXT", "v=DKIM1; p=", ttl))
    if on.dmarc:
        text = dmarc_text(domain.dmarc.model_copy(update=dict(ENFORCED)), reports_to)
        records.append(Record("dmarc", f"_dmarc.{name}", "TXT", text, ttl))
    return records + (_caa_records(name, domain.caa, ttl) if domain.caa else [])


def consent_records(name: str, domain: MailDomain, reports_to: str | None, ttl: int) -> list[Record]:
    """The consent of other organizations to the domain's DMARC reports. Arguments as for `policy_records`."""
    addresses = [address for address in (reports_to, domain.dmarc.failure_report_address) if address]
    found = dict(filter(None, (consent(name, address) for address in addresses)))
    return [Record("dmarc-consent", where, "TXT", text, ttl) for where, text in found.items()]


def _caa_records(name: str, caa: Caa, ttl: int) -> list[Record]:
    records: list[Record] = []
    seen: Counter[str] = Counter()
    for issuer in caa.issuers:
        records.append(Record(f"caa-{issuer.authority}-{seen[issuer.authority]}", name, "CAA", _issue(issuer), ttl, (0, "issue")))
        seen[issuer.authority] += 1
    if not caa.wildcards:
        records.append(Record("caa-wildcard", name, "CAA", ";", ttl, (0, "issuewild")))
    if caa.report_address:
        records.append(Record("caa-report", name, "CAA", f"mailto:{caa.report_address}", ttl, (0, "iodef")))
    return records + [
        Record(f"caa-proof-{number}", f"_validation-persist.{name}", "TXT", _proof(issuer, caa.wildcards), ttl)
        for number, issuer in enumerate(caa.issuers)
        if issuer.persistent
    ]


def _issue(issuer: CaaIssuer) -> str:
    """RFC 8659, section 4.2, with the parameters of RFC 8657."""
    parts = [issuer.authority]
    if issuer.account_uri:
        parts.append(f"accounturi={issuer.account_uri}")
    if issuer.validation_methods:
        parts.append(f"validationmethods={','.join(issuer.validation_methods)}")
    return "; ".join(parts)


def _proof(issuer: CaaIssuer, wildcards: bool) -> str:
    parts = [issuer.authority, f"accounturi={issuer.account_uri}", *(["policy=wildcard"] if wildcards else [])]
    return "; ".join(parts)
