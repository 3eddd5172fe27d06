"""The package as the engine runs it: a program of its own, which registers what it makes with the engine it is told of."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.proto.engine_pb2_grpc import EngineServicer, add_EngineServicer_to_server
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub
from pulumi.runtime.proto.resource_pb2_grpc import ResourceMonitorServicer, add_ResourceMonitorServicer_to_server
from pulumi.runtime.settings import reset_options

from offline.program import PROJECT_FOLDER, project_file
from offline.recorder import Recorder, Recording, Secret, decode
from offline.world import OfflineWorld

PACKAGE = "stalwart-mail"
PROJECT, STACK = str(project_file()["name"]), "test"
ROOT = f"urn:pulumi:{STACK}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{STACK}"
OUTPUT_VALUE = {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4"}
TIMEOUT_S = 60


@dataclass(frozen=True)
class Later:
    """An input from another resource: not known in a preview."""

    value: Any


@dataclass(frozen=True)
class Constructed:
    """What became of one component."""

    recording: Recording
    outputs: Mapping[str, Any]
    """The component's outputs on the wire, with `Secret` around what is secret."""


class Engine(ResourceMonitorServicer, EngineServicer):
    """The recorder as a server, where the engine's would be."""

    def __init__(self) -> None:
        self.record(Recording(STACK), preview=False)
        # One, for the recorder answers one by one; it needs an event loop.
        self.thread = ThreadPoolExecutor(max_workers=1, initializer=lambda: asyncio.set_event_loop(asyncio.new_event_loop()))

    def record(self, recording: Recording, preview: bool) -> None:
        """Record from now on what is registered."""
        self._recorder = Recorder(OfflineWorld(), recording)
        self._preview = preview

    def close(self) -> None:
        self.thread.submit(lambda: asyncio.get_event_loop().close()).result()
        self.thread.shutdown()

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._recorder.GetDeploymentInfo(request)

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        reset_options(project=PROJECT, stack=STACK, preview=self._preview)  # of this call alone
        return self._recorder.RegisterResource(request)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._recorder.RegisterResourceOutputs(request)

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


class PackageHost:
    """The running package."""

    def __init__(self, engine: Engine, engine_address: str, channel: grpc.Channel) -> None:
        self.engine = engine
        self._engine_address = engine_address
        self._stub = ResourceProviderStub(channel)

    def schema(self) -> dict[str, Any]:
        """What is in it."""
        return json.loads(self._stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=TIMEOUT_S).schema)

    def construct(
        self, component: str, name: str, inputs: Mapping[str, Any], recording: Recording | None = None, preview: bool = False
    ) -> Constructed:
        """Have it build a component.

        Args:
            component: its name in the package.
            name: of the resource.
            inputs: by their names in the schema, with `Secret` around what is secret, `Later` around what other resources give.
            recording: what was registered before; it is added to.
            preview: whether it is a preview.

        Raises:
            grpc.RpcError: it refused, and says why.
        """
        recording = recording or Recording(STACK)
        self.engine.record(recording, preview)
        request = provider_pb2.ConstructRequest(
            project=PROJECT,
            stack=STACK,
            parent=ROOT,
            type=f"{PACKAGE}:index:{component}",
            name=name,
            dryRun=preview,
            monitorEndpoint=self._engine_address,
        )
        # As the engine sends them: every number is a float, and what a program has as an output says so where it is.
        json_format.ParseDict(_encoded(inputs, preview), request.inputs)
        answer = self._stub.Construct(request, timeout=TIMEOUT_S)
        return Constructed(recording, decode(json_format.MessageToDict(answer.state)))


@contextmanager
def package_host() -> Iterator[PackageHost]:
    """Start the package; it finds its modules by itself, not by this process's path."""
    engine = Engine()
    server = grpc.server(engine.thread)
    add_ResourceMonitorServicer_to_server(engine, server)
    add_EngineServicer_to_server(engine, server)
    engine_address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    command = [sys.executable, "-E", str(PROJECT_FOLDER / "components"), engine_address]
    with TemporaryDirectory() as elsewhere, subprocess.Popen(command, cwd=elsewhere, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout
        try:
            with grpc.insecure_channel(f"127.0.0.1:{host.stdout.readline().strip()}") as channel:
                yield PackageHost(engine, engine_address, channel)
        finally:
            host.terminate()
            server.stop(grace=None).wait()
            engine.close()


def _encoded(value: Any, preview: bool) -> Any:
    match value:
        case Later():
            return OUTPUT_VALUE if preview else {**OUTPUT_VALUE, "value": _encoded(value.value, preview)}
        case Secret():
            return {**OUTPUT_VALUE, "value": _encoded(value.value, preview), "secret": True}
        case Mapping():
            return {key: _encoded(item, preview) for key, item in value.items() if item is not None}
        case list():
            return [_encoded(item, preview) for item in value]
        case _:
            return value
