"""A stack's mailboxes: fenced, restored from a backup, and in an active backup region those of the primary."""

from collections.abc import Mapping
from typing import Any, cast

from pulumi import ProviderResource, ResourceOptions
from pydantic import BaseModel

import region_backup
from components import RegionEndpoints, StalwartServer
from components.backup.mail_restore import MailRestore
from components.backup.restore_check import RestoreCheck, RestoreCheckArgs
from components.stalwart.arguments import RecipientReaderArgs, Server, StalwartServerArgs
from components.stalwart.options.delivery import ExposureArgs, PeerArgs
from components.stalwart.options.restored import RestoredArgs
from components.stalwart.options.storage import DEFAULT_SERVER_NAME, StorageArgs
from components.stalwart.options.tls import TlsArgs
from restore_settings import Restore
from settings import Settings

# What belongs to a region, and not to the mailboxes.
OF_A_REGION = (
    *("role", "namespace", "create_namespace", "trusted_networks", "exposure", "recipients", "peer", "monitored"),
    *("fenced", "restored", "dkim_private_keys"),
)


def portable(args: StalwartServerArgs) -> Mapping[str, Any]:
    """The arguments of a primary's server that another region needs to stand in for it. No secret is among them."""
    return {key: value for key, value in args.items() if key not in OF_A_REGION}


def stand_in_args(settings: Settings, restore: Restore, endpoints: RegionEndpoints) -> StalwartServerArgs:
    """The arguments of a server that stands in for the primary in this region: its name, domains, accounts and keys."""
    exposure = settings.exposure
    args = cast(
        "StalwartServerArgs",
        {
            **endpoints.server,
            "role": "primary",
            "trusted_networks": list(settings.trusted_networks),
            "monitored": settings.monitoring is not None,
            "exposure": cast("ExposureArgs", restore.exposure.model_dump(mode="json", exclude_none=True)),
            "peer": PeerArgs(
                hostname=settings.hostname,
                addresses=sorted({*exposure.addresses, *(egress.address for egress in exposure.egress)}),
                # The backup's exchange is in this very cluster.
                networks=list(settings.trusted_networks),
            ),
            "dkim_private_keys": {name: region_backup.secret(key) for name, key in endpoints.dkim_private_keys.items()},
        },
    )
    reader = endpoints.recipient_reader
    if reader:
        args["recipient_reader"] = RecipientReaderArgs(
            url=reader.url, username=reader.username, password=region_backup.secret(reader.password)
        )
    if restore.tls:
        args["tls"] = cast("TlsArgs", restore.tls.model_dump(mode="json", exclude_none=True))
    if restore.storage:
        args["storage"] = _dumped(restore.storage)
    return with_state(args, settings, endpoints)


def with_state(args: StalwartServerArgs, settings: Settings, endpoints: RegionEndpoints | None) -> StalwartServerArgs:
    """The arguments with whether the mailboxes are fenced, and what they were restored from."""
    found = args.copy()
    found["fenced"] = settings.is_fenced
    storage = args.get("storage", {})
    archive = storage.get("archive")
    if archive and archive.get("server_name", DEFAULT_SERVER_NAME) == DEFAULT_SERVER_NAME:
        # Every incarnation of the database has a folder of its own in the archive, as it has a namespace of its own.
        found["storage"] = {**storage, "archive": {**archive, "server_name": settings.mailbox_namespace}}
    restore = settings.restored
    if restore:
        found["restored"] = _restored_args(restore, settings, storage, endpoints)
    return found


def restore_first(
    args: StalwartServerArgs,
    settings: Settings,
    wanted: Server,
    endpoints: RegionEndpoints | None,
    options: ResourceOptions,
) -> None:
    """Register what restores the mailboxes, when they are restored, and let the server wait for it.

    Args:
        args: of the server; its namespace is set.
        settings: of this stack.
        wanted: the server, checked.
        endpoints: the primary's, on a backup.
        options: which depend on the `MailBackup` that has the location.
    """
    restore = settings.restored
    if restore is None:
        return
    done = MailRestore("restore", region_backup.restore_args(settings, restore, wanted, endpoints), options)
    args["namespace"] = done.namespace
    args["create_namespace"] = False


def check_after(
    server: StalwartServer, settings: Settings, wanted: Server, mailbox: str | None, providers: list[ProviderResource]
) -> None:
    """Register what looks at restored mailboxes, while they are fenced: its log says whether they may serve."""
    if settings.restored is None or not wanted.fenced:
        return
    args = RestoreCheckArgs(namespace=server.namespace, job_image=wanted.job_image)
    if mailbox:
        args["sentinel_mailbox"] = mailbox
    if wanted.admin_secret_name:
        args["admin_secret_name"] = wanted.admin_secret_name
    _ = RestoreCheck("restore-check", args, ResourceOptions(providers=providers, depends_on=[server]))


def _restored_args(restore: Restore, settings: Settings, storage: StorageArgs, endpoints: RegionEndpoints | None) -> RestoredArgs:
    """What the mailboxes come from: the volume that was restored, or the archive of the database."""
    if restore.database:
        given = _dumped(restore.database)
        return cast("RestoredArgs", {"database": {"server_name": restore.from_namespace or DEFAULT_SERVER_NAME, **given}})
    there = cast("StorageArgs", endpoints.server.get("storage", {})) if endpoints else storage
    archive = there.get("archive")
    if archive is None or "database" in storage:
        return RestoredArgs()
    source = {key: value for key, value in archive.items() if key not in ("keep_days", "cron")}
    if endpoints is None and source.get("server_name", DEFAULT_SERVER_NAME) == DEFAULT_SERVER_NAME:
        source["server_name"] = settings.namespace
    if restore.from_namespace:
        source["server_name"] = restore.from_namespace
    return cast("RestoredArgs", {"database": source})


def _dumped(model: BaseModel) -> Any:
    return model.model_dump(mode="json", exclude_unset=True, exclude_none=True)
