"""The router between an odd caller and odd replicas, all of them in memory."""

import asyncio

from fuzz.auditor import Auditor
from fuzz.dice import Dice
from fuzz.laws import check_whole
from fuzz.objections import Objections
from fuzz.peer_frames import RESPONSE, TRAILERS, Fields, PeerFrames
from mcpmesh.v1.invoke_pb2 import InvokeRequest
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.error_code import ConnectionFault
from mcpmesh.wire.frame import DATA, END_STREAM, RST_STREAM, frame
from mcpmesh.wire.message import frame_message
from tests.unit.router.staircase import Staircase
from tests.unit.wire.talk import Talk

_STEPS = 80
_LONGEST_CALL = 31.0
#: Of a run's time, against 1 for most targets.
SHARE = 6
SEEDS = (
    b"\x00" * 40, bytes(range(200)), bytes(range(255, 0, -1)), b"\x00\x00\x00\x06\x01\x00" * 30,
    b"\x05\x00\x03\x00\x00\x00\x00\x00\x00\x01\x07\x02" * 20,
)  # fmt: skip
_BODIES = (
    frame_message(InvokeRequest(tool="echo", arguments=b"{}").SerializeToString()),
    frame_message(b"not protobuf"),
    frame_message(b"x" * 9_000),
    b"\x00\x00\x00\x00",
    b"\x01\x00\x00\x00\x02hi",
    b"\x00\xff\xff\xff\xff",
    frame_message(b"a") + frame_message(b"b"),
)


def _head(method: bytes, *more: tuple[bytes, bytes]) -> Fields:
    return [
        (b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"mesh"),
        (b":path", b"/mcpmesh.v1.ToolService/" + method), (b"content-type", b"application/grpc"),
        (b"te", b"trailers"), *more,
    ]  # fmt: skip


_HEADS = [
    _head(b"Invoke", (b"mcp-name", b"echo")), _head(b"Invoke"), _head(b"Converse"),
    _head(b"InvokeStream", (b"mcp-name", b"echo")), _head(b"Converse", (b"mcp-name", b"echo")),
    _head(b"Invoke", (b"mcp-name", b"none")), _head(b"Invoke", (b"grpc-timeout", b"1m")),
    _head(b"Invoke", (b"mcp-name", b"echo"), (b"grpc-encoding", b"gzip")),
]  # fmt: skip


class _Side:
    """The caller's connection or a replica's."""

    def __init__(self, talk: Talk, dice: Dice) -> None:
        self.connection: Connection = talk.connection
        client = self.connection.client
        self._auditor = Auditor(client, greeted=True)
        heads = [RESPONSE, RESPONSE + TRAILERS] if client else _HEADS
        self.frames = PeerFrames(
            dice, client=not client, heads=heads, opened=lambda: list(self.connection.streams)
        )
        talk.connection.outbox.take()

    def hear(self, data: bytes) -> None:
        """Have the peer's bytes arrive, as a link does."""
        if self.connection.closed:
            return
        self._auditor.received(data)
        try:
            self.connection.receive(data)
        except ConnectionFault as fault:
            self.connection.fail(fault.code, fault.message)

    def listen(self) -> None:
        """Read what is sent to the peer."""
        self._auditor.sent(self.connection.outbox.take())


#: Only trailers that wait for the request use it; calls have a clock of their own.
_loops: list[asyncio.AbstractEventLoop] = []


def check(data: bytes) -> None:
    """Carry odd calls; no bug is logged, every call ends, and all books are even after it."""
    if not _loops:
        _loops.append(asyncio.new_event_loop())
    objections = Objections()
    _loops[0].set_exception_handler(objections.of_loop)
    with objections:
        _loops[0].run_until_complete(_carry(Dice(data)))


async def _carry(dice: Dice) -> None:
    steps = Staircase("a", "b", idempotent=dice.chance())
    steps.caller.owner.accept = _guarded(steps)
    caller = _Side(steps.caller, dice)
    replicas = [_Side(talk, dice) for talk in steps.replicas.values()]
    sides = [caller, *replicas]
    for _ in range(_STEPS):
        if not dice.left:
            break
        what = dice.below(16)
        if what < 7:
            caller.hear(_callers(dice, caller))
        elif what < 13:
            replica = dice.pick(replicas)
            replica.hear(replica.frames.next())
        elif what == 13:
            steps.loop.advance(dice.pick((0.001, 1.0, _LONGEST_CALL)))
        elif what == 14:
            side = dice.pick(sides)
            side.connection.writable = not side.connection.writable
            if side.connection.writable:
                side.connection.pump()
        elif dice.chance(4):
            dice.pick(sides).connection.lost("the peer is gone")
        for side in sides:
            side.listen()
    _end(steps, caller, replicas)


def _callers(dice: Dice, caller: _Side) -> bytes:
    """Write what the caller sends: odd frames, or a whole body of a call."""
    if dice.chance(3):
        streams = list(caller.connection.streams)
        if streams:
            flags = 0 if dice.chance(4) else END_STREAM
            return frame(DATA, flags, dice.pick(streams), dice.pick(_BODIES))
    return caller.frames.next()


def _guarded(steps: Staircase):  # type: ignore[no-untyped-def]
    """Answer paths that the router's frontend does not serve, as its server would."""
    accept = steps.caller.owner.accept

    def guarded(stream, head):  # type: ignore[no-untyped-def]
        opening = accept(stream, head)
        known = opening.on_headers

        def on_headers(headers, end):  # type: ignore[no-untyped-def]
            if dict(headers).get(b":path", b"").decode("latin-1") in steps._handlers:
                known(headers, end)
            else:
                stream.reset()

        return _Sink(on_headers)

    return guarded


class _Sink:
    def __init__(self, on_headers) -> None:  # type: ignore[no-untyped-def]
        self.on_headers = on_headers


def _end(steps: Staircase, caller: _Side, replicas: list[_Side]) -> None:
    """End all calls, by time or by the caller's end, and hold the books."""
    for side in (caller, *replicas):
        side.connection.writable = True
        if not side.connection.closed:
            side.connection.pump()
    steps.loop.advance(_LONGEST_CALL)
    for number in list(caller.connection.streams):
        caller.hear(frame(RST_STREAM, 0, number, (8).to_bytes(4, "big")))
    if caller.connection.streams:
        # What it sent last was not whole.
        caller.connection.lost("the caller is gone")
    for side in (caller, *replicas):
        side.listen()
    assert steps.idle, f"calls {steps.in_flight.calls}, {steps.candidates}"
    for side in (caller, *replicas):
        if not side.connection.closed:
            check_whole(side.connection)
