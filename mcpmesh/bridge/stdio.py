"""MCP over stdin and stdout: one JSON-RPC message per line, both eras, many requests at once."""

import asyncio
from collections.abc import Awaitable, Callable

from mcpmesh.bridge.duplex import Duplex
from mcpmesh.bridge.lines import Lines, LineTooLong
from mcpmesh.bridge.methods import Bridge
from mcpmesh.codec.jsonrpc import INVALID_REQUEST, RpcError, decode

SCOPE = "stdio"
#: Writes one line.
Write = Callable[[bytes], Awaitable[None]]


class StdioConnection:
    """The one client of a bridge on stdio."""

    def __init__(self, bridge: Bridge, write: Write) -> None:
        self._bridge = bridge
        self._write = write

    async def serve(self, lines: Lines) -> None:
        """Answer lines until the end of the input.

        What is in flight then may finish for a moment, so that a script can pipe its requests
        in and read the answers; after that it is cancelled.
        """
        async with asyncio.TaskGroup() as tasks:
            client = Duplex(self._bridge, self._say, tasks, SCOPE, "stdio")
            while True:
                try:
                    line = await lines.next()
                    if not line:
                        break
                    if line.strip():
                        await client.take(decode(line))
                except LineTooLong as exc:
                    await client.refuse(RpcError(INVALID_REQUEST, str(exc)))
                except RpcError as error:
                    await client.refuse(error)
            await client.end(self._bridge.tuning.stdio_grace)

    async def _say(self, message: bytes) -> None:
        try:
            await self._write(message + b"\n")
        except OSError:
            return  # nobody reads any more; the end of the input follows
