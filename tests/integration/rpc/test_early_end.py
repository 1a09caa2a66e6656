"""Answers that are complete before their request is: what the stock client makes of them."""

import asyncio
import collections

import grpc
import pytest

from mcpmesh.rpc.late_trailers import AT_MOST
from tests.eventually import eventually
from tests.integration.rpc.pairing import Pairing, Seen, failure

TIMES = 200
STOCK = Pairing("grpc", "our")
OURS = Pairing("our", "our")
REFUSED = {"ABORTED": TIMES}


async def refuse(_requests, context):
    await context.abort(grpc.StatusCode.ABORTED, "at once")


async def messages(count):
    for _ in range(count):
        yield b"x"


async def tally(ask):
    """Count how calls made one after another end."""
    return dict(collections.Counter([(await ask()).name for _ in range(TIMES)]))


async def nothing_left(server):
    (link,) = server.links
    await eventually(lambda: not link.connection.streams)
    assert not server.calls


@pytest.mark.parametrize("shape", ["stream_stream", "stream_unary"])
async def test_a_call_refused_at_once_shows_its_status(shape):
    async with STOCK.pair(**{shape: refuse}) as call:
        assert await tally(lambda: getattr(call, shape)(messages(1)).code()) == REFUSED


async def test_a_call_refused_while_its_first_message_is_written_shows_its_status():
    async with STOCK.pair(stream_stream=refuse) as call:

        async def ask():
            request = call.stream_stream()
            try:
                await request.write(b"x")
            except grpc.aio.AioRpcError as error:
                return error.code()
            return await request.code()

        assert await tally(ask) == REFUSED


async def test_a_streamed_call_of_an_unknown_method_shows_its_status():
    async with STOCK.pair(stream_stream=refuse) as call:
        ended = await tally(lambda: call.stream_stream__missing(messages(1)).code())
        assert ended == {"UNIMPLEMENTED": TIMES}


async def test_an_early_response_to_a_streamed_request_arrives():
    async def first(requests, _context):
        async for request in requests:
            return request
        return b"nothing came"

    async with STOCK.pair(stream_unary=first) as call:
        for _ in range(TIMES):
            assert await call.stream_unary(messages(5)) == b"x"


@pytest.mark.parametrize("client", ["our", "grpc"])
async def test_a_client_that_sends_nothing_is_refused_all_the_same(client):
    async with Pairing(client, "our").pair(stream_stream=refuse) as call:
        request = call.stream_stream()
        assert await asyncio.wait_for(request.code(), 5) is grpc.StatusCode.ABORTED


async def test_a_client_that_never_stops_sending_is_refused_within_a_bound():
    async def endless():
        while True:
            yield b"x" * 1000

    async with (
        OURS.serving(stream_unary=refuse) as (server, port),
        OURS.connected(port) as channel,
    ):
        loop = asyncio.get_running_loop()
        began = loop.time()
        request = channel.stream_unary("/test.Service/stream_unary")(endless())
        assert (await failure(request)).code() is grpc.StatusCode.ABORTED
        # What it takes beyond that is the machine's.
        assert loop.time() - began < AT_MOST + 5
        await nothing_left(server)


async def test_a_client_that_cancels_while_the_status_waits_leaves_nothing_behind():
    seen = Seen()

    async def refuse_and_tell(_requests, context):
        context.add_done_callback(lambda _context: seen.note("done"))
        await context.abort(grpc.StatusCode.ABORTED, "at once")

    async with (
        OURS.serving(stream_stream=refuse_and_tell) as (server, port),
        OURS.connected(port) as channel,
    ):
        request = channel.stream_stream("/test.Service/stream_stream")()
        await seen.next()
        request.cancel()
        await nothing_left(server)
