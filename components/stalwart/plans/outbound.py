"""Where mail goes and how: routes, queues and schedules, TLS and names toward others, and how fast.

Queues, schedules, routes and strategies are complete: the server adds its own defaults only where there are none.
"""

from datetime import timedelta

from .. import paths
from ..arguments import Role, Server
from ..operations import Plan, Reconcile, Update
from ..options.delivery import Smarthost
from ..registry.encoding import Reference, always, when
from ..registry.mta import (
    Attempts,
    CustomIntervals,
    DefaultIntervals,
    Interval,
    LocalRoute,
    MtaConnectionStrategy,
    MtaDeliverySchedule,
    MtaOutboundStrategy,
    MtaOutboundThrottle,
    MtaRoute,
    MtaTlsStrategy,
    MtaVirtualQueue,
    MxRoute,
    RelayRoute,
    SourceAddress,
    TimeToLive,
)
from ..registry.values import EnvironmentSecret, NoSecret, Rate
from .relay import IS_RELAYED

HELD_QUEUE = "backupmx"  # the server allows eight characters
PRIMARY_ROUTE = "primary"
SMARTHOST_TLS = "smarthost"
PRIMARY_RETRY = "primary-retry"
IS_LOCAL = "is_local_domain(rcpt_domain)"

# The server repeats the last interval, so mail is tried again every 15 minutes until it expires. With its own default list
# the next try after four hours of outage comes a day later.
RETRIES = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 10, 15))
HOLD = timedelta(days=14)
HALF_HOUR_TO_TWO = tuple(timedelta(minutes=minutes) for minutes in (30, 60, 120))

_Waits = DefaultIntervals | CustomIntervals


def outbound_operations(server: Server) -> Plan:
    """Everything that decides over a message after it was taken."""
    return (
        *_queues(server),
        Reconcile(MtaRoute, {f"r-{route.name}": route for route in _routes(server)}),
        Reconcile(MtaTlsStrategy, {f"t-{strategy.name}": strategy for strategy in _tls_strategies(server)}),
        _connections(server),
        _strategy(server),
        _throttles(server),
    )


def _queues(server: Server) -> Plan:
    default = DefaultIntervals()
    three_days = TimeToLive(expire=timedelta(days=3))
    dsn_waits = _waits(timedelta(minutes=15), *HALF_HOUR_TO_TWO)
    report_waits = _waits(*HALF_HOUR_TO_TWO)
    rows: list[tuple[str, str, int, _Waits, _Waits, TimeToLive | Attempts]] = [
        ("local", "Local delivery", 25, default, default, three_days),
        ("remote", "Remote delivery", 50, default, default, three_days),
        ("dsn", "Delivery status notification", 5, dsn_waits, default, Attempts(max_attempts=10)),
        ("report", "DMARC and TLS report delivery", 5, report_waits, _waits(HOLD), Attempts(max_attempts=8)),
    ]
    if server.role == Role.BACKUP:
        rows.append((HELD_QUEUE, "Mail held for the primary", 50, _waits(*RETRIES), _waits(HOLD), TimeToLive(expire=HOLD)))
    queues = {f"q-{row[0]}": MtaVirtualQueue(name=row[0], description=f"{row[1]} queue", threads_per_node=row[2]) for row in rows}
    schedules = {
        f"s-{name}": MtaDeliverySchedule(
            name=name,
            description=f"{description} schedule",
            queue_id=Reference(f"q-{name}"),
            retry=retry,
            notify=notify,
            expiry=expiry,
        )
        for name, description, _threads, retry, notify, expiry in rows
    }
    return (Reconcile(MtaVirtualQueue, queues), Reconcile(MtaDeliverySchedule, schedules))


def _waits(*durations: timedelta) -> CustomIntervals:
    return CustomIntervals(intervals=tuple(Interval(duration=duration) for duration in durations))


def _routes(server: Server) -> list[MtaRoute]:
    routes: list[MtaRoute] = [
        MxRoute(name="mx", description="MX delivery route", max_mx_hosts=2, max_multihomed=2, ip_lookup_strategy="v4ThenV6"),
        LocalRoute(name="local", description="Local delivery route"),
    ]
    routes += [_smarthost_route(smarthost) for smarthost in server.smarthosts]
    if server.role == Role.BACKUP:
        assert server.peer is not None
        routes.append(
            RelayRoute(
                name=PRIMARY_ROUTE,
                description="The primary exchange, never by MX: this server would find itself there",
                address=server.peer.hostname,
                port=25,
                implicit_tls=False,
                allow_invalid_certs=False,
                auth_username=None,
                auth_secret=NoSecret(),
            )
        )
    return routes


