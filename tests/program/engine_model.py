"""A model of the engine and of what it leaves in the world: enough to see what an `up` creates, replaces and deletes."""

from dataclasses import dataclass, field
from typing import Any

from offline.recorder import Recording, Resource, reveal

STATEFUL = ("PersistentVolumeClaim", "Cluster", "ObjectStore", "PrivateKey", "Namespace")
SCRATCH = "drill-namespace"  # what is in it is thrown away


class Protected(Exception):  # noqa: N818  it is what happened
    """The engine refuses to delete what is protected; in the preview, so nothing has changed."""


class AlreadyExists(Exception):  # noqa: N818  it is what happened
    """The API server has an object of this name; the provider is not told to take it over."""


@dataclass(frozen=True)
class Thing:
    """What is there of a resource: outside of the state it is known by its place."""

    kind: str
    namespace: str
    name: str

    @staticmethod
    def of(resource: Resource) -> "Thing":
        metadata: dict[str, Any] = reveal(resource.inputs.get("metadata", {}))
        kind = resource.type.rpartition(":")[2]
        return Thing(kind, metadata.get("namespace", ""), metadata.get("name", resource.urn))


@dataclass
class Engine:
    """One stack's state, and what exists."""

    state: dict[str, Resource] = field(default_factory=dict)
    world: set[Thing] = field(default_factory=set)
    lost: list[Thing] = field(default_factory=list)
    """What was deleted although mail depends on it."""

    def up(self, wanted: Recording, stop_after: int | None = None, takes_over: bool = False) -> int:
        """Bring the stack to what a program registered, or be killed on the way; how many operations were done.

        Args:
            wanted: what the program registered.
            stop_after: after how many operations it is killed; the next one is done, and the engine does not know.
            takes_over: whether objects that are there already are taken over, as PULUMI_K8S_UPSERT_EXISTING_OBJECTS says.

        Raises:
            Protected: something protected would be deleted or replaced.
            AlreadyExists: an object is there that is not in the state.
        """
        (provider,) = wanted.of_type("pulumi:providers:kubernetes")
        takes_over = takes_over or bool(provider.inputs.get("upsertExistingObjects"))
        resources = {urn: found for urn, found in wanted.resources.items() if found.custom}
        steps = self._steps(resources)
        for number, (what, resource) in enumerate(steps):
            thing = Thing.of(resource)
            if what == "create" and resource.type.startswith("kubernetes:") and thing in self.world and not takes_over:
                raise AlreadyExists(f"{thing.kind} {thing.name}")
            if number == stop_after:
                if what == "create":
                    self.world.add(thing)
                return number
            self._do(what, resource)
        return len(steps)

    def _steps(self, wanted: dict[str, Resource]) -> list[tuple[str, Resource]]:
        steps: list[tuple[str, Resource]] = []
        late: list[tuple[str, Resource]] = []
        for urn, resource in wanted.items():
            old = self.state.get(urn)
            if old is None:
                steps.append(("create", resource))
            elif Thing.of(old) != Thing.of(resource):
                if old.protect:
                    raise Protected(urn)
                steps.append(("create", resource))
                late.append(("delete", old))
            elif _differ(old, resource):
                steps.append(("update", resource))
        for urn, old in reversed(self.state.items()):
            if urn not in wanted:
                if old.protect:
                    raise Protected(urn)
                late.append(("forget", old))
        return steps + late

    def _do(self, what: str, resource: Resource) -> None:
        thing = Thing.of(resource)
        if what in ("create", "update"):
            self.state[resource.urn] = resource
            self.world.add(thing)
            return
        if what == "forget":
            del self.state[resource.urn]
        if resource.retain_on_delete:
            return
        self.world.discard(thing)
        if thing.kind in STATEFUL and resource.name != SCRATCH:
            self.lost.append(thing)


def _differ(old: Resource, new: Resource) -> bool:
    """Whether one is changed into the other; that a value has become a secret is no change."""
    return old.protect != new.protect or (old.inputs != new.inputs and reveal(old.inputs) != reveal(new.inputs))
