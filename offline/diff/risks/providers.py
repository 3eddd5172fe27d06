"""Which cluster a stack's objects are in: a setting of the provider, which no object shows."""

from collections.abc import Iterator

from ..model import Risk
from ..objects import both, pairs
from ..reading import KUBERNETES, Build


def provider_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Providers of another identity, for which everything is replaced, and those that point at another cluster."""
    for stack, was, now in both(old, new):
        for before, after in pairs(was, now):
            if not before or not after or before.type != KUBERNETES:
                continue
            subject = f"provider {before.name}"
            identities = [found.inputs.get("clusterIdentifier") for found in (before, after)]
            if identities[0] != identities[1]:
                message = f"identifies its cluster by {identities[1]} instead of {identities[0]}: everything in it is replaced"
                advice = "keep `mail:region`; a server in another region is another stack"
                yield Risk("danger", "everything-replaced", stack, subject, message, advice)
                continue
            for key in ("context", "kubeconfig"):
                places = [found.inputs.get(key) for found in (before, after)]
                if places[0] != places[1]:
                    message = f"reads another {key}{_shown(key, places)}: in another cluster nothing of this stack is there"
                    advice = "see that it is the same cluster; to move to another one, make a new stack and restore a backup"
                    yield Risk("danger", "another-cluster", stack, subject, message, advice)


def _shown(key: str, places: list[str | None]) -> str:
    was, now = (place or "the current one" for place in places)
    return f" ({was} -> {now})" if key == "context" else ""
