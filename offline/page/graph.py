"""The drawing of what is really registered: the components of every stack, what is in them, and which of them wait for which."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from offline.recorder import Recording, Resource

from .facts import SERVER_TYPE
from .svg import LINE, PAD, Box, Drawing, Line, Text, line, paragraph

WIDTH, EDGE, GAP = 1100, 2, 18
LANE = 16
BETWEEN = 96
"""From one stack to the next."""
HEADER_LINE = EDGE + 34
PROJECT_OUTPUT = "endpoints"
PROVIDER = "pulumi:providers:"
Shape = Box | Text | Line


@dataclass(frozen=True)
class Component:
    """A component and the resources in it that are in no other component."""

    urn: str
    name: str
    type: str
    inside: str
    """The component it is in; empty for the stack's own."""
    kinds: Mapping[str, int]
    """How many resources there are, by kind."""
    protected: int
    """How many of them are kept from being deleted."""
    waits_for: tuple[str, ...]
    """The URNs of other components whose resources come first."""


def components(recording: Recording) -> list[Component]:
    """The components of a stack, each after those it waits for."""
    urns = sorted(urn for urn, resource in recording.resources.items() if not resource.custom)
    members: dict[str, list[Resource]] = {urn: [] for urn in urns}
    for resource in recording.resources.values():
        if resource.custom and resource.parent in members:
            members[resource.parent].append(resource)
    found: dict[str, Component] = {}
    for urn in urns:
        own = recording.resources[urn]
        needed = {dependency for resource in (own, *members[urn]) for dependency in resource.dependencies}
        owners = {_owner(recording, dependency) for dependency in needed} | ({own.parent} & members.keys())
        found[urn] = Component(
            urn=urn,
            name=own.name,
            type=own.type.rpartition(":")[2],
            inside=recording.resources[own.parent].name if own.parent in members else "",
            kinds=Counter(resource.type.rpartition(":")[2] for resource in members[urn]),
            protected=sum(resource.protect for resource in members[urn]),
            waits_for=tuple(sorted(owners - {urn, ""})),
        )
    return [found[urn] for urn in TopologicalSorter({urn: found[urn].waits_for for urn in urns}).static_order()]


def reads(recordings: Mapping[str, Recording]) -> dict[str, str]:
    """Which stack reads the output `endpoints` of which other: the one whose host its server hands mail over to."""
    giving = {str(recording.outputs["hostname"]): stack for stack, recording in recordings.items() if _gives(recording)}
    found: dict[str, str] = {}
    for stack, recording in sorted(recordings.items()):
        peers = [server.inputs.get("peer", {}).get("hostname", "") for server in recording.of_type(SERVER_TYPE)]
        given = next((giving[peer] for peer in peers if peer in giving), None)
        if given and not _gives(recording):
            found[stack] = given
    return found


def drawing(recordings: Mapping[str, Recording]) -> Drawing:
    """All stacks, side by side.

    Args:
        recordings: by stack.
    """
    reading = reads(recordings)
    # Whoever gives is to the left of who takes.
    stacks = sorted(recordings, key=lambda stack: (stack in reading, stack))
    found = {stack: components(recordings[stack]) for stack in stacks}
    width = min(540.0, (WIDTH - 2 * EDGE - BETWEEN * (len(stacks) - 1)) / len(stacks))
    start = (WIDTH - width * len(stacks) - BETWEEN * (len(stacks) - 1)) / 2
    shapes: list[Shape] = []
    bottoms: dict[str, float] = {}
    lefts = {stack: start + number * (width + BETWEEN) for number, stack in enumerate(stacks)}
    for stack in stacks:
        drawn, bottoms[stack] = _stack(recordings[stack], found[stack], lefts[stack], width)
        shapes += drawn
    bottom = max(bottoms.values(), default=0)
    panels = [Box(lefts[stack], EDGE, width, bottoms[stack] - EDGE, "panel") for stack in stacks]
    arrows: list[Shape] = []
    for taking, given in reading.items():
        arrows.append(line([(lefts[given] + width, HEADER_LINE), (lefts[taking], HEADER_LINE)], "flow"))
        arrows.append(Text(lefts[taking] - BETWEEN / 2, HEADER_LINE - 10, PROJECT_OUTPUT, "flowing", "middle"))
    return Drawing(
        id="resources",
        title="The components of every stack, and what waits for what",
        description=" ".join(sentences(recordings)),
        width=WIDTH,
        height=bottom + EDGE,
        shapes=(*panels, *shapes, *arrows),
    )


