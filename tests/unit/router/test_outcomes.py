"""What becomes of a streamed call whose reader leaves."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.config import RouterSettings
from mcpmesh.router.wiring import Router
from mcpmesh.rpc import Channel, Server
from mcpmesh.stack.origin import Origin
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc, tool_pb2
from tests.eventually import eventually

ANY = "127.0.0.1:0"
PROGRESS = invoke_pb2.InvokeEvent(progress=invoke_pb2.Progress(progress=1))
RESULT = invoke_pb2.InvokeEvent(result=tool_pb2.ToolResult(structured_content=b"{}"))


class Slow(invoke_pb2_grpc.ToolServiceServicer):
    """Tells the outcome, and does not end before it may."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.ends: asyncio.Queue[str] = asyncio.Queue()

    async def Invoke(self, request: Any, context: Any) -> Any:
        return invoke_pb2.InvokeResponse(result=RESULT.result)

    async def InvokeStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            yield PROGRESS
            yield RESULT
            await self.may_end.wait()
        except (asyncio.CancelledError, GeneratorExit):
            self.ends.put_nowait("cancelled")
            raise
        self.ends.put_nowait("well")


@pytest.mark.parametrize("remote", [False, True])
async def test_a_call_is_not_reset_for_the_end_of_its_outcome(remote: bool) -> None:
    server, slow = Server(), Slow()
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(slow, server)
    port = server.add_insecure_port(ANY)
    await server.start()
    settings = RouterSettings(grpc=ANY, static=(f"127.0.0.1:{port}=slow",))
    router = Router(settings, without_exporters(Random(1)))
    endpoint = await router.start()
    try:
        async with asyncio.timeout(30), Channel(endpoint) as channel:
            mesh: Any = RemoteMesh(channel) if remote else router.mesh
            tools = router.mesh.tools
            await eventually(lambda: any(each.ready_replicas for each in tools().tools))

            assert await _left_after(mesh, RESULT) == [PROGRESS, RESULT]
            # A reset would be there before this call.
            await mesh.invoke(invoke_pb2.InvokeRequest(tool="slow"), Origin(), 30.0)
            slow.may_end.set()
            assert await slow.ends.get() == "well"

            slow.may_end.clear()
            assert await _left_after(mesh, PROGRESS) == [PROGRESS]
            assert await slow.ends.get() == "cancelled"
    finally:
        await router.stop(0)
        await server.stop(None)


async def _left_after(mesh: Any, last: invoke_pb2.InvokeEvent) -> list[invoke_pb2.InvokeEvent]:
    """Read a call's events up to this one, and leave."""
    events = mesh.stream(invoke_pb2.InvokeRequest(tool="slow"), Origin(), 30.0)
    read = []
    async for event in events:
        read.append(event)
        if event == last:
            break
    await events.aclose()
    return read
