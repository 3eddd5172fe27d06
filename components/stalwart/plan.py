"""The server plan: everything a Stalwart server is told, as a pure function of its arguments.

The plan is complete for every type of object it creates, because the server adds its own defaults only to types that are
empty: applied to a new database or to one that a normal start has filled, it leaves the same server. Secrets are referred
to by file or environment variable, which `workload.py` provides in the pod.
"""

from ipaddress import ip_network

from ..mail_domain import DkimAlgorithm, DkimSelector, MailDomain
from . import listeners
from .arguments import Peer, Role, Server
from .operations import (
    DAY_MS,
    HOUR_MS,
    SECOND_MS,
    Create,
    Destroy,
    Operation,
    Plan,
    Reconcile,
    Update,
    Upsert,
    UpsertByValue,
    expression,
    listing,
    members,
)
from .relay import relay_operations

DKIM_DIRECTORY = "/etc/stalwart-mail/dkim"
TLS_DIRECTORY = "/etc/stalwart-mail/tls"
METRICS_USER = "prometheus"
METRICS_PASSWORD_VARIABLE = "METRICS_PASSWORD"

MX_PRIORITY = {Role.PRIMARY: 10, Role.BACKUP: 20}
# Without a period a ban lasts for ever, and one bad day of a customer's phone becomes a support case for good.
BAN_PERIOD_MS = DAY_MS
MANUAL = {"@type": "Manual"}  # Pulumi owns DNS records, DKIM keys and certificates: one publisher, one owner

DKIM_VARIANT = {DkimAlgorithm.RSA: "Dkim1RsaSha256", DkimAlgorithm.ED25519: "Dkim1Ed25519Sha256"}


def server_plan(server: Server) -> Plan:
    """Everything this server is told, in the order it must be applied.

    Args:
        server: the checked arguments of a primary or a backup.

    Returns:
        The operations; the last four make stored settings live (`MtaRoute` and the like are not live before).
    """
    domains = _domains(server)
    return (
        *domains,
        *_listeners(server),
        *_certificate(server),
        *_networks(server),
        *(relay_operations(server) if server.role == Role.BACKUP else _trust_in_peer(server.peer)),
        *_observability(server),
        # Pyzor names a host outside; ReloadSettings fails as a whole while any such host does not resolve.
        Update("SpamPyzor", {"enable": False}),
        _system_settings(server),
        *_reload(),
    )


def _domains(server: Server) -> Plan:
    if server.role == Role.BACKUP:
        # The relayed domains are no Domain objects here: the backup holds no account and no key of the primary.
        return (Upsert("Domain", ("name",), {"d0": _domain(server.hostname, "This host itself")}),)
    names = {f"d{number}": domain for number, domain in enumerate(server.mail_domains)}
    signatures = {
        f"{client_id}-{selector.name}": _signature(domain, selector, client_id)
        for client_id, domain in names.items()
        for selector in domain.dkim_selectors
    }
    return (
        # Upsert, never reconcile: a domain dropped from the config must not take its mailboxes with it.
        Upsert("Domain", ("name",), {client_id: _domain(domain.name, None) for client_id, domain in names.items()}),
        Reconcile("DkimSignature", ("selector", "domainId"), signatures),
    )


def _domain(name: str, description: str | None) -> dict[str, object]:
    managed = {"dkimManagement": MANUAL, "dnsManagement": MANUAL, "certificateManagement": MANUAL}
    return {"name": name, **({"description": description} if description else {}), **managed}


def _signature(domain: MailDomain, selector: DkimSelector, client_id: str) -> dict[str, object]:
    return {
        "@type": DKIM_VARIANT[selector.algorithm],
        "domainId": f"#{client_id}",
        "selector": selector.name,
        "privateKey": {"@type": "File", "filePath": f"{DKIM_DIRECTORY}/{selector.record_name(domain.name)}"},
    }


def _listeners(server: Server) -> Plan:
    value = {
        listener.name: {
            "name": listener.name,
            "protocol": listener.protocol,
            "bind": members([f"[::]:{listener.port}"]),
            "tlsImplicit": listener.implicit_tls,
        }
        for listener in listeners.of(server.role)
    }
    return (Reconcile("NetworkListener", ("name",), value),)


