"""Processes that tests start, found and waited for."""

import asyncio
from pathlib import Path

#: Seconds; generous, so that a busy machine changes nothing.
_PATIENCE = 60


def marked(mark: str) -> list[int]:
    """Return the processes that have a mark among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in arguments:
            found.append(int(path.parent.name))
    return found


def children_of(pid: int) -> list[int]:
    """Return the processes whose parent a process is."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in text.split()]


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def listens(port: int, server: asyncio.subprocess.Process) -> None:
    """Wait until a server that was started listens on its port."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert server.returncode is None
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
