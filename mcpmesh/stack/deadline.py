"""One budget of time for a call, all its attempts and its answer's body included."""

from collections.abc import Callable

from grpc import StatusCode

from mcpmesh.errors import DeadlineExceeded
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Layer
from mcpmesh.transport.timers import Timers

#: What a call of a stream gets before its deadline may be worth something.
_ONE_ANSWER = "/Invoke"


class Deadline(Layer[Call]):
    """Ends a call when its timeout is over, and refuses one that cannot be done in time.

    Fails the call with: DeadlineExceeded.
    """

    def __init__(self, timers: Timers, clock: Callable[[], float]) -> None:
        self._timers = timers
        self._clock = clock

    def start(self, call: Call) -> None:
        timeout = call.timeout
        if timeout <= 0:
            self.fail(
                call, DeadlineExceeded(f"{call.tool}: the deadline passed before the call began")
            )
            return
        now = call.started = self._clock()
        route = call.route
        if route is not None and timeout < route.load.fastest.seconds and _is_hopeless(call, now):
            self.fail(call, _hopeless(call))
            return
        call.deadline = at = now + timeout
        call.timer = self._timers.add(at, now, call)
        self.on(call)

    def failed(self, call: Call, error: BaseException) -> None:
        call.timer.discard(call)
        self.fail(call, error)

    def ended(self, call: Call, code: StatusCode, message: str) -> None:
        call.timer.discard(call)
        self.end(call, code, message)


def _is_hopeless(call: Call, now: float) -> bool:
    route = call.route
    return (
        route is not None
        and route.policy.deadline.refuse
        and call.head.method.endswith(_ONE_ANSWER)
        and route.load.fastest.rules_out(call.timeout, now)
    )


def _hopeless(call: Call) -> DeadlineExceeded:
    assert call.route is not None
    return DeadlineExceeded(
        f"{call.tool}: not begun, for it cannot be done in {call.timeout:.3f} s: the fastest of "
        f"its last answers took {call.route.load.fastest.seconds:.3f} s; allow more time"
    )
