"""Work that needs a task of its own (time limits, task groups), below a coroutine run by hand."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_task(work: Coroutine[Any, Any, T]) -> T:
    """Do the work in a task and wait for it; it decides what its cancellation comes to."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        await asyncio.wait((task,))
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait((task,))
    return task.result()
