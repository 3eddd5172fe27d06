"""The drawing of a platform: both regions, their buckets, and mail's way through them; wide for a screen, narrow for a phone."""

from collections.abc import Iterable

from components.stalwart.listeners import SMTP_PORT

from .cards import Placed, bucket_cards, clients, panel, place, resized, senders
from .facts import Bucket, Platform, Region
from .flow import TITLES, State, Way, Ways, ways, words
from .svg import LINE, PAD, WIDTHS, Box, Drawing, Line, Point, Text, cross, line, paragraph, wrapped

WIDE, NARROW = 1100, 380
EDGE = 2
WORLD_HEIGHT = 44
KEY = {Way.FLOW: "mail", Way.IDLE: "when it is needed", Way.BROKEN: "no answer", Way.COPY: "backups"}
KEY_LINE = 32
Shape = Box | Text | Line


def drawing(platform: Platform, state: State, *, is_narrow: bool = False, number: int = 0) -> Drawing:
    """One state of a platform.

    Args:
        platform: what is drawn.
        state: what is going on.
        is_narrow: whether it is for a phone.
        number: of the platform, where there are several on a page.
    """
    shapes, height = (_narrow if is_narrow else _wide)(platform, state)
    return Drawing(
        id=f"drawing-{number}-{state}" + ("-narrow" if is_narrow else ""),
        title=f"{TITLES[state]}: the regions and mail's way",
        description=" ".join(words(platform, state)),
        width=NARROW if is_narrow else WIDE,
        height=height,
        shapes=tuple(shapes),
    )


def _wide(platform: Platform, state: State) -> tuple[list[Shape], float]:
    """Regions side by side, the world above, buckets below."""
    ways_ = ways(platform, state)
    width = 430 if platform.backup else 520
    left = EDGE if platform.backup else (WIDE - width) / 2
    ports = _client_ports(platform, ways_)
    port_lines = wrapped(ports, "mono", 170)
    top = EDGE + WORLD_HEIGHT + max(56, (len(port_lines) + 1) * LINE + 12)
    primary = panel(platform.primary, platform, state, left, top, width)
    backup = panel(platform.backup, platform, state, WIDE - EDGE - width, top, width) if platform.backup else None
    if backup:
        height = max(primary.height, backup.height)
        primary, backup = resized(primary, height), resized(backup, height)
    world = place(senders(), WIDE / 2 - 110 if backup else primary.right - 220, EDGE, 220)
    at = backup if ways_.clients_at_backup and backup else primary
    people = place(clients(), primary.x if at is primary else at.right - 180, EDGE, 180)
    shapes: list[Shape] = [*primary.shapes, *(backup.shapes if backup else ()), *world.shapes, *people.shapes]

    middle = EDGE + WORLD_HEIGHT / 2
    if ways_.clients:
        start = people.middle
        shapes += _way([(start, people.bottom), (start, top)], ways_.clients)
        side, anchor = (-14, "end") if ways_.clients_at_backup else (14, "start")
        shapes += paragraph(start + side, people.bottom + 22, ports, "mono", 170, anchor)
    if ways_.to_primary:
        turn = primary.right - 60 if backup else world.middle
        points = [(world.x, middle), (turn, middle), (turn, top)] if backup else [(turn, world.bottom), (turn, top)]
        shapes += _way(points, ways_.to_primary)
        shapes.append(Text(turn + 12, world.bottom + 22, _port_and_mx(platform.primary), "label"))
    if ways_.to_backup and backup and platform.backup:
        turn = backup.x + 60
        shapes += _way([(world.right, middle), (turn, middle), (turn, top)], ways_.to_backup)
        shapes.append(Text(turn - 12, world.bottom + 22, _port_and_mx(*_at_backup(platform, ways_)), "label", "end"))
    if ways_.hand_over and backup:
        y = top + 120
        shapes += _way([(backup.x, y), (primary.right, y)], ways_.hand_over)
        between = (primary.right + backup.x) / 2
        shapes += paragraph(between, y + 26, _hand_over_words(state), "note", 182, "middle")
    below, bottom = _buckets_in_a_row(platform, ways_, primary, backup)
    shapes += [*below, *_key(ways_, bottom + 40, WIDE / 2)]
    return shapes, bottom + 40 + 12


def _buckets_in_a_row(platform: Platform, ways_: Ways, primary: Placed, backup: Placed | None) -> tuple[list[Shape], float]:
    cards = bucket_cards(platform)
    if not cards:
        return [], primary.bottom
    gap = 20
    top = primary.bottom + 70
    width = min(430, (WIDE - 2 * EDGE - gap * (len(cards) - 1)) / len(cards))
    start = (WIDE - width * len(cards) - gap * (len(cards) - 1)) / 2
    placed = [place(card, start + number * (width + gap), top, width) for number, (card, _users) in enumerate(cards)]
    height = max(one.height for one in placed)
    shapes: list[Shape] = [shape for one in placed for shape in resized(one, height).shapes]
    for one, (_card, users) in zip(placed, cards, strict=True):
        for region, bucket in users:
            at = primary if region.is_primary or backup is None else backup
            way = _copy_way(region, bucket, ways_)
            # What is read leaves the bucket beside what is written to it, in a lane of its own.
            lane = at.bottom + (18 if bucket.copies else 44)
            if bucket.copies:
                x = one.middle - (16 if len(users) > 1 else 0)
                shapes.append(line(_bent([(at.middle, at.bottom), (at.middle, lane), (x, lane), (x, top)]), way.value))
            else:
                x, end = one.middle + (16 if len(users) > 1 else 0), at.middle - 40
                x = x if abs(x - end) > PAD else end
                shapes.append(line(_bent([(x, top), (x, lane), (end, lane), (end, at.bottom)]), way.value))
    return shapes, top + height


