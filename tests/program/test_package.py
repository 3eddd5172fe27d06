"""The components as a Pulumi package: started as the engine starts it, which then asks what is in it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto.provider_pb2 import GetSchemaRequest
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from offline.program import PROJECT_FOLDER

NAMES = ("DkimKeys", "MailBackup", "MailDns", "MailMonitoring", "MailRestore", "RestoreCheck", "RestoreDrill", "StalwartServer")


@pytest.fixture
def schema(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What it says to the engine, at whatever port it names; it finds its modules by itself, not by this test's path."""
    command = [sys.executable, "-E", str(PROJECT_FOLDER / "components"), "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as package:
        assert package.stdout
        try:
            with grpc.insecure_channel(f"127.0.0.1:{package.stdout.readline().strip()}") as channel:
                yield json.loads(ResourceProviderStub(channel).GetSchema(GetSchemaRequest(), timeout=30).schema)
        finally:
            package.terminate()


def test_the_package_describes_every_component(schema: dict[str, Any]):
    assert schema["name"] == "stalwart-mail"
    assert schema["resources"].keys() == {f"stalwart-mail:index:{name}" for name in NAMES}
    for name, resource in schema["resources"].items():
        assert resource["isComponent"], name
        assert resource["description"], name
        assert resource["inputProperties"], name
