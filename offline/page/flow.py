"""Mail's way through a platform in each state that it can be in: which lines of a drawing carry mail, and the same in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from components.stalwart.listeners import SMTP_PORT
from components.stalwart.plans.outbound import HOLD

from .facts import Host, Platform


class State(StrEnum):
    """What may be going on."""

    WELL = "well"
    DOWN = "down"
    OVER = "over"


TITLES = {State.WELL: "All is well", State.DOWN: "The primary is down", State.OVER: "Failed over"}


class Way(StrEnum):
    """What a line carries."""

    FLOW = "flow"
    """Mail, now."""
    IDLE = "idle"
    """Nothing, until it is needed."""
    BROKEN = "broken"
    """Nothing: the other end does not answer."""
    COPY = "copy"
    """Backups."""


@dataclass(frozen=True)
class Ways:
    """What each line of a drawing carries; None where there is no line."""

    to_primary: Way | None
    to_backup: Way | None
    clients: Way | None
    """From the programs that people read their mail with."""
    clients_at_backup: bool
    """Whether those are at the backup."""
    hand_over: Way | None
    primary_copies: Way
    backup_copies: Way | None


def states(platform: Platform) -> list[State]:
    """The states that a platform can be in, the one that its settings ask for first."""
    found = [State.WELL, State.DOWN]
    if platform.backup and platform.backup.stand_in:
        found.append(State.OVER)
    return sorted(found, key=lambda state: state != wanted(platform))


def wanted(platform: Platform) -> State:
    """The state that the settings ask for."""
    if platform.backup and platform.backup.stand_in:
        return State.OVER
    return State.DOWN if platform.primary.host.fenced else State.WELL


def ways(platform: Platform, state: State) -> Ways:
    """What each line carries."""
    there = platform.backup is not None
    if state == State.WELL:
        idle = Way.IDLE if there else None
        return Ways(Way.FLOW, idle, Way.FLOW, False, idle, Way.COPY, idle)
    if state == State.DOWN:
        return Ways(
            to_primary=Way.BROKEN,
            to_backup=Way.FLOW if there else None,
            clients=Way.BROKEN,
            clients_at_backup=False,
            hand_over=Way.BROKEN if there else None,
            primary_copies=Way.IDLE,
            backup_copies=Way.IDLE if there else None,
        )
    stand_in = platform.backup.stand_in if platform.backup else None
    serves = stand_in is not None and not stand_in.fenced
    return Ways(
        to_primary=None,
        to_backup=Way.FLOW,
        clients=Way.FLOW if serves else Way.BROKEN,
        clients_at_backup=True,
        hand_over=None,
        primary_copies=Way.IDLE,
        backup_copies=Way.COPY if serves else Way.IDLE,
    )


def words(platform: Platform, state: State) -> list[str]:
    """Mail's way as sentences, in the order in which things happen."""
    match state:
        case State.WELL:
            return list(_well(platform))
        case State.DOWN:
            return list(_down(platform))
        case State.OVER:
            return list(_over(platform))


def _well(platform: Platform) -> Iterable[str]:
    primary, host = platform.primary, platform.primary.host
    yield f"Other servers bring mail to {host.hostname} (MX {primary.priority}) at {_and(host.addresses)}, port {SMTP_PORT}."
    yield f"{host.hostname} judges it and puts it into the mailboxes, which are in {_and(host.store)}."
    yield f"People read and send with {host.hostname}, {_clients(host)}."
    if primary.smarthosts:
        yield f"What they send is signed with DKIM, and goes out by {_and(primary.smarthosts)} where the settings say so."
    else:
        yield f"What they send is signed with DKIM, and goes out from {host.hostname}."
    if platform.backup:
        name, priority = platform.backup.host.hostname, platform.backup.priority
        yield f"{name} (MX {priority}) waits. A sender that tries it first is served: it hands over to {host.hostname} at once."
    yield from _copies(platform)


def _down(platform: Platform) -> Iterable[str]:
    host, backup = platform.primary.host, platform.backup
    why = "is fenced" if host.fenced else "does not answer"
    if not backup:
        yield f"{host.hostname} {why}, and no other exchange takes its mail."
        yield "Senders keep what they have and try again, most of them for some days."
    else:
        there = backup.host
        yield (
            f"{host.hostname} {why}. Other servers then bring mail to {there.hostname} (MX {backup.priority}) at "
            f"{_and(there.addresses)}, port {SMTP_PORT}."
        )
        yield f"Whose mail {there.hostname} takes: {backup.recipients}."
        yield f"It holds the mail for up to {HOLD.days} days, and tries {host.hostname} again at least every 15 minutes."
        yield f"When {host.hostname} is back it gets all that was held; senders notice nothing."
    yield "Nobody reads or sends meanwhile: the mailboxes are with the primary."
    if backup and any(not bucket.copies for bucket in backup.buckets):
        yield f"If the primary does not come back, {backup.stack} takes over the mailboxes from the archive, when you tell it to."


def _over(platform: Platform) -> Iterable[str]:
    backup = platform.backup
    stand_in = backup.stand_in if backup else None
    if not backup or not stand_in:
        return
    yield f"{backup.stack} has restored the primary's mailboxes from the archive into the namespace {stand_in.namespace}."
    if stand_in.fenced:
        yield f"{stand_in.hostname} is there and fenced: no mail goes in or out until somebody has looked at it."
        yield f"Other servers bring mail to {backup.host.hostname} (MX {backup.priority}): it holds it, up to {HOLD.days} days."
        yield "Nobody reads or sends until then."
    else:
        yield f"{stand_in.hostname} now serves from there, at {_and(stand_in.addresses)}, port {SMTP_PORT}."
        yield f"People read and send with {stand_in.hostname}, {_clients(stand_in)}: the same name, nothing to change."
        yield f"{backup.host.hostname} stays MX {backup.priority}, and hands over what it held."
    yield f"The old server in {platform.primary.name} must stay away: two servers with the same mailboxes would split the mail."


def _copies(platform: Platform) -> Iterable[str]:
    for bucket in platform.primary.buckets:
        if bucket.copies:
            yield f"Copies go to {bucket.place}: {'; '.join(bucket.copies)}."


def _clients(host: Host) -> str:
    ports = [str(port) for port in host.ports if port != SMTP_PORT]
    return f"port{'s' * (len(ports) != 1)} {_and(ports)}" if ports else "which shows them no port"


def _and(items: Iterable[str]) -> str:
    *most, last = items or ["nothing"]
    return f"{', '.join(most)} and {last}" if most else last
