"""Commands of mcpmesh as processes: started, read, killed, and gone when a test is over."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.processes import alive, children_of

ROOT = Path(__file__).parents[2]
TOOLS = "tests.e2e.tools:app"
#: Seconds; generous, so that a busy machine changes nothing.
PATIENCE = 60.0
_CHUNK_BYTES = 65536


class Command:
    """One `python -m mcpmesh …`, ready. stderr goes to a file that `lines` reads."""

    def __init__(
        self, folder: Path, *argv: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT
    ) -> None:
        self.argv = argv
        #: Every process that ever was below this one, and itself.
        self.pids: set[int] = set()
        self._log = folder / f"{argv[0]}-{time.monotonic_ns()}.log"
        self._text = b""
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mcpmesh", *argv],
                cwd=cwd,
                env=environment(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.ready: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Command {' '.join(self.argv[:2])} pid={self.process.pid}>"

    @property
    def grpc(self) -> str:
        """The endpoint that the ready line names."""
        return self.ready.get("grpc") or self.ready["listen"]

    @property
    def url(self) -> str:
        """The URL of the bridge."""
        return f"http://{self.ready['http']}"

    def wait_ready(self) -> None:
        """Read the ready line, within bounds."""
        line = self._line(time.monotonic() + PATIENCE)
        assert " ready " in line, f"{self.argv} printed {line!r}\n{self.errors()}"
        pairs = (word.partition("=") for word in line.split() if "=" in word)
        self.ready = {key: value for key, _, value in pairs}
        self.note_pids()

    def _line(self, until: float) -> str:
        assert self.process.stdout is not None
        while b"\n" not in self._text:
            fd = self.process.stdout.fileno()
            ready, _, _ = select.select([fd], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{self.argv}: no ready line\n{self.errors()}"
            read = os.read(fd, _CHUNK_BYTES)
            assert read, f"{self.argv} ended\n{self.errors()}"
            self._text += read
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    def errors(self) -> str:
        """Return what the process wrote to stderr."""
        return self._log.read_text(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """Return the JSON lines on stderr, log lines and spans."""
        whole = self.errors().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def children(self) -> list[int]:
        """Return the process's own children that run."""
        return [pid for pid in children_of(self.process.pid) if alive(pid)]

    def note_pids(self) -> None:
        """Remember the processes below this one, to be looked for when it is gone."""
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            self.pids.add(pid)
            waiting += children_of(pid)

    def rss_kib(self) -> int:
        """Return the memory that the process holds."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("the process is gone")

    def kill(self) -> None:
        """Kill it with signal 9."""
        self.note_pids()
        self.process.kill()
        self.process.wait(PATIENCE)

    def terminate(self) -> None:
        """Ask it to stop, and go on at once."""
        self.note_pids()
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Wait for the end; return the exit code."""
        return self.process.wait(PATIENCE)

    def stop(self) -> None:
        """Stop it as an init system does: exit code 0, and no process left."""
        if self.process.returncode is None:
            self.terminate()
            code = self.ended()
            assert code == 0, f"{self} ended with {code}\n{self.errors()}"
        left = [pid for pid in self.pids if alive(pid)]
        assert not left, f"{self} left processes {left}"

    def clean_up(self) -> None:
        """Kill what a failed test left, by pid."""
        if self.process.poll() is None:
            self.note_pids()
        for pid in self.pids | {self.process.pid}:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def command(
    folder: Path, *argv: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Iterator[Command]:
    """Start a command and wait until it is ready; at the end stop it and hold it to that."""
    started = Command(folder, *argv, env=env, cwd=cwd)
    with ExitStack() as stack:
        stack.callback(started.clean_up)
        started.wait_ready()
        yield started
        started.stop()


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without settings of ours, and with these."""
    own = {
        key: value for key, value in os.environ.items() if not key.startswith(("MCPMESH_", "OTEL_"))
    }
    return own | {"PYTHONPATH": str(ROOT), "MCPMESH_LOG_FORMAT": "json"} | dict(more)
