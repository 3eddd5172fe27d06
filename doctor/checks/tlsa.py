"""TLSA records (RFC 6698, RFC 7672): one of them matches what the host shows, and the zone is signed."""

from collections.abc import Sequence

from ..certificates import association
from ..deployment import Deployment, Expected
from ..findings import Finding, fault, ok, unknown, warning
from ..lookup import failed
from ..probes import Probe, Served
from ..world import World
from .zones import is_signed

TRUST_ANCHOR, END_ENTITY = "2", "3"  # usages; RFC 7672, section 3.1.3, gives 0 and 1 no meaning for SMTP


def check(world: World, deployment: Deployment, expected: Expected, probes: Sequence[Probe]) -> list[Finding]:
    """The TLSA records of one port, such as those at `_25._tcp.mx1.example.com`.

    Args:
        world: whom to ask.
        deployment: which zones are said to be signed.
        expected: the records that were deployed.
        probes: what was seen at the hosts.
    """
    name = expected.name
    port, _transport, host = name.split(".", 2)
    answer = world.ask(name, "TLSA")
    if answer.failure:
        return [failed(answer, name)]
    if not answer.records:
        return []  # told as a missing record
    findings = _unsigned(world, deployment, host, name, answer.authentic)
    useless = [text for text in answer.texts if text.split()[0] not in (TRUST_ANCHOR, END_ENTITY)]
    if useless:
        message = f"{name} has TLSA records that mail servers do not use (usage 0 or 1): {', '.join(useless)}."
        findings.append(warning("tlsa-usage", name, message, "Publish `3 1 1` with the SHA-256 of the server's public key."))
    seen = [one.served for one in probes if one.served and one.endpoint.host == host and f"_{one.endpoint.port}" == port]
    if not seen:
        message = f"No certificate was seen at {host} port {port[1:]}, so its TLSA records cannot be judged."
        return [*findings, unknown("tlsa-untold", name, message)]
    for served in dict.fromkeys(seen):
        findings += _matched(name, host, answer.texts, served)
    return findings or [ok("tlsa", name, f"The TLSA records at {name} match the key {host} uses.")]


def _unsigned(world: World, deployment: Deployment, host: str, name: str, authentic: bool) -> list[Finding]:
    zone = deployment.zone_of(host)
    # A zone that is said to be signed has its own check; and where there are keys, it may be the resolver that does not verify.
    if authentic or zone in deployment.signed_zones or is_signed(world, host) is not False:
        return []
    message = f"{name} has TLSA records, but {zone} is not signed with DNSSEC, so senders ignore them."
    return [warning("tlsa-unsigned", name, message, f"Sign {zone}, or delete the TLSA records.")]


def _matched(name: str, host: str, texts: Sequence[str], served: Served) -> list[Finding]:
    results = {_matches(text, served) for text in texts}
    if True in results:
        return []
    if None in results:
        message = f"{name} names an authority (usage 2), and this Python cannot show the chain that {host} sends."
        return [unknown("tlsa-untold", name, message, "Run the doctor with Python 3.13 or newer.")]
    right = f"3 1 1 {association(served.certificate, '1', '1')}"
    message = f"No TLSA record at {name} matches the key {host} uses: senders that check DANE do not deliver."
    fix = f"Publish `{name}. TLSA {right}` beside the others if this key is to stay; or give {host} the key that was announced."
    return [fault("tlsa-mismatch", name, message, fix)]


def _matches(text: str, served: Served) -> bool | None:
    usage, selector, matching, *data = text.split()
    if usage == END_ENTITY:
        return association(served.certificate, selector, matching) == "".join(data)
    if usage == TRUST_ANCHOR:
        if served.issuers is None:
            return None
        return any(association(issuer, selector, matching) == "".join(data) for issuer in served.issuers)
    return False
