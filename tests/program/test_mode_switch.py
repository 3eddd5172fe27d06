"""Any order of switching, killing and going on: mail is never deleted, and never served in two places."""

from dataclasses import dataclass, field

import pulumi
from hypothesis import given, settings
from hypothesis import strategies as st

from offline.recorder import Recording
from tests.program.engine_model import Engine, Protected, Thing
from tests.program.stacks import run, settings_of

TAKEN_BACK = {
    "namespace": "mail-4",
    "source": {"bucket": "example-mail-backup", "region": "eu-central-1"},
    "fromNamespace": "mail-restored",
}
# What an operator may set, by name.
PRIMARY = {
    "serving": {},
    "serving again": {"returnTo": "mail"},
    "fenced": {"mode": "fenced"},
    "restored": {"restore": {"namespace": "mail-2"}},
    "restored and fenced": {"mode": "fenced", "restore": {"namespace": "mail-2"}},
    "restored and checked": {"restore": {"namespace": "mail-2", "checked": True}},
    "taken back": {"restore": {**TAKEN_BACK, "checked": True}},
    "restored again": {"restore": {"namespace": "mail-3"}},
}
BACKUP = {
    "standby": {},
    "active": {"mode": "active"},
    "active and checked": {"mode": "active", "restore": {"checked": True}},
    "active again": {"mode": "active", "restore": {"checked": True}, "returnTo": "mail-restored"},
    "active elsewhere": {"mode": "active", "restore": {"namespace": "mail-b2"}},
    "active elsewhere and checked": {"mode": "active", "restore": {"namespace": "mail-b2", "checked": True}},
}
CHOICES = {"primary": PRIMARY, "backup": BACKUP}
Step = tuple[str, str, int | None]
"""Which stack, what is set, and after how many operations `up` is killed; None lets it end."""

steps = st.lists(
    st.one_of(
        st.tuples(st.just(stack), st.sampled_from(sorted(CHOICES[stack])), st.one_of(st.none(), st.integers(0, 60)))
        for stack in CHOICES
    ),
    min_size=1,
    max_size=9,
)


@dataclass
class Operator:
    """Two stacks, each in a region of its own, and one who types."""

    engines: dict[str, Engine] = field(default_factory=lambda: {"primary": Engine(), "backup": Engine()})
    done: dict[str, Recording] = field(default_factory=dict)
    """What each stack put out when an `up` last came to its end."""
    interrupted: set[str] = field(default_factory=set)
    """Where the last `up` was killed."""

    def types(self, stack: str, choice: str, killed_after: int | None = None) -> Recording | None:
        """Set something and run `up`; None when it was refused, and nothing was changed."""
        engine = self.engines[stack]
        before = (dict(engine.state), set(engine.world))
        try:
            recording = run(stack, self._settings(stack, choice), self.done.get("primary"), self.done.get(stack))
            # After a kill, the runbook's way to go on.
            total = engine.up(recording, killed_after, takes_over=stack in self.interrupted)
        except (pulumi.RunError, Protected):
            assert (engine.state, engine.world) == before
            return None
        if killed_after is None or total < killed_after:
            self.done[stack] = recording
            self.interrupted.discard(stack)
        else:
            self.interrupted.add(stack)
        return recording

    def _settings(self, stack: str, choice: str) -> dict[str, object]:
        changes = dict(CHOICES[stack][choice])
        primary = self.done.get("primary")
        # The operator says only what is true.
        if changes.get("mode") == "active" and primary and primary.outputs["deployed"]["fenced"]:
            changes["primaryIsFenced"] = True
        if "source" in changes.get("restore", {}) and not self.serves("backup"):
            changes["backupIsFenced"] = True
        if self.has_served("backup" if stack == "primary" else "primary"):
            changes.pop("returnTo", None)
        return settings_of(stack, **changes)

    def has_served(self, stack: str) -> bool:
        """Whether mailboxes were served there since the other region had them; a primary always was the first."""
        deployed = self.done[stack].outputs["deployed"] if stack in self.done else {}
        return deployed.get("served", False) and not (
            stack == "primary" and deployed["mailboxes"] == "mail" and deployed["fenced"]
        )

    def serves(self, stack: str) -> bool:
        """Whether mailboxes are reached in a stack's region."""
        deployed = self.done[stack].outputs["deployed"] if stack in self.done else {}
        return bool(deployed.get("mailboxes")) and not deployed["fenced"]


