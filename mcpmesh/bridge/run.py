"""Drives a coroutine without a task: it begins at once, and ends in the turn that ends its wait.

A request's coroutine reads from top to bottom, and costs less than with a task: no task
object, no turn of the loop to begin, none to end. What runs here may await futures and
`asyncio.sleep`, but nothing that asks for the current task (`asyncio.timeout`, task groups).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Run(Generic[T]):
    """One coroutine under way; `on_result` or `on_error` is called once, at its end."""

    __slots__ = (
        "_awaited",
        "_coroutine",
        "_on_error",
        "_on_result",
        "_pending",
        "_running",
        "done",
    )

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, T],
        on_result: Callable[[T], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self.done = False
        self._coroutine = coroutine
        self._on_result = on_result
        self._on_error = on_error
        self._running = False
        self._awaited: asyncio.Future[Any] | asyncio.Handle | None = None
        self._pending: BaseException | None = None

    def __repr__(self) -> str:
        return f"<Run {self._coroutine!r} done={self.done}>"

    def resume(self, completed: asyncio.Future[Any] | None = None) -> None:
        """Go on to the next wait, or to the end."""
        if completed is not None and completed is not self._awaited:
            # It completed in the turn in which the wait was interrupted.
            return
        self._step(None)

    def interrupt(self, error: BaseException) -> None:
        """Raise an error where the coroutine waits, or at its next wait when it runs now."""
        if self.done:
            return
        if self._running:
            self._pending = error
            return
        awaited, self._awaited = self._awaited, None
        if asyncio.isfuture(awaited):
            awaited.remove_done_callback(self.resume)
        elif awaited is not None:
            awaited.cancel()
        self._step(error)

    def redirect(
        self, on_result: Callable[[T], None], on_error: Callable[[BaseException], None]
    ) -> None:
        """Have the end told to others."""
        self._on_result, self._on_error = on_result, on_error

    def _step(self, error: BaseException | None = None) -> None:
        self._running = True
        self._awaited = None
        try:
            while True:
                awaited = (
                    self._coroutine.send(None) if error is None else self._coroutine.throw(error)
                )
                error, self._pending = self._pending, None
                if error is None:
                    break
        except StopIteration as stop:
            on_result = self._on_result
            self._let_go()
            on_result(stop.value)
        except BaseException as raised:
            on_error = self._on_error
            self._let_go()
            on_error(raised)
        else:
            self._running = False
            self._wait_for(awaited)

    def _let_go(self) -> None:
        """Forget who waits: a run and its owner that keep each other cost a GC pass."""
        self.done = True
        del self._on_result, self._on_error

    def _wait_for(self, awaited: Any) -> None:
        if asyncio.isfuture(awaited):
            # What Task does with a future that its coroutine yields.
            awaited._asyncio_future_blocking = False
            self._awaited = awaited
            awaited.add_done_callback(self.resume)
        else:
            # A bare yield (`asyncio.sleep(0)`): go on in the loop's next turn.
            self._awaited = asyncio.get_running_loop().call_soon(self.resume)
