"""A call whose progress and log lines go to the client while it runs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpmesh.bridge.exchange import Notify, Peer, meta_of
from mcpmesh.bridge.listening import LISTEN
from mcpmesh.bridge.progress import ProgressNotes
from mcpmesh.bridge.session import Sessions
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import Request, embedded, notification_bytes
from mcpmesh.errors import RemoteProtocolError
from mcpmesh.v1 import invoke_pb2, tool_pb2

_RANK = {level: rank for rank, level in enumerate(mcp.LOG_LEVELS)}


def wants_stream(request: Request, peer: Peer, sessions: Sessions) -> bool:
    """Tell whether a client asked to hear of the call while it runs, or of changes."""
    if request.method != "tools/call":
        return peer.modern and request.method == LISTEN
    meta = meta_of(request.params)
    if "progressToken" in meta:
        return True
    return mcp.LOG_LEVEL in meta if peer.modern else sessions.has_level(peer.scope)


class TooMuch(Exception):
    """The chunks of a call are more than one result may hold."""


@dataclass(slots=True)
class Relay:
    """Turns a call's events into notifications and gathers its outcome.

    `level` is the least severe log level the client hears of; empty means: none.
    Units: `max_bytes` of chunks gathered.
    """

    progress: ProgressNotes
    level: str
    notify: Notify
    max_bytes: int
    _chunks: list[tool_pb2.Content] = field(default_factory=list)
    _gathered_bytes: int = 0

    async def run(self, events: AsyncIterator[invoke_pb2.InvokeEvent]) -> invoke_pb2.InvokeResponse:
        """Read a call's events to the end.

        Raises: RemoteProtocolError when the stream ends without an outcome, TooMuch when the
        chunks outgrow the limit.
        """
        try:
            outcome = await self._outcome(aiter(events))
        except Exception:
            await self.progress.tell()
            raise
        finally:
            if isinstance(events, AsyncGenerator):  # cancels the call when we leave early
                await events.aclose()
        await self.progress.tell()
        return outcome

    async def _outcome(
        self, events: AsyncIterator[invoke_pb2.InvokeEvent]
    ) -> invoke_pb2.InvokeResponse:
        while (event := await self._next(events)) is not None:
            kind = event.WhichOneof("event")
            if kind == "progress":
                await self.progress.take(event.progress)
            elif kind == "log":
                await self._tell_log(event.log)
            elif kind == "content":
                self._gather(event.content)
            elif kind == "result":
                return invoke_pb2.InvokeResponse(result=self._whole(event.result))
            elif kind == "input_required":
                return invoke_pb2.InvokeResponse(input_required=event.input_required)
        raise RemoteProtocolError("the stream of the call ended without an outcome")

    async def _next(
        self, events: AsyncIterator[invoke_pb2.InvokeEvent]
    ) -> invoke_pb2.InvokeEvent | None:
        """Wait for the next event, and tell meanwhile what was held; None after the last."""
        if not self.progress.is_holding:
            return await anext(events, None)
        coming = asyncio.ensure_future(anext(events, None))
        try:
            while (wait := await self.progress.tell_due()) and not coming.done():
                await asyncio.wait((coming,), timeout=wait)
            return await coming
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.wait((coming,))

    async def _tell_log(self, line: invoke_pb2.LogMessage) -> None:
        level = line.level if line.level in _RANK else "info"
        if not self.level or _RANK[level] < _RANK[self.level]:
            return
        params: dict[str, Any] = {"level": level, "data": _data(line.data)}
        if line.logger:
            params["logger"] = line.logger
        await self.notify(notification_bytes("notifications/message", params))

    def _gather(self, chunk: tool_pb2.Content) -> None:
        self._gathered_bytes += chunk.ByteSize()
        if self._gathered_bytes > self.max_bytes:
            raise TooMuch(f"the tool streamed more than {self.max_bytes} bytes")
        self._chunks.append(chunk)

    def _whole(self, result: tool_pb2.ToolResult) -> tool_pb2.ToolResult:
        """Put the chunks in front of the result, which may or may not repeat them."""
        if not self._chunks or list(result.content[: len(self._chunks)]) == self._chunks:
            return result
        rest = list(result.content)
        del result.content[:]
        result.content.extend([*self._chunks, *rest])
        return result


def _data(raw: bytes) -> Any:
    try:
        return embedded(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")


def log_level(meta: Mapping[str, Any], *, modern: bool, of_session: str) -> str:
    """Return the least severe level a client hears of; empty for none."""
    return str(meta.get(mcp.LOG_LEVEL, "")) if modern else of_session
