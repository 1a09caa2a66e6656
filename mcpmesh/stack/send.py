"""The bottom of the stack: sends an attempt to its replica, and keeps the books of load."""

from collections.abc import Callable

from grpc import StatusCode

from mcpmesh.codec.load_report import read_load_report
from mcpmesh.codec.metadata import format_timeout
from mcpmesh.errors import Draining, TooLarge
from mcpmesh.policy.blame import Verdict, verdict
from mcpmesh.policy.deadline import forwarded
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.layer import Layer, outcome
from mcpmesh.stack.lost import Unsent
from mcpmesh.stack.tries import PREVIOUS_ATTEMPTS, previous_attempts
from mcpmesh.wire.hpack_literal import literal_name, literal_value
from mcpmesh.wire.hpack_table import Headers

_TIMEOUT = literal_name("grpc-timeout")
_REMEMBERED = 256
_COUNT_DIGITS = 6
_OK = StatusCode.OK
_UNAVAILABLE = StatusCode.UNAVAILABLE


class Send(Layer[Attempt]):
    """Opens the replica's stream.

    Fails the attempt with: ReplicaLost, and Unsent when the replica did not see it; TooLarge for
    metadata that the replica would not take.
    """

    def __init__(self, clock: Callable[[], float], precise: Callable[[], float]) -> None:
        """Write deadlines by the first clock, measure attempts by the second."""
        self._clock = clock
        self._precise = precise
        # Timeouts by their seconds: most calls have one of a few.
        self._written: dict[float, str] = {}

    def start(self, attempt: Attempt) -> None:
        candidate = attempt.candidate
        call = attempt.call
        connection = candidate.connection
        if connection is None:
            self.fail(attempt, Unsent(f"{candidate.replica}: not connected"))
            return
        now = self._clock()
        forward = call.head.forward
        if now == call.started:
            timeout = self.written(call.timeout)
        else:
            timeout = _field(call.deadline - now)
        if call.tries is not None and call.attempts > 1:
            forward, previous = _attempts_before(forward, call.previous_attempts)
            timeout += previous
        own = f"{attempt.fields}{timeout}".encode("latin-1")
        candidate.in_flight += 1
        candidate.picks += 1
        try:
            if call.requests is None:
                attempt.stream = connection.request(forward, own, call.body, attempt)
                return
            attempt.stream = connection.open(forward, attempt, own)
        except (Draining, TooLarge) as error:
            self.not_sent(attempt, error)
            return
        call.requests.connect(attempt.stream, call.body)

    def not_sent(self, attempt: Attempt, error: Exception) -> None:
        """Fail an attempt that could not be written; it counts as one in flight."""
        replica = attempt.candidate.replica
        if isinstance(error, Draining):
            self.failed(attempt, Unsent(f"{replica}: {error.message}"))
        elif isinstance(error, TooLarge):
            self.failed(attempt, TooLarge(f"{replica}: {error.message}"))
        else:
            attempt.call.interrupt(error)

    def failed(self, attempt: Attempt, error: BaseException) -> None:
        candidate = attempt.candidate
        candidate.in_flight -= 1
        if isinstance(error, Unsent | TooLarge):
            candidate.learn(Verdict.NEITHER)
        else:
            _learn(attempt, outcome(error)[0])
        load = candidate.loads.get(attempt.call.tool)
        if load is not None:
            now = self._precise()
            load.ended(now, now - attempt.began, True)
        self.fail(attempt, error)

    def ended(self, attempt: Attempt, code: StatusCode, message: str) -> None:
        candidate = attempt.candidate
        candidate.in_flight -= 1
        if code is _OK and not candidate.watched:
            # The way of nearly every attempt.
            candidate.successes += 1
        elif code is StatusCode.DEADLINE_EXCEEDED and attempt.answered:
            # It was answering all along: a stream may well last until its deadline.
            candidate.learn(Verdict.NEITHER)
        else:
            _learn(attempt, code)
        if candidate.loads:
            load = candidate.loads.get(attempt.call.tool)
            if load is not None:
                now = self._precise()
                load.ended(now, now - attempt.began, code is not _OK)
        self.end(attempt, code, message)

    def interrupted(self, attempt: Attempt, error: BaseException) -> None:
        """Give up an attempt under way: the replica need not go on."""
        attempt.abandon()
        self.failed(attempt, error)

    def reported(self, attempt: Attempt, value: bytes) -> None:
        """Take what the replica says of its load, if its tool is balanced by that."""
        reported = attempt.candidate.reported
        if reported is not None and (report := read_load_report(value)) is not None:
            reported.take(report, self._precise())

    def written(self, timeout: float) -> str:
        """Write a timeout for a replica, as `Attempt.fields` are written."""
        written = self._written.get(timeout)
        if written is None:
            if len(self._written) >= _REMEMBERED:
                self._written.clear()
            written = self._written[timeout] = _field(timeout)
        return written


def _learn(attempt: Attempt, code: StatusCode) -> None:
    """Tell the replica's candidate how an attempt ended."""
    candidate = attempt.candidate
    stream = attempt.stream
    connection = stream.connection if stream is not None else None
    lost = code is _UNAVAILABLE and connection is not None and connection.closed
    if lost or candidate.health.silent:
        # All that were in flight fail at once, of one cause; a replica that only restarts, or
        # stood still for a while, is not to be ejected for it. It proves itself when it is back.
        if not lost or candidate.connection is None or candidate.connection is connection:
            candidate.lost_calls += 1
        candidate.learn(Verdict.NEITHER)
        return
    candidate.learn(verdict(code))


def _field(timeout: float) -> str:
    return _TIMEOUT + literal_value(format_timeout(forwarded(timeout)).decode())


def _attempts_before(forward: Headers, made: int) -> tuple[Headers, str]:
    """Add our attempts to those that the caller says it made."""
    said = dict(forward).get(PREVIOUS_ATTEMPTS, b"")
    if len(said) <= _COUNT_DIGITS and said.isdigit():
        made += int(said)
    rest = tuple(field for field in forward if field[0] != PREVIOUS_ATTEMPTS)
    return rest, previous_attempts(made)
