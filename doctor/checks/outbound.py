"""Port 25 outwards: many clouds and home networks block it, and then nothing can be said of port 25 elsewhere."""

from collections.abc import Sequence

from ..findings import Finding, ok, unknown
from ..probes import Endpoint, answers
from ..world import World

SUBJECT = "this machine"


def is_open(world: World, host: str) -> bool:
    """Whether a well-known exchange answers on port 25."""
    # One address will do: the question is about this end.
    return any(answers(world, Endpoint(host, address, "smtp", 25)) for address in world.ask(host, "A").texts[:1])


def finding(open_: bool, hosts: Sequence[str]) -> Finding:
    """The result in words."""
    if open_:
        return ok("outbound-25", SUBJECT, "Port 25 is open outwards.")
    return unknown(
        "outbound-25-blocked",
        SUBJECT,
        f"No exchange answers this machine on port 25 (tried {', '.join(hosts)}): its network lets no mail out, or cannot "
        "resolve their names. If the mail server is in the same network, it cannot send.",
        "Run the doctor where the server runs; if it is blocked there too, ask the provider to open port 25, or set a smarthost.",
    )
