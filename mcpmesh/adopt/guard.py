"""Runs a command and ends it, with all its descendants, when whoever wanted it is gone.

A script of its own that imports the standard library only: `python -I -S guard.py FD GRACE
COMMAND ARGUMENT…`. The end of the pipe behind FD means "stop", whether its writer closed it or was
killed. Commands such as npx start others and leave them behind when they are killed; on Linux the
guard is their reaper, so they become its children and cannot hide.
Exits with the command's code, 128 and the signal when it was killed by one, 126 or 127 when it
cannot be run.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

_SUBREAPER, _DEATH_SIGNAL = 36, 1
_POLL = 0.02
NOT_FOUND, NOT_EXECUTABLE = 127, 126


def main(fd: int, grace: float, command: list[str]) -> int:
    """Run the command until it ends or the pipe does; return the exit code."""
    _prctl(_SUBREAPER, 1)
    waking, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.append(True))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        child = subprocess.Popen(command, preexec_fn=_die_with_guard)  # noqa: PLW1509  (one thread)
    except FileNotFoundError:
        return NOT_FOUND
    except OSError:
        return NOT_EXECUTABLE
    # Its pipes must end when its own ends are closed, not when the guard's are.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    while child.poll() is None and not stopped:
        readable, _, _ = select.select([fd, waking], [], [])
        if fd in readable:
            break
        os.read(waking, 4096)
        # Orphans that ended are the guard's to reap.
        _reap(child)
    _end(child, grace)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end(child: "subprocess.Popen[bytes]", grace: float) -> None:
    """End whatever is left: asked first, killed when `grace` seconds are over."""
    for number, limit in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        give_up = time.monotonic() + limit
        while True:
            _reap(child)
            left = _descendants()
            if not left and child.poll() is not None:
                return
            for pid in left or [child.pid]:
                _kill(pid, number)
            if time.monotonic() >= give_up:
                break
            time.sleep(_POLL)


def _descendants() -> list[int]:
    """Return what descends from this process; where /proc cannot tell, nothing."""
    parents: dict[int, list[int]] = {}
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                # The name stands in brackets and may hold anything.
                state, parent = stat.read().rpartition(b")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state != b"Z":
            parents.setdefault(int(parent), []).append(pid)
    found: list[int] = []
    queue = [os.getpid()]
    while queue:
        below = parents.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _reap(child: "subprocess.Popen[bytes]") -> None:
    """Take in what ended, except for the command itself, which Popen waits for."""
    child.poll()
    while child.returncode is not None:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _die_with_guard() -> None:
    _prctl(_DEATH_SIGNAL, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    """Set a property of this process, where the system has it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
