"""A call on its way through the stack."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from grpc import StatusCode

from mcpmesh.errors import DeadlineExceeded
from mcpmesh.model.principal import ANONYMOUS, Principal
from mcpmesh.model.trace import TraceContext
from mcpmesh.stack.call_head import CallHead
from mcpmesh.stack.layer import Layer
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.stream import Stream

if TYPE_CHECKING:
    from mcpmesh.balance.balancer import Route
    from mcpmesh.balance.candidate import Candidate
    from mcpmesh.balance.tool_load import ToolLoad
    from mcpmesh.stack.attempt import Attempt
    from mcpmesh.stack.caller import Caller
    from mcpmesh.stack.place import Place
    from mcpmesh.stack.tries import Tries
    from mcpmesh.stack.untried import Untried
    from mcpmesh.stack.waiting import Waiting


class RequestPipe(Protocol):
    """The rest of a streamed request, after its first message."""

    def connect(self, stream: Stream, first: bytes) -> None:
        """Send what came, from `first` on, and what comes to this stream, at its pace."""
        ...

    def take_back(self) -> bool:
        """Get ready to be connected anew; False when what was sent is not kept any more."""
        ...

    def lengthen(self, size: int) -> None:
        """Learn that the first message has so many bytes more than the caller sent."""
        ...


class Call(ABC):
    """What a caller asked, and what the layers remember of it.

    Whoever asks has a subclass. The answer goes to `caller`, or `failed` is called; if it breaks
    off midway `broken`; at the very end `ended`.
    Units: `timeout` in seconds, `deadline` and `started` in seconds of the event loop's clock,
    `began` in seconds of `time.perf_counter`.
    """

    __slots__ = (
        "attempts", "began", "body", "candidate", "correlation_id", "current", "deadline",
        "failure", "head", "over", "place", "requests", "route", "span", "started", "timeout",
        "timer", "tool", "trace", "tried", "tries", "version",
    )  # fmt: skip

    #: Set by the layers before anybody reads them.
    started: float
    deadline: float
    began: float
    trace: TraceContext

    def __init__(self, head: CallHead) -> None:
        self.head = head
        self.tool = head.tool
        #: The version asked for; empty for the newest.
        self.version = head.version
        #: The request's body, unopened: gRPC prefix and message.
        self.body = b""
        #: The rest of a streamed request; None when the body is all.
        self.requests: RequestPipe | None = None
        #: What the call may take, in all.
        self.timeout = 0.0
        self.correlation_id = head.correlation_id
        #: The tool's route, when it was looked up already.
        self.route: Route | None = None
        #: The replica of the last attempt.
        self.candidate: Candidate | None = None
        #: The attempt under way, or what the call waits for before the first.
        self.current: Attempt | Waiting | Call | None = None
        #: What it holds of its tool's places.
        self.place: ToolLoad | Place | None = None
        self.attempts = 0
        #: Replicas that failed this call.
        self.tried: tuple[str, ...] = ()
        #: What kind of error failed the attempt before; empty for the first.
        self.failure = ""
        #: What there is to know of more attempts than one.
        self.tries: Tries | None = None
        #: The recorded span, if any.
        self.span: Any = None
        #: Takes the deadline's timer back.
        self.timer: Any = 0
        self.over = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.head.method} {self.tool} attempts={self.attempts}>"

    # For whoever asks

    @property
    @abstractmethod
    def caller(self) -> Caller:
        """Return who is answered."""

    @property
    def peer(self) -> str:
        """Say who is at the other end: as its certificate says, else its address."""
        return ""

    @property
    def principal(self) -> Principal:
        """Say on whose behalf it is made, as far as that is proven."""
        return ANONYMOUS

    @property
    def named(self) -> str:
        """Say what its caller named: a tool, or a capability."""
        return self.tool

    def extra(self) -> Volatile:
        """Return the fields that are added to the answer's head."""
        return ()

    @abstractmethod
    def broken(self, error: BaseException) -> None:
        """Tell who asked that the answer broke off."""

    @abstractmethod
    def failed(self, error: BaseException) -> None:
        """Tell who asked that there is no answer."""

    def untried(self, why: Untried) -> None:
        """Tell who asked that the call was not even tried."""
        self.failed(why.again())

    def ended(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of what the call held."""

    # For the layers, and for whoever asks

    @property
    def previous_attempts(self) -> int:
        """How many attempts were made before this one, but those at no cost (gRFC A6)."""
        return self.attempts - 1 - self.tries.free if self.tries is not None else 0

    @property
    def asked(self) -> str:
        """The tool that was asked for, whichever answers."""
        stand_in = self.tries.stand_in if self.tries is not None else None
        return self.tool if stand_in is None else stand_in.asked

    def interrupt(self, error: BaseException) -> None:
        """End the call with an error, wherever it is; harmless when it is over.

        CancelledError says that nobody waits for the answer any more.
        """
        if self.over or self.current is None:
            return
        if self.tries is not None and self.tries.rival is not None:
            rival, self.tries.rival = self.tries.rival, None
            rival.interrupt(asyncio.CancelledError("the call is over"))
        self.current.interrupt(error)

    def expire(self) -> None:
        """Learn that the deadline passed."""
        where = f" at {self.candidate.replica}" if self.candidate is not None else ""
        when = f"attempt {self.attempts}" if self.attempts else "still waiting"
        self.interrupt(
            DeadlineExceeded(f"{self.tool}: no answer within {self.timeout:.3f} s{where} ({when})")
        )


class Exit(Layer[Call]):
    """The top of every stack: tells who asked."""

    def start(self, call: Call) -> None:
        try:
            self.on(call)
        except Exception as bug:
            call.interrupt(bug)
            if not call.over:
                # It failed before there was an attempt to interrupt.
                self.failed(call, bug)

    def failed(self, call: Call, error: BaseException) -> None:
        call.over = True
        # A call and its attempt keep each other; left to the garbage collector, that doubles
        # the cost of a call.
        call.current = None
        if not isinstance(error, asyncio.CancelledError):
            call.failed(error)
        call.ended()

    def ended(self, call: Call, code: StatusCode, message: str) -> None:
        call.over = True
        call.current = None
        call.ended()
