"""Asks replicas for their health, over the connections that calls take too.

Source: grpc.health.v1, Check. A replica without that service is asked seldom and counts as healthy.
"""

import asyncio
from collections.abc import Callable
from random import Random

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from mcpmesh.balance.candidate import Candidate
from mcpmesh.errors import MeshError
from mcpmesh.policy.active_check import ActiveCheck, Answer
from mcpmesh.wire.block import Block
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import PREFIX_BYTES, frame_message
from mcpmesh.wire.stream import Stream

_HEAD: Headers = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/grpc.health.v1.Health/Check"),
    (b":authority", b"mcpmesh"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)
_CANNOT_SAY = ((b"grpc-status", b"12"), (b"grpc-status", b"5"))
_MOST_BYTES = 1024
#: Seconds after which a replica without the service is asked again: it may have been replaced.
_ASK_AGAIN = 60.0
_JITTER = 0.1


class HealthChecker:
    """Asks each replica that was added, again and again.

    `told` learns what a replica has against it, empty for nothing, whenever that may have changed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        rng: Random,
        settings: ActiveCheck,
        told: Callable[[Candidate, str], None],
    ) -> None:
        self._loop = loop
        self._rng = rng
        self._settings = settings
        self._told = told
        self._checks: dict[Candidate, _Check] = {}
        request = health_pb2.HealthCheckRequest(service=settings.service)
        self.request = frame_message(request.SerializeToString())

    def __repr__(self) -> str:
        return f"<HealthChecker of {len(self._checks)} replicas>"

    def add(self, candidate: Candidate) -> None:
        """Check a replica from now on; does nothing when checks are off."""
        if self._settings.interval:
            check = self._checks[candidate] = _Check(self, candidate)
            # Spread, so that replicas that came together are not asked together for ever.
            self.plan(check, self._rng.random() * self._settings.interval)

    def remove(self, candidate: Candidate) -> None:
        """Check a replica no more."""
        check = self._checks.pop(candidate, None)
        if check is not None:
            check.close()

    def close(self) -> None:
        """Check nobody any more."""
        for candidate in list(self._checks):
            self.remove(candidate)

    # For the checks

    def plan(self, check: "_Check", seconds: float) -> None:
        """Have the next question asked then."""
        check.timer = self._loop.call_later(seconds, self._ask, check)

    def ended(self, check: "_Check", answer: Answer) -> None:
        """Take an answer, and plan the next question."""
        if check.timer is not None:
            check.timer.cancel()
        check.failures = check.failures + 1 if answer is Answer.FAILED else 0
        wait = _ASK_AGAIN if answer is Answer.UNKNOWN else self._settings.interval
        self.plan(check, wait * (1 + _JITTER * (2 * self._rng.random() - 1)))
        against = self._settings.against(answer, check.failures)
        if against is not None:
            self._told(check.candidate, against)

    def _ask(self, check: "_Check") -> None:
        connection = check.candidate.connection
        silent = check.candidate.health.silent
        if not isinstance(connection, Connection) or connection.draining or silent:
            # What is not connected, or silent, gets no calls in any case.
            self.plan(check, self._settings.interval)
            return
        check.timer = self._loop.call_later(self._settings.timeout, check.expire)
        try:
            check.begin(connection, self.request)
        except MeshError:
            check.timer.cancel()
            self.plan(check, self._settings.interval)


class _Check:
    """The checks of one replica, one after the other; the sink of their streams."""

    __slots__ = ("_body", "_checker", "_stream", "candidate", "failures", "timer")

    def __init__(self, checker: HealthChecker, candidate: Candidate) -> None:
        self._checker = checker
        self._body = b""
        self._stream: Stream | None = None
        self.candidate = candidate
        #: Questions in a row that were not answered.
        self.failures = 0
        self.timer: asyncio.TimerHandle | None = None

    def begin(self, connection: Connection, request: bytes) -> None:
        """Ask.

        Raises: Draining.
        """
        self._body = b""
        self._stream = connection.request(_HEAD, (), request, self)

    def expire(self) -> None:
        """Wait for the answer no longer."""
        self._give_up()
        self._checker.ended(self, Answer.FAILED)

    def close(self) -> None:
        """Ask no more."""
        if self.timer is not None:
            self.timer.cancel()
        self._give_up()

    # AnswerSink

    def on_headers(self, headers: Headers, end: bool) -> None:
        if end and self._stream is not None:
            self._stream = None
            self._checker.ended(self, self._read(headers))

    def on_data(self, data: bytes, end: bool) -> None:
        if self._stream is None:
            return
        self._stream.consumed(len(data))
        self._body += data
        if len(self._body) > _MOST_BYTES or end:
            self.expire()

    def on_answer(self, head: Block, data: bytes, trailers: Headers) -> None:
        self.on_data(data, False)
        self.on_headers(trailers, True)

    def on_reset(self, code: int, message: str) -> None:
        if self._stream is not None:
            self._stream = None
            # Of a lost connection everybody knows; a stream that is reset alone is no answer.
            connection = self.candidate.connection
            lost = not isinstance(connection, Connection) or connection.closed
            self._checker.ended(self, Answer.UNKNOWN if lost else Answer.FAILED)

    def _read(self, trailers: Headers) -> Answer:
        if any(field in trailers for field in _CANNOT_SAY):
            return Answer.UNKNOWN
        if (b"grpc-status", b"0") not in trailers:
            return Answer.FAILED
        try:
            status = health_pb2.HealthCheckResponse.FromString(self._body[PREFIX_BYTES:]).status
        except DecodeError:
            return Answer.FAILED
        serving = status == health_pb2.HealthCheckResponse.SERVING
        return Answer.SERVING if serving else Answer.NOT_SERVING

    def _give_up(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.reset(ErrorCode.CANCEL)
