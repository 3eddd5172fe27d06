"""The `data` of a Kubernetes Secret."""

import base64
from collections.abc import Mapping


def encode(values: Mapping[str, str]) -> dict[str, str]:
    """The values as a Secret's `data`. With `stringData` the API server would rewrite the object and a refresh see a change."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
