"""Calls of an MCP server that nobody waits for any more."""

import asyncio
import gc
from typing import Any

from mcpmesh.adopt.mcp_call import McpCall
from mcpmesh.adopt.mcp_turns import Turns


async def test_a_call_that_fails_while_its_caller_is_away_is_not_reported_as_a_bug() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    async def lost(_: Any) -> dict[str, Any]:
        raise ConnectionError("the server is gone")

    call = McpCall("a", Turns(set()))
    call.start(lost)
    for _ in range(5):
        await asyncio.sleep(0)
    del call
    gc.collect()
    assert not reported
