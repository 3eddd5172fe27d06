"""Domains and exchanges that tests speak of."""

from components.dns.records.exchange import Exchange
from components.mail_domain import MailDomain


def domain(name="example.com", **args) -> MailDomain:
    """A checked domain, by the names that programs use."""
    return MailDomain.model_validate({"name": name, **args}, by_name=True, by_alias=False)


def exchange(**changes) -> Exchange:
    """An exchange whose address is known."""
    given = {"hostname": "mx1.example.com", "priority": 10, "target": "mx1.example.com", "addresses": ("192.0.2.1",)}
    return Exchange(**{**given, **changes})
