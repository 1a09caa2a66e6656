"""Commands of mcpmesh as real processes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOOLS = '''
import asyncio
import os
from collections.abc import AsyncIterator

from mcpmesh import ToolContext, ToolServer

app = ToolServer("little")

@app.tool(idempotent=True)
def add(a: int, b: int = 1) -> int:
    """Adds two numbers."""
    return a + b

@app.tool
def who() -> str:
    """Tells which process answers."""
    return str(os.getpid())

@app.tool
def fail(why: str) -> str:
    """Fails."""
    raise ValueError(why)

@app.tool
async def count(to: int) -> AsyncIterator[str]:
    """Counts."""
    for number in range(to):
        yield str(number)

@app.tool
async def wait(seconds: float) -> str:
    """Waits."""
    await asyncio.sleep(seconds)
    return "waited"

@app.tool
async def sure(ctx: ToolContext) -> str:
    """Asks back."""
    return await ctx.ask("Are you sure?")
'''
TIMEOUT = 60


def command(*argv: str) -> list[str]:
    """Return the command line of a mcpmesh command."""
    return [sys.executable, "-m", "mcpmesh", *argv]


def environment() -> dict[str, str]:
    """Return an environment without settings of ours."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("MCPMESH_")}
    return own | {"PYTHONPATH": str(Path(__file__).parents[3])}


@contextmanager
def started(folder: Path, *argv: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """Start a server in a folder; yields the process and what its ready line says."""
    with subprocess.Popen(
        command(*argv),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert " ready" in line, f"{argv} printed {line!r}"
            fields = (word.partition("=") for word in line.split() if "=" in word)
            yield process, {key: value for key, _, value in fields}
        finally:
            process.terminate()
            try:
                process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


def ran(*argv: str, stdin: str = "") -> tuple[int, str, str]:
    """Run a command to its end; return its exit code, output and notes."""
    done = subprocess.run(
        command(*argv),
        input=stdin,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def ran_json(*argv: str) -> Any:
    """Run a command that prints JSON, and return it."""
    code, output, notes = ran(*argv, "--json-output")
    assert code in (0, 1), notes
    return json.loads(output)
