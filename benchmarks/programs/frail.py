"""Tools whose executions are written down, and one that takes few calls at once."""

import asyncio
import os
from pathlib import Path

from mcpmesh import ToolServer

app = ToolServer("frail", lease_ttl=2.0)
_room = asyncio.Semaphore(int(os.environ.get("AT_ONCE", "10")))


def _note(folder: str, id: str) -> None:
    file = os.open(Path(folder, str(os.getpid())), os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    try:
        os.write(file, f"{id}\n".encode())
    finally:
        os.close(file)


@app.tool(idempotent=True)
async def look(folder: str, id: str) -> str:
    """May be called twice."""
    _note(folder, id)
    await asyncio.sleep(0.01)
    return id


@app.tool
async def change(folder: str, id: str) -> str:
    """Must not be called twice."""
    _note(folder, id)
    await asyncio.sleep(0.01)
    return id


@app.tool
async def few(seconds: float) -> str:
    """Works on some calls at once; the others wait."""
    async with _room:
        await asyncio.sleep(seconds)
    return "done"
