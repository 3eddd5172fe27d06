"""What the server knows and does not export: its queue and its bans, read over JMAP with an account that may read no more."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network

from .jmap import Object, Server, server_of
from .metrics import BANS, OWN_BANS, QUEUE_MESSAGES, QUEUE_OLD_MESSAGES, QUEUE_OLDEST, Reading

PAGE = 5000  # the server's queryMaxResults
OLD_S = 3600
# RFC 1918, RFC 6598 and RFC 4193: where nodes, pods and load balancers are.
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")

Network = IPv4Network | IPv6Network


def timestamp(text: str) -> float:
    """Unix time of a JMAP UTCDate, such as `2026-11-21T22:29:28Z` (RFC 8620, section 1.4)."""
    return datetime.fromisoformat(text).timestamp()


class Queue:
    """The queue. When a message came is asked once a message, since it never changes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._messages: dict[str, Object] = {}

    def read(self) -> Iterator[Reading]:
        """How many messages there are, and how old. Above 5,000 their ages are those of the next 5,000 to be tried.

        Raises:
            JmapError: the server cannot be asked.
        """
        with server_of(self._environment, "STALWART") as server:
            # It sorts by the next try alone.
            order = [{"property": "due", "isAscending": True}]
            answer = server.call("x:QueuedMessage/query", {"calculateTotal": True, "limit": PAGE, "sort": order})
            self._messages = _known(server, "QueuedMessage", answer["ids"], self._messages, ("createdAt",))
        came = [timestamp(message["createdAt"]) for message in self._messages.values()]
        long_ago = time.time() - OLD_S
        yield Reading(QUEUE_MESSAGES, answer["total"])
        yield Reading(QUEUE_OLD_MESSAGES, sum(moment < long_ago for moment in came))
        if came:
            yield Reading(QUEUE_OLDEST, min(came))


class Bans:
    """The bans, and those among them that are an outage: of own addresses, and of private ones that mail may come through.

    What is in the server's AllowedIp is not among them: there a ban has no effect.
    """

    def __init__(self, environment: Mapping[str, str], addresses: Iterable[str], allowed: Iterable[str]) -> None:
        self._environment = environment
        self._own = [ip_network(network) for network in (*PRIVATE, *addresses)]
        self._allowed = [ip_network(network) for network in allowed]
        self._bans: dict[str, Object] = {}
        self._told: frozenset[str] = frozenset()

    def read(self) -> Iterator[Reading]:
        """How many there are.

        Raises:
            JmapError: the server cannot be asked.
        """
        with server_of(self._environment, "STALWART") as server:
            self._bans = _known(server, "BlockedIp", server.query_all("BlockedIp"), self._bans, ("address", "expiresAt"))
        now = time.time()
        in_force = [ban for ban in self._bans.values() if not ban.get("expiresAt") or timestamp(ban["expiresAt"]) > now]
        own = frozenset(ban["address"] for ban in in_force if self._is_own(ip_network(ban["address"], strict=False)))
        for address in sorted(own - self._told):
            print(f"bans: {address} is banned: an own address, or one outside of trustedNetworks", flush=True)  # noqa: T201
        self._told = own
        yield Reading(BANS, len(in_force))
        yield Reading(OWN_BANS, len(own))

    def _is_own(self, banned: Network) -> bool:
        if any(_is_within(banned, network) for network in self._allowed):
            return False
        return any(banned.version == own.version and banned.overlaps(own) for own in self._own)


def _is_within(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)


def _known(
    server: Server, kind: str, ids: Sequence[str], before: Mapping[str, Object], properties: Sequence[str]
) -> dict[str, Object]:
    """The objects with these ids that are there; those that were read before are not read again."""
    new = server.get_all(kind, [found for found in ids if found not in before], properties)
    return {found: before[found] for found in ids if found in before} | {entry["id"]: entry for entry in new}
