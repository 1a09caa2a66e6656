"""Stopping work for a client that went away."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from mcpmesh.bridge.asgi import Receive

T = TypeVar("T")
#: Units: seconds a call may take before anybody watches the connection. Most are done by then,
#: and a task that watches costs 15 µs.
GRACE = 0.05


class Hangup(Exception):
    """The client closed its connection; the work was cancelled."""


async def until_hangup(receive: Receive, work: Awaitable[T]) -> T:
    """Wait for the work, and cancel it when the client hangs up.

    Holds for both eras: an answer can reach nobody else, for streams cannot be resumed here.
    Raises: Hangup.
    """
    task = asyncio.current_task()
    assert task is not None
    watchers: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    timer = loop.call_later(GRACE, lambda: watchers.append(loop.create_task(_watch(receive, task))))
    try:
        try:
            return await work
        finally:
            timer.cancel()
            for watcher in watchers:
                watcher.cancel()
                await asyncio.wait([watcher])
    except asyncio.CancelledError:
        if not _hung_up(watchers):
            raise
        task.uncancel()
        raise Hangup from None


async def _watch(receive: Receive, task: asyncio.Task[object]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    task.cancel()


def _hung_up(watchers: list[asyncio.Task[None]]) -> bool:
    return any(watcher.done() and not watcher.cancelled() for watcher in watchers)
