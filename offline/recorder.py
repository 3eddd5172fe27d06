"""A monitor that records what a Pulumi program registers, in place of the engine: the heart of `offline` and of the tests.

It keeps what the SDK's own mock monitor forgets: true nested URNs, duplicates, which components were closed, options,
dependencies, and on the wire which values are secret or unknown. It records faults instead of raising them, since an
exception in a monitor surfaces far from its cause.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import pulumi
from google.protobuf import json_format
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks

STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Secret:
    """A value that was marked secret on the wire."""

    value: Any


@dataclass(frozen=True)
class Resource:
    """One registration as the engine would have seen it."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: Mapping[str, Any]
    """Plain data, with `Secret` around what is secret."""
    custom: bool
    provider: str
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    ignore_changes: tuple[str, ...]
    aliases: tuple[str, ...]
    """The names it had before."""
    dependencies: tuple[str, ...]


@dataclass
class Recording:
    """Everything a program did."""

    stack: str
    resources: dict[str, Resource] = field(default_factory=dict[str, Resource])
    outputs_of: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """The outputs of every component that was closed, by URN, with `Secret` around what is secret."""
    duplicates: list[str] = field(default_factory=list[str])
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The stack's outputs, with `Secret` around what is secret."""

    @property
    def closed(self) -> set[str]:
        """The URNs of the components that were closed."""
        return set(self.outputs_of)

    def of_type(self, type_: str) -> list[Resource]:
        """The resources of one type, in the order they were registered."""
        return [resource for resource in self.resources.values() if resource.type == type_]


class World(Protocol):
    """What the world outside the program answers."""

    def create(self, args: MockResourceArgs) -> Mapping[str, Any]:
        """The outputs of a new resource beside its inputs."""
        ...

    def stack_outputs(self, name: str) -> Mapping[str, Any] | None:
        """The outputs of another stack, or None when there is no such stack; `Secret` around what is secret."""
        ...


class _Answers(Mocks):
    def __init__(self, world: World, stack: str) -> None:
        self.world = world
        self.stack = stack

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == "pulumi:pulumi:StackReference":
            outputs = self.world.stack_outputs(str(args.resource_id)) or {}
            secrets = [name for name, value in outputs.items() if has_secret(value)]
            plain = {name: reveal(value) for name, value in outputs.items()}
            return str(args.resource_id), {"name": args.resource_id, "outputs": plain, "secretOutputNames": secrets}
        return f"{args.name}-id", {**cast("dict[str, Any]", args.inputs), **self.world.create(args)}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token != "pulumi:pulumi:readStackOutputs":
            raise Exception(f"the program asked for {args.token}; a preview needs no look-up")
        name = str(cast("dict[str, Any]", args.args)["name"])
        outputs = self.world.stack_outputs(name)
        if outputs is None and name.endswith(f"/{self.stack}"):
            outputs = {}  # it is there, since it runs, and has put out nothing yet
        if outputs is None:
            return {}, [("name", f"unknown stack {name!r}")]  # as the engine does
        return {"name": name, "outputs": reveal(outputs)}, []


class Recorder(MockMonitor):
    """The recording monitor."""

    def __init__(self, world: World, recording: Recording) -> None:
        super().__init__(_Answers(world, recording.stack))
        self.recording = recording
        self.root_urn = ""

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as the engine makes it; the SDK's mock keeps only the last parent's type."""
        chain = parent.split("::")[2] if parent else ""
        if chain and chain != STACK_TYPE:
            type_ = f"{chain}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{type_}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  the name on the wire
        """Record the registration, then answer as the mock does."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            self.root_urn = urn
            return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]
        if urn in self.recording.resources:
            self.recording.duplicates.append(urn)
        self.recording.resources[urn] = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=decode(json_format.MessageToDict(request.object)),
            custom=request.custom,
            provider=request.provider,
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace,
            ignore_changes=tuple(request.ignoreChanges),
            aliases=tuple(alias.spec.name for alias in request.aliases if alias.spec.name),
            dependencies=tuple(request.dependencies),
        )
        return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802  the name on the wire
        """Keep the outputs of a component, or of the stack."""
        outputs = decode(json_format.MessageToDict(request.outputs))
        if request.urn == self.root_urn:
            self.recording.outputs = outputs
        self.recording.outputs_of[request.urn] = outputs
        return super().RegisterResourceOutputs(request)  # pyright: ignore[reportUnknownMemberType]


def has_secret(value: Any) -> bool:
    """Whether a recorded value is, or holds, a secret."""
    return any(isinstance(item, Secret) for item in walk(value))


def reveal(value: Any) -> Any:
    """A recorded value with the secrets in the clear. Never to be written anywhere."""
    return map_secrets(value, _unchanged)


def map_secrets(value: Any, change: Callable[[Any], Any]) -> Any:
    """A recorded value with `change` applied to the inside of every secret."""
    match value:
        case Secret():
            return change(map_secrets(value.value, change))
        case dict():
            return {key: map_secrets(item, change) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [map_secrets(item, change) for item in cast("list[Any]", value)]
        case _:
            return value


def walk(value: Any) -> Iterator[Any]:
    """A recorded value and everything inside it."""
    yield value
    match value:
        case Secret():
            yield from walk(value.value)
        case dict():
            for item in cast("dict[str, Any]", value).values():
                yield from walk(item)
        case list():
            for item in cast("list[Any]", value):
                yield from walk(item)
        case _:
            pass


def _unchanged(value: Any) -> Any:
    return value


def decode(value: Any) -> Any:
    """Plain data from the wire's form: secrets as `Secret`, whole floats as the integers they were."""
    # The first key marks every special value on the wire, and its value here says that it is a secret.
    match value:
        case {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": inside}:
            return Secret(decode(inside))
        case dict():
            return {key: decode(item) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [decode(item) for item in cast("list[Any]", value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
