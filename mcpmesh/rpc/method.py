"""A servicer's method: how its requests and responses are shaped, and how it is run."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from mcpmesh.rpc.sync_context import SyncContext

if TYPE_CHECKING:
    from mcpmesh.rpc.context import Context
    from mcpmesh.rpc.server_call import ServerCall

_END = object()


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """What `grpc.*_rpc_method_handler` says, with the way to run it found out once."""

    handler: grpc.RpcMethodHandler
    request_streaming: bool
    response_streaming: bool
    deserialize: Callable[[bytes], Any] | None
    serialize: Callable[[Any], bytes] | None
    behavior: Callable[[Any, Any], Any]
    is_async: bool
    is_generator: bool

    async def run(self, call: ServerCall, context: Context) -> Any:
        """Run the method; return the one response of a unary-response method."""
        request = _requests(call) if self.request_streaming else await call.request()
        if not self.response_streaming:
            return await self._unary(request, context)
        if self.is_generator:
            await self._stream(self.behavior(request, context), call)
        elif self.is_async:
            await self.behavior(request, context)
        else:
            await self._stream_from_thread(request, context, call)
        return None

    async def _unary(self, request: Any, context: Context) -> Any:
        if self.is_async:
            return await self.behavior(request, context)
        return await asyncio.to_thread(self.behavior, request, _in_thread(context))

    async def _stream(self, responses: Any, call: ServerCall) -> None:
        try:
            async for response in responses:
                await call.write(response)
        finally:
            await responses.aclose()

    async def _stream_from_thread(self, request: Any, context: Context, call: ServerCall) -> None:
        responses = await asyncio.to_thread(self.behavior, request, _in_thread(context))
        while (response := await asyncio.to_thread(next, responses, _END)) is not _END:
            await call.write(response)


def method_of(handler: grpc.RpcMethodHandler) -> Method:
    """Read a generated handler."""
    behavior = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    return Method(
        handler=handler,
        request_streaming=handler.request_streaming,
        response_streaming=handler.response_streaming,
        deserialize=handler.request_deserializer,
        serialize=handler.response_serializer,
        behavior=behavior,
        is_async=_is(inspect.iscoroutinefunction, behavior),
        is_generator=_is(inspect.isasyncgenfunction, behavior),
    )


def _is(test: Callable[[Any], bool], behavior: Any) -> bool:
    return test(behavior) or test(getattr(behavior, "__call__", None))  # noqa: B004


def _in_thread(context: Context) -> SyncContext:
    return SyncContext(context, asyncio.get_running_loop())


async def _requests(call: ServerCall) -> AsyncIterator[Any]:
    while (request := await call.read()) is not grpc.aio.EOF:
        yield request