FIRST_CLAIM = Thing("PersistentVolumeClaim", "mail", "stalwart-data")


@given(steps)
@settings(max_examples=40)
def test_in_any_order_nothing_that_holds_mail_is_deleted(walk: list[Step]):
    operator = Operator()
    assert operator.types("primary", "serving")
    assert operator.types("backup", "standby")
    for stack, choice, killed_after in walk:
        kept = {thing for engine in operator.engines.values() for thing in engine.world if thing.kind in KEPT}
        operator.types(stack, choice, killed_after)
        now = {thing for engine in operator.engines.values() for thing in engine.world}
        assert kept <= now | SCRATCHED, (stack, choice, kept - now)
        for engine in operator.engines.values():
            assert engine.lost == []


KEPT = ("PersistentVolumeClaim", "PrivateKey", "Namespace")
SCRATCHED = {Thing("Namespace", "", "mail-drill")}


@given(steps)
@settings(max_examples=30)
def test_what_was_killed_ends_where_it_would_have_ended(walk: list[Step]):
    """A killed `up` and another one of the same settings leave what one alone leaves."""
    killed, steady = Operator(), Operator()
    for operator in (killed, steady):
        operator.types("primary", "serving")
        operator.types("backup", "standby")
    for stack, choice, killed_after in walk:
        if killed_after is not None:
            killed.types(stack, choice, killed_after)
        first, second = killed.types(stack, choice), steady.types(stack, choice)
        assert (first is None) == (second is None), (stack, choice)
        assert {s: e.state.keys() for s, e in killed.engines.items()} == {s: e.state.keys() for s, e in steady.engines.items()}
        assert {s: e.world for s, e in killed.engines.items()} == {s: e.world for s, e in steady.engines.items()}
        if first:
            assert killed.engines[stack].up(killed.types(stack, choice) or first) == 0  # a second `up` changes nothing


@given(steps)
@settings(max_examples=30)
def test_mail_is_never_served_in_both_regions(walk: list[Step]):
    operator = Operator()
    operator.types("primary", "serving")
    operator.types("backup", "standby")
    for stack, choice, _killed in walk:
        served_there = operator.serves("backup" if stack == "primary" else "primary")
        was = operator.serves(stack)
        operator.types(stack, choice)
        if operator.serves(stack) and not was and not _restores(operator, stack):
            assert not served_there, (stack, choice)


def _restores(operator: Operator, stack: str) -> bool:
    """Whether a primary has mailboxes of its own backups: a mistake is undone so, and no other region has them."""
    return stack == "primary" and operator.done[stack].outputs["deployed"]["mailboxes"] in ("mail-2", "mail-3")


def test_over_and_back():
    """The runbook's way, step by step."""
    operator = Operator()
    walk = [
        ("primary", "serving"),
        ("backup", "standby"),
        ("primary", "fenced"),
        ("backup", "active"),
        ("backup", "active and checked"),
        ("backup", "active"),
        ("primary", "taken back"),
        ("backup", "standby"),
    ]
    for stack, choice in walk:
        assert operator.types(stack, choice), (stack, choice)
    primary, backup = (operator.done[stack].outputs["deployed"] for stack in ("primary", "backup"))
    assert (primary["mailboxes"], primary["fenced"], primary["left"]) == ("mail-4", False, ["mail"])
    assert (backup["mailboxes"], backup["left"]) == ("", ["mail-restored"])
    assert FIRST_CLAIM in operator.engines["primary"].world
    assert Thing("Namespace", "", "mail-restored") in operator.engines["backup"].world


def test_what_is_served_cannot_be_left():
    operator = Operator()
    for stack, choice in [("primary", "serving"), ("backup", "standby"), ("primary", "fenced"), ("backup", "active and checked")]:
        assert operator.types(stack, choice)
    assert operator.types("backup", "standby") is None
    assert operator.types("backup", "active elsewhere") is None
    assert operator.types("primary", "restored") is not None
