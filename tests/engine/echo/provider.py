"""A provider that plays random, tls and cloudflare: a resource is what it was asked to be, and what the offline world answers."""

from typing import Any

from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.mocks import MockResourceArgs

from offline.world import OfflineWorld

from .wire import UNKNOWN, plain, wired

Properties = dict[str, PropertyValue]

INPUTS = "__inputs"
"""The output that keeps what was asked for, which the engine does not hand to `diff`."""
SECRET = {"result", "privateKeyPemPkcs8"}
"""The outputs that the real providers mark."""
REPLACED_BY_ANY_CHANGE = ("random:", "tls:")


class Echo(provider.Provider):
    """Every resource of a package. It has no world beside the state: what was made stays as it was."""

    def __init__(self) -> None:
        self.offline = OfflineWorld()

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:
        """Take secrets as they are marked, and neither outputs nor resources in the place of values."""
        return provider.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """Which inputs are others than those of the state, and which of them make a new resource."""
        old, new = plain(request.old_state[INPUTS]), plain(request.new_inputs)
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        return provider.DiffResponse(
            changes=bool(changed),
            diffs=changed,
            replaces=self.replaces(request.type, old, new),
            delete_before_replace=self.same_place(old, new),
            detailed_diff={},
        )

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        """Make the resource; in a preview, say which of its outputs are not known."""
        if request.preview:
            return provider.CreateResponse("", self.outputs(request.type, request.name, request.properties, known=False))
        await self.appear(request)
        outputs = self.outputs(request.type, request.name, request.properties)
        return provider.CreateResponse(self.identity(request), outputs)

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        """Change the resource in place."""
        if not request.preview:
            self.change(plain(request.news))
        return provider.UpdateResponse(self.outputs(request.type, request.name, request.news))

    async def delete(self, request: provider.DeleteRequest) -> None:
        """Delete the resource."""
        self.vanish(plain(request.properties[INPUTS]))

    def replaces(self, kind: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        """The changed inputs that cannot be changed in place."""
        changed = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
        return changed if own_type(kind).startswith(REPLACED_BY_ANY_CHANGE) else []

    def same_place(self, old: dict[str, Any], new: dict[str, Any]) -> bool:
        """Whether a new resource can only be made once the old one is gone."""
        return False

    def identity(self, request: provider.CreateRequest) -> str:
        """The id of a new resource."""
        return f"{request.name}-id"

    async def appear(self, request: provider.CreateRequest) -> None:
        """A new resource comes into the world."""

    def change(self, inputs: dict[str, Any]) -> None:
        """A resource of the world changes."""

    def vanish(self, inputs: dict[str, Any]) -> None:
        """A resource of the world goes."""

    def outputs(self, kind: str, name: str, inputs: Properties, known: bool = True) -> Properties:
        """What was asked for, and what the offline world answers beside it."""
        answer = self.offline.create(
            MockResourceArgs(typ=own_type(kind), name=name, inputs=plain(inputs), provider="", resource_id="")
        )
        beside = {key: wired(value if known else UNKNOWN).with_secret(key in SECRET) for key, value in answer.items()}
        return {**inputs, **beside, INPUTS: PropertyValue(dict(inputs))}


def own_type(chain: str) -> str:
    """A resource's type, from a URN's chain of it and its parents' types."""
    return chain.rpartition("$")[2]
