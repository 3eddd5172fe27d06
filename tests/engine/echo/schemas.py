"""What a strict API server says of an object, by Kubernetes' own schemas and, where they are, those of other people's kinds."""

from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

from tests.cluster.programs import DEFINITIONS
from tests.contract.judges import CUSTOM, KUBERNETES_VERSIONS

ANY = {"type": "object"}


def faults(found: dict[str, Any]) -> list[str]:
    """What is wrong with an object, one text each."""
    try:
        if not str(found["apiVersion"]).startswith(CUSTOM):
            kubernetes_validate.validate(found, KUBERNETES_VERSIONS[-1], strict=True)
        elif schema := _custom(found["apiVersion"], found["kind"]):
            jsonschema.validate(found, schema)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        return [f"{found['kind']} {found['metadata']['name']}: {error.message}"]
    return []


@cache
def _custom(api_version: str, kind: str) -> dict[str, Any] | None:
    group, _, version = api_version.partition("/")
    file = DEFINITIONS / f"{group}_{kind.lower()}s.yaml"
    if not file.exists():
        return None
    # Go takes flags anywhere in a pattern, Python only at its start.
    definition = yaml.load(file.read_text().replace("^(?i)", "(?i)^"), Loader=yaml.CSafeLoader)
    (found,) = [v for v in definition["spec"]["versions"] if v["name"] == version]
    schema = _strict(found["schema"]["openAPIV3Schema"])
    return {**schema, "properties": {**schema["properties"], "metadata": ANY}}  # which no definition describes


def _strict(schema: Any) -> Any:
    """The schema with unknown fields refused."""
    match schema:
        case list():
            return [_strict(item) for item in schema]
        case {"x-kubernetes-int-or-string": True}:
            return {}
        case {"properties": dict()} if not schema.get("x-kubernetes-preserve-unknown-fields"):
            return {"additionalProperties": False, **{key: _strict(value) for key, value in schema.items()}}
        case dict():
            return {key: _strict(value) for key, value in schema.items()}
        case _:
            return schema
