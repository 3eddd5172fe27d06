"""MX records: the right exchanges, each of them a host with an address (RFC 5321, section 5.1)."""

import ipaddress

from ..deployment import NULL_MX, Deployment, Expected
from ..findings import Finding, fault, ok, publish, warning
from ..lookup import Answer, failed
from ..world import World
from .zones import is_signed


def check(world: World, deployment: Deployment, expected: Expected) -> list[Finding]:
    """The MX set of a domain against the one that was deployed, and every exchange in it.

    An exchange of the platform that another stack publishes is neither demanded strictly nor taken for a stranger.
    """
    domain = expected.name
    answer = world.ask(domain, "MX")
    if answer.failure:
        return [failed(answer, domain)]
    found = answer.texts
    if domain in deployment.parked_domains:
        return _parked(domain, found)
    if not found:
        lines = "; ".join(f"{domain}. MX {record.to_text()}" for record in expected.records)
        return [fault("record-missing", domain, f"{domain} has no MX record.", publish(lines))]
    if NULL_MX in found:
        beside = ", beside others" if found[1:] else ""
        message = f"{domain} has the null MX (`{NULL_MX}`), which says it takes no mail{beside}."
        return [fault("mx-null", domain, message, f"Delete `{domain}. MX {NULL_MX}`, and see that its exchanges are published.")]
    findings = _published(deployment, expected, answer)
    findings += [one for host in dict.fromkeys(answer.hosts) for one in _exchange(world, deployment, domain, host)]
    findings += _dane(world, deployment, domain, answer)
    return findings or [ok("mx", domain, f"Mail for {domain} goes to {', '.join(answer.hosts)}.")]


def _parked(domain: str, found: tuple[str, ...]) -> list[Finding]:
    if found == (NULL_MX,):
        return [ok("mx", domain, f"{domain} says that it takes no mail.")]
    kind = "record-different" if found else "record-missing"
    has = f"its MX records are {', '.join(found)}" if found else "it has no MX record"
    fix = publish(f"{domain}. MX {NULL_MX}") + " It must be the only MX record."
    return [fault(kind, domain, f"{domain} is parked, but {has}.", fix)]


def _published(deployment: Deployment, expected: Expected, answer: Answer) -> list[Finding]:
    domain = expected.name
    wanted = _preferences(tuple(record.to_text().lower() for record in expected.records))
    found = _preferences(answer.texts)
    findings: list[Finding] = []
    for host, preference in wanted.items():
        fix = publish(f"{domain}. MX {preference} {host}.")
        if host not in found:
            message = f"{domain} has no MX record for {host}; it has {', '.join(text.rstrip('.') for text in answer.texts)}."
            findings.append(fault("record-missing", domain, message, fix))
        elif found[host] != preference:
            message = f"{domain} has {host} at preference {found[host]}, but {preference} was deployed."
            findings.append(fault("record-different", domain, message, fix))
    ours = deployment.exchanges_of(domain)
    for host in ours:
        if host not in found and host not in wanted:
            message = f"{domain} has no MX record for {host}, an exchange of this platform that another stack publishes."
            fix = f"Run `pulumi up` for the stack of {host}, or add {domain} to its domains; "
            fix += f"where external-dns publishes {domain}, set `backupExchange.publishMx` of the primary."
            findings.append(warning("mx-other-missing", domain, message, fix))
    for host in found:
        if host not in wanted and host not in ours and not _is_address(host):
            message = f"{domain} has an MX record for {host}, which is no exchange of this platform: mail goes there."
            findings.append(fault("record-extra", domain, message, f"Delete `{domain}. MX {found[host]} {host}.`."))
    return findings


def _exchange(world: World, deployment: Deployment, domain: str, host: str) -> list[Finding]:
    if _is_address(host):
        message = f"An MX record of {domain} points to the address {host}; it must be a host name, and senders skip it."
        return [fault("mx-address", domain, message, f"Let the MX record of {domain} name a host that has this address.")]
    alias = world.ask(host, "CNAME")
    if alias.failure:
        return [failed(alias, host)]
    if alias.records:
        message = (
            f"The exchange {host} is an alias (CNAME) of {alias.hosts[0]}; an MX must not be one, and some senders refuse it."
        )
        return [
            fault("mx-cname", host, message, f"Delete `{host}. CNAME {alias.hosts[0]}.`, and publish A and AAAA records there.")
        ]
    return [] if deployment.at(host, "A") or deployment.at(host, "AAAA") else _unresolvable(world, host)


def _unresolvable(world: World, host: str) -> list[Finding]:
    addresses = world.addresses(host)
    if addresses.unanswered:
        return [failed(addresses.unanswered, host)]
    if addresses.found:
        return []
    return [fault("mx-unresolvable", host, f"The exchange {host} has no address.", f"Publish an A record for {host}.")]


def _dane(world: World, deployment: Deployment, domain: str, answer: Answer) -> list[Finding]:
    """Whether the TLSA records of its exchanges are of use to a domain (RFC 7672, section 2.2.1)."""
    pinned = [
        host
        for host in answer.hosts
        if deployment.at(f"_25._tcp.{host}", "TLSA") and deployment.zone_of(host) in deployment.signed_zones
    ]
    # A zone that is said to be signed has its own check.
    if not pinned or answer.authentic or deployment.zone_of(domain) in deployment.signed_zones:
        return []
    if is_signed(world, domain) is not False:
        return []
    message = f"The MX records of {domain} are not signed with DNSSEC, so the TLSA records of {', '.join(pinned)} do not protect "
    message += "its mail: who forges the MX records has it sent to another host."
    fix = f"Sign the zone of {domain}, then give its DS to the registrar."
    return [warning("tlsa-domain-unsigned", domain, message, fix)]


def _preferences(texts: tuple[str, ...]) -> dict[str, str]:
    return {host.rstrip("."): preference for preference, host in (text.split() for text in texts)}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
