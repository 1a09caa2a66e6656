"""Starts the task of a call at once where Python can."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

if sys.version_info >= (3, 12):

    def start_task(
        loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        """Run a coroutine as a task, up to its first wait before this returns.

        A method that never waits costs no turn of the loop this way.
        """
        return asyncio.Task(work, loop=loop, eager_start=True)

else:

    def start_task(
        loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        """Run a coroutine as a task, from the loop's next turn on."""
        return loop.create_task(work)
