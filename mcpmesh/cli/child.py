"""One child process that is kept running: started again when it ends, stopped with grace."""

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from random import Random

from mcpmesh.cli.child_process import ChildProcess, Program, ended
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.loop import Stop, until
from mcpmesh.policy.backoff import Backoff

_log = logging.getLogger(__name__)
#: When to start again what ended, and how long a start is not a failure of the one before.
RESTARTS = Backoff(first=0.2, factor=2.0, longest=10.0)
GOOD_WHILE = 10.0


class State(Enum):
    """What a child is doing."""

    STARTING = "starting"
    READY = "ready"
    BACKING_OFF = "backing off"
    #: Its code as it is now does not start; what was started before goes on, if it does.
    BROKEN = "broken"
    STOPPED = "stopped"


class CannotStart(Exception):
    """The program says that it was called wrongly; starting it again cannot help."""


class Child:
    """A program that is kept running until stop is asked.

    `announced` is what its last ready line said. With `patient`, a program that was called
    wrongly (its code has a mistake, say) waits for `replace` instead of raising CannotStart.
    """

    def __init__(
        self,
        program: Program,
        fd: int,
        grace: float,
        *,
        restarts: Backoff,
        patient: bool,
        changed: Callable[[], None],
    ) -> None:
        self.program = program
        self.state = State.STOPPED
        self.announced: dict[str, str] = {}
        self.pid: int | None = None
        self.starts = 0
        self._fd = fd
        self._grace = grace
        self._restarts = restarts
        self._patient = patient
        self._changed = changed
        self._replace = Stop()
        self._rng = Random()
        # Processes that were replaced and finish their calls.
        self._leaving: set[asyncio.Task[int]] = set()

    def __repr__(self) -> str:
        return f"<Child {self.program.name} {self.state.value} pid={self.pid}>"

    def replace(self) -> None:
        """Start a new process, and stop the one that runs once the new one is ready."""
        self._replace.ask("its code changed")

    async def keep(self, stop: Stop) -> None:
        """Run the program, again and again, until stop is asked.

        Raises: CannotStart.
        """
        try:
            await self._keep(stop)
        except BaseException:
            for leaving in self._leaving:
                leaving.cancel()
            raise
        finally:
            await asyncio.gather(*self._leaving, return_exceptions=True)
        self._enter(State.STOPPED)

    async def _keep(self, stop: Stop) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while not stop.asked:
            self._replace = Stop()
            began = loop.time()
            code = await self._run(stop)
            if stop.asked or self._replace.asked:
                failures = 0
                continue
            if code == Exit.USAGE and self.state is not State.READY:
                await self._wait_for_replacement(stop)
                continue
            self._enter(State.BACKING_OFF)
            failures = 1 if loop.time() - began > GOOD_WHILE else failures + 1
            delay = self._restarts.wait(failures, self._rng)
            _log.warning(
                "%s %s; starting it again in %.1f s", self.program.name, ended(code), delay
            )
            await self._pause(stop, delay)

    async def _wait_for_replacement(self, stop: Stop) -> None:
        if not self._patient:
            raise CannotStart(self.program.name)
        self._enter(State.BROKEN)
        _log.warning("%s cannot start; waiting for a change of its code", self.program.name)
        await until(stop, self._replace.wait())

    async def _pause(self, stop: Stop, delay: float) -> None:
        await until(stop, until(self._replace, asyncio.sleep(delay)))

    async def _run(self, stop: Stop) -> int:
        """Run the program, through its replacements, until it ends; return its exit code."""
        process = await self._start()
        try:
            while True:
                self.pid = process.pid
                await until(stop, until(self._replace, process.wait()))
                if stop.asked or process.code is not None or process.announced is None:
                    return await process.end(self._grace)
                process = await self._replaced(process, stop)
        finally:
            self.pid = None
            await process.let_go()

    async def _replaced(self, process: ChildProcess, stop: Stop) -> ChildProcess:
        """Start another process; return that one once it is ready, or the one before it."""
        self._replace = Stop()
        following = await self._start()
        ready = await until(stop, until(self._replace, following.settled()))
        self._let_leave(process if ready else following)
        if ready is False:
            self._enter(State.BROKEN)
            _log.warning(
                "%s cannot start; waiting for a change of its code, as it was before it goes on",
                self.program.name,
            )
        return following if ready else process

    async def _start(self) -> ChildProcess:
        self.starts += 1
        self._enter(State.STARTING)
        return await ChildProcess.start(self.program, self._fd, self._on_ready)

    def _let_leave(self, process: ChildProcess) -> None:
        leaving = asyncio.create_task(self._leave(process))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _leave(self, process: ChildProcess) -> int:
        try:
            return await process.end(self._grace)
        finally:
            await process.let_go()

    def _on_ready(self, process: ChildProcess) -> None:
        self.announced, self.pid = process.announced or {}, process.pid
        self._enter(State.READY)

    def _enter(self, state: State) -> None:
        self.state = state
        self._changed()
