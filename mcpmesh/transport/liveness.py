"""Decides, a few times a second, whether a server that has calls of ours still answers.

It counts looks, not seconds: when this process itself stood still, a server is not to be blamed
for what waits in our own socket.

Servers of other makes end a connection for "too many pings" (gRFC A8, A9): gRPC's allow three
without sending anything themselves between, and then one in five minutes. So a long call is asked
after twice; a third PING is kept for a call that begins after that.
"""

from enum import Enum

#: Seconds between looks.
LOOK = 0.25
#: Seconds of silence before the second PING, and before any beyond what servers bear.
_SECOND = 15.0
_FURTHER = 305.0
_BORNE = 3


class Sign(Enum):
    """What a look found."""

    #: Ask it: send a PING.
    ASK = "ask"
    #: It did not answer in time.
    SILENT = "silent"
    #: It was silent, and is heard again.
    HEARD = "heard"


class Liveness:
    """Looks at one connection.

    Units: `silence` in seconds, from the last byte heard to the verdict; half of it passes before
    the PING.
    """

    __slots__ = ("_answer", "_asked", "_last_id", "_patience", "_pings", "_quiet", "silent")

    def __init__(self, silence: float) -> None:
        self._patience = max(1, round(silence / 2 / LOOK))
        self._answer = max(1, round(silence / LOOK) - self._patience)
        # Looks since anything was heard, and since the PING that waits for its answer.
        self._quiet = 0
        self._asked = -1
        # PINGs since the server sent anything else, and the newest stream at the last one.
        self._pings = 0
        self._last_id = 0
        self.silent = False

    def look(self, *, heard: bool, only_pong: bool, busy: bool, last_id: int) -> Sign | None:
        """Take in what happened since the last look.

        `only_pong`: what was heard was the answer to a PING. `busy`: streams are open. `last_id`
        is the newest of them all.
        """
        if heard:
            self._quiet, self._asked = 0, -1
            if not only_pong:
                self._pings = 0
            if self.silent:
                self.silent = False
                return Sign.HEARD
            return None
        if self._asked >= 0:
            self._asked += 1
            if self._asked >= self._answer and not self.silent:
                self.silent = True
                return Sign.SILENT
            return None
        self._quiet = self._quiet + 1 if busy else 0
        if self._quiet < self._wait(last_id):
            return None
        self._asked = 0
        self._pings += 1
        self._last_id = last_id
        return Sign.ASK

    def _wait(self, last_id: int) -> int:
        """Return how many quiet looks to wait before asking."""
        if not self._pings or (last_id > self._last_id and self._pings < _BORNE):
            return self._patience
        seconds = _SECOND if self._pings < _BORNE - 1 else _FURTHER
        return max(self._patience, round(seconds / LOOK))
