"""What a call remembers once it has more than one attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from mcpmesh.wire.hpack_literal import literal_name, literal_value

if TYPE_CHECKING:
    from mcpmesh.stack.attempt import Attempt

#: How many attempts were made before, for the replica and for the caller (gRFC A6).
PREVIOUS_ATTEMPTS = b"grpc-previous-rpc-attempts"
_PREVIOUS = literal_name(PREVIOUS_ATTEMPTS.decode())


class Tries:
    """The further attempts of a call; most calls have none, and no such object."""

    __slots__ = ("free", "rival", "timer", "won")

    #: Told which of two attempts answers; set when there are two.
    won: Callable[[Attempt], None]

    def __init__(self) -> None:
        #: Attempts that no replica saw and that count for nothing.
        self.free = 0
        #: A second attempt under way beside the current one.
        self.rival: Attempt | None = None
        #: Starts the next attempt, or a rival.
        self.timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Begin no further attempt."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def previous_attempts(count: int) -> str:
    """Write the field with the number of attempts before this one; nothing for none."""
    return _PREVIOUS + literal_value(str(count)) if count > 0 else ""
