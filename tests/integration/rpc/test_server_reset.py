"""Servers that cut a call off with RST_STREAM, as grpc-go does when a deadline passes."""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest

from mcpmesh.rpc.answer import HEAD
from mcpmesh.rpc.channel import Channel
from tests.integration.rpc.pairing import failure

SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
CANCEL = bytes([0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8])


@asynccontextmanager
async def resetting():
    """A server that cancels stream 1 when `reset` is set."""
    reset = asyncio.Event()

    async def serve(reader, writer):
        writer.write(SETTINGS)
        await reset.wait()
        writer.write(CANCEL)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        async with Channel(f"127.0.0.1:{server.sockets[0].getsockname()[1]}") as channel:
            yield channel, reset
    finally:
        server.close()


@pytest.mark.parametrize(
    ("left", "code"),
    [(30.0, grpc.StatusCode.CANCELLED), (0.001, grpc.StatusCode.DEADLINE_EXCEEDED)],
)
async def test_a_cancel_at_the_deadline_means_the_deadline(left, code):
    async with asyncio.timeout(10), resetting() as (channel, reset):
        await channel.channel_ready()
        request = channel.unary_unary("/test.Service/hang")(b"", timeout=60)
        # Our own timer stays where it is, so that the server's word is what ends the call.
        request._expiry = asyncio.get_running_loop().time() + left
        reset.set()
        assert (await failure(request)).code() is code


def test_encodings_are_named_as_every_peer_can_read_them():
    assert dict(HEAD)[b"grpc-accept-encoding"] == b"identity,deflate,gzip"
