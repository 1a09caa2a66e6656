"""A turn of the loop: what calls that begin in it and may take equally long have in common."""

from __future__ import annotations

from typing import Any

from mcpmesh.stack.send import Send
from mcpmesh.transport.timers import Timers


class Turn:
    """When a call began, until when it may take, and what is written of that.

    Units: `moment` and `deadline` in seconds of the loop's clock, `timeout` in seconds.
    """

    __slots__ = ("deadline", "moment", "slot", "timeout", "written_timeout")

    def __init__(self, moment: float, timeout: float, timers: Timers, send: Send) -> None:
        self.moment = moment
        self.timeout = timeout
        self.deadline = deadline = moment + timeout
        #: Where calls wait for their deadline; None when each needs a timer of its own.
        self.slot: set[Any] | None = timers.slot(deadline, moment)
        #: The timeout as `Attempt.fields` are written.
        self.written_timeout = send.written(timeout)

    def __repr__(self) -> str:
        return f"<Turn at {self.moment:.3f} s for {self.timeout:.3f} s>"
