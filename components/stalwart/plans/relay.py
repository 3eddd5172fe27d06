"""What makes a server a backup exchange: whose mail it accepts on port 25, and from whom it hides that it cannot know.

The relayed domains and recipients are lookup keys, not Domain objects (design A of the Stalwart research): the backup holds
no account and no key of the primary. A missing key refuses: the server's `key_exists` is false for an unknown namespace.
"""

from ..arguments import Role, Server
from ..operations import Plan, Reconcile, Upsert
from ..options.recipients import RecipientSource
from ..registry.directory import DomainWithoutCertificate, NoSubAddressing
from ..registry.encoding import Expression, when
from ..registry.mta import MemoryLookupKey, SieveSystemScript
from .host import FIRST_DOMAIN
from .mailboxes import exporter_account

RELAY_DOMAINS = "relay-domains"
RELAY_RECIPIENTS = "relay-rcpts"
KNOWN = "known"  # the key that says the recipients have been written at least once
SILENT_SCRIPT = "silent"
UNKNOWN_SCRIPT = "unknown"

IS_RELAYED = f"key_exists('{RELAY_DOMAINS}', rcpt_domain)"
# The keys are those that jobs/recipients.py writes: addresses, `@domain` for a catch-all, `+domain` for sub-addressing.
IS_RECIPIENT = (
    f"(key_exists('{RELAY_RECIPIENTS}', rcpt) || key_exists('{RELAY_RECIPIENTS}', '@' + rcpt_domain)"
    f" || (key_exists('{RELAY_RECIPIENTS}', '+' + rcpt_domain)"
    f" && key_exists('{RELAY_RECIPIENTS}', split(email_part(rcpt, 'local'), '+')[0] + '@' + rcpt_domain)))"
)
ARE_RECIPIENTS_KNOWN = f"key_exists('{RELAY_RECIPIENTS}', '{KNOWN}')"


def relay_operations(server: Server) -> Plan:
    """The domains a backup relays, and the one it is itself. Its recipients are written by a Job: they may be 100,000."""
    relayed = [name for domain in server.mail_domains for name in domain.names]
    keys = {f"k{number}": MemoryLookupKey(namespace=RELAY_DOMAINS, key=name) for number, name in enumerate(relayed)}
    own = DomainWithoutCertificate(
        name=server.hostname,
        description="This host itself",
        aliases=frozenset(),
        catch_all_address=None,
        sub_addressing=NoSubAddressing(),
        allow_relaying=False,
        report_address_uri=f"mailto:postmaster@{server.mail_domains[0].name}",
    )
    accounts = exporter_account(server)
    return (
        Upsert({FIRST_DOMAIN.client_id: own}),
        *((Upsert(accounts),) if accounts else ()),
        Reconcile(MemoryLookupKey, keys, scope={"namespace": RELAY_DOMAINS}),
    )


def acceptance(server: Server) -> Expression:
    """Who may be written to that has no mailbox here: on a primary by those who signed in, on a backup as it relays."""
    if server.role == Role.PRIMARY:
        return when(otherwise="!is_empty(authenticated_as)")
    known = "" if server.recipients.source == RecipientSource.ANY else f" && {IS_RECIPIENT}"
    return when((f"local_port == 25 && {IS_RELAYED}{known}", "true"), otherwise="false")


def rcpt_script_rules(server: Server) -> tuple[tuple[str, str], ...]:
    """Which script runs for a relayed recipient."""
    if server.role == Role.PRIMARY:
        return ()
    if server.recipients.source == RecipientSource.ANY:
        return ((IS_RELAYED, f"'{SILENT_SCRIPT}'"),)
    return ((f"{IS_RELAYED} && !{ARE_RECIPIENTS_KNOWN}", f"'{UNKNOWN_SCRIPT}'"),)


def relay_scripts(server: Server) -> tuple[SieveSystemScript, ...]:
    """The scripts that `rcpt_script_rules` names."""
    if server.role == Role.PRIMARY:
        return ()
    if server.recipients.source == RecipientSource.ANY:
        # The primary may refuse what was accepted here, and a bounce would be backscatter. "Silent bounces" in the server's
        # documentation of address rewriting: no DSN is ever sent for this recipient.
        contents = 'require ["variables","envelope"];\nset "envelope.notify" "NEVER";\n'
        return (_script(SILENT_SCRIPT, "No bounces for relayed mail", contents),)
    # Not yet known is not unknown: the sender tries again, and mail for real mailboxes is not lost on the first day.
    contents = 'require ["reject"];\nreject "451 4.3.0 The recipients are not known here yet, please try again later.";\n'
    return (_script(UNKNOWN_SCRIPT, "Puts mail off until the recipients are known", contents),)


def _script(name: str, description: str, contents: str) -> SieveSystemScript:
    return SieveSystemScript(name=name, description=description, is_active=True, contents=contents)
