"""Addresses, aliases, services, TLSA and CAA: does DNS have what was published?"""

import ipaddress

from ..deployment import Deployment, Expected
from ..findings import Finding, Severity, fault, ok, publish
from ..lookup import Answer, failed, host_name
from ..world import World

# A stray record of these kinds changes where mail and its users go. Others at a name may be somebody else's business.
JUDGED_WHEN_EXTRA = {
    "A": Severity.FAULT,
    "AAAA": Severity.FAULT,
    "SRV": Severity.WARNING,
    "TLSA": Severity.WARNING,
}


def check(world: World, expected: Expected) -> list[Finding]:
    """Missing, different and extra records of one name and type (all but MX and TXT)."""
    answer = world.ask(expected.asked, expected.type)
    if answer.failure:
        return [failed(answer, expected.name)]
    flattened = _flattened(world, expected) if expected.type == "CNAME" and not answer.records else None
    if flattened:
        return [flattened]
    missing = [record for record in expected.records if record not in answer.records]
    extra = [record for record in answer.records if record not in expected.records]
    if missing:
        return [_missing_or_different(expected, answer)]
    if extra and expected.type in JUDGED_WHEN_EXTRA:
        lines = ", ".join(record.to_text() for record in extra)
        message = f"{expected.name} has {expected.type} records that were not deployed: {lines}."
        fix = f"Delete them where the zone is served, or add them to the stack: {lines}."
        return [Finding("record-extra", expected.name, JUDGED_WHEN_EXTRA[expected.type], message, fix)]
    return [ok("record", expected.name, f"{expected.name} {expected.type} is as deployed.")]


def targets(world: World, deployment: Deployment, expected: Expected) -> list[Finding]:
    """The targets of SRV records are hosts with addresses, not aliases (RFC 2782)."""
    findings: list[Finding] = []
    for target in world.ask(expected.asked, "SRV").hosts:
        if target == "." or deployment.at(target, "A") or deployment.at(target, "AAAA"):
            continue
        alias = world.ask(target, "CNAME")
        if alias.records:
            message = (
                f"The service {expected.name} points to {target}, which is an alias of {alias.hosts[0]}; some clients refuse it."
            )
            findings.append(fault("srv-cname", expected.name, message, f"Let the SRV record point to {alias.hosts[0]} itself."))
        elif not alias.failure:
            findings += _unresolvable(world, expected, target)
    return findings


def impossible(line: str) -> Finding:
    """A record that no DNS server can have.

    Args:
        line: it, as a line of a zone file.
    """
    name = line.split(maxsplit=1)[0]
    message = f"The record `{line}` cannot be in DNS: a name in it has more than 255 octets, or a label more than 63 (RFC 1035)."
    return fault("record-impossible", name, message, "Choose a shorter domain, host or selector, or switch this record off.")


def _unresolvable(world: World, expected: Expected, target: str) -> list[Finding]:
    addresses = world.addresses(target)
    if addresses.unanswered:
        return [failed(addresses.unanswered, expected.name)]
    if addresses.found:
        return []
    message = f"The service {expected.name} points to {target}, which has no address."
    return [fault("srv-unresolvable", expected.name, message, f"Publish an A record for {target}.")]


def _missing_or_different(expected: Expected, answer: Answer) -> Finding:
    severity = Severity.WARNING if expected.type == "CAA" else Severity.FAULT
    fix = publish("; ".join(f"{expected.name}. {expected.type} {record.to_text()}" for record in expected.records))
    if not answer.records:
        return Finding("record-missing", expected.name, severity, f"{expected.name} has no {expected.type} record.", fix)
    found, wanted = (", ".join(record.to_text() for record in records) for records in (answer.records, expected.records))
    message = f"{expected.name} {expected.type} is {found}, but {wanted} was deployed."
    return Finding("record-different", expected.name, severity, message, fix)


def _flattened(world: World, expected: Expected) -> Finding | None:
    # Some providers answer with the addresses of an alias in place of it.
    here, there = (world.addresses(host) for host in (expected.asked, host_name(expected.records[0].to_text())))
    unanswered = here.unanswered or there.unanswered
    if unanswered:
        return failed(unanswered, expected.name)
    own, hosts = ({ipaddress.ip_address(address) for address in addresses.found} for addresses in (here, there))
    if own and own == hosts:
        return ok("record", expected.name, f"{expected.name} has the addresses of the host it was to be an alias of.")
    return None
