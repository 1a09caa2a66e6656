"""One process of a program: from its start, over its ready line, to its end."""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mcpmesh.cli.ready import read_ready

_log = logging.getLogger(__name__)
_NOTHING: Mapping[str, str] = {}
_MAX_LINE_BYTES = 1 << 20
#: Seconds a process gets to exit after its own grace is over, before it is killed.
KILL_AFTER = 2.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a name for the log, and a command that takes --parent-pipe FD."""

    name: str
    command: tuple[str, ...]
    #: Variables beside this process's own; secrets go here, for everybody reads command lines.
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def group(self) -> str:
        """What the program is one of several of: the name up to its number."""
        return self.name.rpartition("/")[0] or self.name

    @classmethod
    def mcpmesh(
        cls, name: str, *arguments: str, environ: Mapping[str, str] = _NOTHING
    ) -> "Program":
        """Return a command of mcpmesh itself, on the same Python."""
        return cls(name, (sys.executable, "-m", "mcpmesh", *arguments), environ)


class ChildProcess:
    """A process that runs; `announced` is what its ready line said, None before."""

    def __init__(
        self, program: Program, process: Process, on_ready: Callable[["ChildProcess"], None]
    ) -> None:
        self.program = program
        self.pid = process.pid
        self.announced: dict[str, str] | None = None
        self._process = process
        self._on_ready = on_ready
        self._known = asyncio.Event()
        self._output = asyncio.create_task(self._read())

    def __repr__(self) -> str:
        return f"<ChildProcess {self.program.name} pid={self.pid} code={self.code}>"

    @classmethod
    async def start(
        cls, program: Program, fd: int, on_ready: Callable[["ChildProcess"], None]
    ) -> "ChildProcess":
        """Start a process that watches the pipe behind `fd`; `on_ready` hears of ready lines."""
        # A session of its own: Ctrl-C on the terminal reaches the parent only, which then stops
        # its children in order.
        process = await create_subprocess_exec(
            *program.command,
            "--parent-pipe",
            str(fd),
            stdin=DEVNULL,
            stdout=PIPE,
            pass_fds=(fd,),
            env={**os.environ, **program.environ},
            start_new_session=True,
            limit=_MAX_LINE_BYTES,
        )
        _log.debug("%s started, pid %d", program.name, process.pid)
        return cls(program, process, on_ready)

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait until it ends, and return the exit code."""
        return await self._process.wait()

    async def settled(self) -> bool:
        """Wait until it is ready, or until it ended before; tell which."""
        await self._known.wait()
        return self.announced is not None

    async def end(self, grace: float) -> int:
        """Ask it to end, and kill it when it needs longer than its grace; the exit code."""
        if self.code is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(grace + KILL_AFTER):
                    await self.wait()
            except TimeoutError:
                _log.warning("%s did not stop within %g s; killing it", self.program.name, grace)
                self._process.kill()
        return await self.wait()

    async def let_go(self) -> None:
        """Kill it if it still runs, and read no more of it."""
        if self.code is None:
            self._process.kill()
        self._output.cancel()
        await asyncio.gather(self._output, return_exceptions=True)

    async def _read(self) -> None:
        """Look for ready lines in what the process prints; the rest goes to stderr."""
        assert self._process.stdout is not None
        try:
            while True:
                try:
                    line = await self._process.stdout.readline()
                except ValueError:  # longer than the limit; asyncio has dropped it
                    continue
                if not line:
                    # Who closes its output without being ready has ended, or is about to.
                    await self.wait()
                    return
                announced = read_ready(line)
                if announced is None:
                    sys.stderr.write(line.decode(errors="replace"))
                    continue
                self.announced = announced
                self._known.set()
                self._on_ready(self)
        finally:
            self._known.set()


def ended(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exited with {code}"
    return f"was killed by {signal.Signals(-code).name}"
