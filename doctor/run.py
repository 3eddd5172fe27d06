"""A whole run: first what makes other checks meaningless, then the handshakes and the questions, all at once."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import checkdmarc.utils  # pyright: ignore[reportMissingTypeStubs]

from .checks import addresses, blocklists, dkim, dmarc, hosts, mta_sts, mx, outbound, records, spf, texts, tlsa, zones
from .deployment import Deployment
from .findings import Finding, Severity, unknown
from .probes import Endpoint, Probe, probe
from .world import World

AT_ONCE = 16
BLOCKLISTS = ("zen.spamhaus.org", "bl.spamcop.net", "b.barracudacentral.org", "psbl.surriel.com", "dnsbl.dronebl.org")
OUTBOUND_HOSTS = ("gmail-smtp-in.l.google.com", "mx01.mail.icloud.com", "mx00.mail.icloud.com")
RECORDS = ("A", "AAAA", "CNAME", "SRV", "TLSA", "CAA")

Job = Callable[[], list[Finding]]


def examine(
    world: World,
    deployment: Deployment,
    blocklist_zones: Sequence[str] = BLOCKLISTS,
    outbound_hosts: Sequence[str] = OUTBOUND_HOSTS,
) -> list[Finding]:
    """Everything there is to say about a deployment, each thing once.

    Args:
        world: where to look.
        deployment: what is expected.
        blocklist_zones: DNS blocklists to ask about the public addresses.
        outbound_hosts: well-known exchanges that show whether port 25 is open outwards.
    """
    # checkdmarc keeps answers for the life of the process; every run asks anew.
    checkdmarc.utils.DNS_CACHE.clear()  # pyright: ignore[reportUnknownMemberType]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outwards = pool.map(partial(outbound.is_open, world), outbound_hosts)
        reached = list(pool.map(partial(zones.reach, world), deployment.zones))
        heard = deployment.without_zones(one.subject for one in reached if one.severity is not Severity.OK)
        probed = pool.map(partial(probe, world), _endpoints(world, heard))
        port_25_open = any(outwards)
        findings = [*reached, outbound.finding(port_25_open, outbound_hosts), *map(records.impossible, deployment.impossible)]
        findings += _all(pool, _questions(world, heard, blocklist_zones))
        findings += _all(pool, _judgements(world, heard, list(probed), port_25_open))
    return list(dict.fromkeys(findings))


def _endpoints(world: World, deployment: Deployment) -> list[Endpoint]:
    endpoints = [
        Endpoint(host.name, address, service, port)
        for host in deployment.hosts
        for address in host.addresses
        for service, port in host.ports.items()
    ]
    own = {host.name for host in deployment.hosts}
    others = [host for host in deployment.exchanges if host not in own]
    return endpoints + [
        Endpoint(host, address, "smtp", hosts.SMTP_PORT) for host in others for address in world.addresses(host).found
    ]


def _questions(world: World, deployment: Deployment, blocklist_zones: Sequence[str]) -> Iterable[Job]:
    for zone in deployment.signed_zones:
        yield partial(zones.signed, world, zone)
    for one in deployment.of_type("MX"):
        yield partial(mx.check, world, deployment, one)
    for kind in RECORDS:
        for one in deployment.of_type(kind):
            if kind == "CNAME" and "._domainkey." in one.name:
                yield partial(dkim.check, world, deployment, one)
            else:
                yield partial(records.check, world, one)
    for one in deployment.of_type("SRV"):
        yield partial(records.targets, world, deployment, one)
    yield from _texts(world, deployment)
    for address, name in deployment.ptr.items():
        yield partial(addresses.check, world, address, name)
    for zone in blocklist_zones:
        yield partial(blocklists.check, world, zone, deployment.public_addresses)


def _texts(world: World, deployment: Deployment) -> Iterable[Job]:
    policies: dict[str, str] = {}
    senders: dict[str, str] = {}
    for one in deployment.of_type("TXT"):
        for text in one.strings:
            match texts.kind_of(one.name, text):
                case texts.DKIM:
                    yield partial(dkim.check, world, deployment, one)
                case texts.DMARC:
                    policies[one.name.removeprefix("_dmarc.")] = text
                case texts.SPF:
                    senders[one.name] = text
                case _:
                    yield partial(texts.check, world, one.asked, text)
    domains = (*deployment.mail_domains, *deployment.parked_domains)
    for domain in dict.fromkeys([*domains, *policies]):
        yield partial(dmarc.check, world, deployment, domain, policies.get(domain, ""))
    for name in dict.fromkeys([*domains, *senders, *deployment.ptr.values()]):
        yield partial(spf.check, world, deployment, name, senders.get(name, ""))
    for domain in deployment.mail_domains:
        if deployment.at(f"_mta-sts.{domain}", "TXT"):
            yield partial(mta_sts.check, world, deployment, domain)


def _judgements(world: World, deployment: Deployment, probes: Sequence[Probe], port_25_open: bool) -> Iterable[Job]:
    for host in dict.fromkeys(one.endpoint.host for one in probes):
        own = [one for one in probes if one.endpoint.host == host]
        yield partial(hosts.check, host, own, port_25_open, deployment.enforces(host), world.now())
    for one in deployment.of_type("TLSA"):
        yield partial(tlsa.check, world, deployment, one, probes)


def _all(pool: Executor, jobs: Iterable[Job]) -> list[Finding]:
    return [finding for findings in pool.map(_guarded, jobs) for finding in findings]


def _guarded(job: Job) -> list[Finding]:
    try:
        return job()
    except Exception as error:  # one answer nobody thought of must not hide all other findings
        called = getattr(job, "func", job)
        message = f"The check {called.__module__}.{called.__name__} itself failed: {error!r}."
        return [unknown("doctor-failed", "doctor", message, "Please report this, with the command you ran.")]
