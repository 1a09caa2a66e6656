"""Calls that wait at their server for an answer, while the mesh has told its caller to come back.

A question of a tool is an answer in the mesh: the caller invokes again. The call at the server
goes on meanwhile, and is found again by a token that the caller carries. On another process of
the mesh it is not: there the call is made anew, and asked the same, it gets the answers at once.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol

#: Seconds that a question may be open, and how many may be.
PARKED_FOR = 300.0
MOST = 1000


class Parkable(Protocol):
    """A call that can be given up."""

    def give_up(self) -> None:
        """End the call: nobody comes back for it."""
        ...


class Parked:
    """All calls that wait, by token."""

    def __init__(self, ttl: float = PARKED_FOR, most: int = MOST) -> None:
        self._ttl = ttl
        self._most = most
        self._calls: dict[str, tuple[Parkable, asyncio.TimerHandle]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def keep(self, call: Parkable) -> str:
        """Keep a call; return the token that finds it. The oldest goes when there are too many."""
        if len(self._calls) >= self._most:
            self._drop(next(iter(self._calls)))
        token = secrets.token_urlsafe(24)
        drop: Callable[[str], None] = self._drop
        timer = asyncio.get_running_loop().call_later(self._ttl, drop, token)
        self._calls[token] = call, timer
        return token

    def take(self, token: str) -> Parkable | None:
        """Return a call that waits, once."""
        found = self._calls.pop(token, None)
        if found is None:
            return None
        found[1].cancel()
        return found[0]

    def close(self) -> None:
        """Give all of them up."""
        for token in tuple(self._calls):
            self._drop(token)

    def _drop(self, token: str) -> None:
        call, timer = self._calls.pop(token)
        timer.cancel()
        call.give_up()
