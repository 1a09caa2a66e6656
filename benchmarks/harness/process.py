"""Processes that a benchmark runs: started, waited for, stopped by their ids."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from benchmarks.harness.cpu import descendants

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "benchmarks" / ".work"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_START_WITHIN = 30.0
_STOP_WITHIN = 10.0


class Failed(Exception):
    """Something that a benchmark ran went wrong."""


class Process:
    """A running program that listens on a port."""

    def __init__(self, name: str, popen: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.pid = popen.pid
        self._popen = popen
        self._log = log

    def __repr__(self) -> str:
        return f"<Process {self.name} pid={self.pid}>"

    def family(self) -> list[int]:
        """Return its process id and those of its children."""
        return [self.pid, *descendants(self.pid)]

    def wait_for_port(self, port: int) -> None:
        """Wait until it accepts connections.

        Raises: Failed, with the end of its log.
        """
        end = time.monotonic() + _START_WITHIN
        while time.monotonic() < end:
            if self._popen.poll() is not None:
                raise Failed(f"{self.name} ended with {self._popen.returncode}: {self._said()}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        raise Failed(f"{self.name} does not listen on port {port}: {self._said()}")

    def stop(self) -> None:
        """Ask it to end, then make it; children that outlive it too."""
        family = self.family() if self._popen.poll() is None else []
        self._popen.terminate()
        try:
            self._popen.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
            for pid in family[1:]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """End it with signal 9."""
        self._popen.kill()
        self._popen.wait()

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


class Processes:
    """The programs of one benchmark; on leaving, all end."""

    def __init__(self) -> None:
        self._running: list[Process] = []

    def __enter__(self) -> "Processes":
        WORK.mkdir(exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._running):
            process.stop()

    def start(
        self, name: str, argv: Sequence[str | Path], port: int, env: Mapping[str, str] | None = None
    ) -> Process:
        """Start a program and wait for its port.

        What it writes goes to a file, so nobody has to read it.
        """
        log = WORK / f"{name.replace(' ', '-')}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [str(each) for each in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=WORK,
                env=clean_environment(env),
                start_new_session=True,
            )
        process = Process(name, popen, log)
        self._running.append(process)
        process.wait_for_port(port)
        return process

    def start_program(
        self, name: str, module: str, port: int, *arguments: str, python: str = sys.executable
    ) -> Process:
        """Start one of benchmarks/programs, which takes its port first."""
        path = ROOT / "benchmarks" / "programs" / f"{module}.py"
        return self.start(name, [python, path, str(port), *arguments], port)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without what would change how anything measured behaves."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **(extra or {})}


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
