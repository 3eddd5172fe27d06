"""The cluster of the echo engine: a folder with a file for every object, which outlives the engine and what the engine knows."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

Object = dict[str, Any]


class AlreadyExists(Exception):  # noqa: N818  it is what the API server calls it
    """An object of this name is there."""


@dataclass(frozen=True)
class Cluster:
    """What is in one cluster."""

    folder: Path

    def create(self, found: Object, upsert: bool = False) -> None:
        """Make an object, or with `upsert` take over one that is there.

        Raises:
            AlreadyExists: it is there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.has(place(found)) and not upsert:
            raise AlreadyExists(f'{found["kind"]} "{found["metadata"]["name"]}" already exists')
        self.write(found)

    def write(self, found: Object) -> None:
        """Put an object as it is."""
        file = self._file(place(found))
        whole = file.with_suffix(".new")
        whole.write_text(json.dumps(found))
        whole.replace(file)  # whoever looks sees the old one or the new one

    def read(self, where: str) -> Object | None:
        """The object at a place, or None."""
        return json.loads(self._file(where).read_text()) if self.has(where) else None

    def delete(self, where: str) -> None:
        """Delete what is at a place, if there is something."""
        self._file(where).unlink(missing_ok=True)

    def has(self, where: str) -> bool:
        """Whether something is at a place."""
        return self._file(where).exists()

    def objects(self) -> list[Object]:
        """Everything in it."""
        return [json.loads(file.read_text()) for file in sorted(self.folder.glob("*.json"))]

    def _file(self, where: str) -> Path:
        return self.folder / f"{quote(where, safe='')}.json"


def place(found: Object) -> str:
    """What an object is known by: group, kind, namespace and name."""
    metadata = found["metadata"]
    return "/".join([found["apiVersion"], found["kind"], metadata.get("namespace", ""), metadata["name"]])
