"""The interop test service, as a plain grpc.aio servicer: it knows nothing of whose server it is.

Source: gRPC's interop-test-descriptions, "Server".
"""

import asyncio
from typing import Any

import grpc

from tests.interop.stubs import pb2, pb2_grpc
from tests.interop.tap import Tap

INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"
_STATUS = {code.value[0]: code for code in grpc.StatusCode}


class TestService(pb2_grpc.TestServiceServicer):
    """Answers as it is asked to."""

    __test__ = False

    def __init__(self, tap: Tap) -> None:
        #: Knows whether a message came compressed, which grpc.aio tells no servicer.
        self._tap = tap

    async def EmptyCall(self, _request: Any, _context: Any) -> Any:
        return pb2.Empty()

    async def UnaryCall(self, request: Any, context: Any) -> Any:
        await self._check_compressed(request, 0, context)
        await _begin(context, compressed=request.response_compressed.value)
        await _end_as_asked(request, context)
        return pb2.SimpleResponse(payload=_zeros(request.response_size))

    async def StreamingOutputCall(self, request: Any, context: Any) -> Any:
        compressed = any(each.compressed.value for each in request.response_parameters)
        await _begin(context, compressed=compressed)
        for parameters in request.response_parameters:
            if not parameters.compressed.value:
                context.disable_next_message_compression()
            yield await _response(parameters)

    async def StreamingInputCall(self, requests: Any, context: Any) -> Any:
        size = place = 0
        async for request in requests:
            await self._check_compressed(request, place, context)
            size += len(request.payload.body)
            place += 1
        return pb2.StreamingInputCallResponse(aggregated_payload_size=size)

    async def FullDuplexCall(self, requests: Any, context: Any) -> Any:
        await _begin(context)
        async for request in requests:
            await _end_as_asked(request, context)
            for parameters in request.response_parameters:
                yield await _response(parameters)

    async def _check_compressed(self, request: Any, place: int, context: Any) -> None:
        if not request.HasField("expect_compressed"):
            return
        flags = self._tap.last_request
        if request.expect_compressed.value is not flags[place]:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"message {place}: compressed is {flags[place]}"
            )


async def _begin(context: Any, *, compressed: bool = False) -> None:
    asked = dict(context.invocation_metadata())
    if TRAILING in asked:
        context.set_trailing_metadata(((TRAILING, asked[TRAILING]),))
    initial = ((INITIAL, asked[INITIAL]),) if INITIAL in asked else ()
    if compressed:
        context.set_compression(grpc.Compression.Gzip)
    if compressed or initial:
        # Said here, since grpc.aio compresses only what follows a head that was sent so.
        await context.send_initial_metadata(initial)


async def _end_as_asked(request: Any, context: Any) -> None:
    status = request.response_status
    if status.code:
        await context.abort(_STATUS[status.code], status.message)


async def _response(parameters: Any) -> Any:
    if parameters.interval_us:
        await asyncio.sleep(parameters.interval_us / 1e6)
    return pb2.StreamingOutputCallResponse(payload=_zeros(parameters.size))


def _zeros(size: int) -> Any:
    return pb2.Payload(body=bytes(size))
