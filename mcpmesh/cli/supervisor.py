"""Keeps child processes running: one for each program, until stop is asked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType

from mcpmesh.cli.child import RESTARTS, CannotStart, Child, State
from mcpmesh.cli.child_process import Program
from mcpmesh.cli.loop import Stop, until
from mcpmesh.cli.parent import Lifeline
from mcpmesh.policy.backoff import Backoff

_log = logging.getLogger(__name__)
#: Seconds that a replaced child gets to be ready before the next one is replaced.
READY_WITHIN = 30.0


class Supervisor:
    """Keeps one child for each program.

    Used as `async with`: the children start on entering; on leaving they are told to drain, all
    at the same time, and are killed when they need longer than `grace` seconds.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        grace: float,
        restarts: Backoff = RESTARTS,
        patient: bool = False,
    ) -> None:
        self._lifeline = Lifeline()
        self._changed = asyncio.Event()
        self._stop = Stop()
        self._tasks: list[asyncio.Task[None]] = []
        self.children = [
            Child(
                program,
                self._lifeline.fd,
                grace,
                restarts=restarts,
                patient=patient,
                changed=self._changed.set,
            )
            for program in programs
        ]

    def __repr__(self) -> str:
        ready = sum(child.state is State.READY for child in self.children)
        return f"<Supervisor {ready} of {len(self.children)} ready>"

    async def __aenter__(self) -> "Supervisor":
        self._tasks = [asyncio.create_task(child.keep(self._stop)) for child in self.children]
        for task in self._tasks:
            task.add_done_callback(lambda _: self._changed.set())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.ask("the parent stops")
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._lifeline.close()

    async def wait_until(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until something is true of the children; False when the time is over.

        Raises: CannotStart as soon as a child cannot start.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self._changed.clear()
                    self.check()
                    if done():
                        return True
                    await self._changed.wait()
        except TimeoutError:
            return False

    async def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until every child is ready; False when the time is over.

        Raises: CannotStart.
        """
        return await self.wait_until(
            lambda: all(child.state is State.READY for child in self.children), timeout
        )

    async def wait_stop(self, stop: Stop) -> None:
        """Wait until stop is asked.

        Raises: CannotStart as soon as a child cannot start.
        """
        await until(stop, self.wait_until(lambda: False))
        self.check()

    async def replace_all(self, in_use: Callable[[], Awaitable[object]] | None = None) -> None:
        """Replace the children one after the other, each once its successor is ready.

        Where the first of a group comes up broken, all of it goes on as it was.
        `in_use` waits until those who are ready are in use, before the next one leaves.
        """
        broken: set[str] = set()
        for child in self.children:
            if child.program.group in broken:
                continue
            done = partial(_started_after, child, child.starts)
            child.replace()
            await self.wait_until(done, READY_WITHIN)
            if child.state is State.BROKEN:
                broken.add(child.program.group)
            elif in_use is not None:
                await in_use()

    def check(self) -> None:
        """Tell of a child that cannot start.

        Raises: CannotStart.
        """
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                if not isinstance(error, CannotStart):
                    _log.error("a child's keeper failed", exc_info=error)
                raise error


def _started_after(child: Child, starts: int) -> bool:
    """Tell whether the child got beyond that many starts, well or badly."""
    return child.starts > starts and child.state is not State.STARTING
