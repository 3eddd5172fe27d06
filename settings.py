"""The stack's configuration as typed, frozen settings. Nothing below this module reads Pulumi's configuration.

Every key is named, with what is allowed and an example, in the models; the JSON schema that editors use, and the tables in
the docs, are made from them. A mistake is reported with its key, its value and the way to mend it; all mistakes together;
before anything is created.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, cast

import pulumi
from pulumi.runtime import get_config_env, get_config_secret_keys_env
from pydantic import Field, ValidationError, ValidationInfo, field_validator

import config_errors
from components.model import KubernetesName
from components.stalwart.options.storage import Storage
from region_settings import RegionSettings
from restore_settings import EVERYDAY_RESTORE, MODES, ON_A_BACKUP, Mode, Restore


class Settings(RegionSettings):
    """The configuration of one stack: one region, and the part it plays now."""

    mode: Mode | None = Field(
        None,
        description="primary: serving (default) or fenced; backup: standby (default) or active",
        examples=["active"],
        validate_default=True,
    )
    primary_is_fenced: bool = Field(
        False,
        description="on a backup, true once the primary can no longer take or send mail; the runbook says how to make sure",
        examples=["true"],
        validate_default=True,
    )
    backup_is_fenced: bool = Field(
        False,
        description="on a primary that takes mailboxes back, true once those in the backup region are fenced",
        examples=["true"],
        validate_default=True,
    )
    restore: Restore | None = Field(
        None,
        description="the backup that the mailboxes come from: on a primary, or on a backup that is active",
        examples=['{"namespace": "mail-2"}'],
        validate_default=True,
    )
    return_to: KubernetesName | None = Field(
        None,
        description="a namespace this stack had mailboxes in before, and is to have them in again as they were",
        examples=["mail"],
    )

    @field_validator("mode")
    @classmethod
    def _mode_of_role(cls, mode: Mode | None, info: ValidationInfo) -> Mode | None:
        known = MODES.get(info.data.get("role", ""))
        if known is None:
            return mode
        if mode and mode not in known:
            raise ValueError(f"is not for a {info.data['role']} stack, which is {' or '.join(known)}")
        if mode == Mode.ACTIVE and info.data.get("backup") is None and "backup" in info.data:
            raise ValueError("needs `backup`: the mailboxes are restored from the primary's archive")
        return mode or known[0]

    @field_validator("primary_is_fenced")
    @classmethod
    def _primary_is_out_of_the_way(cls, is_fenced: bool, info: ValidationInfo) -> bool:
        if is_fenced and info.data.get("role") == "primary":
            raise ValueError("is for a backup stack, and this one is a primary")
        if info.data.get("mode") == Mode.ACTIVE and not is_fenced:
            raise ValueError(
                "and `mode` is active: the mailboxes would be served while the primary may still run, and mail be split between"
                " the two; fence it as docs/runbooks/failover.md says"
            )
        return is_fenced

    @field_validator("backup_is_fenced")
    @classmethod
    def _only_a_primary_takes_back(cls, is_fenced: bool, info: ValidationInfo) -> bool:
        if is_fenced and info.data.get("role") == "backup":
            raise ValueError("is for a primary stack, and this one is a backup")
        return is_fenced

    @field_validator("restore")
    @classmethod
    def _restore_fits(cls, restore: Restore | None, info: ValidationInfo) -> Restore | None:
        role, backup = (info.data.get(name) for name in ("role", "backup"))
        if restore is None or role is None:
            return restore
        storage: Storage | None = info.data.get("storage")
        if role == "primary" and restore.database and storage and not storage.database_is_ours:
            raise ValueError("has a `database`, and this stack makes none: `storage` is embedded, or has a given database")
        serves = restore.checked and info.data.get("mode") != Mode.FENCED
        if role == "primary" and restore.source and serves and info.data.get("backup_is_fenced") is False:
            raise ValueError(
                "would serve mailboxes that come from another region, while `backupIsFenced` is false: if they are still served"
                " there, mail is split between the two; fence them as docs/runbooks/failover.md says, then pulumi config set"
                " backupIsFenced true"
            )
        if role == "backup" and restore.source:
            raise ValueError("has a `source` on a backup, which restores from the primary's archive")
        foreign = sorted(restore.model_fields_set & set(ON_A_BACKUP)) if role == "primary" else []
        if foreign:
            raise ValueError(f"has {', '.join(foreign)}, which is for a backup; a primary has its own")
        if restore.namespace == info.data.get("namespace"):
            raise ValueError(f"has the namespace {restore.namespace}, where this stack's server is; it restores to another")
        if role == "primary" and backup is None and "backup" in info.data:
            raise ValueError("needs `backup`: it says where the backups are")
        return restore

    @property
    def is_active(self) -> bool:
        """Whether a backup has the primary's mailboxes as well."""
        return self.mode == Mode.ACTIVE

    @property
    def has_mailboxes(self) -> bool:
        """Whether this stack has mailboxes: a backup only while it is active."""
        return self.role == "primary" or self.is_active

    @property
    def restored(self) -> Restore | None:
        """Where this stack's mailboxes were restored from; None when it has none, or when they began here."""
        if self.role == "primary":
            return self.restore
        return (self.restore or EVERYDAY_RESTORE) if self.is_active else None

    @property
    def is_fenced(self) -> bool:
        """Whether its mailboxes are kept away from the world: they no longer count, or are not checked yet."""
        return self.mode == Mode.FENCED or (self.restored is not None and not self.restored.checked)

    @property
    def serves(self) -> bool:
        """Whether mailboxes are reached here."""
        return self.has_mailboxes and not self.is_fenced

    @property
    def mailbox_namespace(self) -> str:
        """The namespace with the mailboxes, or where they would be."""
        if self.role == "primary":
            return self.restore.namespace if self.restore else self.namespace
        return (self.restore or EVERYDAY_RESTORE).namespace


