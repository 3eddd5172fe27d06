"""The components as a Pulumi package: which there are, and its schema in words that fit every language of Pulumi.

The SDK infers the schema from the types. What it cannot see is added here: which values are secret. And what it takes from
docstrings as they are is put as the users of a package need it: names in camelCase, no sections about Python.
"""

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, cast

import pulumi
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.util import camel_case

from .backup.mail_backup import MailBackup
from .backup.mail_restore import MailRestore
from .backup.restore_check import RestoreCheck
from .backup.restore_drill import RestoreDrill
from .dns.dkim_keys import DkimKeys
from .dns.mail_dns import MailDns
from .stalwart.server import StalwartServer

NAME = "stalwart-mail"
# Without `ArchiveBucket`: everybody would have to download the provider of AWS for it.
COMPONENTS: list[type[pulumi.ComponentResource]] = [
    DkimKeys,
    MailBackup,
    MailDns,
    MailRestore,
    RestoreCheck,
    RestoreDrill,
    StalwartServer,
]
SECRETS = {
    "DkimKeys": {"privateKeys"},
    "MailBackup": {"repositoryPassword"},
    "StalwartServer": {"dkimPrivateKeys", "recipientReaderPassword"},
    "Location": {"accessKeyId", "secretAccessKey"},
    "RecipientReader": {"password"},
}
"""The properties of resources and types that hold a secret. SDKs encrypt them whatever they are given."""

_SECTION = re.compile(r"\n\n(Raises|Args|Returns):\n.*", re.DOTALL)
_PYTHON_NAME = re.compile(r"`([a-z][a-z0-9_.]*)`")


def provider(version: str) -> ComponentProvider:
    """What the engine asks for the package's schema, and has construct components."""
    found = ComponentProvider(COMPONENTS, NAME, version=version)
    found.schema = json.dumps(schema_for_every_language(json.loads(found.schema or "")))
    return found


def schema_for_every_language(inferred: Mapping[str, Any]) -> dict[str, Any]:
    """The package's schema, from the one that the SDK infers.

    Types are called without `Args`, which the SDKs of other languages put there themselves.
    """
    schema = cast("dict[str, Any]", json.loads(re.sub(r'(:index:\w+?)Args"', r'\1"', json.dumps(inferred))))
    properties = {name for owner in _owners(schema).values() for group in owner for name in group}
    for name, groups in _owners(schema).items():
        secrets = SECRETS.get(name, set())
        for group in groups:
            # A map or a list of which the component must know the keys stays plain; what is in it is an input each.
            for secret in secrets & group.keys():
                if not group[secret].get("plain"):
                    group[secret]["secret"] = True
    return _described(schema, properties)


def _owners(schema: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The properties of each resource and type, by its name."""
    found = {token: [resource["inputProperties"], resource["properties"]] for token, resource in schema["resources"].items()}
    found |= {token: [type_["properties"]] for token, type_ in schema["types"].items()}
    return {token.rpartition(":")[2]: groups for token, groups in found.items()}


def _described(value: Any, properties: set[str]) -> Any:
    match value:
        case dict():
            return {
                key: _in_other_words(item, properties)
                if key == "description" and isinstance(item, str)
                else _described(item, properties)
                for key, item in cast("dict[str, Any]", value).items()
            }
        case list():
            return [_described(item, properties) for item in cast("list[Any]", value)]
        case _:
            return value


def _in_other_words(docstring: str, properties: set[str]) -> str:
    """A docstring as a description: without the sections that Python's tools read, and with names as the schema has them."""

    def name(match: re.Match[str]) -> str:
        parts = [camel_case(part) for part in match[1].split(".")]
        return f"`{'.'.join(parts)}`" if properties.issuperset(parts) else match[0]

    return _PYTHON_NAME.sub(name, _SECTION.sub("", inspect.cleandoc(docstring)))
