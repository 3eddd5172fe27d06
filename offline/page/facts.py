"""What the drawings show of a region, as plain data from its recording."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from components.stalwart.arguments import Role
from components.stalwart.plans.host import MX_PRIORITY
from offline.backups import Backups, Place, backups
from offline.build import hide
from offline.recorder import Recording
from offline.summary import MAILBOXES, SERVER

SERVER_TYPE = "stalwart-mail:index:StalwartServer"
DATABASE = "kubernetes:postgresql.cnpg.io/v1:Cluster"


@dataclass(frozen=True)
class Host:
    """A mail server and where it is reached."""

    hostname: str
    addresses: tuple[str, ...]
    ports: tuple[int, ...]
    """Public ones, in order."""
    namespace: str
    fenced: bool
    """Whether no mail goes in or out."""
    store: tuple[str, ...]
    """Where its data is, in words."""


@dataclass(frozen=True)
class Bucket:
    """A folder in a bucket and what one region does with it."""

    place: Place
    copies: tuple[str, ...]
    """What is written there, and how often; empty when it is only read."""
    is_paused: bool = False


@dataclass(frozen=True)
class Region:
    """One stack."""

    stack: str
    name: str
    """Of the region."""
    is_primary: bool
    priority: int
    """Of its MX records."""
    host: Host
    peer: str
    """The other exchange; empty when there is none."""
    stand_in: Host | None
    """The primary's mailboxes, while this region has them."""
    domains: int
    """Those that get mail."""
    recipients: str
    """How a backup knows who gets mail; empty on a primary."""
    smarthosts: tuple[str, ...]
    """Which outgoing mail goes by."""
    buckets: tuple[Bucket, ...]
    drill: str
    """When a restore is rehearsed; empty when it is not."""


@dataclass(frozen=True)
class Platform:
    """A primary and the backup that takes its mail while it is away."""

    primary: Region
    backup: Region | None


def region(recording: Recording, config: Mapping[str, Any]) -> Region:
    """What is drawn of a stack.

    Args:
        recording: what the program registered.
        config: the stack's configuration by key, without prefix.
    """
    outputs = cast("Mapping[str, Any]", hide({key: value for key, value in recording.outputs.items() if key != "endpoints"}))
    servers = {found.name: cast("Mapping[str, Any]", hide(dict(found.inputs))) for found in recording.of_type(SERVER_TYPE)}
    own, stand_in = servers[SERVER], servers.get(MAILBOXES)
    is_primary = config["role"] == Role.PRIMARY.value
    saved = backups(recording, config)
    return Region(
        stack=recording.stack,
        name=str(config["region"]),
        is_primary=is_primary,
        priority=MX_PRIORITY[Role(config["role"])],
        host=_host(recording, own, {**outputs, "namespace": own["namespace"], "fenced": own.get("fenced", False)}),
        peer=own.get("peer", {}).get("hostname", ""),
        stand_in=_host(recording, stand_in, outputs["mailboxes"]) if stand_in else None,
        domains=sum(not domain.get("parked") for domain in own["domains"]),
        recipients="" if is_primary else _recipients(own),
        smarthosts=tuple(sorted(host["hostname"] for host in own.get("smarthosts", []))),
        buckets=_buckets(saved),
        drill=saved.drill,
    )


def platforms(regions: Iterable[Region]) -> list[Platform]:
    """Every primary with its backup, by stack."""
    found = sorted(regions, key=lambda region: region.stack)
    backup_of = {region.peer: region for region in found if not region.is_primary}
    return [Platform(region, backup_of.get(region.host.hostname)) for region in found if region.is_primary]


def _host(recording: Recording, server: Mapping[str, Any], outputs: Mapping[str, Any]) -> Host:
    return Host(
        hostname=outputs["hostname"],
        addresses=tuple(outputs["addresses"]),
        ports=tuple(sorted(outputs["ports"].values())),
        namespace=outputs["namespace"],
        fenced=outputs["fenced"],
        store=tuple(_store(recording, server.get("storage", {}), outputs["namespace"])),
    )


def _store(recording: Recording, storage: Mapping[str, Any], namespace: str) -> Iterable[str]:
    if storage.get("kind", "embedded") == "embedded":
        yield f"a volume of {storage['size']}" if "size" in storage else "a volume"
        return
    made = [found.inputs["spec"] for found in recording.of_type(DATABASE) if found.inputs["metadata"]["namespace"] == namespace]
    if made:
        yield f"PostgreSQL, {made[0]['instances']} of {made[0]['storage']['size']}"
    elif "database" in storage:
        yield f"PostgreSQL at {storage['database']['host']}"
    if "blobs" in storage:
        yield f"bodies in {storage['blobs']['bucket']}"


def _recipients(server: Mapping[str, Any]) -> str:
    found = server.get("recipients", {})
    match found.get("source"):
        case "primary":
            return f"read from the primary every {found.get('sync_minutes', 5)} min"
        case "list":
            return "from a list"
        case _:
            return "everybody at its domains"


def _buckets(saved: Backups) -> tuple[Bucket, ...]:
    found: dict[Place, Bucket] = {place: Bucket(place, ()) for place in saved.read.values()}
    for place in dict.fromkeys(copy.place for copy in saved.copies):
        there = [copy for copy in saved.copies if copy.place == place]
        rhythms = [f"{copy.when.partition(' (')[0] or 'paused'}, kept {copy.kept_days} days" for copy in there]
        found[place] = Bucket(place, tuple(rhythms), is_paused=not any(copy.when for copy in there))
    return tuple(found.values())
