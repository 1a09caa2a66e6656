"""Where a running tool's events go: into one answer, or one by one to a reader."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from mcpmesh.sdk.content import size_of
from mcpmesh.sdk.failure import ToolFailure
from mcpmesh.v1 import invoke_pb2, tool_pb2

MAX_WAITING_EVENTS = 16


class Sink(Protocol):
    """Takes what a tool says while it runs."""

    async def chunk(self, content: list[tool_pb2.Content]) -> None:
        """Take a chunk of output; waits while the reader is behind."""
        ...

    async def notice(self, event: invoke_pb2.InvokeEvent) -> None:
        """Take progress or a log line; waits while the reader is behind."""
        ...

    def collected(self) -> list[tool_pb2.Content]:
        """Return the chunks that the final result must repeat, because nobody saw them."""
        ...


class Collector:
    """Keeps the chunks for the one answer of a unary call; progress and logs are dropped.

    Raises (from `chunk`): ToolFailure when there is more than an answer should hold.
    """

    def __init__(self, max_bytes: int) -> None:
        self._content: list[tool_pb2.Content] = []
        self._max_bytes = max_bytes
        self._bytes = 0

    async def chunk(self, content: list[tool_pb2.Content]) -> None:
        """Keep a chunk."""
        self._bytes += size_of(content)
        if self._bytes > self._max_bytes:
            raise ToolFailure(
                f"the output is more than {self._max_bytes} bytes; call the tool as a stream",
                code="RESOURCE_EXHAUSTED",
            )
        self._content += content
        # A generator that never waits must not keep the loop from anything else.
        await asyncio.sleep(0)

    async def notice(self, event: invoke_pb2.InvokeEvent) -> None:
        """Drop progress and logs: a unary answer has no place for them."""

    def collected(self) -> list[tool_pb2.Content]:
        """Return all chunks in order."""
        return self._content


class EventQueue:
    """Hands events to the reader of a stream; a slow reader makes the tool wait."""

    def __init__(self, limit: int = MAX_WAITING_EVENTS) -> None:
        self._queue: asyncio.Queue[invoke_pb2.InvokeEvent | None] = asyncio.Queue(limit)

    def __repr__(self) -> str:
        return f"EventQueue({self._queue.qsize()} waiting)"

    async def chunk(self, content: list[tool_pb2.Content]) -> None:
        """Send each block as an event."""
        for block in content:
            await self._queue.put(invoke_pb2.InvokeEvent(content=block))

    async def notice(self, event: invoke_pb2.InvokeEvent) -> None:
        """Send progress or a log line."""
        await self._queue.put(event)

    async def end(self) -> None:
        """Let the reader's iteration end after what is waiting."""
        await self._queue.put(None)

    def collected(self) -> list[tool_pb2.Content]:
        """Return nothing: the reader saw every chunk."""
        return []

    async def __aiter__(self) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        while (event := await self._queue.get()) is not None:
            yield event
