"""Every record one stack publishes, by zone, and what is left for others to publish."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from ..mail_domain import DnsProvider
from .arguments import Dns
from .records.domain import NULL_MX, Announcement, consent_records, mx_records, parked_records, policy_records, report_address
from .records.exchange import Exchange, host_records
from .records.record import Record
from .records.selectors import selector_records
from .records.services import service_records
from .zones import Zone, zone_of


@dataclass(frozen=True)
class Published:
    """The records of a stack."""

    by_zone: Mapping[Zone, Sequence[Record]]
    elsewhere: Sequence[Record]
    """Records in zones that are not ours, or that their publisher cannot carry: somebody else must publish them."""


def published(dns: Dns, exchange: Exchange, dkim_values: Mapping[str, pulumi.Input[str]]) -> Published:
    """What this stack publishes, and what it cannot.

    Args:
        dns: the checked arguments.
        exchange: the exchange of this region.
        dkim_values: `<selector>._domainkey.<domain>` to the value of that record.
    """
    by_zone: dict[Zone, list[Record]] = {}
    elsewhere: list[Record] = []
    for record in all_records(dns, exchange, dkim_values):
        zone = zone_of(record.name, dns.zones)
        is_ours = zone is not None and not (zone.provider == DnsProvider.EXTERNAL_DNS and external_dns_leaves_out(record))
        (by_zone.setdefault(zone, []) if zone and is_ours else elsewhere).append(record)
    return Published(by_zone, elsewhere)


def external_dns_leaves_out(record: Record) -> bool:
    """Whether external-dns cannot carry a record: it knows no CAA, TLSA at one provider only, and writes a null MX anew for ever.

    Seen with 0.22 and 0.23: what it reads back of `0 .` is `0 `.
    """
    return record.type in ("CAA", "TLSA") or (record.type == "MX" and record.value == NULL_MX)


def all_records(dns: Dns, exchange: Exchange, dkim_values: Mapping[str, pulumi.Input[str]]) -> list[Record]:
    """Every record of the exchange and of its domains. Arguments as for `published`."""
    ttl = dns.ttl_seconds
    with_spf = {name for domain in dns.domains if domain.records.spf for name in domain.names}
    records = host_records(exchange, ttl, with_spf.__contains__)
    records += [
        record
        for domain in dns.mail_domains
        if domain.records.mx
        for name in domain.names
        for record in mx_records(name, exchange, _published_with_it(dns, name), ttl)
    ]
    return records if dns.exchange_only else records + _shared_records(dns, exchange, dkim_values)


def _published_with_it(dns: Dns, name: str) -> dict[str, int]:
    """The exchanges of other stacks whose MX record is published here: where a whole record set has one owner."""
    zone = zone_of(name, dns.zones)
    if zone is None or zone.provider != DnsProvider.EXTERNAL_DNS:
        return {}
    return {other.hostname: other.priority for other in dns.other_exchanges if other.publish_mx}


def _shared_records(dns: Dns, exchange: Exchange, dkim_values: Mapping[str, pulumi.Input[str]]) -> list[Record]:
    """What domains share between their exchanges, so that one stack must own it."""
    ttl = dns.ttl_seconds
    announcement = Announcement(dns.mta_sts, dns.exchanges) if dns.mta_sts else None
    home = next((domain.name for domain in dns.mail_domains), None)
    records: list[Record] = []
    for domain in dns.domains:
        if domain.records.dkim and not domain.parked:
            records += selector_records(domain, dkim_values, ttl)
        for name in domain.names:
            reports_to = report_address(name, domain, home)
            if domain.parked:
                records += parked_records(domain, reports_to, ttl)
            else:
                records += policy_records(name, domain, exchange, announcement, reports_to, ttl)
                records += service_records(name, domain, exchange.hostname, dns.ports, ttl)
            if domain.records.dmarc and domain.records.report_authorization:
                records += consent_records(name, domain, reports_to, ttl)
    return records
