"""When something is looked up again: when what is known gets old, or somebody asks for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from mcpmesh.policy.backoff import Backoff


@dataclass(frozen=True, slots=True)
class Looked:
    """What a lookup brought: whether it was anything new, and how long it holds.

    Units: `good_for` in seconds.
    """

    changed: bool
    good_for: float


class Lookups:
    """Looks something up again and again while `run` runs.

    `look` tells what it brought, or None when it failed; `pauses` are the waits after lookups that
    failed, or that were asked for and brought nothing new.
    """

    def __init__(
        self, look: Callable[[], Awaitable[Looked | None]], rng: Random, pauses: Backoff
    ) -> None:
        self._look = look
        self._rng = rng
        self._pauses = pauses
        self._again = asyncio.Event()

    def again(self) -> None:
        """Look soon: what was found does not answer."""
        self._again.set()

    async def run(self) -> None:
        """Look until cancelled."""
        idle = 0
        while True:
            asked = self._again.is_set()
            self._again.clear()
            looked = await self._look()
            # Who asks in vain, or of a resolver that fails, asks more and more slowly.
            if looked is not None and looked.changed:
                idle = 0
            else:
                idle = idle + 1 if asked or looked is None else 1
            await asyncio.sleep(self._pauses.wait(max(idle, 1), self._rng))
            if looked is not None:
                await self._pause(looked.good_for)

    async def _pause(self, length: float) -> None:
        try:
            async with asyncio.timeout(length):
                await self._again.wait()
        except TimeoutError:
            pass
