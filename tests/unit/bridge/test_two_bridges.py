"""Bridges that share a key take over from each other, whatever a client has under way."""

from contextlib import asynccontextmanager

import httpx2
import pytest

from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.server import HttpServer
from mcpmesh.config.bridge import BridgeSettings
from tests.unit.bridge.behind_router import ANY, mesh_of
from tests.unit.bridge.test_http import message, modern
from tests.unit.bridge.test_legacy_asks import ACCEPT, asker, session

KEY = "a key that bridges share"
CAN = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}


@asynccontextmanager
async def bridge_on(mesh, key=KEY):
    """Serve another bridge of the mesh; gives a client and what kills it."""
    bridge = Bridge(mesh.bridge.mesh, BridgeSettings(session_key=key))
    server = HttpServer(HttpApp(bridge), ANY, grace=0)
    address = await server.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://{address}", timeout=10) as http:
            yield http, server.stop
    finally:
        await server.stop()


@pytest.fixture
async def mesh():
    async with mesh_of(asker()) as mesh:
        yield mesh


async def test_a_legacy_session_outlives_its_bridge(mesh):
    async with bridge_on(mesh) as (first, kill), bridge_on(mesh) as (second, _):
        headers = {**ACCEPT, **await session(first)}
        listed = (await first.post("/mcp", json=message("tools/list"), headers=headers)).json()
        await kill()
        assert (
            await second.post("/mcp", json=message("tools/list"), headers=headers)
        ).json() == listed


async def test_a_session_of_another_key_is_unknown(mesh):
    async with bridge_on(mesh) as (first, _), bridge_on(mesh, "k" * 20) as (second, _):
        headers = {**ACCEPT, **await session(first)}
        answer = await second.post("/mcp", json=message("tools/list"), headers=headers)
        assert answer.status_code == 404


async def test_each_round_of_questions_may_reach_another_bridge(mesh):
    async with bridge_on(mesh) as (first, kill), bridge_on(mesh) as (second, _):
        params = {"name": "order"}
        asked = (await modern(first, "tools/call", params, **CAN)).json()["result"]
        await kill()
        for key, value in (("what", "tea"), ("many", 2)):
            assert list(asked["inputRequests"]) == [key]
            answer = {key: {"action": "accept", "content": {"answer": value}}}
            state = {"inputResponses": answer, "requestState": asked["requestState"]}
            asked = (await modern(second, "tools/call", {**params, **state}, **CAN)).json()[
                "result"
            ]
        assert asked["content"][0]["text"] == "2 x tea"
