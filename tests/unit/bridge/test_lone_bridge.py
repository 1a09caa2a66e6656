"""A bridge whose router is gone: what is for another bridge is refused, and nothing else."""

from random import Random

import httpx2
import pytest

from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.bridge.server import HttpServer
from mcpmesh.config import RouterSettings
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.router.wiring import Router
from mcpmesh.rpc import Channel
from mcpmesh.telemetry.setup import without_exporters
from tests.unit.bridge.behind_router import ANY
from tests.unit.bridge.test_http import JSON, initialized, message

ANSWER = {"jsonrpc": "2.0", "id": "ask.another-bridge.1", "result": {}}
CANCEL = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}


@pytest.fixture
async def http():
    router = Router(RouterSettings(grpc=ANY), without_exporters(Random(1)))
    endpoint = await router.start()
    async with Channel(endpoint) as channel, RemoteMesh(channel) as mesh:
        bridge = Bridge(mesh, BridgeSettings(session_key="a key that bridges share"))
        server = HttpServer(HttpApp(bridge), ANY, grace=0)
        address = await server.start()
        await router.stop(0)
        try:
            async with httpx2.AsyncClient(base_url=f"http://{address}", timeout=20) as http:
                yield http
        finally:
            await server.stop()


async def test_what_is_for_another_bridge_is_503_alone_and_in_a_batch(http):
    begun = await initialized(http, "2025-03-26")
    headers = {**JSON, "mcp-session-id": begun.headers["mcp-session-id"]}
    for body in (ANSWER, [ANSWER], [ANSWER, CANCEL]):
        refused = await http.post("/mcp", json=body, headers=headers)
        assert refused.status_code == 503
        assert "is away" in refused.json()["error"]["message"]
    mixed = await http.post("/mcp", json=[ANSWER, message("ping")], headers=headers)
    assert [each["result"] for each in mixed.json()] == [{}]
