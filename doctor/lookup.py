"""One DNS question and its answer, with the reasons of a failure told apart."""

import copy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import dns.exception
import dns.flags
import dns.rcode
import dns.rdata
import dns.resolver

from .findings import Finding, fault, unknown


class Failure(StrEnum):
    """Why there is no answer, neither a record nor the word that there is none."""

    TIMEOUT = "no answer in time"
    REFUSED = "the resolver is not there, or refuses to answer"
    SERVFAIL = "the resolver gets no usable answer from the zone's name servers (SERVFAIL)"
    BOGUS = "its DNSSEC signatures do not verify (SERVFAIL; the answer is there when they are not checked)"


@dataclass(frozen=True)
class Answer:
    """What the resolver said to one question."""

    name: str
    type: str
    records: tuple[dns.rdata.Rdata, ...] = ()
    """Empty when the name or the type does not exist, or when there is a failure."""
    exists: bool = True
    """False when DNS says that there is no such name (NXDOMAIN), or that an alias there leads to none."""
    authentic: bool = False
    """The resolver checked the DNSSEC signatures (AD, RFC 4035, section 3.2.3)."""
    failure: Failure | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The records as text, lower-case, in the order of the answer."""
        return tuple(record.to_text().lower() for record in self.records)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The last field of every record as a host name without the trailing dot: for MX, SRV, CNAME and PTR."""
        return tuple(host_name(text.split()[-1]) for text in self.texts)

    @property
    def strings(self) -> tuple[str, ...]:
        """The text of every TXT record, its strings joined (RFC 7208, section 3.3; RFC 6376, section 3.6.2.2)."""
        return tuple(txt(record) for record in self.records)


def host_name(text: str) -> str:
    """A host name lower-case and without the trailing dot; the root stays `.`."""
    return text.lower().rstrip(".") or "."


def txt(record: dns.rdata.Rdata) -> str:
    """The text of a TXT record, its strings joined; bytes that are not UTF-8 are replaced."""
    strings: tuple[bytes, ...] = getattr(record, "strings", ())
    return b"".join(strings).decode(errors="replace")


def ask(resolver: dns.resolver.Resolver, name: str, kind: str) -> Answer:
    """Ask one question, following aliases; over TCP when the answer is too long for UDP.

    Args:
        resolver: whom to ask.
        name: a fully qualified name.
        kind: the record type.
    """
    failure = Failure.TIMEOUT
    for _attempt in range(2):  # a resolver that has just given up on one name server says SERVFAIL once
        try:
            found = resolver.resolve(name, kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return Answer(name, kind, exists=False)
        except dns.resolver.NoNameservers as error:
            failure = _failure(error)
        except dns.exception.Timeout:
            return Answer(name, kind, failure=Failure.TIMEOUT)
        except dns.exception.DNSException:
            failure = Failure.SERVFAIL
        else:
            authentic = bool(found.response.flags & dns.flags.AD)
            return Answer(name, kind, tuple(found.rrset or ()), authentic=authentic)
    if failure is Failure.SERVFAIL and _answers_unchecked(resolver, name, kind):
        failure = Failure.BOGUS
    return Answer(name, kind, failure=failure)


def failed(answer: Answer, subject: str) -> Finding:
    """The finding of a question that was not answered."""
    message = f"{answer.name} {answer.type}: {answer.failure}."
    if answer.failure is Failure.BOGUS:
        return fault(
            "dnssec-broken",
            subject,
            message,
            f"Validating receivers cannot resolve {answer.name}. Compare the DS at the registrar with the zone's DNSKEY, "
            "correct or remove the DS, and see that the signatures have not expired.",
        )
    if answer.failure is Failure.SERVFAIL:
        return fault(
            "dns-failed",
            subject,
            message,
            f"See that every name server the registry names for {answer.name} is up and serves the zone, then run this again.",
        )
    return unknown("dns-failed", subject, message, "Run this again, with a longer --timeout or another --resolver.")


def _failure(error: dns.resolver.NoNameservers) -> Failure:
    details = cast(dict[str, Any], error.kwargs)  # pyright: ignore[reportUnknownMemberType]
    attempts: list[tuple[Any, ...]] = details.get("errors", [])
    rcodes = {attempt[4].rcode() for attempt in attempts if attempt[4] is not None}
    return Failure.SERVFAIL if dns.rcode.SERVFAIL in rcodes else Failure.REFUSED


def _answers_unchecked(resolver: dns.resolver.Resolver, name: str, kind: str) -> bool:
    # CD asks the resolver to hand over what it could not verify (RFC 4035, section 3.2.2).
    unchecked = copy.copy(resolver)
    unchecked.cache = None
    unchecked.flags = dns.flags.RD | dns.flags.CD
    try:
        unchecked.resolve(name, kind, search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return True
    except dns.exception.DNSException:
        return False
    return True
