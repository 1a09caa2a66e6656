"""What a call remembers once it has more than one attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcpmesh.codec.renamed import SPOKE, VERSION
from mcpmesh.errors import MeshError
from mcpmesh.wire.hpack_literal import literal_name, literal_value

if TYPE_CHECKING:
    from mcpmesh.stack.attempt import Attempt

#: How many attempts were made before, for the replica and for the caller (gRFC A6).
PREVIOUS_ATTEMPTS = b"grpc-previous-rpc-attempts"
_SPOKE = literal_name(SPOKE.decode())
_VERSION = literal_name(VERSION.decode())
_PREVIOUS = literal_name(PREVIOUS_ATTEMPTS.decode())


@dataclass(frozen=True, slots=True)
class StandIn:
    """Another tool took a call over: which was asked for, and why it did not answer."""

    asked: str
    tool: str
    version: str
    error: MeshError


class Tries:
    """The further attempts of a call; most calls have none, and no such object."""

    __slots__ = ("free", "rival", "stand_in", "timer", "won")

    #: Told which of two attempts answers; set when there are two.
    won: Callable[[Attempt], None]

    def __init__(self) -> None:
        #: Attempts that no replica saw and that count for nothing.
        self.free = 0
        #: A second attempt under way beside the current one.
        self.rival: Attempt | None = None
        #: Set when another tool took over.
        self.stand_in: StandIn | None = None
        #: Starts the next attempt, or a rival.
        self.timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Begin no further attempt."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


def answered_by(stand_in: StandIn | None) -> str:
    """Write the fields that say which tool answered; nothing when it is the one asked for."""
    if stand_in is None:
        return ""
    return f"{_SPOKE}{literal_value(stand_in.tool)}{_VERSION}{literal_value(stand_in.version)}"


def previous_attempts(count: int) -> str:
    """Write the field with the number of attempts before this one; nothing for none."""
    return _PREVIOUS + literal_value(str(count)) if count > 0 else ""
