"""A drawing as plain data, the few shapes that drawings here are made of, and how much room text needs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LINE = 18
"""From one line of text to the next, in pixels."""
PAD = 14
"""Inside a card."""
# Of the widest font that browsers take for `system-ui` or `monospace`: text then fits with any other.
WIDTHS = {"mono": 7.3, "label": 7.0, "note": 7.0, "name": 9.2, "title": 11.6, "warn": 7.9}
HEAD = 7.0
ROUND = 8.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    style: str
    """CSS classes, without prefix."""


@dataclass(frozen=True)
class Text:
    """One line of text; `y` is its baseline."""

    x: float
    y: float
    text: str
    style: str
    anchor: str = "start"


@dataclass(frozen=True)
class Line:
    """A line with an arrowhead at its end."""

    path: str
    head: str
    """The points of a polygon."""
    style: str


@dataclass(frozen=True)
class Drawing:
    """A whole drawing."""

    id: str
    title: str
    description: str
    """What it shows, for whoever does not see it."""
    width: float
    height: float
    shapes: tuple[Box | Text | Line, ...]


def wrapped(text: str, style: str, width: float) -> list[str]:
    """Text in lines that fit, broken after spaces, else inside of names where people break them, else anywhere.

    Args:
        text: one paragraph.
        style: of which its width follows.
        width: of the room, in pixels.
    """
    room = max(4, int(width / WIDTHS[style]))
    lines = [""]
    for word in re.findall(r"\S+\s*", text):
        pieces = [word] if len(word.rstrip()) <= room else re.findall(rf"[^.:/@_-]{{1,{room - 1}}}[.:/@_-]?|[.:/@_-]", word)
        for piece in pieces:
            if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > room:
                lines.append("")
            lines[-1] += piece
    return [line.rstrip() for line in lines]


def paragraph(x: float, y: float, text: str, style: str, width: float, anchor: str = "start") -> list[Text]:
    """Lines of text from a first baseline downwards."""
    return [Text(x, y + number * LINE, line, style, anchor) for number, line in enumerate(wrapped(text, style, width))]


def line(points: Sequence[Point], style: str) -> Line:
    """A line along horizontal and vertical pieces, with round corners and an arrowhead."""
    (before_x, before_y), (x, y) = points[-2:]
    along_x, along_y = _sign(x - before_x), _sign(y - before_y)
    base = (x - along_x * HEAD, y - along_y * HEAD)
    side = (along_y * HEAD * 0.6, along_x * HEAD * 0.6)
    corners = [(x, y), (base[0] + side[0], base[1] + side[1]), (base[0] - side[0], base[1] - side[1])]
    return Line(_path([*points[:-1], base]), " ".join(_point(*corner) for corner in corners), style)


def cross(middle: Point, style: str) -> Line:
    """A mark on a line that leads nowhere now."""
    x, y = middle
    return Line(f"M{_point(x - 6, y - 6)} L{_point(x + 6, y + 6)} M{_point(x - 6, y + 6)} L{_point(x + 6, y - 6)}", "", style)


def _path(points: Sequence[Point]) -> str:
    pieces = [f"M{_point(*points[0])}"]
    for before, (x, y), after in zip(points, points[1:], points[2:], strict=False):
        radius = min(ROUND, _length(before, (x, y)) / 2, _length((x, y), after) / 2)
        enter = (x - _sign(x - before[0]) * radius, y - _sign(y - before[1]) * radius)
        leave = (x + _sign(after[0] - x) * radius, y + _sign(after[1] - y) * radius)
        pieces.append(f"L{_point(*enter)} Q{_point(x, y)} {_point(*leave)}")
    return " ".join([*pieces, f"L{_point(*points[-1])}"])


def _point(x: float, y: float) -> str:
    return f"{x:g},{y:g}"


def _length(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)
