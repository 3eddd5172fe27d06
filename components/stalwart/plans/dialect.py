"""Which plan a server of which line understands: the one place that knows. A further line is one more entry."""

from collections.abc import Callable, Mapping

from ... import checks
from ..arguments import Role, Server
from ..operations import Plan
from .filtering import filter_operations
from .host import (
    certificate_operations,
    listener_operations,
    network_operations,
    reload_operations,
    system_operations,
    web_operations,
)
from .inbound import inbound_operations
from .mailboxes import account_operations, domain_operations, mta_sts_operations
from .outbound import outbound_operations
from .relay import relay_operations
from .reports import report_operations
from .stores import store_operations
from .telemetry import telemetry_operations


def plan_0_16(server: Server) -> Plan:
    """Everything a 0.16 server is told before it starts, in the order it must be applied.

    The plan is complete for every type of object it creates, because the server adds its own defaults only to types that are
    empty: applied to a new database or to one that a normal start has filled, it leaves the same server.
    """
    is_primary = server.role == Role.PRIMARY
    own = (*certificate_operations(server), *domain_operations(server), *account_operations(server))
    relayed = (*certificate_operations(server), *relay_operations(server))
    return (
        *(own if is_primary else relayed),
        *store_operations(server),
        *listener_operations(server),
        *network_operations(server),
        *web_operations(),
        *inbound_operations(server),
        *filter_operations(server),
        *outbound_operations(server),
        *(mta_sts_operations(server) if is_primary else ()),
        *report_operations(server),
        *telemetry_operations(server),
        *system_operations(server),
        *reload_operations(server),
    )


DIALECTS: Mapping[tuple[int, int], Callable[[Server], Plan]] = {(0, 16): plan_0_16}


def server_plan(server: Server) -> Plan:
    """Everything this server is told before it starts; the last four operations make stored settings live."""
    return DIALECTS[checks.server_line(server.server_image)](server)
