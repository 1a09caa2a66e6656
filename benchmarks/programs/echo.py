"""A ToolService that answers at once: echo.py PORT [mcpmesh|grpcio].

Invoke gives the arguments back; InvokeStream sends as many messages, of as many bytes, as the
arguments say: {"messages": 20000, "bytes": 256}; with "every_ms", one each so many milliseconds.
"""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import grpc
import uvloop

from mcpmesh.rpc.server import Server
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc, tool_pb2

RESULT = tool_pb2.ToolResult(structured_content=b"{}")


@cache
def chunk(size: int) -> invoke_pb2.InvokeEvent:
    """Return an event whose message is exactly so large."""
    text = size
    while True:
        event = invoke_pb2.InvokeEvent(
            content=tool_pb2.Content(text=tool_pb2.TextContent(text="x" * text))
        )
        over = event.ByteSize() - size
        if over <= 0:
            assert over == 0, f"no event has {size} bytes"
            return event
        text -= over


class Echo(invoke_pb2_grpc.ToolServiceServicer):
    """The same servicer for both engines."""

    async def Invoke(
        self, request: invoke_pb2.InvokeRequest, _context: Any
    ) -> invoke_pb2.InvokeResponse:
        return invoke_pb2.InvokeResponse(
            result=tool_pb2.ToolResult(structured_content=request.arguments)
        )

    async def InvokeStream(
        self, request: invoke_pb2.InvokeRequest, _context: Any
    ) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        asked = json.loads(request.arguments)
        event = chunk(asked["bytes"])
        pause = asked.get("every_ms", 0) / 1e3
        # Streams that begin together do not go on in step.
        await asyncio.sleep(random.random() * pause)
        for _ in range(asked["messages"]):
            if pause:
                await asyncio.sleep(pause)
            yield event
        yield invoke_pb2.InvokeEvent(result=RESULT)


async def main(port: str, engine: str = "mcpmesh") -> None:
    """Serve until the process ends."""
    server = Server() if engine == "mcpmesh" else grpc.aio.server()
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(Echo(), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
