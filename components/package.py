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
from pulumi.errors import InputPropertiesError
from pulumi.provider import ConstructResult
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.util import camel_case
from pulumi.provider.server import ComponentInitError

from .backup.mail_backup import MailBackup
from .backup.mail_restore import MailRestore
from .backup.restore_check import RestoreCheck
from .backup.restore_drill import RestoreDrill
from .checks import ArgumentsError
from .dns.dkim_keys import DkimKeys
from .dns.mail_dns import MailDns
from .monitoring.mail_monitoring import MailMonitoring
from .stalwart.server import StalwartServer

NAME = "stalwart-mail"
# Without `ArchiveBucket`: everybody would have to download the provider of AWS for it.
COMPONENTS: list[type[pulumi.ComponentResource]] = [
    DkimKeys,
    MailBackup,
    MailDns,
    MailMonitoring,
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
_PYTHON_NAME = re.compile(r"\b[a-z0-9]+(_[a-z0-9]+)+\b")


class PackageProvider(ComponentProvider):
    """What the engine asks for the package's schema, and has construct components."""

    def __init__(self, version: str) -> None:
        """Infer the schema.

        Args:
            version: the package's, by SemVer.
        """
        super().__init__(COMPONENTS, NAME, version=version)
        schema = schema_for_every_language(json.loads(self.schema or ""))
        self.schema = json.dumps(schema)
        self._properties = _property_names(schema)

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Build a component.

        Raises:
            InputPropertiesError: what the component refused, without a traceback, and by the names that its user wrote.
        """
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, ArgumentsError):
                raise InputPropertiesError(_with_schema_names(str(error), self._properties), []) from None
            raise


def python_name(name: str) -> str:
    """What a property of the schema is called in Python."""
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def schema_for_every_language(inferred: Mapping[str, Any]) -> dict[str, Any]:
    """The package's schema, from the one that the SDK infers.

    Types are called without `Args`, which the SDKs of other languages put there themselves.
    """
    schema = cast("dict[str, Any]", json.loads(re.sub(r'(:index:\w+?)Args"', r'\1"', json.dumps(inferred))))
    for name, groups in _owners(schema).items():
        secrets = SECRETS.get(name, set())
        for group in groups:
            # A map or a list of which the component must know the keys stays plain; what is in it is an input each.
            for secret in secrets & group.keys():
                if not group[secret].get("plain"):
                    group[secret]["secret"] = True
    return _described(schema, _property_names(schema))


def _property_names(schema: Mapping[str, Any]) -> set[str]:
    return {name for groups in _owners(schema).values() for group in groups for name in group}


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
    """A docstring without the sections that Python's tools read."""
    return _with_schema_names(_SECTION.sub("", inspect.cleandoc(docstring)), properties)


def _with_schema_names(text: str, properties: set[str]) -> str:
    def name(match: re.Match[str]) -> str:
        found = camel_case(match[0])
        return found if found in properties else match[0]

    return _PYTHON_NAME.sub(name, text)
