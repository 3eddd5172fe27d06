"""The engine's property values as plain data, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import Computed, PropertyValue

from offline.recorder import walk

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # how the engine writes a value that is only known once it deploys


def plain(value: PropertyValue | Mapping[str, PropertyValue]) -> Any:
    """Plain data, with secrets in the clear and whole numbers as the integers they were."""
    match value.value if isinstance(value, PropertyValue) else value:
        case Computed():
            return UNKNOWN
        case float() as number if number.is_integer():
            return int(number)
        case Mapping() as found:
            return {key: plain(item) for key, item in found.items()}
        case str() as text:
            return text
        case Sequence() as found:
            return [plain(item) for item in found]
        case other:
            return other


def wired(value: Any) -> PropertyValue:
    """The value that the engine gets for plain data."""
    match value:
        case dict():
            return PropertyValue({key: wired(item) for key, item in value.items()})
        case list():
            return PropertyValue([wired(item) for item in value])
        case int() if not isinstance(value, bool):
            return PropertyValue(float(value))
        case _:
            return PropertyValue(value)


def has_unknown(value: Any) -> bool:
    """Whether plain data holds a value that is not known yet."""
    return any(found == UNKNOWN for found in walk(value))
