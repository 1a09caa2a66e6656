"""Makes one attempt for a call, whatever becomes of it."""

from grpc import StatusCode

from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Crossing
from mcpmesh.stack.send import Send


class Once(Crossing[Call, Attempt]):
    """Stands where Retrying does, for calls whose failure nobody sees."""

    def __init__(self, bottom: Send) -> None:
        self._bottom = bottom

    def start(self, call: Call) -> None:
        call.attempts = 1
        attempt = call.current = Attempt(call, self._bottom)
        self.on(attempt)

    def failed(self, attempt: Attempt, error: BaseException) -> None:
        self.fail(attempt.call, error)

    def ended(self, attempt: Attempt, code: StatusCode, message: str) -> None:
        self.end(attempt.call, code, message)
