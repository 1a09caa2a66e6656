"""Calls of a bridge in the router's own process."""

import asyncio
import gc
from random import Random

import pytest

from mcpmesh.config import RouterSettings
from mcpmesh.dispatch.local_call import LocalCall
from mcpmesh.errors import ToolNotFound
from mcpmesh.router.wiring import Router
from mcpmesh.rpc import Server
from mcpmesh.stack.origin import Origin
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc, tool_pb2

ANY = "127.0.0.1:0"


class Echo(invoke_pb2_grpc.ToolServiceServicer):
    async def Invoke(self, request, context):
        result = tool_pb2.ToolResult(structured_content=request.arguments)
        return invoke_pb2.InvokeResponse(result=result)


async def test_calls_leave_nothing_for_the_garbage_collector():
    server = Server()
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(Echo(), server)
    port = server.add_insecure_port(ANY)
    await server.start()
    settings = RouterSettings(grpc=ANY, static=(f"127.0.0.1:{port}=echo",))
    router = Router(settings, without_exporters(Random(1)))
    await router.start()
    gc.collect()
    gc.disable()
    try:
        async with asyncio.timeout(10):
            while not any(status.ready_replicas for status in router.mesh.tools().tools):
                await asyncio.sleep(0.01)
        for _ in range(3):
            request = invoke_pb2.InvokeRequest(tool="echo", arguments=b"{}")
            answer = await router.mesh.invoke(request, Origin(), 5.0)
            assert answer.result.structured_content == b"{}"
            with pytest.raises(ToolNotFound):
                await router.mesh.invoke(invoke_pb2.InvokeRequest(tool="nix"), Origin(), 5.0)
        assert not [each for each in gc.get_objects() if type(each) is LocalCall]
    finally:
        gc.enable()
        await router.stop(0)
        await server.stop(None)
