"""What the bottom of the stack tells balancing policies of each attempt."""

from grpc import StatusCode

from mcpmesh.errors import ReplicaLost
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.layer import Layer, stacked
from mcpmesh.stack.send import Send
from tests.unit.stack.virtual import VirtualLoop, call_of, ready


class Above(Layer[Attempt]):
    """Hears of ends, and does nothing."""

    def failed(self, it: Attempt, error: BaseException) -> None: ...

    def ended(self, it: Attempt, code: StatusCode, message: str) -> None: ...


class Notes:
    """A Load that notes what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[float, float, bool]] = []

    def ended(self, now: float, duration: float, failed: bool) -> None:
        self.said.append((now, duration, failed))


def test_each_attempt_is_learnt_of_once_at_its_end_by_its_own_tool() -> None:
    loop = VirtualLoop()
    send = Send(loop.time, loop.time)
    stacked(Above(), send)
    candidate, echo, other = ready("a"), Notes(), Notes()
    candidate.loads |= {"echo": echo, "other": other}
    for end in (
        lambda attempt: send.ended(attempt, StatusCode.OK, ""),
        lambda attempt: send.ended(attempt, StatusCode.INTERNAL, "bug"),
        lambda attempt: send.failed(attempt, ReplicaLost("gone")),
    ):
        attempt = Attempt(call_of(), send)
        attempt.candidate, attempt.began = candidate, loop.time()
        loop.advance(0.5)
        end(attempt)
    assert echo.said == [(100.5, 0.5, False), (101.0, 0.5, True), (101.5, 0.5, True)]
    assert other.said == []
