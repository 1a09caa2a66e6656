"""The client cases of gRPC's interop tests, for any client with the surface of grpc.aio.

Source: gRPC's interop-test-descriptions, "Client". Not here: the cases of Google's credentials
and of load reports (compute_engine_creds to orca_oob), which need services that nobody has at
hand, and cacheable_unary, which needs a caching proxy and a GET that gRPC gave up.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import grpc

from tests.interop.service import INITIAL, TRAILING
from tests.interop.stubs import pb2, pb2_grpc
from tests.interop.tap import Tap

REQUEST_BYTES = 271828
RESPONSE_BYTES = 314159
STATUS_MESSAGE = "test status message"
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
SOAK_CALLS = 20
#: Of a case that a bug of grpc.aio's own client (grpc/grpc issue 36066) may spoil.
TRIES = 20


@dataclass(frozen=True)
class Peer:
    """A way to a test server."""

    #: Opens another channel to it.
    connect: Callable[[], AbstractAsyncContextManager[Any]]
    #: Opens a channel that a tap listens in on.
    connect_tapped: Callable[[], AbstractAsyncContextManager[Any]]
    tap: Tap


async def empty_unary(peer: Peer) -> None:
    async with peer.connect() as channel:
        same("response", await _stub(channel).EmptyCall(pb2.Empty()), pb2.Empty())


async def large_unary(peer: Peer) -> None:
    async with peer.connect() as channel:
        await _large(channel)


async def client_compressed_unary(peer: Peer) -> None:
    async with peer.connect_tapped() as channel:
        call = _stub(channel).UnaryCall
        probe = call(_simple(expect_compressed=pb2.BoolValue(value=True)))
        same("status of the probe", (await _ended(probe))[0], grpc.StatusCode.INVALID_ARGUMENT)
        for compressed in (True, False):
            response = await call(
                _simple(expect_compressed=pb2.BoolValue(value=compressed)),
                compression=_gzip(compressed),
            )
            _sized(response, RESPONSE_BYTES)
            same("compressed flags", peer.tap.last_request, [compressed])


async def server_compressed_unary(peer: Peer) -> None:
    async with peer.connect_tapped() as channel:
        for compressed in (True, False):
            asked = _simple(response_compressed=pb2.BoolValue(value=compressed))
            _sized(await _stub(channel).UnaryCall(asked), RESPONSE_BYTES)
            same("compressed flags", peer.tap.last_response, [compressed])


async def client_streaming(peer: Peer) -> None:
    async with peer.connect() as channel:
        requests = _inputs(27182, 8, 1828, 45904)
        response = await _stub(channel).StreamingInputCall(requests)
        same("aggregated_payload_size", response.aggregated_payload_size, 74922)


async def client_compressed_streaming(peer: Peer) -> None:
    """grpc.aio compresses a whole call or none of it: two calls here, of two messages each."""
    async with peer.connect_tapped() as channel:
        call = _stub(channel).StreamingInputCall
        probe = call(_inputs(27182, expect_compressed=pb2.BoolValue(value=True)))
        same("status of the probe", (await _ended(probe))[0], grpc.StatusCode.INVALID_ARGUMENT)
        for compressed in (True, False):
            requests = _inputs(27182, 45904, expect_compressed=pb2.BoolValue(value=compressed))
            response = await call(requests, compression=_gzip(compressed))
            same("aggregated_payload_size", response.aggregated_payload_size, 73086)
            same("compressed flags", peer.tap.last_request, [compressed] * 2)


async def server_streaming(peer: Peer) -> None:
    async with peer.connect() as channel:
        sizes = [31415, 9, 2653, 58979]
        call = _stub(channel).StreamingOutputCall(_outputs(*sizes))
        same("response sizes", [len(each.payload.body) async for each in call], sizes)


async def server_compressed_streaming(peer: Peer) -> None:
    async with peer.connect_tapped() as channel:
        asked = _outputs(31415, 92653)
        asked.response_parameters[0].compressed.value = True
        asked.response_parameters[1].compressed.value = False
        call = _stub(channel).StreamingOutputCall(asked)
        same("response sizes", [len(each.payload.body) async for each in call], [31415, 92653])
        same("compressed flags", peer.tap.last_response, [True, False])


async def ping_pong(peer: Peer) -> None:
    async with peer.connect() as channel:
        call = _stub(channel).FullDuplexCall()
        for size, sent in ((31415, 27182), (9, 8), (2653, 1828), (58979, 45904)):
            await call.write(_outputs(size, sent=sent))
            _sized(await call.read(), size)
        await call.done_writing()
        same("after the last", await call.read(), grpc.aio.EOF)
        same("status", await call.code(), grpc.StatusCode.OK)


async def empty_stream(peer: Peer) -> None:
    async with peer.connect() as channel:
        call = _stub(channel).FullDuplexCall()
        await call.done_writing()
        same("responses", await call.read(), grpc.aio.EOF)
        same("status", await call.code(), grpc.StatusCode.OK)


async def custom_metadata(peer: Peer) -> None:
    initial, trailing = "test_initial_metadata_value", b"\xab\xab\xab"
    async with peer.connect() as channel:
        metadata = ((INITIAL, initial), (TRAILING, trailing))
        unary = _stub(channel).UnaryCall(_simple(), metadata=metadata)
        _sized(await unary, RESPONSE_BYTES)
        duplex = _stub(channel).FullDuplexCall(metadata=metadata)
        await duplex.write(_outputs(RESPONSE_BYTES, sent=REQUEST_BYTES))
        _sized(await duplex.read(), RESPONSE_BYTES)
        await duplex.done_writing()
        same("after the last", await duplex.read(), grpc.aio.EOF)
        for call in (unary, duplex):
            same("initial", dict(await call.initial_metadata()).get(INITIAL), initial)
            same("trailing", dict(await call.trailing_metadata()).get(TRAILING), trailing)


async def status_code_and_message(peer: Peer) -> None:
    async with peer.connect() as channel:
        wanted = pb2.EchoStatus(code=2, message=STATUS_MESSAGE)
        expected = (grpc.StatusCode.UNKNOWN, STATUS_MESSAGE)
        unary = _stub(channel).UnaryCall(pb2.SimpleRequest(response_status=wanted))
        same("status", await _ended(unary), expected)
        duplex = _stub(channel).FullDuplexCall()
        await duplex.write(pb2.StreamingOutputCallRequest(response_status=wanted))
        await duplex.done_writing()
        same("status", await _ended(duplex), expected)


async def special_status_message(peer: Peer) -> None:
    async with peer.connect() as channel:
        wanted = pb2.EchoStatus(code=2, message=SPECIAL_MESSAGE)
        call = _stub(channel).UnaryCall(pb2.SimpleRequest(response_status=wanted))
        same("status", await _ended(call), (grpc.StatusCode.UNKNOWN, SPECIAL_MESSAGE))


async def unimplemented_method(peer: Peer) -> None:
    async with peer.connect() as channel:
        call = _stub(channel).UnimplementedCall(pb2.Empty())
        same("status", (await _ended(call))[0], grpc.StatusCode.UNIMPLEMENTED)


async def unimplemented_service(peer: Peer) -> None:
    async with peer.connect() as channel:
        call = pb2_grpc.UnimplementedServiceStub(channel).UnimplementedCall(pb2.Empty())
        same("status", (await _ended(call))[0], grpc.StatusCode.UNIMPLEMENTED)


async def cancel_after_begin(peer: Peer) -> None:
    async with peer.connect() as channel:
        call = _stub(channel).StreamingInputCall()
        await call.wait_for_connection()
        call.cancel()
        same("status", await call.code(), grpc.StatusCode.CANCELLED)


async def cancel_after_first_response(peer: Peer) -> None:
    async with peer.connect() as channel:
        call = _stub(channel).FullDuplexCall()
        await call.write(_outputs(31415, sent=27182))
        _sized(await call.read(), 31415)
        call.cancel()
        same("status", await call.code(), grpc.StatusCode.CANCELLED)


async def timeout_on_sleeping_server(peer: Peer) -> None:
    async with peer.connect() as channel:
        await channel.channel_ready()
        for _ in range(TRIES):
            call = _stub(channel).FullDuplexCall(timeout=0.001)
            try:
                await call.write(_outputs(sent=27182))
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                pass  # The deadline may pass before the message is on its way.
            status = await _ended(call)
            # A client of grpc.aio whose write fails as the call ends forgets the status.
            if status != (grpc.StatusCode.INTERNAL, "Internal error from Core"):
                break
        same("status", status[0], grpc.StatusCode.DEADLINE_EXCEEDED)


async def rpc_soak(peer: Peer) -> None:
    async with peer.connect() as channel:
        for _ in range(SOAK_CALLS):
            await _large(channel)


async def channel_soak(peer: Peer) -> None:
    for _ in range(SOAK_CALLS):
        async with peer.connect() as channel:
            await _large(channel)


CASES: dict[str, Callable[[Peer], Awaitable[None]]] = {
    case.__name__: case
    for case in (
        empty_unary, large_unary, client_compressed_unary, server_compressed_unary,
        client_streaming, client_compressed_streaming, server_streaming,
        server_compressed_streaming, ping_pong, empty_stream, custom_metadata,
        status_code_and_message, special_status_message, unimplemented_method,
        unimplemented_service, cancel_after_begin, cancel_after_first_response,
        timeout_on_sleeping_server, rpc_soak, channel_soak,
    )
}  # fmt: skip


def same(what: str, found: object, expected: object) -> None:
    """Fail a case unless both are equal.

    Raises: AssertionError that says what differs.
    """
    if found != expected:
        raise AssertionError(f"{what}: {found!r:.200}, not {expected!r:.200}")


def _stub(channel: Any) -> Any:
    return pb2_grpc.TestServiceStub(channel)


async def _large(channel: Any) -> None:
    _sized(await _stub(channel).UnaryCall(_simple()), RESPONSE_BYTES)


def _simple(**fields: Any) -> Any:
    payload = pb2.Payload(body=bytes(REQUEST_BYTES))
    return pb2.SimpleRequest(response_size=RESPONSE_BYTES, payload=payload, **fields)


def _outputs(*sizes: int, sent: int = 0) -> Any:
    return pb2.StreamingOutputCallRequest(
        response_parameters=[pb2.ResponseParameters(size=size) for size in sizes],
        payload=pb2.Payload(body=bytes(sent)) if sent else None,
    )


async def _inputs(*sizes: int, **fields: Any) -> AsyncIterator[Any]:
    for size in sizes:
        payload = pb2.Payload(body=bytes(size))
        yield pb2.StreamingInputCallRequest(payload=payload, **fields)


def _sized(response: Any, size: int) -> None:
    same("response", response.payload.body, bytes(size))


def _gzip(compressed: bool) -> grpc.Compression:
    return grpc.Compression.Gzip if compressed else grpc.Compression.NoCompression


async def _ended(call: Any) -> tuple[grpc.StatusCode, str]:
    return await call.code(), await call.details()
