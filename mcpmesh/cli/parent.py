"""Makes a process end when the process that started it is gone, however it went.

The parent keeps the writing end of a pipe, the child inherits the reading end. Nothing is ever
written: when the parent dies, the kernel closes its end and the child reads the end of file. That
works after kill -9, on every Unix, and for a whole tree of processes.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from mcpmesh.cli.loop import Stop

T = TypeVar("T")

#: Seconds a child whose parent is gone gets to end by itself: nobody waits for it any more.
ORPHAN_GRACE = 5.0


class Lifeline:
    """The parent's side: a pipe that its children inherit and that ends with the parent."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    @property
    def fd(self) -> int:
        """The descriptor that children inherit and watch."""
        return self._reading

    def close(self) -> None:
        """End it: children still there take the parent for gone."""
        for fd in (self._reading, self._writing):
            os.close(fd)


def watch_parent(fd: int, gone: Callable[[], None], grace: float = ORPHAN_GRACE) -> None:
    """Call `gone` from another thread when the parent is gone, and exit `grace` seconds later.

    A thread, so that a tool that blocks the event loop cannot outlive its parent.
    """

    def wait() -> None:
        while os.read(fd, 1):
            pass
        gone()
        threading.Event().wait(grace)
        os._exit(1)

    threading.Thread(target=wait, name="watch-parent", daemon=True).start()


def watched(
    fd: int | None, command: Callable[[Stop], Coroutine[Any, Any, T]]
) -> Callable[[Stop], Coroutine[Any, Any, T]]:
    """Return the command, told to stop when the parent behind the pipe is gone."""
    if fd is None:
        return command
    pipe = fd

    async def under_parent(stop: Stop) -> T:
        loop = asyncio.get_running_loop()

        def gone() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                loop.call_soon_threadsafe(stop.ask, "the parent is gone")

        watch_parent(pipe, gone)
        return await command(stop)

    return under_parent
