"""Port 25: servers that no longer take mail, whichever object keeps it from them."""

from collections.abc import Iterator

from components.stalwart.listeners import SMTP_PORT

from ..model import Risk
from ..objects import at, both, mapping, namespace
from ..reading import Build, Resource, Stack
from .network import ANYWHERE, EVERY_PORT, is_ruled_by, openings, ports_at_host, public_ports
from .pods import pod_templates

OPEN = {(f"{SMTP_PORT}/TCP", ANYWHERE), (EVERY_PORT, ANYWHERE)}


def port_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Servers that the Internet reached on port 25, and does not reach any more: one risk each, with all the reasons."""
    for stack, was, now in both(old, new):
        before, after = ({found.name: _hindered(found, build) for found in _servers(build)} for build in (was, now))
        for name, reasons in before.items():
            hindered = after.get(name, ["it is removed"])
            if hindered and not reasons:
                message = (
                    f"no longer takes mail: {'; '.join(hindered)}. Senders try again for a few days, or go to the other exchange"
                )
                advice = "undo it, unless the server is fenced or moves on purpose; then see that the other exchange takes mail"
                yield Risk("danger", "port-25-closed", stack, f"server {name}", message, advice)


def _servers(stack: Stack) -> Iterator[Resource]:
    for found in stack.of_kind("StatefulSet", "Deployment", "DaemonSet"):
        ports = [
            port for template in pod_templates(found) for one in template["spec"]["containers"] for port in one.get("ports", [])
        ]
        if any(port["containerPort"] == SMTP_PORT for port in ports):
            yield found


def _hindered(server: Resource, stack: Stack) -> list[str]:
    """Why the Internet does not reach a server; nothing when it does."""
    reasons: list[str] = []
    if at(server.inputs, "spec.replicas") == 0:
        reasons.append("it has no pods")
    (template,) = pod_templates(server)
    labels = mapping(template, "metadata.labels")
    is_served = any(
        SMTP_PORT in public_ports(found)
        and namespace(found) == namespace(server)
        and mapping(found.inputs, "spec.selector").items() <= labels.items()
        for found in stack.of_kind("Service")
    )
    if not is_served and SMTP_PORT not in ports_at_host(template["spec"]):
        reasons.append(f"no public Service or port of its node has port {SMTP_PORT}")
    policies = [found for found in stack.of_kind("NetworkPolicy") if is_ruled_by(server, found)]
    if policies and not any(OPEN & openings(policy, "ingress", "from") for policy in policies):
        reasons.append(f"no network policy lets {SMTP_PORT}/TCP in from everywhere, as when it is fenced")
    return reasons
