"""What stands for a call where an interceptor made none, or hides it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator
from typing import Any

import grpc
from grpc import StatusCode


class StandIn:
    """A call that is over, and went well."""

    def cancel(self) -> bool:
        """Tell that there is nothing to cancel."""
        return False

    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""
        return False

    def done(self) -> bool:
        """Tell whether it ended."""
        return True

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Have something called when it ends: now."""
        callback(self)

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline; None without one."""
        return None

    async def initial_metadata(self) -> grpc.aio.Metadata | None:
        """Return the metadata of the head; None when there was none."""
        return None

    async def trailing_metadata(self) -> grpc.aio.Metadata | None:
        """Return the metadata of the end; None when there was none."""
        return None

    async def code(self) -> StatusCode:
        """Return the status."""
        return StatusCode.OK

    async def details(self) -> str:
        """Return the status message."""
        return ""

    async def debug_error_string(self) -> str:
        """Describe the end for people."""
        return ""

    async def wait_for_connection(self) -> None:
        """Wait for nothing."""


class Given(StandIn):
    """A response that an interceptor gave itself."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __await__(self) -> Generator[Any, None, Any]:
        yield from ()
        return self._response


class Ended(StandIn):
    """The error that interceptors ended a call with; None when they were cancelled."""

    def __init__(self, error: BaseException | None) -> None:
        self._error = error

    def cancelled(self) -> bool:
        if isinstance(self._error, grpc.aio.AioRpcError):
            return bool(self._error.code() is StatusCode.CANCELLED)
        return self._error is None

    async def initial_metadata(self) -> grpc.aio.Metadata | None:
        error = self._status()
        return None if error is None else error.initial_metadata()

    async def trailing_metadata(self) -> grpc.aio.Metadata | None:
        error = self._status()
        return None if error is None else error.trailing_metadata()

    async def code(self) -> StatusCode:
        error = self._status()
        return StatusCode.CANCELLED if error is None else error.code()

    async def details(self) -> str:
        error = self._status()
        details = "Locally cancelled by application!" if error is None else error.details()
        return details or ""

    async def debug_error_string(self) -> str:
        error = self._status()
        return "" if error is None else error.debug_error_string()

    def _status(self) -> Any:
        """Return the error as gRPC's, None when it was cancelled; raise any other."""
        if self._error is None or isinstance(self._error, grpc.aio.AioRpcError):
            return self._error
        raise self._error


class GivenMany(StandIn):
    """Responses that an interceptor gives in place of the call's own; else it is as that call.

    `begun` returns the call, None while there is none: an interceptor may begin it when its first
    response is read, or never.
    """

    def __init__(self, responses: AsyncIterable[Any], begun: Callable[[], Any]) -> None:
        self._responses = aiter(responses)
        self._begun = begun
        self._callbacks: list[Callable[[Any], None]] = []
        self._end = asyncio.get_running_loop().create_future()

    async def read(self) -> Any:
        """Return the next response; grpc.aio.EOF after the last."""
        ended = True
        try:
            response = await anext(self._responses, grpc.aio.EOF)
            ended = response is grpc.aio.EOF
        finally:
            if ended and not self._end.done():
                self._end.set_result(None)
                callbacks, self._callbacks = self._callbacks, []
                for callback in callbacks:
                    callback(self)
        return response

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (response := await self.read()) is not grpc.aio.EOF:
            yield response

    def cancel(self) -> bool:
        call = self._begun()
        return call is not None and bool(call.cancel())

    def cancelled(self) -> bool:
        call = self._begun()
        return call is not None and bool(call.cancelled())

    def done(self) -> bool:
        call = self._begun()
        return bool(self._end.done() if call is None else call.done())

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        call = self._begun()
        if call is not None:
            call.add_done_callback(callback)
        elif self._end.done():
            callback(self)
        else:
            self._callbacks.append(callback)

    def time_remaining(self) -> float | None:
        call = self._begun()
        remaining: float | None = None if call is None else call.time_remaining()
        return remaining

    async def initial_metadata(self) -> grpc.aio.Metadata | None:
        return await (await self._call()).initial_metadata()

    async def trailing_metadata(self) -> grpc.aio.Metadata | None:
        return await (await self._call()).trailing_metadata()

    async def code(self) -> StatusCode:
        return await (await self._call()).code()

    async def details(self) -> str:
        details: str = await (await self._call()).details()
        return details

    async def debug_error_string(self) -> str:
        described: str = await (await self._call()).debug_error_string()
        return described

    async def _call(self) -> Any:
        """Return the call; where there is none yet, wait until all was read."""
        if self._begun() is None:
            await asyncio.wait((self._end,))
        return self._begun() or StandIn()


# Interceptors may ask what they were given.
grpc.aio.Call.register(StandIn)
