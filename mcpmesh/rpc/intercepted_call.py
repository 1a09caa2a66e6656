"""A call that goes through interceptors first: their work is a task, the call is what they return.

Source: grpc.aio's client interceptors, whose semantics these are.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from functools import partial
from typing import Any

import grpc
from grpc import StatusCode

from mcpmesh.rpc.call_stand_in import Ended, Given, GivenMany, StandIn

Begin = Callable[[Any, Any], Any]
_END = object()
_FINISHED = "RPC already finished."
_API_STYLE = "The iterator and async read/write APIs may not be mixed on a single RPC."
_HALF_CLOSED = 'RPC is half closed after calling "done_writing".'


class InterceptedCall(ABC):
    """What all four shapes share: it ends as the call that the interceptors return.

    `steps` are the interceptors' methods, the outermost first; `begin(details, request)` begins the
    call itself.
    """

    def __init__(
        self, steps: Sequence[Callable[..., Any]], begin: Begin, details: Any, request: Any
    ) -> None:
        self._steps = steps
        self._begin = begin
        self._details = details
        #: The call that was begun last, when there is one.
        self._begun: Any = None
        self._callbacks: list[Callable[[Any], None]] = []
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._proceed(0, details, self._request(request)))
        self._task.add_done_callback(self._on_intercepted)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._details.method!r} begun={self._begun!r}>"

    def cancel(self) -> bool:
        """Cancel the call, or the interceptors that have it; False when it ended before."""
        if not self._task.done():
            return self._task.cancel()
        return bool(self._outcome().cancel())

    def cancelled(self) -> bool:
        """Tell whether the call was cancelled."""
        return self._task.done() and bool(self._outcome().cancelled())

    def done(self) -> bool:
        """Tell whether the call ended."""
        return self._task.done() and bool(self._outcome().done())

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Have something called with this call when it ends."""
        if self._task.done():
            self._outcome().add_done_callback(lambda _call: callback(self))
        else:
            self._callbacks.append(callback)

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline, all of them as long as nothing is begun."""
        call = self._begun
        remaining: float | None = self._details.timeout if call is None else call.time_remaining()
        return remaining

    async def initial_metadata(self) -> grpc.aio.Metadata | None:
        """Wait for the answer's head; return its metadata."""
        return await (await self._returned()).initial_metadata()

    async def trailing_metadata(self) -> grpc.aio.Metadata | None:
        """Wait for the end; return the metadata that came with it."""
        return await (await self._returned()).trailing_metadata()

    async def code(self) -> StatusCode:
        """Wait for the end; return the status."""
        return await (await self._returned()).code()

    async def details(self) -> str:
        """Wait for the end; return the status message."""
        details: str = await (await self._returned()).details()
        return details

    async def debug_error_string(self) -> str:
        """Wait for the end; describe it for people."""
        described: str = await (await self._returned()).debug_error_string()
        return described

    async def wait_for_connection(self) -> None:
        """Wait until the call is on a connection, or ended."""
        call = await self._task
        await call.wait_for_connection()

    # The way through the interceptors

    async def _proceed(self, place: int, details: Any, request: Any) -> Any:
        if place == len(self._steps):
            self._begun = self._begin(details, request)
            return self._begun
        returned = await self._steps[place](partial(self._proceed, place + 1), details, request)
        return returned if isinstance(returned, grpc.aio.Call) else self._stand_in(returned)

    def _request(self, request: Any) -> Any:
        """Return what interceptors get as the request."""
        return request

    @abstractmethod
    def _stand_in(self, returned: Any) -> StandIn:
        """Return a call that gives what an interceptor returned instead of one."""

    async def _returned(self) -> Any:
        """Wait for the interceptors; whoever gives up waiting leaves them be."""
        await asyncio.wait((self._task,))
        return self._outcome()

    def _outcome(self) -> Any:
        """Return the call that the interceptors gave, or how they ended it."""
        if self._task.cancelled():
            return Ended(None)
        error = self._task.exception()
        return self._task.result() if error is None else Ended(error)

    def _on_intercepted(self, task: asyncio.Task[Any]) -> None:
        if self._begun is not None and (task.cancelled() or task.exception() is not None):
            # Nobody has it any more.
            self._begun.cancel()
        outcome = self._outcome()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            outcome.add_done_callback(lambda _call, callback=callback: callback(self))


