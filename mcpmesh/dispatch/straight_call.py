"""A direct call on its way to its replica, as long as there is nothing to decide about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mcpmesh.dispatch.direct_call import DirectCall
from mcpmesh.stack.attempt import OK_TRAILERS, Attempt, head_to_pass_on
from mcpmesh.wire.error_code import ErrorCode

if TYPE_CHECKING:
    from mcpmesh.balance.balancer import Route
    from mcpmesh.balance.candidate import Candidate
    from mcpmesh.dispatch.straight_way import StraightWay
    from mcpmesh.dispatch.turn import Turn
    from mcpmesh.model.trace import TraceContext
    from mcpmesh.rpc.client_call import CallBase
    from mcpmesh.stack.call_head import CallHead
    from mcpmesh.wire.block import Block
    from mcpmesh.wire.hpack_table import Headers
    from mcpmesh.wire.stream import Stream


class StraightCall:
    """The sink of the replica's stream; for the channel's call, its stream.

    An answer that comes whole and well is handed over, and that was all. Whatever else happens, the
    call becomes one of the layers' (`grown`), as they would have left it by then.
    Units: `began` in seconds of `time.perf_counter`.
    """

    __slots__ = (
        "asking", "began", "body", "candidate", "correlation_id", "head", "route", "stream", "tool",
        "trace", "turn", "way",
    )  # fmt: skip

    #: What streams say of themselves; this one may be tried again by the layers.
    refused = False

    def __init__(
        self,
        way: StraightWay,
        asking: CallBase,
        head: CallHead,
        tool: str,
        route: Route,
        body: bytes,
        turn: Turn,
        trace: TraceContext,
        correlation_id: str,
        candidate: Candidate,
        began: float,
    ) -> None:
        self.way = way
        #: Who waits for the answer; None when this is not who gives it any more.
        self.asking: CallBase | None = asking
        self.head = head
        self.tool = tool
        self.route = route
        self.body = body
        self.turn = turn
        self.trace = trace
        self.correlation_id = correlation_id
        self.candidate = candidate
        self.began = began
        self.stream: Stream | None = None

    def __repr__(self) -> str:
        return f"<StraightCall {self.head.method} {self.tool} {self.candidate.replica}>"

    def grown(self) -> Attempt:
        """Become a call of the layers, which has this attempt; return that."""
        asking, turn = self.asking, self.turn
        assert asking is not None
        self.asking = None
        call = DirectCall(self.head, asking)
        call.tool, call.version, call.body, call.route = (
            self.tool, self.head.version, self.body, self.route,
        )  # fmt: skip
        call.timeout, call.started, call.deadline = turn.timeout, turn.moment, turn.deadline
        call.began, call.trace, call.correlation_id = self.began, self.trace, self.correlation_id
        call.place, call.attempts, call.candidate = self.route.load, 1, self.candidate
        slot = call.timer = turn.slot
        if slot is not None and self in slot:
            slot.discard(self)
            slot.add(call)
        attempt = call.current = Attempt(call, self.way.bottom)
        attempt.began, attempt.candidate, attempt.stream = self.began, self.candidate, self.stream
        if self.stream is not None and self.stream.sink is self:
            self.stream.sink = attempt
        self.way.in_flight.calls += 1
        # Shaped as a stream, as far as a channel's call asks for it.
        asking.attach(cast("Stream", call))
        return attempt

    # StreamSink

    def on_answer(self, head: Block, data: bytes, trailers: Headers) -> None:
        """Hand a whole answer over, if it went well and nobody wants to know how it went."""
        asking, candidate = self.asking, self.candidate
        if (
            asking is None
            or trailers != OK_TRAILERS
            or candidate.watched
            or candidate.loads
            or self.route.load.gate is not None
        ):
            self.grown().on_answer(head, data, trailers)
            return
        self.asking = None
        self.way.ended(self)
        # The head is looked through once, however many answers begin with it.
        headers = head.note
        if headers is None:
            headers = head.note = head_to_pass_on(head.headers)
        own = ((b"x-correlation-id", self.correlation_id.encode()),)
        asking.on_relayed(headers, own, data, trailers)

    def on_headers(self, headers: Headers, end: bool) -> None:
        """Leave an answer that comes in pieces to the layers."""
        self.grown().on_headers(headers, end)

    def on_data(self, data: bytes, end: bool) -> None:
        """Leave an answer that comes in pieces to the layers."""
        self.grown().on_data(data, end)

    def on_reset(self, code: int, message: str) -> None:
        """Leave it to the layers that there is no answer."""
        self.grown().on_reset(code, message)

    # Expiring

    def expire(self) -> None:
        """Leave it to the layers that the deadline passed."""
        self.grown().call.expire()

    # What a channel's call asks of its stream

    def reset(self, code: int = ErrorCode.CANCEL) -> None:
        """End the call, on its replica too; harmless when it ended."""
        if self.asking is not None:
            asked = self.grown().call
            assert isinstance(asked, DirectCall)
            asked.reset(code)

    def consumed(self, _size: int) -> None:
        """Take note of nothing: there is nothing to read before it is grown."""


def attempt_of(sink: object) -> Attempt | None:
    """Return the attempt that a stream to a replica belongs to; None for other streams."""
    if isinstance(sink, StraightCall):
        return sink.grown()
    return sink if isinstance(sink, Attempt) else None
