"""Waits for what comes about by itself: the only way in which tests wait without being told."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

#: Seconds; generous, so that a busy machine changes nothing.
_PATIENCE = 60
_PAUSE = 0.01


async def eventually(true: Callable[[], Any], patience: float = _PATIENCE) -> None:
    """Ask until it is true; `true` may be a coroutine function too.

    Raises: TimeoutError when that takes longer than `patience`.
    """
    async with asyncio.timeout(patience):
        while True:
            found = true()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(_PAUSE)


def wait_until(true: Callable[[], Any], patience: float = _PATIENCE) -> None:
    """Ask until it is true, in a thread without an event loop.

    Raises: TimeoutError when that takes longer than `patience`.
    """
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(_PAUSE)
