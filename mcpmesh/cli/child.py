"""One child process that is kept running: started again when it ends, stopped with grace."""

import asyncio
import logging
import signal
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import Random

from mcpmesh.cli.exits import Exit
from mcpmesh.cli.loop import Stop, until
from mcpmesh.cli.ready import read_ready
from mcpmesh.policy.backoff import Backoff

_log = logging.getLogger(__name__)
_MAX_LINE_BYTES = 1 << 20
#: Seconds a child gets to exit after its own grace is over, before it is killed.
KILL_AFTER = 2.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a name for the log, and a command that takes --parent-pipe FD."""

    name: str
    command: tuple[str, ...]

    @property
    def group(self) -> str:
        """What the program is one of several of: the name up to its number."""
        return self.name.rpartition("/")[0] or self.name

    @classmethod
    def mcpmesh(cls, name: str, *arguments: str) -> "Program":
        """Return a command of mcpmesh itself, on the same Python."""
        return cls(name, (sys.executable, "-m", "mcpmesh", *arguments))


#: When to start again what ended, and how long a start is not a failure of the one before.
RESTARTS = Backoff(first=0.2, factor=2.0, longest=10.0)
GOOD_WHILE = 10.0


class State(Enum):
    """What a child is doing."""

    STARTING = "starting"
    READY = "ready"
    BACKING_OFF = "backing off"
    #: Was called wrongly, and waits for a change of its code.
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

    def __repr__(self) -> str:
        return f"<Child {self.program.name} {self.state.value} pid={self.pid}>"

    def replace(self) -> None:
        """Stop the process with grace and start a new one at once."""
        self._replace.ask("its code changed")

    async def keep(self, stop: Stop) -> None:
        """Run the program, again and again, until stop is asked.

        Raises: CannotStart.
        """
        loop = asyncio.get_running_loop()
        failures = 0
        while not stop.asked:
            self._replace = Stop()
            started = loop.time()
            code = await self._run(stop)
            if stop.asked or self._replace.asked:
                failures = 0
                continue
            if code == Exit.USAGE and self.state is not State.READY:
                await self._wait_for_replacement(stop)
                continue
            self._enter(State.BACKING_OFF)
            failures = 1 if loop.time() - started > GOOD_WHILE else failures + 1
            delay = self._restarts.wait(failures, self._rng)
            _log.warning(
                "%s %s; starting it again in %.1f s", self.program.name, ended(code), delay
            )
            await self._pause(stop, delay)
        self._enter(State.STOPPED)

    async def _wait_for_replacement(self, stop: Stop) -> None:
        if not self._patient:
            raise CannotStart(self.program.name)
        self._enter(State.BROKEN)
        _log.warning("%s cannot start; waiting for a change of its code", self.program.name)
        await until(stop, self._replace.wait())

    async def _pause(self, stop: Stop, delay: float) -> None:
        await until(stop, until(self._replace, asyncio.sleep(delay)))

    async def _run(self, stop: Stop) -> int:
        """Run the program once and return its exit code."""
        self.starts += 1
        self._enter(State.STARTING)
        process = await self._spawn()
        self.pid = process.pid
        _log.debug("%s started, pid %d", self.program.name, process.pid)
        output = asyncio.ensure_future(self._read(process))
        try:
            await until(stop, until(self._replace, process.wait()))
            if process.returncode is None:
                await self._terminate(process)
            assert process.returncode is not None
            return process.returncode
        finally:
            if process.returncode is None:
                process.kill()
            self.pid = None
            output.cancel()
            await asyncio.gather(output, return_exceptions=True)

    async def _spawn(self) -> Process:
        # A session of its own: Ctrl-C on the terminal reaches the parent only, which then stops
        # its children in order.
        return await create_subprocess_exec(
            *self.program.command,
            "--parent-pipe",
            str(self._fd),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            pass_fds=(self._fd,),
            start_new_session=True,
            limit=_MAX_LINE_BYTES,
        )

    async def _terminate(self, process: Process) -> None:
        """Ask the process to end, and kill it when it does not."""
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._grace + KILL_AFTER):
                await process.wait()
        except TimeoutError:
            _log.warning("%s did not stop within %g s; killing it", self.program.name, self._grace)
            process.kill()
            await process.wait()

    async def _read(self, process: Process) -> None:
        """Look for ready lines in what the process prints; the rest goes to stderr."""
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than the limit; asyncio has dropped it
                continue
            if not line:
                return
            announced = read_ready(line)
            if announced is None:
                sys.stderr.write(line.decode(errors="replace"))
                continue
            self.announced = announced
            self._enter(State.READY)

    def _enter(self, state: State) -> None:
        self.state = state
        self._changed()


def ended(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exited with {code}"
    return f"was killed by {signal.Signals(-code).name}"