def _smarthost_route(smarthost: Smarthost) -> RelayRoute:
    variable = paths.smarthost_password(smarthost.name)
    return RelayRoute(
        name=smarthost.name,
        description=f"Smarthost for {', '.join(smarthost.domains) or 'all mail that leaves'}",
        address=smarthost.hostname,
        port=smarthost.port,
        implicit_tls=smarthost.implicit_tls,
        allow_invalid_certs=False,
        auth_username=smarthost.username,
        auth_secret=EnvironmentSecret(variable_name=variable) if smarthost.password else NoSecret(),
    )


def _tls_strategies(server: Server) -> list[MtaTlsStrategy]:
    optional = {"start_tls": "optional", "dane": "optional", "mta_sts": "optional"}
    # Without DANE or MTA-STS: neither may hold back mail whose destination is fixed here.
    fixed = {"dane": "disable", "mta_sts": "disable"}
    strategies = [
        MtaTlsStrategy(name="invalid-tls", description="Allow invalid TLS certificates", allow_invalid_certs=True, **optional),
        MtaTlsStrategy(name="default", description="Default TLS settings", allow_invalid_certs=False, **optional),
    ]
    if server.smarthosts:
        # It is told a password: encrypted and verified, or not at all.
        description = "To a smarthost"
        strategies.append(
            MtaTlsStrategy(name=SMARTHOST_TLS, description=description, start_tls="require", allow_invalid_certs=False, **fixed)
        )
    if server.role == Role.BACKUP:
        assert server.peer is not None
        # With the default strategy every held message would lose its first try after the primary's return.
        strategies.append(
            MtaTlsStrategy(
                name=PRIMARY_ROUTE,
                description="To the primary exchange",
                # Where it is required, a host that does not offer it is a permanent failure: held mail would be given up.
                start_tls="optional",
                allow_invalid_certs=not server.peer.verified,
                **fixed,
            )
        )
        strategies.append(
            MtaTlsStrategy(
                name=PRIMARY_RETRY,
                description="To the primary exchange, after its certificate failed",
                start_tls="optional",
                allow_invalid_certs=True,
                **fixed,
            )
        )
    return strategies


def _connections(server: Server) -> Reconcile:
    """What the server says in EHLO: the host name, or the name of the address it leaves from."""
    egress = server.exposure.egress
    several = len(egress) > 1
    strategy = MtaConnectionStrategy(
        name="default",
        description="Default connection strategy",
        ehlo_hostname=egress[0].ehlo_hostname if len(egress) == 1 else server.hostname,
        source_ips=tuple(
            SourceAddress(source_ip=found.address, ehlo_hostname=found.ehlo_hostname) for found in egress if several
        ),
    )
    return Reconcile(MtaConnectionStrategy, {"default": strategy})


def _strategy(server: Server) -> Update:
    relayed = ((IS_RELAYED, f"'{PRIMARY_ROUTE}'"),) if server.role == Role.BACKUP else ()
    held = ((IS_RELAYED, f"'{HELD_QUEUE}'"),) if server.role == Role.BACKUP else ()
    by_domain = tuple((_for_domains(host), f"'{host.name}'") for host in server.smarthosts if host.domains)
    everything = next((host.name for host in server.smarthosts if not host.domains), "mx")
    smarthost_tls = [condition for condition, _name in by_domain]
    if everything != "mx":
        smarthost_tls = [f"!{IS_LOCAL}"]
    return Update(
        MtaOutboundStrategy(
            route=when((IS_LOCAL, "'local'"), *relayed, *by_domain, otherwise=f"'{everything}'"),
            schedule=when(
                (IS_LOCAL, "'local'"),
                ("source == 'dsn'", "'dsn'"),
                ("source == 'report'", "'report'"),
                *held,
                otherwise="'remote'",
            ),
            tls=when(
                # For held mail a certificate that fails delays a message by one try; it never strands it.
                *((f"{IS_RELAYED} && retry_num > 0 && last_error == 'tls'", f"'{PRIMARY_RETRY}'") for _ in relayed),
                *relayed,
                *((condition, f"'{SMARTHOST_TLS}'") for condition in smarthost_tls),
                ("retry_num > 0 && last_error == 'tls'", "'invalid-tls'"),
                otherwise="'default'",
            ),
            connection=always("'default'"),
        )
    )


def _for_domains(smarthost: Smarthost) -> str:
    return " || ".join(f"rcpt_domain == '{domain}'" for domain in smarthost.domains)


def _throttles(server: Server) -> Reconcile:
    count = server.limits.outbound_per_minute_per_domain
    throttle = MtaOutboundThrottle(
        description="Recipient domain throttle",
        key=frozenset({"rcptDomain"}),
        # Mail held for the primary must drain; only what goes to others is slowed down.
        match=always(f"!{IS_LOCAL} && !{IS_RELAYED}" if server.role == Role.BACKUP else f"!{IS_LOCAL}"),
        rate=Rate(count=count or 1, period=timedelta(minutes=1)),
    )
    return Reconcile(MtaOutboundThrottle, {"domain": throttle} if count else {})
