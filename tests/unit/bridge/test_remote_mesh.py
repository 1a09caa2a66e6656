import asyncio
from random import Random

import grpc
import httpx2
import pytest

from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.errors import NoReplica, Overloaded
from mcpmesh.stack.origin import Origin
from mcpmesh.v1 import discovery_pb2, invoke_pb2, tool_pb2
from tests.eventually import eventually
from tests.unit.bridge.fixture_mesh import TOOLS, Discovery, Tools, grpc_tools, running_bridge


async def test_changes_of_the_catalog_change_the_list():
    async with running_bridge() as mesh:
        await eventually(mesh.mesh.ready)
        before = mesh.mesh.tools()
        assert len(before.tools) == len(TOOLS)
        fresh = tool_pb2.Tool(name="add", description="Newer.", version="v3")
        status = discovery_pb2.ToolStatus(tool=fresh)
        mesh.discovery.events.put_nowait(discovery_pb2.CatalogEvent(cursor="2", updated=status))

        async def changed():
            return mesh.mesh.tools().cursor != before.cursor

        await eventually(changed)
        first = mesh.mesh.tools().tools[0]
        assert (first.tool.name, first.tool.version) == ("add", "v3")
        async with httpx2.AsyncClient() as http:
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            tools = (await http.post(mesh.url, json=body)).json()["result"]["tools"]
        assert tools[0]["description"] == "Newer."


async def test_a_watcher_told_to_resync_watches_again():
    tools, discovery = Tools(), Discovery()
    async with (
        grpc_tools(tools, discovery) as target,
        grpc.aio.insecure_channel(target) as channel,
    ):
        mesh = RemoteMesh(channel, rng=Random(1))
        await mesh.start()
        await eventually(mesh.ready)
        event = discovery_pb2.CatalogEvent(resync=discovery_pb2.Resync(reason="slow"))
        discovery.events.put_nowait(event)

        async def again():
            return discovery.watchers == 2 and await mesh.ready()

        await eventually(again)
        await mesh.stop()
        assert not await mesh.ready()
        assert len(mesh.tools().tools) == len(TOOLS)


async def test_without_a_router_nothing_is_ready_and_calls_say_so():
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel, RemoteMesh(channel) as mesh:
        assert mesh.tools().cursor == ""
        assert not await mesh.ready()
        with pytest.raises(NoReplica):
            await mesh.invoke(invoke_pb2.InvokeRequest(tool="add"), Origin(), 1.0)
        with pytest.raises(NoReplica):
            async for _ in mesh.stream(invoke_pb2.InvokeRequest(tool="add"), Origin(), 1.0):
                pass


async def test_a_refusal_carries_the_servers_wish_when_to_come_again():
    async with running_bridge() as mesh:
        with pytest.raises(Overloaded) as caught:
            await mesh.mesh.invoke(invoke_pb2.InvokeRequest(tool="busy"), Origin(), None)
        assert caught.value.retry_after_ms == 2500


LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


async def test_tools_list_waits_for_the_first_list():
    hold = asyncio.Event()
    async with running_bridge(hold=hold) as mesh, httpx2.AsyncClient(timeout=60) as http:
        waiting = asyncio.create_task(http.post(mesh.url, json=LIST))
        await eventually(lambda: "1 requests" in repr(mesh.server._house.answering))
        hold.set()
        assert len((await waiting).json()["result"]["tools"]) == 13


async def test_tools_list_does_not_wait_for_ever():
    hold, tuning = asyncio.Event(), Tuning(first_list_timeout=0.05)
    async with running_bridge(tuning=tuning, hold=hold) as mesh, httpx2.AsyncClient() as http:
        refused = (await http.post(mesh.url, json=LIST)).json()
        assert refused["error"]["code"] == -32013
