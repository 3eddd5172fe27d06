"""Public addresses: does the reverse lookup name the host, and the host the address (RFC 1912, section 2.1)?"""

import ipaddress

import dns.reversename

from ..findings import Finding, fault, ok
from ..lookup import failed
from ..world import World


def check(world: World, address: str, host: str) -> list[Finding]:
    """PTR equals EHLO, and is confirmed by the forward lookup.

    Args:
        world: whom to ask.
        address: where mail leaves from.
        host: the name in EHLO.
    """
    answer = world.ask(dns.reversename.from_address(address).to_text(), "PTR")
    if answer.failure:
        return [failed(answer, address)]
    set_it = f"Set the reverse name of {address} to {host} where the address comes from (cloud provider or network operator)."
    if not answer.records:
        message = f"{address} has no PTR record; large receivers refuse mail from such addresses."
        return [fault("ptr-missing", address, message, set_it)]
    if host not in answer.hosts:
        message = f"The PTR record of {address} says {', '.join(answer.hosts)}, but the server calls itself {host} in EHLO."
        return [fault("ptr-different", address, message, set_it)]
    forward = world.ask(host, "A" if ipaddress.ip_address(address).version == 4 else "AAAA")  # noqa: PLR2004 - IPv4
    if forward.failure:
        return [failed(forward, address)]
    if ipaddress.ip_address(address) not in {ipaddress.ip_address(record.to_text()) for record in forward.records}:
        has = ", ".join(forward.texts) or f"no {forward.type} record"
        message = (
            f"The PTR record of {address} says {host}, but {host} has {has}; receivers distrust a name that is not confirmed."
        )
        return [fault("ptr-unconfirmed", address, message, f"Publish `{host}. {forward.type} {address}`.")]
    return [ok("ptr", address, f"{address} is {host}, and {host} is {address}.")]
