import asyncio

import httpx2

from mcpmesh.config.bridge import BridgeSettings
from tests.unit.bridge.fixture_mesh import running_bridge


async def test_a_silent_stream_is_kept_alive_and_its_end_cancels_the_call():
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "slow", "_meta": {"progressToken": 1}},
    }
    async with (
        running_bridge(BridgeSettings(heartbeat=1.0)) as mesh,
        httpx2.AsyncClient() as http,
    ):
        async with http.stream("POST", mesh.url, json=body) as response:
            assert response.headers["content-type"] == "text/event-stream"
            assert response.headers["x-accel-buffering"] == "no"
            assert await anext(response.aiter_text()) == ": keep-alive\n\n"
        await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
