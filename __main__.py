"""The Pulumi program: the stack's settings make a region, and what the region offers becomes the stack's outputs."""

from collections.abc import Mapping
from typing import Any

import pulumi

import region
import settings


async def main() -> Mapping[str, pulumi.Input[Any]]:
    """Deploy the region of the current stack and return its outputs."""
    return await region.deploy(settings.load())


pulumi.run(main)
