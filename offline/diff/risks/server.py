"""What the server is, and whom it trusts: its name, its version, its domains, whose mail it takes and passes on."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from components.stalwart.plans.host import OWN_NETWORK

from ..model import Level, Risk
from ..objects import at, both
from ..reading import Build, Stack
from .domains import entries, removed

WIDEST = {4: 8, 6: 7}  # larger is no network of one's own: 10.0.0.0/8 and fc00::/7 are the largest of those
Network = IPv4Network | IPv6Network


def server_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Domains that are removed, hosts renamed or moved, other versions, other relaying, trust that is widened or narrowed."""
    for domain, stack in removed(old, new).items():
        message = "is removed: its mail is refused, and its records are no longer kept here"
        advice = "keep it until its MX records point elsewhere; its mailboxes stay on the server"
        yield Risk("danger", "domain-removed", stack, f"domain {domain}", message, advice)
    for stack, was, now in both(old, new):
        yield from _identity(stack, was, now)
        yield from _relaying(stack, was, now)
        yield from _trust(stack, was, now)


def _identity(name: str, old: Stack, new: Stack) -> Iterator[Risk]:
    was, now = old.outputs.get("hostname"), new.outputs.get("hostname")
    if was != now:
        message = f"goes from {was} to {now}: clients, the other region, PTR records and the certificate know the old name"
        advice = "publish the new name and its PTR first, keep the old name for clients, and change the other stack too"
        yield Risk("danger", "hostname-changed", name, "the host's name", message, advice)
    yield from _addresses(name, old, new)
    lines = [at(stack.outputs, "deployed.serverLine") for stack in (old, new)]
    if all(lines) and lines[0] != lines[1]:
        message = f"goes from the line {lines[0]} to {lines[1]}, which reads another kind of store"
        yield Risk("danger", "server-line", name, "the server's version", message, "follow docs/runbooks/upgrade.md")


def _addresses(name: str, old: Stack, new: Stack) -> Iterator[Risk]:
    was, now = old.outputs.get("addresses", []), new.outputs.get("addresses", [])
    # A fenced host has none, and that is the point of it.
    if now and set(was) - set(now):
        message = (
            f"go from {', '.join(was)} to {', '.join(now)}: PTR records, the other region's allow-list and the reputation with"
            " receivers belong to the old ones"
        )
        advice = "have the PTR set first, then bring up this stack and the other one; make doctor shows the rest"
        yield Risk("warning", "address-changed", name, "the host's addresses", message, advice)


def _relaying(name: str, old: Stack, new: Stack) -> Iterator[Risk]:
    for before, after in zip(entries(old, "MtaStageRcpt"), entries(new, "MtaStageRcpt"), strict=False):
        was, now = before["allowRelaying"], after["allowRelaying"]
        if was == now:
            continue
        # Whether it is open now is a policy: policy/rules.
        message = "decides in another way whose mail it passes on"
        yield Risk("warning", "relaying", name, "relaying", message, f"read the condition: {_condition(now)}")
    relayed = {entry["name"] for entry in entries(old, "Domain") if entry.get("allowRelaying")}
    for entry in entries(new, "Domain"):
        if entry.get("allowRelaying") and entry["name"] not in relayed:
            message = f"mail to unknown addresses of {entry['name']} is passed on instead of refused"
            yield Risk("warning", "relaying", name, "relaying", message, "refuse them, or senders get bounces for forged mail")


def _condition(expression: Mapping[str, Any]) -> str:
    rules = [f"{rule['then']} if {rule['if']}" for rule in expression["match"].values()]
    return ", else ".join([*rules, expression["else"]])


def _trust(name: str, old: Stack, new: Stack) -> Iterator[Risk]:
    for what, read, advice in (
        ("networks that are never banned", _allowed, "list the networks of pods, nodes and load balancers, and no others"),
        ("proxies whose word is taken for a client's address", _proxies, "list the load balancers, and nothing else"),
    ):
        was, now = read(old), read(new)
        for network in sorted(now - was, key=str):
            if any(_is_in(network, known) for known in was):
                continue
            if read is _allowed and network.prefixlen == network.max_prefixlen:
                continue  # a single host, such as the other region's
            level: Level = "danger" if network.prefixlen < WIDEST[network.version] else "warning"
            yield Risk(level, "trust-widened", name, what, f"now hold {network}", advice)
    kept = _allowed(new)
    whole = [
        *collapse_addresses(found for found in kept if isinstance(found, IPv4Network)),
        *collapse_addresses(found for found in kept if isinstance(found, IPv6Network)),
    ]
    dropped = sorted(str(network) for network in _own(old) if not any(_is_in(network, known) for known in whole))
    if dropped:
        message = (
            f"no longer hold {', '.join(dropped)}: a load balancer, node or pod there may be banned, and with it everybody behind"
        )
        advice = "keep the networks of pods, nodes and load balancers"
        yield Risk("danger", "trust-narrowed", name, "networks that are never banned", message, advice)


def _is_in(network: Network, other: Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # pyright: ignore[reportArgumentType]


def _allowed(stack: Stack) -> set[Network]:
    return {ip_network(entry["address"], strict=False) for entry in entries(stack, "AllowedIp")}


def _own(stack: Stack) -> set[Network]:
    """Those of the cluster. Another exchange may move."""
    found = [entry for entry in entries(stack, "AllowedIp") if entry["reason"] == OWN_NETWORK]
    return {ip_network(entry["address"], strict=False) for entry in found}


def _proxies(stack: Stack) -> set[Network]:
    lists = [entry.get("proxyTrustedNetworks", {}) for entry in entries(stack, "SystemSettings")]
    lists += [entry.get("overrideProxyTrustedNetworks", {}) for entry in entries(stack, "NetworkListener")]
    return {ip_network(network, strict=False) for found in lists for network in found}
