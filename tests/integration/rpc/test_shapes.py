"""The four shapes of a call, messages of all sizes, compression."""

import asyncio

import grpc
import pytest

from tests.eventually import eventually
from tests.integration.rpc.pairing import LIMIT, Caller, Seen, echo, failure, join, mirror

MESSAGES = [b"a", b"", b"c" * 70_000]


async def count_up(request, _context):
    for number in range(int(request)):
        yield b"%d" % number


async def test_all_four_shapes(pairing):
    async with pairing.pair(
        unary_unary=echo, unary_stream=count_up, stream_unary=join, stream_stream=mirror
    ) as call:
        assert await call.unary_unary(b"hello") == b"hello"
        assert [m async for m in call.unary_stream(b"3")] == [b"0", b"1", b"2"]
        assert await call.stream_unary(iter(MESSAGES)) == b"".join(MESSAGES)
        assert [m async for m in call.stream_stream(iter(MESSAGES))] == MESSAGES


async def test_reader_and_writer_api_on_both_sides(pairing):
    async def by_hand(_request, context):
        while (request := await context.read()) is not grpc.aio.EOF:
            await context.write(request + b"!")

    async with pairing.pair(stream_stream=by_hand) as call:
        stream = call.stream_stream()
        await stream.write(b"a")
        assert await stream.read() == b"a!"
        await stream.write(b"b")
        await stream.done_writing()
        assert await stream.read() == b"b!"
        assert await stream.read() is grpc.aio.EOF
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK
        with pytest.raises(asyncio.InvalidStateError):
            await stream.write(b"late")


async def test_requests_may_be_named(pairing):
    async with pairing.pair(stream_unary=join, unary_unary=echo, stream_stream=mirror) as call:
        assert await call.stream_unary(request_iterator=iter([b"a"])) == b"a"
        assert await call.unary_unary(request=b"a") == b"a"
        assert [m async for m in call.stream_stream(request_iterator=iter([b"a"]))] == [b"a"]


async def test_a_stream_without_messages(pairing):
    async with pairing.pair(stream_unary=join, stream_stream=mirror, unary_stream=count_up) as call:
        assert await call.stream_unary(iter(())) == b""
        assert [m async for m in call.stream_stream(iter(()))] == []
        assert [m async for m in call.unary_stream(b"0")] == []


async def test_a_thousand_tiny_messages(pairing):
    async with pairing.pair(stream_stream=mirror) as call:
        messages = [b"%d" % number for number in range(1000)]
        assert [m async for m in call.stream_stream(iter(messages))] == messages


async def test_large_messages_below_the_limit(pairing):
    large = bytes(range(256)) * (3 * 4096)
    async with pairing.pair(unary_unary=echo, stream_stream=mirror) as call:
        assert await call.unary_unary(large) == large
        assert [m async for m in call.stream_stream(iter([large, b"x", large]))] == [
            large, b"x", large,
        ]  # fmt: skip


