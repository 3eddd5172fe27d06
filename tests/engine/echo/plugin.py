"""What the engine runs in the place of a provider: the echo of the one that it is named for."""

import sys

from pulumi.provider.experimental.server import main

from .provider import Echo

VERSION = "99.0.0"  # no SDK asks for a newer one


def run(name: str) -> None:
    """Serve the provider of this name."""
    if name == "kubernetes":
        from .kubernetes import Kubernetes  # the schemas take time to load

        main(sys.argv[1:], VERSION, Kubernetes())
    else:
        main(sys.argv[1:], VERSION, Echo())