class InterceptedUnaryResponse(InterceptedCall):
    """Awaiting the call gives its one response."""

    def __await__(self) -> Generator[Any, None, Any]:
        call = yield from self._task.__await__()
        response = yield from call.__await__()
        return response

    def _stand_in(self, returned: Any) -> StandIn:
        return Given(returned)


class InterceptedStreamResponse(InterceptedCall):
    """Iterating the call, or reading it, gives its responses."""

    async def read(self) -> Any:
        """Wait for the next response; grpc.aio.EOF after the last.

        Raises: grpc.aio.AioRpcError when the call ended with an error.
        """
        return await (await self._task).read()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (response := await self.read()) is not grpc.aio.EOF:
            yield response

    def _stand_in(self, returned: Any) -> StandIn:
        return GivenMany(returned, lambda: self._begun)


class InterceptedStreamRequest(InterceptedCall):
    """Interceptors always get an iterator, of what is written when the caller gave none."""

    def _request(self, request: Any) -> Any:
        self._written: asyncio.Queue[Any] | None = None
        self._half_closed = False
        if request is not None:
            return request
        self._written = asyncio.Queue(1)
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._callbacks.append(lambda _call: self._over.set_result(None))
        return self._what_is_written(self._written)

    async def _what_is_written(self, queue: asyncio.Queue[Any]) -> AsyncIterator[Any]:
        while (request := await queue.get()) is not _END:
            yield request

    async def write(self, request: Any) -> None:
        """Send a request; waits while the one before is not taken.

        Raises: asyncio.InvalidStateError when the call ended, or after done_writing;
        grpc.aio.UsageError when the requests come from an iterator.
        """
        queue = self._writable()
        if self.done():
            raise asyncio.InvalidStateError(_FINISHED)
        if self._half_closed:
            raise asyncio.InvalidStateError(_HALF_CLOSED)
        await self._put(queue, request)
        if self.done():
            raise asyncio.InvalidStateError(_FINISHED)

    async def done_writing(self) -> None:
        """Say that no more requests come.

        Raises: grpc.aio.UsageError when they come from an iterator.
        """
        queue = self._writable()
        if not self._half_closed:
            self._half_closed = True
            await self._put(queue, _END)

    def _writable(self) -> asyncio.Queue[Any]:
        if self._written is None:
            raise grpc.aio.UsageError(_API_STYLE)
        return self._written

    async def _put(self, queue: asyncio.Queue[Any], request: Any) -> None:
        """Hand a request on; a call that ends keeps nobody waiting."""
        put = asyncio.ensure_future(queue.put(request))
        try:
            await asyncio.wait((put, self._over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            put.cancel()


class InterceptedUnaryUnaryCall(InterceptedUnaryResponse):
    """One request, one response."""


class InterceptedUnaryStreamCall(InterceptedStreamResponse):
    """One request, a stream of responses."""


class InterceptedStreamUnaryCall(InterceptedStreamRequest, InterceptedUnaryResponse):
    """A stream of requests, one response."""


class InterceptedStreamStreamCall(InterceptedStreamRequest, InterceptedStreamResponse):
    """A stream each way, independent of each other."""


# For those who ask what kind of call they have.
grpc.aio.UnaryUnaryCall.register(InterceptedUnaryUnaryCall)
grpc.aio.UnaryStreamCall.register(InterceptedUnaryStreamCall)
grpc.aio.StreamUnaryCall.register(InterceptedStreamUnaryCall)
grpc.aio.StreamStreamCall.register(InterceptedStreamStreamCall)
