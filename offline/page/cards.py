"""What stands in the drawings of regions: cards for hosts, mailboxes, queues and buckets, and the panel of a region."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.stalwart.plans.outbound import HOLD

from .facts import Bucket, Host, Platform, Region
from .flow import State
from .svg import LINE, PAD, Box, Text, paragraph

LABEL_WIDTH = 84
GAP = 14
WORLD = "world"
"""The style of what is outside the regions."""


@dataclass(frozen=True)
class Fact:
    """A line of a card: what is said, and of what."""

    label: str
    values: tuple[str, ...]
    style: str = "note"


@dataclass(frozen=True)
class Card:
    """A host, a store or a bucket."""

    name: str
    style: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Placed:
    """Shapes and the room they take."""

    x: float
    y: float
    width: float
    height: float
    shapes: tuple[Box | Text, ...]

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def middle(self) -> float:
        """Half way from left to right."""
        return self.x + self.width / 2


def place(card: Card, x: float, y: float, width: float) -> Placed:
    """A card with its upper left corner at a point, as high as its text needs."""
    if card.style == WORLD:
        texts = paragraph(x + width / 2, y + PAD + 13, card.name, "name", width - PAD, "middle")
    else:
        texts = paragraph(x + PAD, y + PAD + 12, card.name, "name", width - 2 * PAD)
    for fact in card.facts:
        labelled = LABEL_WIDTH if fact.label else 0
        for number, value in enumerate(fact.values):
            baseline = texts[-1].y + LINE + 2
            if number == 0 and fact.label:
                texts.append(Text(x + PAD, baseline, fact.label, "label"))
            texts += paragraph(x + PAD + labelled, baseline, value, fact.style, width - 2 * PAD - labelled)
    height = texts[-1].y + PAD - y + 2
    return Placed(x, y, width, height, (Box(x, y, width, height, f"card {card.style}"), *texts))


def panel(region: Region, platform: Platform, state: State, x: float, y: float, width: float) -> Placed:
    """A region with the cards in it."""
    is_taken_over = state == State.OVER
    has_mailboxes = region.is_primary != is_taken_over
    role = "has the mailboxes" if has_mailboxes else "replaced" if is_taken_over else "takes mail while the primary is away"
    title = paragraph(x + 18, y + 30, region.name, "title", width - 36)
    title += paragraph(x + 18, title[-1].y + 22, f"stack {region.stack}: {role}", "note", width - 36)
    shapes: list[Box | Text] = [*title]
    top = title[-1].y + 14
    for card in _cards(region, platform, state):
        placed = place(card, x + 16, top, width - 32)
        shapes += placed.shapes
        top = placed.bottom + GAP
    height = top + 2 - y
    is_away = region.is_primary and state != State.WELL
    return Placed(x, y, width, height, (Box(x, y, width, height, "panel away" if is_away else "panel"), *shapes))


def resized(placed: Placed, height: float) -> Placed:
    """The same panel, of another height."""
    first, *rest = placed.shapes
    box = Box(first.x, first.y, placed.width, height, first.style)
    return Placed(placed.x, placed.y, placed.width, height, (box, *rest))


def bucket_cards(platform: Platform) -> list[tuple[Card, list[tuple[Region, Bucket]]]]:
    """A card for every bucket, each with the regions that use it: the primary's own, the shared, the backup's own."""
    regions = [region for region in (platform.primary, platform.backup) if region]
    uses: dict[str, list[tuple[Region, Bucket]]] = {}
    for region in regions:
        for bucket in region.buckets:
            uses.setdefault(str(bucket.place), []).append((region, bucket))
    ordered = sorted(uses, key=lambda name: _side(uses[name]))
    return [(_bucket_card(uses[name]), uses[name]) for name in ordered]


def senders() -> Card:
    """The world that mail comes from."""
    return Card("Other mail servers", WORLD, ())


def clients() -> Card:
    """What people read and send with."""
    return Card("Mail programs", WORLD, ())


def _side(users: Sequence[tuple[Region, Bucket]]) -> int:
    """0 for what only the primary uses, 1 for what both do, 2 for what only the backup does."""
    primary = any(region.is_primary for region, _bucket in users)
    backup = any(not region.is_primary for region, _bucket in users)
    return 1 if primary and backup else 0 if primary else 2


def _cards(region: Region, platform: Platform, state: State) -> Iterable[Card]:
    host = region.host
    away = "fenced: no mail in or out" if host.fenced else "must stay away" if state == State.OVER else "does not answer"
    gone = region.is_primary and state != State.WELL
    now = (Fact("now", (away,), "warn"),) if gone else ()
    yield Card(host.hostname, "off" if gone else "host", (Fact("MX", (str(region.priority),), "mono"), *_reached(host), *now))
    stand_in = region.stand_in if state == State.OVER else None
    drill = (Fact("drill", (region.drill.replace("`", ""),)),) if region.drill else ()
    if region.is_primary:
        yield Card("Mailboxes", "store", (*_kept(host), *(() if gone else drill)))
    else:
        held = (Fact("holds", (f"up to {HOLD.days} days",)), Fact("recipients", (region.recipients,)))
        yield Card("Queue", "store", (*held, *_kept(host), *(() if stand_in else drill)))
    if stand_in:
        fenced = (Fact("now", ("fenced until it is checked",), "warn"),) if stand_in.fenced else ()
        yield Card(
            stand_in.hostname, "host", (Fact("MX", (str(platform.primary.priority),), "mono"), *_reached(stand_in), *fenced)
        )
        yield Card("Mailboxes", "store", (*_kept(stand_in), *drill))


def _reached(host: Host) -> Iterable[Fact]:
    yield Fact("address" if len(host.addresses) == 1 else "addresses", host.addresses or ("none",), "mono")
    yield Fact("ports", (" ".join(str(port) for port in host.ports) or "none",), "mono")


def _kept(host: Host) -> Iterable[Fact]:
    yield Fact("kept in", host.store)
    yield Fact("namespace", (host.namespace,), "mono")


def _bucket_card(users: Sequence[tuple[Region, Bucket]]) -> Card:
    place_ = users[0][1].place
    where = (Fact("", (place_.region,)),) if place_.region else ()
    facts = [Fact("", (rhythm,)) for _region, bucket in users for rhythm in bucket.copies]
    facts += [Fact("", (f"{region.stack} can restore from it",)) for region, bucket in users if not bucket.copies]
    return Card(place_.bucket, "bucket", (*where, *facts))
