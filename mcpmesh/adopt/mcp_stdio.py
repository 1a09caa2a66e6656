"""MCP over a command's stdin and stdout, as the streams that the official client reads.

Ours instead of the package's: its command runs under a guard, lines are bounded, and what is no
message is one line in the log instead of a traceback for each.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import orjson
from mcp.shared.message import SessionMessage
from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, jsonrpc_message_adapter

from mcpmesh.adopt.process import Process
from mcpmesh.adopt.secrets import Secrets
from mcpmesh.adopt.upstream import UpstreamFailed

_LOG = logging.getLogger("mcpmesh.upstream")
_SHOWN = 120
_GONE = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)


@asynccontextmanager
async def stdio_streams(process: Process, secrets: Secrets) -> AsyncIterator[tuple[Any, Any]]:
    """Yield what the command writes and what writes to it; the process is the caller's to stop."""
    incoming, reading = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    writing, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [
        asyncio.create_task(_read(process, secrets, incoming)),
        asyncio.create_task(_write(process, outgoing, incoming)),
    ]
    try:
        yield reading, writing
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in (incoming, reading, writing, outgoing):
            stream.close()


async def _read(process: Process, secrets: Secrets, incoming: Any) -> None:
    """Hand messages on until the command's output ends; what is none is passed over."""
    odd = 0
    with incoming:
        try:
            while line := await process.read_line():
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    odd += bool(line.strip())
                    if odd == 1:
                        shown = secrets.hide(line.decode(errors="replace").strip())[:_SHOWN]
                        _LOG.warning(
                            "%s: writes what is no MCP message to stdout, which is passed over: %s",
                            process.name,
                            shown,
                        )
                    refusal = _answered_badly(line)
                    if refusal is None:
                        continue
                    message = refusal
                await incoming.send(SessionMessage(message))
        except UpstreamFailed as failure:
            _LOG.warning("%s: %s", process.name, failure.message)
        except _GONE:
            pass


def _answered_badly(line: bytes) -> JSONRPCError | None:
    """Return the failure of the request that a line answers with what is no answer.

    Without it nobody would end the wait for one.
    """
    try:
        said = orjson.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or "method" in said or type(said.get("id")) not in (int, str):
        return None
    error = ErrorData(code=INTERNAL_ERROR, message="the server's answer is no JSON-RPC")
    return JSONRPCError(jsonrpc="2.0", id=said["id"], error=error)


async def _write(process: Process, outgoing: Any, incoming: Any) -> None:
    """Write messages until the session or the command ends."""
    with outgoing:
        try:
            async for message in outgoing:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                await process.write(text.encode() + b"\n")
        except _GONE:
            # The session has to learn that nobody reads it, even if the output goes on.
            incoming.close()
