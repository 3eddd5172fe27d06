"""Resources that hold mail or keys: removed, replaced, or no longer protected."""

from collections.abc import Iterator

from ..model import Level, Risk
from ..objects import at, both, mapping, pairs, replaces, shrinks
from ..reading import KEY_TYPE, Build, Resource, Stack

# Kept by what they are, whether or not they are protected. What is lost when one of them is made anew:
STATEFUL: dict[str, tuple[Level, str]] = {
    "PersistentVolumeClaim": ("danger", "the volume behind it, with its data, is left behind or deleted"),
    "Cluster": ("danger", "a new database begins without the data of the old one"),
    "StatefulSet": ("warning", "its pods are deleted before the new ones start: the server is away meanwhile"),
}


def gone_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Stacks that are left to themselves."""
    for stack in sorted(old.keys() - new.keys()):
        yield Risk(
            "danger",
            "stack-gone",
            stack,
            stack,
            "has no settings any more: what it has deployed stays, and nobody looks after it",
            f"bring its file back, or empty it first: `pulumi destroy --stack {stack}`",
        )


def resource_risks(old: Build, new: Build) -> Iterator[Risk]:
    """Stateful resources that are lost, replaced or less protected than before."""
    for stack, was, now in both(old, new):
        retired = tuple(f"-{name}" for name, key in mapping(now.outputs, "deployed.dkim").items() if key["state"] == "retired")
        for before, after in pairs(was, now):
            if before and before.custom:
                # The last step of a DKIM key's life: docs/runbooks/dkim.md.
                is_retired = before.type == KEY_TYPE and before.name.endswith(retired)
                if not is_retired or not after:
                    yield from _protected(stack, before, after, now)
                if after:
                    yield from _stateful(stack, before, after, now)


def _protected(stack: str, before: Resource, after: Resource | None, new: Stack) -> Iterator[Risk]:
    subject = f"{before.kind} {before.name}"
    if before.protect and after is None:
        yield Risk(
            "danger",
            "protected-removed",
            stack,
            subject,
            "is protected and no longer in the program: `pulumi up` stops there",
            "keep it, give its new name an alias, or take over what it holds first and then `pulumi state unprotect`",
        )
    elif before.protect and after and (paths := replaces(before, after, new)):
        yield Risk(
            "danger",
            "protected-replaced",
            stack,
            subject,
            f"is protected and would be replaced, for {', '.join(paths)}: `pulumi up` stops there",
            "leave that as it was; to change it, make a second one beside it and move the data",
        )
    elif after and (before.protect, before.retain_on_delete) > (after.protect, after.retain_on_delete):
        lost = "protected from deletion" if before.protect and not after.protect else "kept when it is removed"
        yield Risk(
            "danger",
            "protection-dropped",
            stack,
            subject,
            f"is no longer {lost}: a later change may delete it with all it holds",
            "keep `protect` and `retain_on_delete`",
        )


def _stateful(stack: str, before: Resource, after: Resource, new: Stack) -> Iterator[Risk]:
    subject = f"{before.kind} {before.name}"
    paths = replaces(before, after, new)
    if before.kind in STATEFUL and paths and not before.protect:
        level, loss = STATEFUL[before.kind]
        yield Risk(
            level,
            "stateful-replaced",
            stack,
            subject,
            f"would be replaced, for {', '.join(paths)}: {loss}",
            "leave that as it was, or take a backup and plan the time",
        )
    for path, size, smaller in shrinks(before, after):
        yield Risk(
            "danger",
            "volume-shrunk",
            stack,
            subject,
            f"shrinks from {size} to {smaller} ({path}): Kubernetes refuses that, and `pulumi up` fails halfway",
            "keep the size; a smaller volume is a new one that a backup is restored to",
        )
    if before.kind == "Cluster" and not paths:
        yield from _database_class(stack, before, after)


def _database_class(stack: str, before: Resource, after: Resource) -> Iterator[Risk]:
    for part in ("storage", "walStorage"):
        was, now = (at(found.inputs, f"spec.{part}.storageClass") for found in (before, after))
        if was != now:
            yield Risk(
                "warning",
                "database-storage-class",
                stack,
                f"{before.kind} {before.name}",
                f"its {part} changes from the class {was or 'of the cluster'} to {now or 'that of the cluster'}, but volumes that"
                " are there keep theirs",
                "replace the instances one by one once this is applied",
            )