async def test_requests_over_the_limit_are_resource_exhausted(pairing):
    async with pairing.pair(unary_unary=echo, stream_unary=join) as call:
        for request in (
            call.unary_unary(bytes(LIMIT + 1)), call.stream_unary(iter([b"x", bytes(LIMIT + 1)])),
        ):  # fmt: skip
            assert (await failure(request)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await call.unary_unary(b"still here") == b"still here"


async def test_responses_over_the_limit_are_resource_exhausted(pairing):
    async def large(request, _context):
        return bytes(int(request))

    async def large_stream(request, _context):
        yield b"x"
        yield bytes(int(request))

    async with pairing.pair(unary_unary=large, unary_stream=large_stream) as call:
        size = b"%d" % (LIMIT + 1)
        for request in (call.unary_unary(size), call.unary_stream(size)):
            assert (await failure(request)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert len(await call.unary_unary(b"%d" % LIMIT)) == LIMIT


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compression_both_ways(pairing, compression):
    async def compressed(request, context):
        context.set_compression(compression)
        return request

    async def compressed_stream(request, context):
        context.set_compression(compression)
        yield request
        context.disable_next_message_compression()
        yield request

    text = b"the same again " * 10_000
    async with pairing.pair(
        unary_unary=compressed, unary_stream=compressed_stream, stream_unary=join
    ) as call:
        assert await call.unary_unary(text, compression=compression) == text
        assert await call.unary_unary(b"", compression=compression) == b""
        assert [m async for m in call.unary_stream(text)] == [text, text]
        assert await call.stream_unary(iter([text, text]), compression=compression) == text * 2


async def test_a_compressed_message_over_the_limit_is_resource_exhausted(pairing):
    async with pairing.pair(unary_unary=echo) as call:
        bomb = call.unary_unary(bytes(LIMIT + 1), compression=grpc.Compression.Gzip)
        assert (await failure(bomb)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_five_hundred_calls_at_once(pairing):
    async def slow(request, _context):
        await asyncio.sleep(0.01)
        return request

    async with pairing.pair(unary_unary=slow) as call:
        requests = [b"%d" % number for number in range(500)]
        # On a busy machine grpc's own client gives up a connection early, and tries again if told.
        answers = (call.unary_unary(request, wait_for_ready=True) for request in requests)
        assert await asyncio.gather(*answers) == requests


async def test_a_slow_reader_slows_the_server(pairing):
    sent = 0

    async def endless(_request, _context):
        nonlocal sent
        while True:
            yield bytes(32 * 1024)
            sent += 1

    async with pairing.pair(unary_stream=endless) as call:
        stream = call.unary_stream(b"")
        await stream.read()
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 200
        for _ in range(200):
            await stream.read()
        await eventually(lambda: sent > before)
        stream.cancel()


async def test_a_slow_reader_slows_the_client(pairing):
    seen = Seen()

    async def slow(requests, _context):
        seen.note("started")
        await release.wait()
        return b"%d" % len([request async for request in requests])

    release = asyncio.Event()
    written = 0

    async def write():
        nonlocal written
        for _ in range(300):
            await stream.write(bytes(32 * 1024))
            written += 1
        await stream.done_writing()

    async with pairing.pair(stream_unary=slow) as call:
        stream = call.stream_unary()
        writer = asyncio.create_task(write())
        await seen.next()
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.2)
        assert written < 200
        release.set()
        assert await stream == b"300"
        await writer


async def test_the_server_may_finish_while_the_client_still_sends(pairing):
    async def first_only(requests, _context):
        return await anext(requests)

    async def endless():
        while True:
            yield bytes(1024)
            await asyncio.sleep(0)

    async with pairing.pair(stream_unary=first_only, unary_unary=echo) as call:
        for _ in range(5):
            assert len(await call.stream_unary(endless())) == 1024
        assert await call.unary_unary(b"x") == b"x"


async def test_unread_requests_do_not_use_up_the_connection(pairing):
    async def unread(_requests, _context):
        await asyncio.sleep(0.02)
        return b"done"

    async with pairing.pair(stream_unary=unread, unary_unary=echo) as call:
        for _ in range(60):
            assert await call.stream_unary(iter([bytes(2_000)] * 100)) == b"done"
        assert len(await asyncio.wait_for(call.unary_unary(bytes(500_000)), 5)) == 500_000


async def test_unread_responses_do_not_use_up_the_connection(pairing):
    async def some(_request, _context):
        yield b"first"
        for _ in range(100):
            yield bytes(2_000)

    async with pairing.pair(unary_stream=some, unary_unary=echo) as call:
        for _ in range(60):
            stream = call.unary_stream(b"")
            assert await stream.read() == b"first"
            await asyncio.sleep(0.02)
            stream.cancel()
        assert len(await asyncio.wait_for(call.unary_unary(bytes(500_000)), 5)) == 500_000


async def test_plain_functions_serve_too(pairing):
    def upper(request, context):
        context.set_trailing_metadata((("k", "v"),))
        return request.upper()

    def letters(request, _context):
        for letter in request.decode():
            yield letter.encode()

    async with pairing.pair(unary_unary=upper, unary_stream=letters) as call:
        request = call.unary_unary(b"abc")
        assert await request == b"ABC"
        assert ("k", "v") in tuple(await request.trailing_metadata())
        assert [m async for m in call.unary_stream(b"abc")] == [b"a", b"b", b"c"]


async def test_plain_functions_may_abort_and_send_metadata(pairing):
    def refuse(_request, context):
        context.send_initial_metadata((("early", "1"),))
        context.abort(grpc.StatusCode.NOT_FOUND, "not here", (("why", "because"),))

    async with pairing.pair(unary_unary=refuse) as call:
        request = call.unary_unary(b"")
        error = await failure(request)
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "not here")
        assert ("why", "because") in tuple(error.trailing_metadata())
        assert ("early", "1") in tuple(await request.initial_metadata())


async def test_interceptors_stand_in_order_and_may_replace_the_handler(pairing):
    order = []

    class Noting(grpc.aio.ServerInterceptor):
        def __init__(self, name):
            self.name = name

        async def intercept_service(self, continuation, details):
            order.append((self.name, details.method, dict(details.invocation_metadata).get("k")))
            return await continuation(details)

    class Refusing(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation, details):
            async def refuse(_request, context):
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who?")

            if details.method.endswith("secret"):
                return grpc.unary_unary_rpc_method_handler(refuse)
            return await continuation(details)

    interceptors = (Noting("outer"), Noting("inner"), Refusing())
    async with pairing.pair(interceptors, unary_unary=echo, secret=("unary_unary", echo)) as call:
        assert await call.unary_unary(b"x", metadata=(("k", "v"),)) == b"x"
        assert [name for name, _, _ in order] == ["outer", "inner"]
        assert order[0] == ("outer", "/test.Service/unary_unary", "v")
        error = await failure(call.unary_unary__secret(b"x"))
        assert (error.code(), error.details()) == (grpc.StatusCode.UNAUTHENTICATED, "who?")


async def test_an_unknown_method_is_unimplemented(pairing):
    async with pairing.pair(unary_unary=echo) as call:
        error = await failure(call.unary_unary__missing(b"x"))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        # Without a request: grpc.aio says INTERNAL when the answer overtakes its first message.
        assert await call.stream_stream__missing().code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_call_may_be_awaited_again(pairing):
    async with pairing.pair(unary_unary=echo) as call:
        request = call.unary_unary(b"x")
        assert await request == b"x"
        assert await request == b"x"
        assert await request.code() is grpc.StatusCode.OK
        assert isinstance(call, Caller)
