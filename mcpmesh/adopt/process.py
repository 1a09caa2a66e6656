"""A command that an upstream is: started under a guard, listened to, ended with all it started."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from asyncio.subprocess import Process as Child
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcpmesh.adopt import guard
from mcpmesh.adopt.secrets import Secrets
from mcpmesh.adopt.upstream import UpstreamFailed

_LOG = logging.getLogger("mcpmesh.upstream")
#: Longest line that is read; a longer one is no message anybody could handle.
MAX_LINE_BYTES = 16 * 1024 * 1024
#: Seconds to end by itself after its input ended, and again after SIGTERM.
GRACE = 2.0
_SHOWN = 300
_LAST_LINES = 3
#: Lines of stderr that are logged per period of so many seconds.
_LINES, _PERIOD = 50, 10.0


class Process:
    """A running command; `start` makes one, and whoever starts it stops it."""

    def __init__(self, name: str, child: Child, lifeline: int, secrets: Secrets) -> None:
        self.name = name
        self._child = child
        self._lifeline = lifeline
        self._secrets = secrets
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._errors = asyncio.create_task(self._read_errors())

    def __repr__(self) -> str:
        return f"Process({self.name}, pid={self._child.pid}, code={self._child.returncode})"

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        cwd: str | None,
        secrets: Secrets,
    ) -> "Process":
        """Start a command with this environment and no more.

        Raises: UpstreamFailed when it cannot be run.
        """
        program = check_command(command[0], environment, cwd)
        reading, writing = os.pipe()
        try:
            child = await create_subprocess_exec(
                sys.executable,
                *("-I", "-S", guard.__file__, str(reading), str(GRACE)),
                *(program, *command[1:]),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=dict(environment),
                cwd=cwd,
                pass_fds=(reading,),
                start_new_session=True,
                limit=MAX_LINE_BYTES,
            )
        except (OSError, ValueError) as error:
            os.close(writing)
            raise UpstreamFailed(f"cannot run {command[0]}: {error}") from error
        finally:
            os.close(reading)
        return cls(name, child, writing, secrets)

    @property
    def pid(self) -> int:
        """The guard's process id, which is its process group's too."""
        return self._child.pid

    async def read_line(self) -> bytes:
        """Return the next line of stdout; empty at its end.

        Raises: UpstreamFailed for a line that is too long.
        """
        assert self._child.stdout is not None
        try:
            return await self._child.stdout.readline()
        except ValueError as error:
            raise UpstreamFailed(
                f"wrote a line of more than {MAX_LINE_BYTES} bytes to stdout"
            ) from error

    async def write(self, line: bytes) -> None:
        """Write to stdin; waits while the command is slow to read.

        Raises: OSError when it has gone.
        """
        assert self._child.stdin is not None
        self._child.stdin.write(line)
        await self._child.stdin.drain()

    async def ended(self) -> str:
        """Wait until it ended, and say how, with what it said last."""
        code = await self._child.wait()
        if code == guard.NOT_FOUND:
            told = "was not found when it was run"
        elif code > 128 and code - 128 in set(signal.Signals):
            told = f"was killed by {signal.Signals(code - 128).name}"
        elif code < 0:
            told = f"was killed by {signal.Signals(-code).name}"
        else:
            told = f"exited with {code}"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):  # what it said last may still be on its way
                await asyncio.shield(self._errors)
        return f"{told}: {' / '.join(self._last)}" if self._last else told

    async def stop(self) -> None:
        """End it and all it started: its input first, then by signals."""
        child = self._child
        try:
            if child.returncode is None:
                assert child.stdin is not None
                child.stdin.close()
                if not await self._ended_within(GRACE):
                    self._let_go()
                    # The guard asks for as long as this, and kills then.
                    if not await self._ended_within(GRACE + 1):
                        _LOG.warning("%s: does not end; killing it", self.name)
        finally:
            self._let_go()
            # Its group outlives a guard that was killed.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            self._errors.cancel()
        await child.wait()
        await asyncio.gather(self._errors, return_exceptions=True)

    async def _ended_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._child.wait()
        except TimeoutError:
            return False
        return True

    def _let_go(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    async def _read_errors(self) -> None:
        """Log what the command says, no faster than anybody could read."""
        assert self._child.stderr is not None
        clock = asyncio.get_running_loop().time
        period, lines = clock(), 0
        while True:
            try:
                line = await self._child.stderr.readline()
            except ValueError:  # longer than the limit; asyncio has dropped it
                continue
            if not line:
                return
            text = self._secrets.hide(line.decode(errors="replace").rstrip())[:_SHOWN]
            if not text:
                continue
            self._last.append(text)
            if clock() - period > _PERIOD:
                period, lines = clock(), 0
            lines += 1
            if lines <= _LINES:
                _LOG.info("%s: %s", self.name, text)
            elif lines == _LINES + 1:
                _LOG.info("%s: says more than is shown", self.name)


def check_command(command: str, environment: Mapping[str, str], cwd: str | None) -> str:
    """Return the path of a command.

    Raises: UpstreamFailed when there is none, or no folder to run it in.
    """
    if cwd is not None and not Path(cwd).is_dir():
        raise UpstreamFailed(f"there is no folder {cwd} to run {command} in", final=True)
    base = Path(cwd) if cwd is not None and os.sep in command else None
    found = shutil.which(str(base / command) if base else command, path=environment.get("PATH"))
    if found is None:
        raise UpstreamFailed(
            f"command not found: {command}; install it, or write its path", final=True
        )
    return found
