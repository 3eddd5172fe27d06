"""Runs the Pulumi program of this project without an engine, a cluster, an account or a token."""

import asyncio
import json
import logging
import os
import runpy
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import yaml
from pulumi.runtime import settings as runtime
from pulumi.runtime.mocks import set_mocks
from pulumi.runtime.stack import run_in_stack

from .recorder import Recorder, Recording, World

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
ORGANIZATION = "organization"  # what Pulumi calls it on backends that have none


def project_file(folder: Path = PROJECT_FOLDER) -> Mapping[str, Any]:
    """The contents of `Pulumi.yaml`."""
    return _yaml(folder / "Pulumi.yaml")


def stack_config(stack: str, folder: Path = PROJECT_FOLDER) -> dict[str, Any]:
    """The configuration of a stack as the engine puts it together: its file over the defaults of the project.

    Raises:
        FileNotFoundError: the stack has no file.
    """
    project = project_file(folder)
    prefix = f"{project['name']}:"
    defaults = {prefix + key: item["default"] for key, item in project.get("config", {}).items() if "default" in item}
    return {**defaults, **(_yaml(folder / f"Pulumi.{stack}.yaml").get("config") or {})}


def main_program() -> None:
    """This project's program."""
    runpy.run_path(str(PROJECT_FOLDER / "__main__.py"), run_name="__main__")


def record(
    stack: str,
    config: Mapping[str, Any],
    world: World,
    preview: bool = False,
    program: Callable[[], None] = main_program,
    folder: Path = PROJECT_FOLDER,
) -> Recording:
    """Run the program for one stack.

    Args:
        stack: the stack's name.
        config: its configuration by full key; a secret is `{"secure": "..."}` and reaches the program as that text.
        world: what resources and other stacks answer.
        preview: True to leave outputs of new resources unknown, as the first preview of a stack does.
        program: what to run.
        folder: of the project that it belongs to.

    Returns:
        What the program registered.

    Raises:
        pulumi.RunError: the program refused its configuration.
    """
    recording = Recording(stack)
    # With a root in place `set_mocks` makes no stack of its own, whose event loop would not be the one that runs below.
    runtime.set_root_resource(object())  # pyright: ignore[reportArgumentType]
    monitor = Recorder(world, recording)
    set_mocks(
        monitor.mocks,
        project=str(project_file(folder)["name"]),
        stack=stack,
        preview=preview,
        monitor=monitor,
        organization=ORGANIZATION,
        logger=_silent_logger(),
    )
    runtime.set_root_resource(None)  # pyright: ignore[reportArgumentType]
    with _environment(config):
        asyncio.run(_run(program))
    return recording


async def _run(program: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    # One thread answers the program, so that a recording has one order; the mock monitor needs an event loop in it.
    loop.set_default_executor(
        ThreadPoolExecutor(max_workers=1, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop()))
    )
    try:
        await run_in_stack(program)
    finally:
        await loop.run_in_executor(None, lambda: asyncio.get_event_loop().close())


@contextmanager
def _environment(config: Mapping[str, Any]) -> Generator[None]:
    """The configuration where the engine's language host puts it, so that the program reads it the same way."""
    encoded: dict[str, str] = {}
    secret_keys: list[str] = []
    for key, value in config.items():
        plain = _without_secure(value)
        if plain != value:
            secret_keys.append(key)
        encoded[key] = plain if isinstance(plain, str) else json.dumps(plain)
    changes = {"PULUMI_CONFIG": json.dumps(encoded), "PULUMI_CONFIG_SECRET_KEYS": json.dumps(secret_keys)}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _without_secure(value: Any) -> Any:
    match value:
        case {"secure": text} if len(value) == 1:
            return text
        case dict():
            return {key: _without_secure(item) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [_without_secure(item) for item in cast("list[Any]", value)]
        case _:
            return value


def _yaml(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(), Loader=yaml.CSafeLoader) or {}


def _silent_logger() -> logging.Logger:
    logger = logging.getLogger("offline.engine")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