def _narrow(platform: Platform, state: State) -> tuple[list[Shape], float]:
    """Everything one below the other; mail's ways on the right, copies on the left."""
    ways_ = ways(platform, state)
    gutter, width = 34, NARROW - 2 * 34
    people, world = place(clients(), 12, 12, 152), place(senders(), 176, 12, NARROW - 188)
    ports = _client_ports(platform, ways_)
    port_lines = paragraph(people.middle - 26, 0, ports, "mono", 130)
    top = world.bottom + max(56, (len(port_lines) + 1) * LINE + 10)
    primary = panel(platform.primary, platform, state, gutter, top, width)
    backup = panel(platform.backup, platform, state, gutter, primary.bottom + 64, width) if platform.backup else None
    shapes: list[Shape] = [*people.shapes, *world.shapes, *primary.shapes, *(backup.shapes if backup else ())]

    if ways_.clients and ways_.clients_at_backup and backup:
        y = backup.y + 30
        shapes += _way([(people.x + 10, people.bottom), (people.x + 10, y), (gutter, y)], ways_.clients)
        shapes += paragraph(people.x + 24, people.bottom + 22, ports, "mono", 150)
    elif ways_.clients:
        start = people.middle - 40
        shapes += _way([(start, people.bottom), (start, top)], ways_.clients)
        shapes += paragraph(start + 12, people.bottom + 22, ports, "mono", 130)
    if ways_.to_primary:
        start = world.x + 20
        shapes += _way([(start, world.bottom), (start, top)], ways_.to_primary)
        shapes.append(Text(start + 12, world.bottom + 22, _port_and_mx(platform.primary), "label"))
    if ways_.to_backup and backup and platform.backup:
        lane, y = NARROW - 16, backup.y + 30
        shapes += _way([(lane, world.bottom), (lane, y), (backup.right, y)], ways_.to_backup)
        shapes.append(Text(backup.right, primary.bottom + 30, _port_and_mx(*_at_backup(platform, ways_)), "label", "end"))
    if ways_.hand_over and backup:
        start = gutter + 24
        shapes += _way([(start, backup.y), (start, primary.bottom)], ways_.hand_over)
        shapes += paragraph(start + 14, primary.bottom + 26, _hand_over_words(state), "note", 130)

    bottom = (backup or primary).bottom
    for card, users in reversed(bucket_cards(platform)):
        one = place(card, gutter, bottom + 22, width)
        shapes += one.shapes
        bottom = one.bottom
        for region, bucket in users:
            at = primary if region.is_primary or backup is None else backup
            way, y = _copy_way(region, bucket, ways_).value, one.y + 24
            if not bucket.copies:
                y, end = one.y + one.height - 24, at.bottom - 40
                shapes.append(line([(one.right, y), (NARROW - 16, y), (NARROW - 16, end), (at.right, end)], way))
            else:
                lane = 10 if region.is_primary else 22
                start = at.bottom - 40
                shapes.append(line([(at.x, start), (lane, start), (lane, y), (one.x, y)], way))
    shapes += _key(ways_, bottom + 34, NARROW / 2)
    return shapes, bottom + 80


def _key(ways_: Ways, y: float, middle: float) -> Iterable[Shape]:
    """What the kinds of lines mean, for those that are drawn."""
    drawn = {ways_.to_primary, ways_.to_backup, ways_.clients, ways_.hand_over, ways_.primary_copies, ways_.backup_copies}
    kinds = [way for way in KEY if way in drawn]
    widths = [KEY_LINE + 34 + WIDTHS["label"] * len(KEY[way]) for way in kinds]
    # On a phone they need two rows.
    rows = [slice(0, 2), slice(2, None)] if sum(widths) > 2 * middle else [slice(None)]
    for number, row in enumerate(rows):
        x, height = middle - sum(widths[row]) / 2 + 12, y + number * 24
        for way, width in zip(kinds[row], widths[row], strict=True):
            yield line([(x, height), (x + KEY_LINE, height)], way.value)
            if way == Way.BROKEN:
                yield cross((x + KEY_LINE / 2 - 3, height), way.value)
            yield Text(x + KEY_LINE + 10, height + 4, KEY[way], "label")
            x += width


def _way(points: list[Point], way: Way) -> Iterable[Shape]:
    yield line(_bent(points), way.value)
    if way == Way.BROKEN:
        (x, y), (end_x, end_y) = points[-2:]
        yield cross(((x + end_x) / 2, (y + end_y) / 2), way.value)


def _bent(points: list[Point]) -> list[Point]:
    """The points without those at the same place as the one before."""
    return [point for before, point in zip([None, *points], points, strict=False) if point != before]


def _port_and_mx(*regions: Region) -> str:
    return f"port {SMTP_PORT}, MX {' and '.join(str(region.priority) for region in regions)}"


def _at_backup(platform: Platform, ways_: Ways) -> tuple[Region, ...]:
    """Whose MX records lead to the backup."""
    if platform.backup is None:
        return ()
    return (platform.primary, platform.backup) if ways_.clients == Way.FLOW and ways_.clients_at_backup else (platform.backup,)


def _hand_over_words(state: State) -> str:
    return "hands over what it holds" if state == State.WELL else "tries again, at least every 15 min"


def _client_ports(platform: Platform, ways_: Ways) -> str:
    stand_in = platform.backup.stand_in if platform.backup and ways_.clients_at_backup else None
    return " ".join(str(port) for port in (stand_in or platform.primary.host).ports if port != SMTP_PORT)


def _copy_way(region: Region, bucket: Bucket, ways_: Ways) -> Way:
    if not bucket.copies or bucket.is_paused:
        return Way.IDLE
    return ways_.primary_copies if region.is_primary else ways_.backup_copies or Way.IDLE
