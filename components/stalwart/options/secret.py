"""A secret by reference: its value never passes through the program."""

from typing import NotRequired, TypedDict


class SecretKeyArgs(TypedDict):
    """A value in a Kubernetes Secret of the server's namespace."""

    name: str
    """The Secret."""
    key: NotRequired[str]
    """The key in it. Default `password`."""
