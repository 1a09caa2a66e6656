"""A client and a server, each ours or grpc.aio's, over one free port on loopback.

The pairing of grpc.aio with itself is the measure: what a test expects, it does.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc

from mcpmesh.policy.backoff import Backoff
from mcpmesh.rpc.channel import Channel, ChannelOptions
from mcpmesh.rpc.server import Server
from tests.listening import listening

SERVICE = "test.Service"
# Windows that stay as they are, so that back-pressure can be seen.
GRPC_OPTIONS = (("grpc.so_reuseport", 0), ("grpc.http2.bdp_probe", 0))
LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True)
class Pairing:
    client: str
    server: str

    def __str__(self):
        return f"{self.client} client, {self.server} server"

    @asynccontextmanager
    async def serving(self, interceptors=(), port=0, **methods):
        """Serve methods given as unary_unary=..., or name=(shape, behaviour, codecs...)."""
        async with started(self.server, interceptors, port, methods) as (server, bound):
            yield server, bound

    @asynccontextmanager
    async def connected(self, port, interceptors=()):
        async with opened(self.client, port, interceptors) as channel:
            yield channel

    @asynccontextmanager
    async def pair(self, interceptors=(), client_interceptors=(), **methods):
        async with (
            self.serving(interceptors, **methods) as (_, port),
            self.connected(port, client_interceptors) as channel,
        ):
            yield Caller(channel)


class Caller:
    """Calls the test service's methods by shape."""

    def __init__(self, channel):
        self.channel = channel

    def __getattr__(self, name):
        shape, _, method = name.partition("__")
        return getattr(self.channel, shape)(f"/{SERVICE}/{method or shape}")


@asynccontextmanager
async def started(kind, interceptors, port, methods):
    pool = ThreadPoolExecutor(2)
    server = (
        Server(interceptors=interceptors)
        if kind == "our"
        else grpc.aio.server(pool, interceptors=interceptors, options=GRPC_OPTIONS)
    )
    handlers = {}
    for name, method in methods.items():
        shape, *behavior = method if isinstance(method, tuple) else (name, method)
        handlers[name] = getattr(grpc, f"{shape}_rpc_method_handler")(*behavior)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    async with listening(server, f"127.0.0.1:{port}") as bound:
        yield server, bound
        pool.shutdown(wait=False)


@asynccontextmanager
async def opened(kind, port, interceptors=()):
    target = f"127.0.0.1:{port}"
    if kind == "our":
        own = ChannelOptions(backoff=Backoff(0.05, 1.0, 0.05, 0.0))
        channel = Channel(target, own, interceptors=interceptors)
    else:
        options = (
            ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 50), ("grpc.use_local_subchannel_pool", 1),
            *GRPC_OPTIONS,
        )  # fmt: skip
        channel = grpc.aio.insecure_channel(target, options, interceptors=interceptors)
    try:
        yield channel
    finally:
        await channel.close()


class Seen:
    """Events that a test waits for."""

    def __init__(self):
        self.items = asyncio.Queue()

    def note(self, item):
        self.items.put_nowait(item)

    async def next(self, timeout=5.0):
        return await asyncio.wait_for(self.items.get(), timeout)

    async def hang(self, _request, _context):
        """A method that tells when it began, never answers, and tells that it was cancelled."""
        self.note("began")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.note("cancelled")
            raise


async def echo(request, _context):
    return request


async def join(requests, _context):
    return b"".join([request async for request in requests])


async def mirror(requests, _context):
    async for request in requests:
        yield request


async def failure(call):
    """Return how a call fails."""
    try:
        if hasattr(call, "__aiter__") and not hasattr(call, "__await__"):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call succeeded")
