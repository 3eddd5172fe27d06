"""Mistakes in the stack's configuration, in words: the key, the value, what is allowed, and what to type.

Values are shown only where they are plain and known not to be secret.
"""

import difflib
import shlex
import types
import typing
from collections.abc import Collection, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Location = tuple[int | str, ...]


def explain(error: ValidationError, model: type[BaseModel], prefix: str, encrypted: Collection[str] = ()) -> str:
    """Every mistake of a configuration, one paragraph each.

    Args:
        error: what validation found.
        model: the model it was validated against.
        prefix: the namespace of the keys, such as `mail`.
        encrypted: the keys whose value was, or holds, a secret in the stack's file.
    """
    mistakes = error.errors(include_url=False, include_context=False)
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    paragraphs = [_paragraph(mistake, model, prefix, encrypted) for mistake in mistakes]
    return f"The configuration of this stack has {count}; nothing was created.\n\n" + "\n\n".join(paragraphs)


def _paragraph(mistake: ErrorDetails, model: type[BaseModel], prefix: str, encrypted: Collection[str]) -> str:
    location = _aliased(mistake["loc"], model)
    key = f"{prefix}:{_dotted(location)}"
    if mistake["type"] == "extra_forbidden":
        return _unknown_key(location, model, prefix, key)
    field = _field(model, location)
    lines = [f"{key}{_shown(mistake, field, location[0] in encrypted)} {_what(mistake)}"]
    if field:
        lines.append(f"    allowed: {field.description}")
        lines.append(f"    example: {_command(location, field)}")
    return "\n".join(lines)


def _unknown_key(location: Location, model: type[BaseModel], prefix: str, key: str) -> str:
    parent = model if len(location) == 1 else model_of(_field(model, location[:-1]))
    known = sorted(field.alias or name for name, field in parent.model_fields.items()) if parent else []
    close = closest(str(location[-1]), known)
    lines = [f"{key} is not a setting" + (f"; did you mean {close}?" if close else "")]
    # At the top there are so many that the one which was meant is lost among them.
    allowed = f"{close}, and what docs/settings.md lists" if close and len(location) == 1 else ", ".join(known)
    lines.append(f"    allowed: {allowed}")
    if close:
        right = f"{prefix}:{_dotted((*location[:-1], close))}"
        lines.append(f"    example: name it {right} in the stack's file")
    else:
        lines.append(f"    example: pulumi config rm {_path_option(location)}{shlex.quote(_dotted(location))}")
    return "\n".join(lines)


def closest(word: str, known: Collection[str]) -> str | None:
    """The one of the known words that was probably meant."""
    return next(iter(difflib.get_close_matches(word, known, n=1)), None)


def _what(mistake: ErrorDetails) -> str:
    if mistake["type"] == "missing":
        return "is not set"
    if mistake["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "is not a group of settings"
    if mistake["type"] == "value_error":
        return mistake["msg"].removeprefix("Value error, ")
    _, _, wanted = mistake["msg"].partition(" should ")
    return f"should {wanted}" if wanted else f"is wrong: {mistake['msg']}"


def _shown(mistake: ErrorDetails, field: FieldInfo | None, is_encrypted: bool) -> str:
    value = mistake["input"]
    if mistake["type"] == "missing" or value is None:
        return ""
    if field is None or is_encrypted or SecretStr in leaf_types(field.annotation):
        return " (a secret)"
    if isinstance(value, (str, int, float, bool)):
        return f" = {value!r}"
    return ""


def _command(location: Location, field: FieldInfo) -> str:
    example = str((field.examples or [""])[0])
    if example.startswith("pulumi "):
        return example.replace("<key>", shlex.quote(_dotted(location)))
    if example.startswith(("{", "[")):
        if example.startswith("[") and isinstance(location[-1], int):
            location = location[:-1]  # it shows the whole list
        return f"in the stack's file, {_dotted(location)}: {example}"
    return f"pulumi config set {_path_option(location)}{shlex.quote(_dotted(location))} {shlex.quote(example)}"


def _path_option(location: Location) -> str:
    return "--path " if len(location) > 1 else ""


def _dotted(location: Location) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _aliased(location: Location, model: type[BaseModel]) -> Location:
    """The location in the words of the configuration: for a default, validation names the field of the model instead."""
    names = {name: field.alias or name for name, field in model.model_fields.items()}
    return (names.get(str(location[0]), location[0]), *location[1:])


def _field(model: type[BaseModel], location: Location) -> FieldInfo | None:
    """The field a location leads to; list positions lead to the list's own field."""
    current: type[BaseModel] | None = model
    found: FieldInfo | None = None
    for part in location:
        if isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in current.model_fields.items()} if current else {}
        if part not in fields:
            return found
        found = fields[part]
        current = model_of(found)
    return found


def model_of(field: FieldInfo | None) -> type[BaseModel] | None:
    """The model a field holds, or holds a list of."""
    leaves: Sequence[Any] = leaf_types(field.annotation) if field else []
    return next((leaf for leaf in leaves if isinstance(leaf, type) and issubclass(leaf, BaseModel)), None)


def leaf_types(annotation: Any) -> Sequence[Any]:
    """The types inside unions, tuples and annotations."""
    if get_origin(annotation) in (typing.Union, types.UnionType, tuple, typing.Annotated):
        return [leaf for argument in get_args(annotation) for leaf in leaf_types(argument)]
    return [annotation]