def _certificate(server: Server) -> Plan:
    if server.tls_secret_name is None:
        return ()
    value = {
        "certificate": {"@type": "File", "filePath": f"{TLS_DIRECTORY}/tls.crt"},
        "privateKey": {"@type": "File", "filePath": f"{TLS_DIRECTORY}/tls.key"},
    }
    return (UpsertByValue("Certificate", {"tls": value}),)


def _networks(server: Server) -> Plan:
    # By address, since one entry an address is all the server takes.
    allowed = {_stored_form(network): "Nodes, pods and load balancers" for network in server.trusted_networks}
    if server.peer:
        allowed |= {_stored_form(address): f"The exchange {server.peer.hostname}" for address in server.peer.addresses}
    value = {f"n{n}": {"address": address, "reason": reason} for n, (address, reason) in enumerate(allowed.items())}
    bans = {f"{reason}BanPeriod": BAN_PERIOD_MS for reason in ("auth", "abuse", "scan", "loiter")}
    return (Reconcile("AllowedIp", ("address",), value), Update("Security", bans))


def _stored_form(network: str) -> str:
    """A network as the server stores it: one host without its prefix length. Any other form would not match the next time."""
    found = ip_network(network)
    return str(found.network_address if found.num_addresses == 1 else found)


def _trust_in_peer(peer: Peer | None) -> Plan:
    """What lets the backup hand over other people's mail: it is the client, but not the sender that SPF and DMARC judge."""
    networks = peer.networks() if peer else ()
    from_peer = " || ".join(f"is_ip_in_cidr(remote_ip, '{network}')" for network in networks)
    exempt = ((from_peer, "disable"),) if from_peer else ()
    verify = expression(*exempt, ("local_port == 25", "relaxed"), otherwise="disable")

    throttles = {
        "address": {
            "description": "Sender IP throttle",
            "key": members(["remoteIp"]),
            "rate": {"count": 5, "period": SECOND_MS},
        },
        "sender": {
            "description": "Sender address to recipient throttle",
            "key": members(["senderDomain", "rcpt"]),
            "rate": {"count": 25, "period": HOUR_MS},
        },
    }
    not_peer = expression(otherwise=f"!({from_peer})" if from_peer else "true")
    return (
        Update(
            "SenderAuth",
            {f"{check}Verify": verify for check in ("spfEhlo", "spfFrom", "dmarc", "reverseIp")},
        ),
        Reconcile(
            "MtaInboundThrottle",
            ("description",),
            {name: {**throttle, "enable": True, "match": not_peer} for name, throttle in throttles.items()},
        ),
    )


def _observability(server: Server) -> tuple[Operation, ...]:
    prometheus = {
        "@type": "Enabled",
        "authUsername": METRICS_USER,
        "authSecret": {"@type": "EnvironmentVariable", "variableName": METRICS_PASSWORD_VARIABLE},
    }
    console = {"@type": "Stdout", "enable": True, "level": server.log_level, "ansi": False, "multiline": False}
    return (
        # The default tracer writes to a folder the pod does not have, and an object's variant cannot change.
        Destroy("Tracer"),
        Create("Tracer", {"console": console}),
        Update("Metrics", {"prometheus": prometheus}),
    )


def _system_settings(server: Server) -> Update:
    settings: dict[str, object] = {"defaultHostname": server.hostname, "defaultDomainId": "#d0"}
    if server.tls_secret_name:
        settings["defaultCertificateId"] = "#tls"
    if server.role == Role.PRIMARY:
        exchanges = [(server.hostname, MX_PRIORITY[Role.PRIMARY])]
        if server.peer:
            exchanges.append((server.peer.hostname, MX_PRIORITY[Role.BACKUP]))
        settings["mailExchangers"] = listing({"hostname": name, "priority": priority} for name, priority in exchanges)
    return Update("SystemSettings", settings)


def _reload() -> Plan:
    """ReloadSettings is last: it is the one that may be refused, and the others must have run by then."""
    actions = ("ReloadLookupStores", "ReloadTlsCertificates", "ReloadBlockedIps", "ReloadSettings")
    return tuple(Create("Action", {"reload": {"@type": action}}) for action in actions)
