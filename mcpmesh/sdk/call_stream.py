"""A call whose events come one by one.

An async iterator and an async context manager. However it is left, by the end, `aclose`, an
exception or a cancelled task, the call ends on the wire as well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from enum import Enum
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import grpc

from mcpmesh.errors import RemoteProtocolError
from mcpmesh.sdk.call_result import CallResult
from mcpmesh.sdk.events import Interim, event_from_message
from mcpmesh.sdk.outgoing import Outgoing
from mcpmesh.sdk.rpc_error import CORRELATION, SPOKE, mesh_error, metadata_value
from mcpmesh.v1 import invoke_pb2, tool_pb2

T = TypeVar("T")
#: Starts the RPC of a call.
Start = Callable[[Outgoing], Any]


class State(Enum):
    """Where a stream is: still giving events, at its end, or closed before that."""

    OPEN = "open"
    ENDED = "ended"
    CLOSED = "closed"


class CallStream(Generic[T]):
    """The events of one call as they come, a CallResult as the last.

    Raises (while iterating): MeshError when the call could not be made or was lost,
    QuestionUnanswered when the tool asks back and nobody answers, UnexpectedResult.
    """

    def __init__(self, start: Start, call: Outgoing, result_type: type[T] | None = None) -> None:
        self._start = start
        self._call = call
        self._result_type = result_type
        self._rpc: Any = None
        self._messages: AsyncIterator[invoke_pb2.InvokeEvent] | None = None
        self._state = State.OPEN

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._call.tool} {self._state.value}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Interim | CallResult[T]:
        if self._state is not State.OPEN:
            raise StopAsyncIteration
        more = False
        try:
            event = await self._next()
            more = not isinstance(event, CallResult)
        except grpc.RpcError as exc:
            raise mesh_error(exc) from exc
        except asyncio.CancelledError:
            # gRPC says "cancelled" also to the reader of a call that somebody else closed.
            if self._closed() and not this_task_is_cancelled():
                raise StopAsyncIteration from None
            raise
        finally:
            if not more:
                self._end(State.ENDED)
        return event

    async def aclose(self) -> None:
        """End the call; one that is still going on is cancelled on the wire."""
        self._end(State.CLOSED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # Only a stream that nobody closed is still open here; its call must not go on unread.
        self._cancel()

    async def _next(self) -> Interim | CallResult[T]:
        while True:
            message = await anext(self._open(), None)
            if message is None:
                raise RemoteProtocolError(f"{self._call.tool}: the stream ended without a result")
            if message.WhichOneof("event") == "input_required":
                await self._answer(message.input_required)
                continue
            correlation_id = tool = ""
            if message.HasField("result"):
                correlation_id, tool = await self._told()
            return event_from_message(message, self._result_type, correlation_id, tool)

    def _open(self) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        if self._messages is None:
            self._rpc = self._start(self._call)
            self._messages = aiter(self._rpc)
        return self._messages

    async def _answer(self, asked: tool_pb2.InputRequired) -> None:
        self._call = await self._call.answered(asked, (await self._told())[1])
        self._cancel()
        self._messages = None

    async def _told(self) -> tuple[str, str]:
        """Return the correlation id and the tool that speaks, as the answer's head says."""
        head = await self._rpc.initial_metadata()
        correlation_id = metadata_value(head, CORRELATION) or self._call.correlation_id
        return correlation_id, metadata_value(head, SPOKE) or self._call.tool

    def _closed(self) -> bool:
        return self._state is State.CLOSED

    def _end(self, state: State) -> None:
        if self._state is State.OPEN:
            self._state = state
        self._cancel()

    def _cancel(self) -> None:
        if self._rpc is not None and not self._rpc.done():
            self._rpc.cancel()


def this_task_is_cancelled() -> bool:
    """Tell whether somebody cancelled the running task, and not only what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
