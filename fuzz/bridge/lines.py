"""Lines of all kinds to a bridge on stdio, which must answer the last one as it did the first."""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryFile

import orjson

from fuzz.bridge import messages, mutation
from fuzz.bridge.attack import ROOT, Served

_PATIENCE = 60.0
_AT_ONCE = 50
_MAX_LINE = 65_536


@dataclass
class Lines:
    """What came of it."""

    said: str = ""
    problems: list[str] = field(default_factory=list)


def on_stdio(bridge: Served, seconds: float, rng: Random) -> Lines:
    """Send lines for a time."""
    return asyncio.run(_on_stdio(bridge, seconds, rng))


async def _on_stdio(bridge: Served, seconds: float, rng: Random) -> Lines:
    told = Lines()
    with TemporaryFile() as log:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mcpmesh", "bridge", "--stdio", "--router", bridge.grpc),
            *("--max-body-bytes", str(_MAX_LINE), "--log-level", "error", "--log-format", "json"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=4 * 1024 * 1024,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        try:
            async with asyncio.timeout(seconds + _PATIENCE):
                await _talk(program, seconds, rng, told)
        except TimeoutError:
            told.problems.append("stdio: it answers no more")
        finally:
            if program.returncode is None:
                program.kill()
            await program.wait()
        log.seek(0)
        errors = log.read().decode(errors="replace").splitlines()
        told.problems += [f"stdio, in the log: {line[:2000]}" for line in errors]
    return told


async def _talk(
    program: asyncio.subprocess.Process, seconds: float, rng: Random, told: Lines
) -> None:
    assert program.stdin is not None
    assert program.stdout is not None
    assert program.pid is not None
    program.stdin.write(b'{"jsonrpc":"2.0","id":0,"method":"ping"}\n')
    await program.stdout.readline()  # it runs
    end, sent, number = time.monotonic() + seconds, 0, 0
    first = 0
    while number == 0 or time.monotonic() < end:
        for _ in range(_AT_ONCE):
            program.stdin.write(_line(rng) + b"\n")
        sent += _AT_ONCE
        number += 1
        mark = f"mark-{number}"
        ping = {"jsonrpc": "2.0", "id": mark, "method": "ping"}
        program.stdin.write(json.dumps(ping).encode() + b"\n")
        await program.stdin.drain()
        while True:
            line = await program.stdout.readline()
            if not line:
                told.problems.append("stdio: the bridge ended")
                return
            answer = orjson.loads(line)
            error = answer.get("error", {}) if isinstance(answer, dict) else {}
            busy = "in flight" in str(error.get("message"))
            if error.get("code") == -32603 and not busy:
                told.problems.append(f"stdio: internal error: {line[:300]!r}")
            if isinstance(answer, dict) and answer.get("id") == mark:
                if busy:
                    await asyncio.sleep(0.05)
                break
        resident = _resident_kib(program.pid)
        first = first or resident
    told.said = f"stdio: {sent:,} lines, resident {first:,} → {resident:,} KiB"
    if resident - first > 24 * 1024:
        told.problems.append(f"stdio: memory grew from {first} to {resident} KiB")
    program.stdin.close()
    await program.stdout.read()
    await program.wait()


def _line(rng: Random) -> bytes:
    message = messages.message(rng, modern=rng.random() < 0.5)
    if message.get("params", {}).get("name") == "ask":
        message["params"]["name"] = "echo"  # nobody is there to answer
    if rng.random() < 0.01:
        return b"x" * (2 * _MAX_LINE)
    if rng.random() < 0.7:
        return mutation.encoded(rng, mutation.mutated(rng, message)).replace(b"\n", b" ")
    return json.dumps(message).encode()


def _resident_kib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
