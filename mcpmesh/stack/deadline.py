"""One budget of time for a call, all its attempts and its answer's body included."""

from collections.abc import Callable

from grpc import StatusCode

from mcpmesh.errors import DeadlineExceeded
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Layer
from mcpmesh.transport.timers import Timers


class Deadline(Layer[Call]):
    """Ends a call when its timeout is over.

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
        call.deadline = at = now + timeout
        call.timer = self._timers.add(at, now, call)
        self.on(call)

    def failed(self, call: Call, error: BaseException) -> None:
        self._timers.remove(call.timer, call)
        self.fail(call, error)

    def ended(self, call: Call, code: StatusCode, message: str) -> None:
        self._timers.remove(call.timer, call)
        self.end(call, code, message)
