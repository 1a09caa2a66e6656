"""Which call a question of a legacy server belongs to.

Before 2026-07-28 a server asks back with a request of its own. Over Streamable HTTP that comes on
the stream of the call it belongs to; over stdio and SSE nothing tells. There the question is the
call's that is alone: others are waited for, new ones wait, and tools that were seen to ask run
alone from then on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol

#: Seconds that other calls get to end, so that one is left that can have asked.
PATIENCE = 10.0


class Asker(Protocol):
    """A call that runs at a server; `waits` while a question of its own is open."""

    @property
    def tool(self) -> str: ...

    @property
    def waits(self) -> bool: ...


class NobodyAsked(Exception):
    """No call, or more than one, can have asked; the message is for the server."""


class Turns:
    """The calls that run on one connection. `asking` holds the tools that were seen to ask."""

    def __init__(self, asking: set[str], patience: float = PATIENCE) -> None:
        self._asking = asking
        self._patience = patience
        self._running: list[Asker] = []
        self._alone: Asker | None = None
        self._settling = 0
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"Turns({len(self._running)} running)"

    @property
    def only(self) -> Asker | None:
        """The call that runs, if it is the only one."""
        return self._running[0] if len(self._running) == 1 else None

    @asynccontextmanager
    async def turn(self, call: Asker) -> AsyncIterator[None]:
        """Let a call run, once its tool may."""
        await self._until_free(call)
        self._running.append(call)
        try:
            yield
        finally:
            self._running.remove(call)
            self.tell()

    async def go_on(self, call: Asker) -> None:
        """Let a call that waited for an answer run again: alone, since it may ask again."""
        await self._until_free(call)

    def tell(self) -> None:
        """Say that a call ended, or began to wait."""
        if self._alone is not None and not self._active(self._alone):
            self._alone = None
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def asker(self) -> Asker:
        """Return the call that must have asked. Raises: NobodyAsked."""
        self._settling += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    while len(self._candidates) > 1:
                        await self._changed.wait()
            candidates = self._candidates
            # From now on, these run alone.
            self._asking.update(call.tool for call in candidates)
            if not candidates:
                raise NobodyAsked("no call is running that could have asked this")
            if len(candidates) > 1:
                raise NobodyAsked("several calls are running, and any could have asked this")
            return candidates[0]
        finally:
            self._settling -= 1
            self.tell()

    @property
    def _candidates(self) -> list[Asker]:
        return [call for call in self._running if not call.waits]

    def _active(self, call: Asker) -> bool:
        return call in self._running and not call.waits

    async def _until_free(self, call: Asker) -> None:
        while True:
            alone = call.tool in self._asking
            if not (self._settling or self._alone or (alone and self._candidates)):
                break
            await self._changed.wait()
        if alone:
            self._alone = call
