"""How long an HTTP client may take for what its connection waits for."""

from enum import Enum
from math import inf
from random import Random

from mcpmesh.bridge.http_house import HttpTimes

_AGE_JITTER = 0.1


class Wait(Enum):
    """What a connection waits for."""

    REQUEST = "request"
    HEAD = "head"
    BODY = "body"
    #: Of ours: it may take as long as it likes.
    ANSWER = "answer"
    #: The client, to read what was written.
    READER = "reader"
    #: The client of a refused request, to end its half of the connection.
    FAREWELL = "farewell"


class HttpLookout:
    """Notes since when one connection waits.

    Works from what is there at each tick, so that requests pay next to nothing for it.
    Units: seconds of the event loop's clock.
    """

    __slots__ = ("_answer", "_answer_since", "_old_at", "_times", "_unread_bytes", "_wait",
                 "since")  # fmt: skip

    def __init__(self, times: HttpTimes, now: float, rng: Random) -> None:
        self._times = times
        self._old_at = now + times.age * (1 + _AGE_JITTER * (2 * rng.random() - 1))
        #: When the present wait began; 0 when it has just begun and no tick has seen it.
        self.since = 0.0
        self._wait = Wait.REQUEST
        self._unread_bytes = 0
        # The answer that was under way at the last tick, and since when.
        self._answer: object = None
        self._answer_since = 0.0

    def is_old(self, now: float) -> bool:
        """Tell whether the connection is to end with the answer under way."""
        return now > self._old_at

    def is_overdue(self, now: float, wait: Wait, unread_bytes: int) -> bool:
        """Tell whether the client takes too long; one that reads, however slowly, does not."""
        reads = wait is Wait.READER and unread_bytes < self._unread_bytes
        if not self.since or wait is not self._wait or reads:
            self.since, self._wait, self._unread_bytes = now, wait, unread_bytes
            return False
        longest = self._longest(wait)
        return longest is not None and now - self.since > longest

    def is_silent(self, now: float, answer: object) -> bool:
        """Tell, once, that an answer is under way for so long that it is to be looked at."""
        if answer is not self._answer:
            self._answer, self._answer_since = answer, now
        if now - self._answer_since < self._times.silence:
            return False
        self._answer_since = inf
        return True

    def _longest(self, wait: Wait) -> float | None:
        times = self._times
        match wait:
            case Wait.REQUEST:
                return times.idle
            case Wait.HEAD:
                return times.head
            case Wait.BODY:
                return times.body
            case Wait.ANSWER:
                return None
            case Wait.READER:
                return times.unread
            case Wait.FAREWELL:
                return times.linger
