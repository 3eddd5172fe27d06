"""The DKIM keys of a domain, in its own zone or hosted in one of ours."""

from collections.abc import Mapping

import pulumi

from ... import dkim
from ...mail_domain import MailDomain
from .record import Record


def selector_records(domain: MailDomain, values: Mapping[str, pulumi.Input[str]], ttl_seconds: int) -> list[Record]:
    """A key for every selector (RFC 6376, section 3.6.2), revoked when it is retired.

    Args:
        domain: a domain that receives mail.
        values: `<selector>._domainkey.<domain>` to the value of that record, for selectors whose key is made or brought.
        ttl_seconds: for every record.
    """
    records: list[Record] = []
    for selector in domain.selectors:
        name = selector.record_name(domain.name)
        if selector.is_revoked:
            value = dkim.revoked_value(selector.algorithm)
        else:
            value = dkim.record_value(selector.public_key) if selector.public_key else values[name]
        records.append(Record("dkim", _key_name(domain, selector.name), "TXT", value, ttl_seconds))
    if domain.hosted_dkim:
        names = dict.fromkeys([*(selector.name for selector in domain.selectors), *domain.hosted_dkim.selectors])
        records += [
            Record("dkim", f"{name}._domainkey.{domain.name}", "CNAME", _key_name(domain, name), ttl_seconds) for name in names
        ]
    return records


def _key_name(domain: MailDomain, selector: str) -> str:
    hosted = domain.hosted_dkim
    return f"{selector}.{domain.name}.{hosted.zone}" if hosted else f"{selector}._domainkey.{domain.name}"
