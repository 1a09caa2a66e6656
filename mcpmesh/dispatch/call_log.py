"""The log line of a call."""

import logging
from collections.abc import Callable
from typing import Literal

from mcpmesh.policy.token_bucket import TokenBucket
from mcpmesh.stack.call import Call

CallLog = Literal["off", "errors", "sampled", "all"]
#: Failures per second, and at once, that get a line by default. When everything fails, a line
#: would cost more than the call.
_RATE = 5.0
_BURST = 100.0

_log = logging.getLogger("mcpmesh.call")


class CallLogger:
    """Writes lines of failures, of all calls, or of those that are traced.

    Units: `clock` in seconds.
    """

    def __init__(self, which: CallLog, clock: Callable[[], float]) -> None:
        self.which = which
        self._clock = clock
        self._bucket = TokenBucket()
        self._left_out = 0
        self._closed_until = 0.0

    def note(self, call: Call, status: str, message: str, duration: float) -> None:
        """Write the line of a call that ended, if it is to have one."""
        which = self.which
        traced = which == "sampled" and call.span is not None
        if status in ("OK", "CANCELLED"):
            if which == "all" or traced:
                _write(logging.INFO, call, status, message, duration)
            return
        if which == "off":
            return
        if which == "sampled" and not traced and not self._has_room():
            return
        if self._left_out:
            message += (
                f" ({self._left_out} failed calls before this one have no line; "
                "--call-log errors writes all)"
            )
            self._left_out = 0
        _write(logging.WARNING, call, status, message, duration)

    def leaves_out(self, now: float) -> bool:
        """Tell whether a failure that is not traced has no line, and count it if so."""
        if self.which == "sampled" and now < self._closed_until:
            self._left_out += 1
            return True
        return False

    def _has_room(self) -> bool:
        now = self._clock()
        if self.leaves_out(now):
            return False
        again = self._bucket.take(now, _RATE, _BURST)
        if again:
            self._closed_until = now + again
            self._left_out += 1
            return False
        return True


def _write(level: int, call: Call, status: str, message: str, duration: float) -> None:
    replica = call.candidate.replica.id if call.candidate is not None else ""
    _log.log(
        level,
        "%s %s: %s%s", call.head.method.rpartition("/")[2], call.tool, status,
        f": {message}" if message else "",
        extra={
            "tool": call.tool, "correlation_id": call.correlation_id,
            "trace_id": call.trace.trace_id, "span_id": call.trace.span_id,
            "duration_ms": round(duration * 1e3, 3), "outcome": status, "replica": replica,
            "attempt": call.attempts,
        },
    )  # fmt: skip
