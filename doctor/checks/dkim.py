"""DKIM keys in DNS (RFC 6376, section 3.6): the deployed key at every selector, also through an alias."""

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ..deployment import Deployment, Expected
from ..findings import Finding, fault, ok, publish, warning
from ..lookup import Answer, failed, host_name
from ..world import World
from .texts import DKIM, line, tags, the_one

REFUSED_RSA_BITS = 1024  # RFC 8301, section 3.2: fewer MUST NOT be accepted
WEAK_RSA_BITS = 2048
ED25519_BYTES = 32  # RFC 8463, section 4: the bare key


def check(world: World, deployment: Deployment, expected: Expected) -> list[Finding]:
    """The key at a selector: published there, or at the end of the alias published there (hosted DKIM)."""
    if expected.type == "TXT":
        return _key(world, expected, expected.strings[0], line(expected.name, expected.strings[0]))
    target = host_name(expected.records[0].to_text())
    alias = world.ask(expected.asked, "CNAME")
    hosted = deployment.at(target, "TXT")
    if hosted is None:
        return [_spare(expected, target, alias)]
    if target in alias.hosts:
        return [ok("dkim", expected.name, f"The DKIM key of {expected.name} is at {target}.")]  # and is looked at there
    return _key(world, expected, hosted.strings[0], f"{expected.name}. CNAME {target}.")


def _spare(expected: Expected, target: str, alias: Answer) -> Finding:
    """The alias of a selector whose key is not made yet: nothing is signed with it."""
    name = expected.name
    if alias.failure:
        return failed(alias, name)
    if target in alias.hosts:
        return ok("dkim", name, f"{name} is ready for a key at {target}.")
    has = f"is an alias of {alias.hosts[0]}, not of {target}" if alias.records else f"is not an alias of {target}"
    message = f"{name} {has}: the next DKIM key would not be found."
    return warning("dkim-spare", name, message, publish(f"{name}. CNAME {target}."))


def _key(world: World, expected: Expected, wanted: str, record: str) -> list[Finding]:
    name = expected.name
    found = the_one(world, expected.asked, name, DKIM, record)
    if isinstance(found, Finding):
        return [found]
    has, wants = tags(found), tags(wanted)
    if not has.get("p"):
        if wanted and not wants.get("p"):
            return [ok("dkim", name, f"The DKIM key at {name} is revoked, as deployed.")]
        message = f"The DKIM key at {name} is revoked (`p=` is empty): what it signed fails."
        return [fault("dkim-revoked", name, message, publish(record))]
    if wanted and (has["p"], has.get("k", "rsa")) != (wants.get("p"), wants.get("k", "rsa")):
        message = f"The DKIM key at {name} is {_short(has)}, but {_short(wants)} was deployed: signatures fail."
        return [fault("dkim-different", name, message, publish(record))]
    findings = _strength(name, has)
    if wanted and has != wants:
        changed = ", ".join(sorted(tag for tag in has.keys() | wants.keys() if has.get(tag) != wants.get(tag)))
        message = f"The DKIM key at {name} is the deployed one, but other tags differ ({changed}): it is `{found}`."
        findings.append(warning("dkim-tags", name, message, publish(record)))
    return findings or [ok("dkim", name, f"The DKIM key at {name} is as deployed.")]


def _strength(name: str, has: dict[str, str]) -> list[Finding]:
    again = "Make a new key under a new selector, and sign with it once its record is published."
    try:
        data = base64.b64decode(has["p"], validate=True)
        if has.get("k", "rsa") == "ed25519":
            if len(data) != ED25519_BYTES:
                raise ValueError(f"an Ed25519 key has {ED25519_BYTES} bytes, this has {len(data)}")
            return []
        key = load_der_public_key(data)
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        return [fault("dkim-unreadable", name, f"The DKIM key at {name} is no key: {error}.", again)]
    if not isinstance(key, RSAPublicKey) or key.key_size >= WEAK_RSA_BITS:
        return []
    message = f"The RSA key at {name} has {key.key_size} bits; {WEAK_RSA_BITS} are advised."
    if key.key_size < REFUSED_RSA_BITS:
        return [fault("dkim-weak", name, f"{message} Receivers ignore fewer than {REFUSED_RSA_BITS}.", again)]
    return [warning("dkim-weak", name, message, again)]


def _short(key: dict[str, str]) -> str:
    # The end: all RSA keys of one size begin alike.
    return f"`p=...{key['p'][-16:]}`" if key.get("p") else "no key (`p=`)"
