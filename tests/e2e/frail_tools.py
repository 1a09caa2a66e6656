"""Tools whose every execution is counted, and that are slow, or few at once."""

import asyncio
import os
from pathlib import Path

from mcpmesh import ToolServer

app = ToolServer("frail", lease_ttl=2.0)
_AT_ONCE = int(os.environ.get("AT_ONCE", "10"))
_room = asyncio.Semaphore(_AT_ONCE)
_inside = 0


def _note(folder: str, id: str) -> None:
    """Write an execution down, so that it outlives this process."""
    path = Path(folder, f"executed-{os.getpid()}")
    file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    try:
        os.write(file, f"{id}\n".encode())
    finally:
        os.close(file)


@app.tool(idempotent=True)
async def look(folder: str, id: str) -> str:
    """May be called twice."""
    _note(folder, id)
    await asyncio.sleep(0.01)
    return str(os.getpid())


@app.tool
async def change(folder: str, id: str) -> str:
    """Must not be called twice."""
    _note(folder, id)
    await asyncio.sleep(0.01)
    return str(os.getpid())


@app.tool
async def few(seconds: float) -> int:
    """Works on so many calls at once; tells how many there were, waiting ones too."""
    global _inside  # noqa: PLW0603 - the one process is the tool
    _inside += 1
    try:
        there = _inside
        async with _room:
            await asyncio.sleep(seconds)
        return there
    finally:
        _inside -= 1
