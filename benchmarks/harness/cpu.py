"""CPU time and memory of processes, from /proc.

The kernel counts CPU in ticks of 10 ms, so a measurement should take a second of it.
"""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return user and system time of processes, all their threads included."""
    ticks = 0
    for pid in pids:
        fields = _stat(pid)
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def descendants(pid: int) -> list[int]:
    """Return the children of a process, and theirs."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat(int(entry.name))[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    ahead = [pid]
    while ahead:
        of_one = children.get(ahead.pop(), [])
        found += of_one
        ahead += of_one
    return found


def busy_ratio(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Return which share of the machine's CPU was used between two readings."""
    total = after[1] - before[1]
    return (after[0] - before[0]) / total if total else 0.0


def machine_ticks() -> tuple[int, int]:
    """Read the machine's busy and total CPU ticks."""
    ticks = [int(each) for each in (_PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


def _stat(pid: int) -> list[str]:
    """Read /proc/PID/stat from its third field on; the second may hold blanks."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