def sentences(recordings: Mapping[str, Recording]) -> list[str]:
    """The same in words: a sentence a component, and one for what goes from stack to stack."""
    said: list[str] = []
    for stack, recording in sorted(recordings.items()):
        found = components(recording)
        names = {component.urn: component.name for component in found}
        for component in found:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(component.kinds.items())) or "no resource of its own"
            after = ", ".join(names[urn] for urn in component.waits_for)
            said.append(
                f"{stack}: {component.type} {component.name} has {kinds}" + (f", and waits for {after}." if after else ".")
            )
    said += [f"{taking} reads the output {PROJECT_OUTPUT} of {given}." for taking, given in reads(recordings).items()]
    return said


def _stack(recording: Recording, found: Sequence[Component], x: float, width: float) -> tuple[list[Shape], float]:
    """A stack's header and cards, and how far down they reach."""
    sources = [component for component in found if any(component.urn in other.waits_for for other in found)]
    gutter = 18 + LANE * (len(sources) + 1)
    own = [resource for resource in recording.resources.values() if resource.custom and not _owner(recording, resource.urn)]
    providers = sorted(resource.name for resource in own if resource.type.startswith(PROVIDER))
    total = sum(not resource.type.startswith(PROVIDER) for resource in recording.resources.values())
    note = f"{total} resources, provider {', '.join(providers)}" if providers else f"{total} resources"
    shapes: list[Shape] = [
        Text(x + 18, EDGE + 30, f"stack {recording.stack}", "title"),
        Text(x + 18, EDGE + 52, note, "label"),
    ]
    top = EDGE + 74
    places: dict[str, tuple[float, float]] = {}
    for component in found:
        card, height = _card(component, x + gutter, top, width - gutter - 16)
        shapes += card
        places[component.urn] = (top, height)
        top += height + GAP
    shapes += _arrows(found, sources, places, x + gutter)
    return shapes, top - GAP + 16


def _arrows(
    found: Sequence[Component], sources: Sequence[Component], places: Mapping[str, tuple[float, float]], left: float
) -> list[Shape]:
    """From every component that others wait for, a lane of its own beside the cards, with an arrow into each of those."""
    shapes: list[Shape] = []
    for number, source in enumerate(sources):
        lane = left - 18 - LANE * number
        start = places[source.urn][0] + places[source.urn][1] - 14 - 5 * number % 15
        for target in found:
            if source.urn in target.waits_for:
                end = places[target.urn][0] + 16 + 12 * number % 36
                shapes.append(line([(left, start), (lane, start), (lane, end), (left, end)], f"lane{number % 4}"))
    return shapes


def _card(component: Component, x: float, y: float, width: float) -> tuple[list[Shape], float]:
    inner = width - 2 * PAD
    title = paragraph(x + PAD, y + PAD + 12, component.type, "name", inner * 0.6)
    inside = f" in {component.inside}" if component.inside else ""
    texts = [*title, Text(x + width - PAD, y + PAD + 12, component.name + inside, "mono", "end")]
    kinds = sorted(component.kinds.items())
    top, half = title[-1].y + LINE + 4, (len(kinds) + 1) // 2
    for number, (kind, count) in enumerate(kinds):
        left, baseline = x + PAD + number // half * inner / 2, top + number % half * LINE
        texts.append(Text(left + 20, baseline, str(count), "mono", "end"))
        texts.append(Text(left + 28, baseline, kind, "note"))
    rows = max(half, 1)
    if not kinds:
        texts.append(Text(x + PAD, top, "no resource of its own: what it makes is an output", "label"))
    if component.protected:
        texts.append(Text(x + PAD, top + rows * LINE, f"{component.protected} protected from deletion", "kept"))
        rows += 1
    height = top + (rows - 1) * LINE + PAD - y
    return [Box(x, y, width, height, "card host" if component.kinds else "card"), *texts], height


def _gives(recording: Recording) -> bool:
    return PROJECT_OUTPUT in recording.outputs


def _owner(recording: Recording, urn: str) -> str:
    """The URN of the component that a resource is in, or that it is; empty when it is in none."""
    while urn in recording.resources and recording.resources[urn].custom:
        urn = recording.resources[urn].parent
    return urn if urn in recording.resources else ""
