"""The rules for mail servers: what is open to the world, and what their plan says."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from .kubernetes import SMTP_PORT, is_mail_server, may_be_same, namespace, openings
from .model import MANDATORY, Found, Resource, Rule, at, members, text
from .plan import plans, unknown_plans

Network = IPv4Network | IPv6Network

MANAGEMENT_PORT = 8080
# RFC 1918, RFC 6598 and RFC 4193. Python's `is_private` means the addresses of documentation too.
PRIVATE = [
    ipaddress.ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]
WORD = re.compile(r"[a-z_]+")
NOBODY_FORGES = {"authenticated_as", "remote_ip", "rcpt", "rcpt_domain", "recipients"}
"""What a rule for relaying must look at: who it is, or for whom it is."""


def _port_25_has_allow_list(resources: Sequence[Resource], config: Mapping[str, Any]) -> Found:
    found, unknown = plans(resources), unknown_plans(resources)
    wanted = [ipaddress.ip_network(str(network), strict=False) for network in config["networks"]]
    for resource, way in _open_for_mail(resources):
        if any(may_be_same(namespace(resource), place) for place in unknown):
            continue
        near = [plan for plan in found if may_be_same(namespace(resource), plan.namespace)]
        allowed = list(_networks(text(at(entry, "address")) for plan in near for entry in plan.objects("AllowedIp")))
        missing = [network for network in wanted if not _is_within(network, allowed)]
        if not near:
            problem = "no plan for the server is there: put it into a ConfigMap as `plan.ndjson`"
        elif missing:
            problem = f"the plan's AllowedIp leaves out {', '.join(map(str, missing))}: add it"
        elif not wanted and not any(_is_within(network, PRIVATE) for network in allowed if network.num_addresses > 1):
            problem = "the plan's AllowedIp has no private network: add those of nodes, pods and load balancers"
        else:
            continue
        yield resource, f"port {SMTP_PORT} is open by {way}, and {problem}"


def _open_for_mail(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    """What opens port 25 to servers that listen there, each once."""
    ways = {
        opening.resource.urn: (opening.resource, opening.way)
        for opening in openings(resources)
        if SMTP_PORT in opening.ports and not (opening.pods and all(pod.is_fenced for pod in opening.pods))
    }
    yield from ways.values()


def _networks(addresses: Iterator[str]) -> Iterator[Network]:
    for address in addresses:
        try:
            yield ipaddress.ip_network(address, strict=False)
        except ValueError:
            continue  # the server says so when the plan is applied


def _is_within(network: Network, allowed: Sequence[Network]) -> bool:
    """Whether the allowed networks together have all of a network."""
    if isinstance(network, IPv4Network):
        four = [other for other in allowed if isinstance(other, IPv4Network)]
        return any(network.subnet_of(other) for other in ipaddress.collapse_addresses(four))
    six = [other for other in allowed if isinstance(other, IPv6Network)]
    return any(network.subnet_of(other) for other in ipaddress.collapse_addresses(six))


def _management_not_public(resources: Sequence[Resource], config: Mapping[str, Any]) -> Found:
    port = int(config["port"])
    for opening in openings(resources):
        # Other programs listen at 8080 too. Those that are known not to take mail are none of this rule's.
        if port in opening.ports and (not opening.pods or any(is_mail_server(pod) for pod in opening.pods)):
            message = f"port {port} is the server's management, and {opening.way} opens it; use a Service of type ClusterIP"
            yield opening.resource, message


def _relay_not_open(resources: Sequence[Resource], _config: Mapping[str, Any]) -> Found:
    for plan in plans(resources):
        for stage in plan.objects("MtaStageRcpt"):
            relaying = at(stage, "allowRelaying")
            rules = [(at(rule, "if"), at(rule, "then")) for rule in members(at(relaying, "match")).values()]
            for condition, result in [*rules, ("", at(relaying, "else"))]:
                if _is_open(f"{text(condition)} {_expression(result)}") and _expression(result) != "false":
                    message = "allowRelaying of MtaStageRcpt is true whoever sends and whoever it is for; ask `authenticated_as`"
                    yield plan.resource, message
                    break


def _expression(value: Any) -> str:
    """An expression of the server as text; a missing one, which is false, too. Empty when it is not known."""
    return str(bool(value)).lower() if value is None or isinstance(value, bool) else text(value).strip()


def _is_open(expression: str) -> bool:
    return bool(expression.strip()) and not NOBODY_FORGES & set(WORD.findall(expression))


RULES = (
    Rule(
        "port-25-has-allow-list",
        MANDATORY,
        "No port 25 is open without a plan that keeps the cluster's own networks from being banned.",
        "The server bans the node or load balancer that all mail comes through: the outage that is reported most.",
        _port_25_has_allow_list,
        of_stack=True,
        settings={
            "networks": {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "description": "networks that AllowedIp must cover; without them, one private network will do",
            }
        },
    ),
    Rule(
        "management-not-public",
        MANDATORY,
        "The server's management port is not open to the world.",
        "Whoever guesses the admin's password has every mailbox; the port speaks no TLS.",
        _management_not_public,
        of_stack=True,
        settings={"port": {"type": "integer", "default": MANAGEMENT_PORT, "description": "the management port"}},
    ),
    Rule(
        "relay-not-open",
        MANDATORY,
        "No plan lets everybody relay.",
        "Within hours the server sends other people's spam, and its address is on every blocklist.",
        _relay_not_open,
    ),
)
