"""The settings of failing over and of restoring: which region holds the mailboxes, and what they are restored from."""

from enum import StrEnum

from pydantic import Field

from backup_settings import BackupLocation
from components.backup.arguments import MAX_TARGET_LENGTH
from components.model import KubernetesName, Model
from components.stalwart.options.delivery import Exposure
from components.stalwart.options.restored import DatabaseSource
from components.stalwart.options.storage import Storage
from components.stalwart.options.tls import Tls


class Mode(StrEnum):
    """Which part a stack plays now."""

    SERVING = "serving"  # a primary with the mailboxes
    FENCED = "fenced"  # a primary whose mailboxes no longer count, or do not count yet
    STANDBY = "standby"  # a backup that holds mail for the primary
    ACTIVE = "active"  # a backup that has the primary's mailboxes as well


MODES = {"primary": (Mode.SERVING, Mode.FENCED), "backup": (Mode.STANDBY, Mode.ACTIVE)}  # the first is the default


class Restore(Model):
    """Mailboxes that come from a backup."""

    namespace: KubernetesName = Field(
        "mail-restored",
        max_length=MAX_TARGET_LENGTH,
        description="where they are restored to: a namespace that holds no mail, a new one for every restore",
        examples=["mail-2"],
    )
    backup_name: KubernetesName | None = Field(
        None, description="a completed backup; default: the newest", examples=["mail-primary-archive-20261103024700"]
    )
    from_namespace: KubernetesName | None = Field(
        None,
        description="the namespace that was backed up; default: the primary's `namespace`, on a backup the one it has now",
        examples=["mail-restored"],
    )
    source: BackupLocation | None = Field(
        None,
        description="on a primary: another region's backups; default: this region's own, on a backup the primary's archive",
        examples=['{"bucket": "example-mail-backup", "region": "eu-central-1"}'],
    )
    checked: bool = Field(
        False,
        description="true once the restored server was looked at and may serve; until then no mail goes in or out",
        examples=["true"],
    )
    storage_class: str | None = Field(
        None, description="of the restored volume; default: that of the backed up one", examples=["fast-ssd"]
    )
    database: DatabaseSource | None = Field(
        None,
        description="distributed: the archive of the database; on a backup the default is the primary's",
        examples=['{"bucket": "example-mail-database", "region": "eu-central-1", "serverName": "mail"}'],
    )
    storage: Storage | None = Field(
        None, description="on a backup, distributed: the stores of this region", examples=['{"kind": "distributed"}']
    )
    exposure: Exposure = Field(
        Exposure.model_validate({}),
        description="on a backup: how the restored server is reached",
        examples=['{"addresses": ["198.51.100.21"]}'],
    )
    tls: Tls | None = Field(
        None, description="on a backup: its certificate; default: as on the primary", examples=['{"issuer": "letsencrypt"}']
    )


EVERYDAY_RESTORE = Restore.model_validate({})
ON_A_BACKUP = ("storage", "exposure", "tls")
