"""A call that waits for its turn, without an attempt yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mcpmesh.stack.call import Call


class Keeper(Protocol):
    """The layer at which a call waits."""

    def given_up(self, call: Call, error: BaseException) -> None:
        """Let go of a call that waits no longer, and fail it with this error."""
        ...


class Waiting:
    """Stands for the attempt that a call does not have yet."""

    __slots__ = ("_call", "_keeper")

    def __init__(self, call: Call, keeper: Keeper) -> None:
        self._call = call
        self._keeper = keeper

    def __repr__(self) -> str:
        return f"<Waiting {self._call!r}>"

    def interrupt(self, error: BaseException) -> None:
        """End the wait with an error."""
        self._keeper.given_up(self._call, error)
