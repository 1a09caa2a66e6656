"""Streams and conversations for code without an event loop."""

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from mcpmesh.sdk.call_result import CallResult
from mcpmesh.sdk.call_stream import CallStream
from mcpmesh.sdk.conversation import Conversation
from mcpmesh.sdk.events import Interim
from mcpmesh.sdk.loop_thread import LoopThread
from mcpmesh.sdk.outgoing import Arguments

E = TypeVar("E")
T = TypeVar("T")


class SyncStream(Generic[E]):
    """An iterator and context manager over what an async iterator yields in another thread.

    `close`, from any thread, ends the iteration and what is behind it.
    """

    def __init__(self, thread: LoopThread, events: CallStream[Any] | AsyncGenerator[E]) -> None:
        self._thread = thread
        self._events: Any = events
        self._reading: asyncio.Task[Any] | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._events!r}>"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        if self._closed:
            raise StopIteration
        try:
            events = self._thread.run(self._advance())
        except RuntimeError:
            # Closed by another thread while this one waited.
            if self._closed:
                raise StopIteration from None
            raise
        if not events:
            raise StopIteration
        return events[0]

    def close(self) -> None:
        """End the iteration; a call that is still going on is cancelled on the wire."""
        if not self._closed:
            self._closed = True
            if not self._thread.closed:
                self._thread.run(_close(self._reading, self._events))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # The events belong to the loop's thread, so that is where they must end.
        if not self._closed:
            self._thread.spawn(_close(None, self._events))

    async def _advance(self) -> tuple[E, ...]:
        """Return the next event, or nothing at the end."""
        self._reading = asyncio.current_task()
        try:
            return (await anext(self._events),)
        except StopAsyncIteration:
            return ()
        finally:
            self._reading = None


class SyncConversation(SyncStream[Interim | CallResult[T]]):
    """A call that goes both ways: `send` arguments, iterate over the events."""

    def __init__(self, thread: LoopThread, conversation: Conversation[T]) -> None:
        super().__init__(thread, conversation)
        self._conversation = conversation

    def send(self, arguments: Arguments | None = None, /) -> None:
        """Send arguments; waits while the peer is slow."""
        self._thread.run(self._conversation.send(arguments))

    def done_writing(self) -> None:
        """Tell the tool that nothing more will be sent."""
        self._thread.run(self._conversation.done_writing())


async def _close(reading: asyncio.Task[Any] | None, events: Any) -> None:
    """Stop a reader, then the events: an async generator cannot be closed while it runs."""
    if reading is not None:
        reading.cancel()
        await asyncio.wait([reading])
    await events.aclose()
