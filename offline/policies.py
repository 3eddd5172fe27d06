"""The policies of `policy/` on a recorded stack: the same rules that the Pulumi engine asks with `--policy-pack policy`."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pulumi

from config_errors import closest
from policy.rules import MANDATORY, UNKNOWN, Resource, Violation, check, config_schema

from .recorder import Recording, map_secrets
from .tables import table

CONFIG_FILE = "policy-config.json"
UNKNOWN_ON_THE_WIRE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # Pulumi's mark of a value that is not known yet


def read_config(folder: Path) -> dict[str, Any]:
    """What the project has configured for its policies, in the form that `--policy-pack-config` takes.

    Args:
        folder: the project's; without the file in it, everything has its default.

    Raises:
        pulumi.RunError: the file is no JSON, or does not fit the policies; the message lists every mistake.
    """
    path = folder / CONFIG_FILE
    if not path.exists():
        return {}
    # Only where it is used: it takes time to load.
    import jsonschema  # noqa: PLC0415

    library = cast("Any", jsonschema)  # its types are partial
    try:
        config = json.loads(path.read_text())
    except ValueError as error:
        raise pulumi.RunError(f"{CONFIG_FILE} is no JSON: {error}") from None
    errors = library.Draft202012Validator(config_schema()).iter_errors(config)
    problems = [f"  - {problem}" for error in errors for problem in _problems(error)]
    if problems:
        raise pulumi.RunError(f"{CONFIG_FILE} does not fit the policies (docs/policies.md):\n" + "\n".join(problems))
    return config


def _problems(error: Any) -> list[str]:
    """What a validator found, with what is allowed in its place."""
    path = [str(part) for part in error.absolute_path]
    match error.validator:
        case "enum":
            return [f"{'.'.join(path)} = {_instead(error.instance, error.validator_value)}"]
        case "additionalProperties" if error.validator_value is False:
            known = error.schema["properties"]
            return [_instead(".".join([*path, key]), known, key) for key in error.instance if key not in known]
        case _:
            return [f"{'.'.join(path) or 'the file'}: {error.message}"]


def _instead(shown: Any, known: Collection[str], word: str | None = None) -> str:
    """A value, or a key, that there is not, and those that there are."""
    close = closest(word or str(shown), known)
    what = f"{shown} is not a setting" if word else f"{shown!r}"
    return what + (f"; did you mean {close}?" if close else "") + f"\n    allowed: {', '.join(known)}"


def violations(recording: Recording, config: Mapping[str, Any]) -> list[Violation]:
    """What a recorded stack breaks.

    Args:
        recording: what the program registered.
        config: as `read_config` returns it.
    """
    resources: list[Resource] = []
    for urn, found in recording.resources.items():
        # The engine shows a component with its outputs.
        values = {**found.inputs, **recording.outputs_of.get(urn, {})}
        resources.append(Resource(found.type, found.name, urn, _plain(values), found.protect))
    return check(resources, config)


def stops(found: Sequence[Violation]) -> bool:
    """Whether one of the violations is mandatory."""
    return any(violation.level == MANDATORY for violation in found)


def section(found: Sequence[Violation]) -> str:
    """The part of the summary that says what is broken, as Markdown."""
    if not found:
        return "## Policies\n\nNone is broken.\n"
    rows = [(violation.level, violation.rule, violation.resource, violation.message) for violation in found]
    return "## Policies\n\n" + table(("level", "policy", "resource", "what is wrong"), rows) + "\n"


def to_json(found: Sequence[Violation]) -> str:
    """The violations as `policy.json` has them."""
    return json.dumps([asdict(violation) for violation in found], indent=2) + "\n"


def _plain(value: Any) -> Any:
    """A recorded value with `UNKNOWN` in place of what is unknown, and of secrets, which no message may show."""
    return _known(map_secrets(value, lambda _secret: UNKNOWN_ON_THE_WIRE))


def _known(value: Any) -> Any:
    match value:
        case dict():
            return {key: _known(item) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [_known(item) for item in cast("list[Any]", value)]
        case _:
            return UNKNOWN if value == UNKNOWN_ON_THE_WIRE else value
