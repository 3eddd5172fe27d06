"""The host itself: listeners, certificates, the networks it trusts, its own name, and the reloads that make a plan live."""

from datetime import timedelta
from ipaddress import ip_network

from .. import listeners, paths
from ..arguments import Role, Server
from ..certificates import certificates
from ..operations import Create, Plan, Reconcile, Update
from ..options.tls import TlsVersion
from ..registry.encoding import Reference
from ..registry.system import (
    Action,
    AllowedIp,
    Certificate,
    Http,
    MailExchanger,
    NetworkListener,
    ReloadBlockedIps,
    ReloadLookupStores,
    ReloadSettings,
    ReloadTlsCertificates,
    Security,
    SystemSettings,
)
from ..registry.values import File

MX_PRIORITY = {Role.PRIMARY: 10, Role.BACKUP: 20}
FIRST_DOMAIN = Reference("d0")
OWN_NETWORK = "Nodes, pods and load balancers"  # why the cluster's networks are never banned


def listener_operations(server: Server) -> Plan:
    """Every listener there is, and no other."""
    too_old = frozenset({"tls12"}) if server.tls.minimum_version == TlsVersion.V1_3 else frozenset[str]()
    found = {
        listener.name: NetworkListener(
            name=listener.name,
            protocol=listener.protocol,
            bind=frozenset({f"[::]:{listener.port}"}),
            use_tls=listener.public,
            tls_implicit=listener.implicit_tls,
            tls_disable_protocols=too_old,
            override_proxy_trusted_networks=_proxies(server, listener),
        )
        for listener in listeners.of(server)
    }
    return (Reconcile(NetworkListener, found),)


def _proxies(server: Server, listener: listeners.Listener) -> frozenset[str]:
    proxy = server.exposure.proxy_protocol
    # Never the management port: from a trusted network it would want the header from the cluster's probes too.
    if proxy is None or not listener.public or (proxy.listeners and listener.name not in proxy.listeners):
        return frozenset()
    return frozenset(_stored_form(network) for network in proxy.networks)


def certificate_operations(server: Server) -> Plan:
    """The certificates in files and no others, or the server would look for files that are no longer mounted."""
    if server.tls.acme:
        return ()  # it keeps its own among them
    found = {
        f"tls{number}": Certificate(
            certificate=File(file_path=f"{paths.tls_directory(number)}/tls.crt"),
            private_key=File(file_path=f"{paths.tls_directory(number)}/tls.key"),
        )
        for number, _certificate in enumerate(certificates(server))
    }
    return (Reconcile(Certificate, found),)


def network_operations(server: Server) -> Plan:
    """Who is never banned, and for how long others are: without a period a ban lasts for ever."""
    allowed = {_stored_form(network): OWN_NETWORK for network in server.trusted_networks}
    if server.peer:
        allowed |= {_stored_form(network): f"The other exchange, {server.peer.hostname}" for network in server.peer.sources()}
    period = timedelta(hours=server.limits.ban_hours)
    return (
        Reconcile(
            AllowedIp,
            {
                f"ip{number}": AllowedIp(address=address, reason=reason)
                for number, (address, reason) in enumerate(allowed.items())
            },
        ),
        Update(Security(auth_ban_period=period, abuse_ban_period=period, loiter_ban_period=period, scan_ban_period=period)),
    )


def _stored_form(network: str) -> str:
    """A network as the server stores it: a host without its prefix length. Any other form would not match the next time."""
    found = ip_network(network)
    return str(found.network_address if found.num_addresses == 1 else found)


def web_operations() -> Plan:
    """The web listener: HTTPS only for browsers that were here once, and no header of a client is believed."""
    return (Update(Http(enable_hsts=True, use_permissive_cors=False, use_x_forwarded=False, response_headers={})),)


def system_operations(server: Server) -> Plan:
    """The server's own name, its first certificate, and on a primary both exchanges."""
    exchangers: list[MailExchanger] = []
    if server.role == Role.PRIMARY:
        exchangers.append(MailExchanger(hostname=server.hostname, priority=MX_PRIORITY[Role.PRIMARY]))
        if server.peer:
            exchangers.append(MailExchanger(hostname=server.peer.hostname, priority=MX_PRIORITY[Role.BACKUP]))
    return (
        Update(
            SystemSettings(
                default_hostname=server.hostname,
                default_domain_id=FIRST_DOMAIN,
                default_certificate_id=Reference("tls0") if certificates(server) else None,
                mail_exchangers=tuple(exchangers),
            )
        ),
    )


def reload_operations(server: Server) -> Plan:
    """What makes the stored plan live. ReloadSettings is last: it may be refused, and the others must have run by then.

    With an OpenID Connect directory it is left out: it fails while the issuer is away. The start after the plan does the same.
    """
    actions: list[Action] = [ReloadLookupStores(), ReloadTlsCertificates(), ReloadBlockedIps()]
    if not (server.directory and server.directory.oidc):
        actions.append(ReloadSettings())
    return tuple(Create({"reload": action}) for action in actions)
