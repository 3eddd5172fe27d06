"""TXT records of the mail standards: exactly one of each kind at its name, with the tags that were deployed."""

from dataclasses import dataclass

import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from ..deployment import Deployment
from ..findings import Finding, Severity, ok, publish
from ..lookup import failed
from ..world import World

TXT_STRING_BYTES = 255


@dataclass(frozen=True)
class Kind:
    """A kind of TXT record."""

    check: str
    """What the names of its findings begin with."""
    version: str
    """What its text begins with, lower-case; empty when every TXT record at its name is one."""
    title: str
    severity: Severity
    """How bad it is when there is none, or more than one."""
    otherwise: str
    """What happens then."""


SPF = Kind("spf", "v=spf1", "SPF record", Severity.FAULT, "receivers cannot tell its mail from forged mail")
DKIM = Kind("dkim", "", "DKIM key", Severity.FAULT, "receivers cannot verify what is signed with it")
DMARC = Kind("dmarc", "v=dmarc1", "DMARC record", Severity.FAULT, "receivers take forged mail, and large ones refuse yours")
REPORTS = Kind("dmarc-report", "v=dmarc1", "DMARC report authorisation", Severity.WARNING, "DMARC reports are not sent there")
MTA_STS = Kind("mta-sts-record", "v=stsv1", "MTA-STS record", Severity.FAULT, "senders do not look for the MTA-STS policy")
TLS_RPT = Kind("tls-rpt", "v=tlsrptv1", "TLS-RPT record", Severity.WARNING, "nobody reports failing TLS to you")
BIMI = Kind("bimi", "v=bimi1", "BIMI record", Severity.WARNING, "mail readers show no logo")
TAGGED = (MTA_STS, TLS_RPT, BIMI)


def kind_of(name: str, text: str) -> Kind | None:
    """The kind of a TXT record by its name and text; None when it is none of the mail standards."""
    if "._domainkey." in name or text.lower().startswith("v=dkim1"):
        return DKIM
    if "._report._dmarc." in name:
        return REPORTS
    return next((kind for kind in (SPF, DMARC, *TAGGED) if text.lower().startswith(kind.version)), None)


def line(name: str, text: str) -> str:
    """A TXT record as a line of a zone file, in strings of at most 255 bytes (RFC 1035, section 3.3)."""
    data = text.encode()
    pieces = [data[start : start + TXT_STRING_BYTES] for start in range(0, len(data), TXT_STRING_BYTES)]
    return f"{name}. TXT {TXT(dns.rdataclass.IN, dns.rdatatype.TXT, pieces or [b'']).to_text()}"


def none_deployed(deployment: Deployment, name: str, subject: str, switch: str) -> str:
    """The fix of a record that is missing and that no stack looked at has published.

    Args:
        deployment: the stacks.
        name: where it belongs.
        subject: the domain or host.
        switch: the setting that says whether it is published.
    """
    is_domain = deployment.at(subject, "MX") is not None
    if not is_domain or subject in deployment.parked_domains or any(one.speaks_for(subject) for one in deployment.stacks):
        return f"{switch} is off in the stack's settings: switch it on, or publish one at {name} by other means."
    return (
        f"Run `pulumi up` for the stack that publishes it; if {switch} is off in its settings, switch it on, "
        f"or publish one at {name} by other means."
    )


def the_one(world: World, name: str, subject: str, kind: Kind, wanted: str = "", otherwise: str = "") -> str | Finding:
    """The one record of a kind at a name, or the finding that says why there is not one.

    Args:
        world: whom to ask.
        name: where it is.
        subject: what the finding is about.
        kind: what to look for.
        wanted: the record that was deployed, as a line of a zone file; empty when it is not known.
        otherwise: the fix when there is none, and none was deployed.
    """
    answer = world.ask(name, "TXT")
    if answer.failure:
        return failed(answer, subject)
    found = [text for text in answer.strings if text.lower().startswith(kind.version)]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{name} has {len(found)} {kind.title}s ({' and '.join(found)}); with more than one, {kind.otherwise}."
        keep = f"keep `{wanted}`" if wanted else "keep one"
        fix = f"Delete all TXT records of this kind at {name} but one: {keep}."
        return Finding(f"{kind.check}-duplicate", subject, kind.severity, message, fix)
    message = f"{name} has no {kind.title}; {kind.otherwise}."
    fix = publish(wanted) if wanted else otherwise or f"Publish a {kind.title} at {name}."
    return Finding(f"{kind.check}-missing", subject, kind.severity, message, fix)


def tags(text: str) -> dict[str, str]:
    """The tags of a record (RFC 6376, section 3.2): names lower-case, values without white space."""
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs}


def check(world: World, name: str, wanted: str) -> list[Finding]:
    """A record whose tags only have to be the deployed ones, or a text that has to be there."""
    kind = kind_of(name, wanted)
    if kind is None:
        return [_verbatim(world, name, wanted)]
    found = the_one(world, name, name, kind, line(name, wanted))
    if isinstance(found, Finding):
        return [found]
    if tags(found) != tags(wanted):
        message = f"The {kind.title} at {name} is `{found}`, but `{wanted}` was deployed."
        return [Finding(f"{kind.check}-different", name, Severity.WARNING, message, publish(line(name, wanted)))]
    return [ok(kind.check, name, f"The {kind.title} at {name} is as deployed.")]


def _verbatim(world: World, name: str, wanted: str) -> Finding:
    answer = world.ask(name, "TXT")
    if answer.failure:
        return failed(answer, name)
    if wanted in answer.strings:
        return ok("record", name, f"{name} TXT is as deployed.")
    message = f"{name} has no TXT record `{wanted}`."
    return Finding("record-missing", name, Severity.WARNING, message, publish(line(name, wanted)))
