"""A ToolService that holds its streams open: holder.py PORT.

It never looks into messages, so they may be any bytes. Invoke answers with the request's, Converse
with each message as it comes; InvokeStream sends as many messages as the request's first four
bytes say, each of as many bytes as the next four do, and then waits until it is cancelled.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from struct import Struct
from typing import Any

import grpc
import uvloop

from mcpmesh.rpc.server import Server, ServerOptions
from mcpmesh.wire.limits import Limits

_ASKED = Struct(">II")
#: All streams of the router come over one connection; resets of them all are no attack here.
_MAX_MESSAGE_BYTES = 256 * 1024 * 1024
_LIMITS = Limits(
    max_concurrent_streams=100_000,
    control_flood=100_000,
    max_unfinished_bytes=2 * _MAX_MESSAGE_BYTES,
)


async def invoke(request: bytes, _context: Any) -> bytes:
    """Give the request back."""
    return request


async def invoke_stream(request: bytes, _context: Any) -> AsyncIterator[bytes]:
    """Send what is asked for, and hold the stream."""
    messages, size = _ASKED.unpack_from(request)
    message = bytes(size)
    for _ in range(messages):
        yield message
    await asyncio.Event().wait()


async def converse(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    """Give each message back."""
    async for request in requests:
        yield request


async def main(port: str) -> None:
    """Serve until the process ends."""
    server = Server(ServerOptions(limits=_LIMITS, max_message_bytes=_MAX_MESSAGE_BYTES))
    server.add_registered_method_handlers(
        "mcpmesh.v1.ToolService",
        {
            "Invoke": grpc.unary_unary_rpc_method_handler(invoke),
            "InvokeStream": grpc.unary_stream_rpc_method_handler(invoke_stream),
            "Converse": grpc.stream_stream_rpc_method_handler(converse),
        },
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
