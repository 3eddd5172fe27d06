"""DNS blocklists (RFC 5782): is an address listed, clean, or can it not be told?"""

import ipaddress
from collections.abc import Sequence

import dns.name
import dns.reversename

from ..findings import Finding, fault, ok, unknown, warning
from ..lookup import Answer, Failure
from ..world import World

LISTINGS = ipaddress.ip_network("127.0.0.0/8")
REFUSALS = ipaddress.ip_network("127.255.255.0/24")  # what Spamhaus and others answer in place of an error
TEST_ADDRESS = "127.0.0.2"  # listed on every list that works: RFC 5782, section 5
# Spamhaus PBL: what an Internet provider says of addresses that should send through its servers.
POLICY_LIST, POLICY_ANSWERS = "zen.spamhaus.org", frozenset({"127.0.0.10", "127.0.0.11"})
AGAIN = "Run this again, with a longer --timeout."
OWN_RESOLVER = "Lists refuse public resolvers: ask through one of your own with --resolver, or run the doctor in the cluster."


def check(world: World, zone: str, addresses: Sequence[str]) -> list[Finding]:
    """What one list says of every address."""
    tested = _ask(world, zone, TEST_ADDRESS)
    if tested.failure or not _listings(tested):
        return [unknown("blocklist-untold", zone, f"{zone} cannot tell: {_reason(tested)}.", _way_out(tested))]
    return [_judged(zone, address, _ask(world, zone, address)) for address in addresses]


def _judged(zone: str, address: str, answer: Answer) -> Finding:
    if not answer.failure and not answer.records:
        return ok("blocklist", address, f"{address} is not on {zone}.")
    listings = _listings(answer)
    if not listings:
        message = f"{zone} cannot tell whether {address} is listed: {_reason(answer)}."
        return unknown("blocklist-untold", address, message, _way_out(answer))
    if zone == POLICY_LIST and set(listings) <= POLICY_ANSWERS:
        message = f"{address} is on the Spamhaus PBL ({', '.join(listings)}): its network says that it should not send mail."
        fix = f"Ask for its removal at https://check.spamhaus.org/?query={address}, or send through a smarthost."
        return warning("blocklist-policy", address, message, fix)
    message = f"{address} is listed on {zone} ({', '.join(listings)}); receivers that use the list refuse its mail."
    fix = f"Find out what was sent from {address} and stop it, then ask {zone} to remove the address."
    return fault("blocklist-listed", address, message, fix)


def _ask(world: World, zone: str, address: str) -> Answer:
    origin = dns.name.from_text(zone)
    return world.ask(dns.reversename.from_address(address, v4_origin=origin, v6_origin=origin).to_text(), "A")


def _listings(answer: Answer) -> tuple[str, ...]:
    found = ((text, ipaddress.ip_address(text)) for text in answer.texts)
    return tuple(text for text, address in found if address in LISTINGS and address not in REFUSALS)


def _way_out(answer: Answer) -> str:
    return AGAIN if answer.failure is Failure.TIMEOUT else OWN_RESOLVER


def _reason(answer: Answer) -> str:
    if answer.failure:
        return str(answer.failure)
    if not answer.records:
        return f"it does not even list {TEST_ADDRESS}, as every list must"
    return f"it answers {', '.join(answer.texts)}, which means that it refuses this resolver"