class SettingsError(pulumi.RunError):
    """The stack's configuration cannot be used; the message lists every mistake. The engine prints it without a traceback."""


def parse(values: Mapping[str, Any], prefix: str, encrypted: Collection[str] = ()) -> Settings:
    """Check a stack's configuration.

    Args:
        values: the configuration by key, without prefix.
        prefix: the namespace of the keys, for error messages.
        encrypted: the keys whose value was, or holds, a secret in the stack's file; error messages do not show them.

    Raises:
        SettingsError: with every mistake at once.
    """
    try:
        return Settings.model_validate(dict(values), context={"zones": _zone_names(values)})
    except ValidationError as error:
        raise SettingsError(config_errors.explain(error, Settings, prefix, encrypted)) from None


def _zone_names(values: Mapping[str, Any]) -> list[str]:
    """The zones a host name may be in, read before anything is checked: one bad domain must not hide a bad host name."""
    lists: list[object] = [values.get("domains"), _entries(values.get("dns")).get("zones")]
    zones = [_entries(zone) for found in lists if isinstance(found, list) for zone in cast("list[object]", found)]
    return [str(zone["name"]).lower().rstrip(".") for zone in zones if "name" in zone]


def _entries(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def load() -> Settings:
    """Read and check the configuration of the stack that is running.

    Raises:
        SettingsError: with every mistake at once.
    """
    project = pulumi.get_project()
    own = {key.removeprefix(f"{project}:"): value for key, value in get_config_env().items() if key.startswith(f"{project}:")}
    encrypted = [key.removeprefix(f"{project}:") for key in get_config_secret_keys_env()]
    return parse({key: _decoded(value) for key, value in own.items()}, project, encrypted)


def _decoded(value: str) -> Any:
    """The engine hands over lists and objects as JSON text; plain values are plain text."""
    if value.lstrip().startswith(("{", "[")):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
