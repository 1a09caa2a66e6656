"""Stopping work for a client that went away."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from mcpmesh.bridge.asgi import Receive
from mcpmesh.transport.timers import Timers

T = TypeVar("T")
#: Units: seconds a call may take before anybody watches the connection. Most are done by then,
#: and a task that watches costs 15 µs.
GRACE = 0.5


class Hangup(Exception):
    """The client closed its connection; the work was cancelled."""


async def until_hangup(receive: Receive, work: Awaitable[T], timers: Timers) -> T:
    """Wait for the work, and cancel it when the client hangs up.

    Holds for both eras: an answer can reach nobody else, for streams cannot be resumed here.
    Raises: Hangup.
    """
    task = asyncio.current_task()
    assert task is not None
    watch = _Watch(receive, task)
    now = asyncio.get_running_loop().time()
    handle = timers.add(now + GRACE, now, watch)
    try:
        try:
            return await work
        finally:
            timers.remove(handle, watch)
            if watch.watcher is not None:
                watch.watcher.cancel()
                await asyncio.wait([watch.watcher])
    except asyncio.CancelledError:
        if not watch.hung_up():
            raise
        task.uncancel()
        raise Hangup from None


class _Watch:
    """Watches a connection, from when the work turned out to take long."""

    __slots__ = ("_receive", "_task", "watcher")

    def __init__(self, receive: Receive, task: asyncio.Task[object]) -> None:
        self._receive = receive
        self._task = task
        self.watcher: asyncio.Task[None] | None = None

    def expire(self) -> None:
        """Begin to watch."""
        self.watcher = asyncio.get_running_loop().create_task(self._watch())

    def hung_up(self) -> bool:
        """Tell whether the client went away."""
        watcher = self.watcher
        return watcher is not None and watcher.done() and not watcher.cancelled()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._task.cancel()
