"""What is taken from whom: sender checks, greylisting, rates, sizes and quotas, and the exemptions of the other exchange."""

from datetime import timedelta

from ..arguments import Role, Server
from ..operations import Plan, Reconcile, Update
from ..registry.encoding import always, when
from ..registry.mta import (
    MtaInboundThrottle,
    MtaQueueQuota,
    MtaStageAuth,
    MtaStageData,
    MtaStageRcpt,
    SenderAuth,
    SieveSystemScript,
)
from ..registry.values import Rate
from .relay import acceptance, rcpt_script_rules, relay_scripts

GREYLIST_SCRIPT = "greylist"
MACHINE_SCRIPT = "machine"
MIB = 2**20
GIB = 2**30


def inbound_operations(server: Server) -> Plan:
    """Everything that decides over a message before it is taken."""
    from_peer = _from_peer(server)
    exempt = ((from_peer, "disable"),) if from_peer else ()
    verify = when(*exempt, ("local_port == 25", "relaxed"), otherwise="disable")
    scripts = (*_machine_scripts(server), *_greylist_scripts(server), *relay_scripts(server))
    return (
        Update(SenderAuth(spf_ehlo_verify=verify, spf_from_verify=verify, dmarc_verify=verify, reverse_ip_verify=verify)),
        Reconcile(SieveSystemScript, {script.name: script for script in scripts}),
        Update(
            MtaStageRcpt(
                allow_relaying=acceptance(server),
                script=when(*_machine_rules(server), *_greylist_rules(server), *rcpt_script_rules(server), otherwise="false"),
                max_recipients=always(str(server.limits.recipients_per_message)),
            )
        ),
        # The server's default also offers mechanisms before STARTTLS.
        Update(
            MtaStageAuth(
                sasl_mechanisms=when(("local_port != 25 && is_tls", "[plain, login, oauthbearer, xoauth2]"), otherwise="false")
            )
        ),
        Update(
            MtaStageData(
                enable_spam_filter=always("is_empty(authenticated_as)" if server.spam.enabled else "false"),
                max_message_size=always(str(server.limits.message_size_mib * MIB)),
            )
        ),
        *_throttles(server, from_peer),
        _quota(server),
    )


def _from_peer(server: Server) -> str:
    """The condition that a client is the other exchange; empty when its addresses are not known.

    Only a primary takes mail from its backup, so only there is the client not the sender that SPF and DMARC judge.
    """
    networks = server.peer.sources() if server.peer and server.role == Role.PRIMARY else ()
    return " || ".join(f"is_ip_in_cidr(remote_ip, '{network}')" for network in networks)


def _throttles(server: Server, from_peer: str) -> Plan:
    # After an outage the backup hands over thousands of messages from one address: at five a second that takes hours.
    match = always(f"!({from_peer})" if from_peer else "true")
    limits = server.limits
    return (
        Reconcile(
            MtaInboundThrottle,
            {
                "address": MtaInboundThrottle(
                    description="Sender IP throttle",
                    key=frozenset({"remoteIp"}),
                    match=match,
                    rate=Rate(count=limits.connections_per_second_per_address, period=timedelta(seconds=1)),
                ),
                "sender": MtaInboundThrottle(
                    description="Sender address to recipient throttle",
                    key=frozenset({"senderDomain", "rcpt"}),
                    match=match,
                    rate=Rate(count=limits.messages_per_hour_per_sender, period=timedelta(hours=1)),
                ),
            },
        ),
    )


def _quota(server: Server) -> Reconcile:
    # The server's own default has no key; it refuses such a one from a plan.
    quota = MtaQueueQuota(
        description="Recipient domain quota",
        key=frozenset({"rcptDomain"}),
        match=always("true"),
        messages=server.limits.queued_messages,
        size=server.limits.queued_gib * GIB,
    )
    return Reconcile(MtaQueueQuota, {"queue": quota})


def greylists_by_script(server: Server) -> bool:
    """Whether a script greylists: the server's own greylisting knows no exemption, and a primary must exempt its backup."""
    return server.role == Role.PRIMARY and server.spam.greylist_minutes > 0


def _greylist_rules(server: Server) -> tuple[tuple[str, str], ...]:
    if not greylists_by_script(server):
        return ()
    from_peer = _from_peer(server)
    others = f" && !({from_peer})" if from_peer else ""
    return ((f"local_port == 25 && is_empty(authenticated_as){others}", f"'{GREYLIST_SCRIPT}'"),)


def _machine_rules(server: Server) -> tuple[tuple[str, str], ...]:
    # Their accounts may take no mail, which the server finds only after it has accepted it: the bounce would be backscatter.
    if not server.machines:
        return ()
    name = "split(email_part(rcpt, 'local'), '+')[0]"
    names = " || ".join(f"{name} == '{machine}'" for machine in server.machines)
    first = server.mail_domains[0]
    domains = (server.hostname,) if server.role == Role.BACKUP else first.names
    places = " || ".join(f"rcpt_domain == '{domain}'" for domain in domains)
    return ((f"({names}) && ({places})", f"'{MACHINE_SCRIPT}'"),)


def _machine_scripts(server: Server) -> tuple[SieveSystemScript, ...]:
    if not server.machines:
        return ()
    contents = 'require ["reject"];\nreject "550 5.1.2 Mailbox does not exist.";\n'
    description = "Refuses mail for the accounts that are no person's"
    return (SieveSystemScript(name=MACHINE_SCRIPT, description=description, is_active=True, contents=contents),)


def _greylist_scripts(server: Server) -> tuple[SieveSystemScript, ...]:
    if not greylists_by_script(server):
        return ()
    seconds = server.spam.greylist_minutes * 60
    lines = (
        'require ["variables", "envelope", "reject", "vnd.stalwart.expressions"];',
        "let \"pair\" \"'grey-' + envelope.from + ' ' + envelope.to\";",
        "if eval \"!key_exists('', pair)\" {",
        f"  eval \"key_set('', pair, '1', {seconds})\";",
        '  reject "452 4.2.2 Greylisted, please try again in a few moments.";',
        "}",
    )
    return (
        SieveSystemScript(
            name=GREYLIST_SCRIPT,
            description="Puts off the first try of a sender for a recipient",
            is_active=True,
            contents="\n".join(lines) + "\n",
        ),
    )
