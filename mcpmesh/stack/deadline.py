"""One budget of time for a call, all its attempts and its answer's body included."""

from collections.abc import Callable

from grpc import StatusCode

from mcpmesh.errors import DeadlineExceeded
from mcpmesh.stack.call import Call, Layer, Service
from mcpmesh.stack.reply import Reply
from mcpmesh.transport.timers import Timers


def deadline(timers: Timers, clock: Callable[[], float]) -> Layer:
    """End a call when its deadline passes.

    Raises (in the call): DeadlineExceeded.
    """

    def layer(service: Service) -> Service:
        async def limited(call: Call) -> Reply:
            now = clock()
            if call.deadline <= now:
                raise DeadlineExceeded(f"{call.tool}: the deadline passed before the call began")
            limit = _Limit(call, now)
            handle = timers.add(call.deadline, now, limit)
            try:
                reply = await service(call)
            except BaseException:
                timers.remove(handle, limit)
                raise

            def ended(_code: StatusCode, _message: str) -> None:
                timers.remove(handle, limit)

            reply.when_ended.append(ended)
            return reply

        return limited

    return layer


class _Limit:
    """Interrupts a call when its time is over."""

    __slots__ = ("_began", "_call")

    def __init__(self, call: Call, began: float) -> None:
        self._call = call
        self._began = began

    def expire(self) -> None:
        call = self._call
        where = f" at {call.candidate.replica}" if call.candidate is not None else ""
        call.interrupt(
            DeadlineExceeded(
                f"{call.tool}: no answer within {call.deadline - self._began:.3f} s{where} "
                f"(attempt {call.attempt})"
            )
        )
