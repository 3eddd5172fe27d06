"""What a difference is made of: plain text all through.

Nothing but the standard library: it is also read where nothing is installed.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["danger", "warning"]
How = Literal["added", "removed", "changed", "replaced", "renamed"]
Part = Literal["risks", "objects", "records", "settings", "bucket_policies", "alerts", "outputs"]
State = Literal["same", "changed", "new", "gone"]


@dataclass(frozen=True)
class Risk:
    """What could go wrong with a change, in plain words."""

    level: Level
    """`danger`: mail, keys or protection may be lost. `warning`: look before you go on."""
    rule: str
    """A stable name, such as `mx-removed`."""
    stack: str
    subject: str
    """What it is about: a resource, a record, a setting."""
    message: str
    """What happens."""
    advice: str
    """What to do."""


@dataclass(frozen=True)
class Field:
    """A part that changed. An empty text: it is not there."""

    path: str
    """Such as `spec.replicas`; empty when the whole thing is meant."""
    old: str
    new: str


@dataclass(frozen=True)
class Change:
    """A thing that changed."""

    how: How
    kind: str
    """Such as `StatefulSet` or `MX`."""
    name: str
    place: str
    """The namespace of an object, the zone of a record, the server of a setting; may be empty."""
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class StackDifference:
    """What changes in one stack."""

    stack: str
    state: State
    objects: tuple[Change, ...]
    records: tuple[Change, ...]
    settings: tuple[Change, ...]
    bucket_policies: tuple[Change, ...]
    alerts: tuple[Change, ...]
    outputs: tuple[Change, ...]


@dataclass(frozen=True)
class LeftOut:
    """What was left out, because there was too much of it."""

    stack: str
    """Empty for risks."""
    part: Part
    what: Level | How
    """The level of the risks, or how the things changed."""
    count: int


@dataclass(frozen=True)
class Difference:
    """What changes between two builds."""

    risks: tuple[Risk, ...]
    """Dangers first."""
    stacks: tuple[StackDifference, ...]
    left_out: tuple[LeftOut, ...] = ()
    """Of all these, in the JSON of a large difference."""
