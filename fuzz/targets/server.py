"""A gRPC server over a connection in memory: heads, bodies and resets of a client that is odd."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc

from fuzz.auditor import Auditor
from fuzz.dice import Dice
from fuzz.laws import check_whole
from fuzz.memory_transport import MemoryTransport
from fuzz.objections import Objections
from fuzz.peer_frames import REQUEST, Fields, PeerFrames
from mcpmesh.rpc.message_queue import MessageQueue
from mcpmesh.rpc.server import Server, ServerOptions
from mcpmesh.wire.frame import PREFACE
from mcpmesh.wire.limits import Limits

_GREETING = PREFACE + bytes.fromhex("000000040000000000")
_LIMIT = 4_000
_LIMITS = Limits(max_concurrent_streams=6, stream_window_bytes=65_535,
                 connection_window_bytes=100_000, max_header_list_bytes=4_000,
                 control_flood=100)  # fmt: skip
_STEPS = 120
_MOST_TURNS = 400
#: Each a millisecond long.
_MOST_PAUSES = 5_000
#: Of a run's time, against 1 for most targets.
SHARE = 4
SEEDS = (
    b"\x00" * 8, bytes(range(64)), b"\x00\x03" + bytes(range(0, 256, 5)) * 3,
    bytes(range(255, 0, -2)) * 2, b"\x01" + b"\x0c\x00\x01" * 60, b"\x02" + b"\x01\x80\x05" * 80,
)  # fmt: skip


def _head(method: bytes, *more: tuple[bytes, bytes]) -> Fields:
    return [(name, b"/s/" + method if name == b":path" else value) for name, value in REQUEST] + [
        *more
    ]


_HEADS = [
    _head(b"Unary"), _head(b"Collect"), _head(b"Spread"), _head(b"Chat"),
    _head(b"Unary", (b"grpc-encoding", b"gzip"), (b"grpc-accept-encoding", b"gzip")),
    _head(b"None"), _head(b"Chat", (b"grpc-timeout", b"0n")), _head(b"Unary", (b"x-bin", b"!")),
]  # fmt: skip


class _Service(grpc.GenericRpcHandler):
    """One method of each shape; they give back what they get."""

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        """Find a method."""
        return {
            "/s/Unary": grpc.unary_unary_rpc_method_handler(self._unary),
            "/s/Collect": grpc.stream_unary_rpc_method_handler(self._collect),
            "/s/Spread": grpc.unary_stream_rpc_method_handler(self._spread),
            "/s/Chat": grpc.stream_stream_rpc_method_handler(self._chat),
        }.get(handler_call_details.method)

    async def _unary(self, request: bytes, context: Any) -> bytes:
        # Reading the metadata is what may refuse it.
        context.invocation_metadata()
        return request

    async def _collect(self, requests: AsyncIterator[bytes], _context: Any) -> bytes:
        return b"".join([request async for request in requests])

    async def _spread(self, request: bytes, _context: Any) -> AsyncIterator[bytes]:
        for _ in range(20):
            yield request * 3_000

    async def _chat(self, requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request


class _Fixture:
    """A server that many inputs share, each on a connection of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # A broken request is told to its caller, and what a method makes of it is logged.
        self.objections = Objections()
        self.loop.set_exception_handler(self.objections.of_loop)
        self.loop.run_until_complete(self._start())

    async def _start(self) -> None:
        options = ServerOptions(limits=_LIMITS, max_message_bytes=_LIMIT)
        self.server = Server(options)
        self.server.add_generic_rpc_handlers([_Service()])
        await self.server.start()


_fixtures: list[_Fixture] = []


def check(data: bytes) -> None:
    """Serve an odd client; nothing is logged as a bug, no call and no credit is left behind."""
    if not _fixtures:
        _fixtures.append(_Fixture())
    fixture = _fixtures[0]
    with fixture.objections:
        fixture.loop.run_until_complete(_serve(fixture.server, data))


async def _serve(server: Server, data: bytes) -> None:
    dice = Dice(data)
    frames = PeerFrames(dice, client=True, heads=_HEADS)
    link = server._new_link()
    transport = MemoryTransport()
    link.connection_made(transport)
    connection = link.connection
    auditor = Auditor(client=False)
    written = 0

    def hear(piece: bytes) -> None:
        auditor.received(piece)
        link.data_received(piece)

    def listen() -> None:
        nonlocal written
        said = bytes(transport.written)
        transport.written.clear()
        written += len(said)
        auditor.sent(said)

    try:
        for piece in dice.pieces(_GREETING):
            hear(piece)
        for _ in range(_STEPS):
            if transport.closing or connection.closed or not dice.left:
                break
            for piece in dice.pieces(frames.next()):
                hear(piece)
            for _ in range(dice.pick((0, 1, 3))):
                await asyncio.sleep(0)
            server._hub.flush()  # type: ignore[union-attr]
            listen()
            _check_bounds(server)
        # The client gives up whatever is open, if what it sent last was whole.
        for number in list(connection.streams):
            hear(b"\x00\x00\x04\x03\x00" + number.to_bytes(4, "big") + bytes((0, 0, 0, 8)))
        await _settle(server)
        if auditor.heard_whole:
            # On a busy machine what it sent may be read in several turns.
            await _settle(server, _MOST_PAUSES)
        server._hub.flush()  # type: ignore[union-attr]
        listen()
        assert not server.calls or not auditor.heard_whole, f"calls are left: {server.calls}"
        if not connection.closed and not connection.streams:
            check_whole(connection)
    finally:
        transport.close()
        link.connection_lost(None)
        await _settle(server)
        assert not server.calls, f"calls outlive their connection: {server.calls}"


def _check_bounds(server: Server) -> None:
    """Hold what calls keep against what they may."""
    for call in server.calls:
        queue: MessageQueue = call._queue
        kept = sum(map(len, queue._messages))
        assert kept <= 65_535 + 2 * _LIMIT, f"{kept} bytes of messages wait"


async def _settle(server: Server, pauses: int = 0) -> None:
    """Let calls end, for some turns of the loop and, if need be, for some pauses more."""
    for _ in range(_MOST_TURNS):
        await asyncio.sleep(0)
        if not server.calls:
            break
    for _ in range(pauses):
        if not server.calls:
            break
        await asyncio.sleep(0.001)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
