"""Attacks a served bridge for a while, and tells what it found."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TextIO

from fuzz.bridge import messages, mutation
from fuzz.bridge.talk import ask
from fuzz.corpus import WORK

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "fuzz" / "found" / "bridge"
WORKERS = 16
_START = 60.0
#: Seconds in which all that was begun comes to its end.
_SETTLE = 20.0
#: What a process may hold more after many requests: caches that are not full yet.
_ALLOWED = {"tasks": 0, "descriptors": 2, "objects": 20_000, "resident_kib": 24 * 1024}
_MOST_FOUND = 5


@dataclass
class Report:
    """What an attack came to."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    found: dict[str, bytes] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Say what is wrong, one line each."""
        lines = [f"{why} (kept as {name_of(data)})" for why, data in self.found.items()]
        lines += [f"in the log: {line}" for line in self.log[:20]]
        for what, allowed in _ALLOWED.items():
            grown = self.after.get(what, 0) - self.before.get(what, 0)
            if grown > allowed:
                lines.append(f"{what} grew from {self.before[what]} to {self.after[what]}")
        return lines


class Served:
    """A bridge in its own process."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log
        told = json.loads(self._line())
        self.port = int(told["http"].rpartition(":")[2])
        self.grpc = told["grpc"]

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the bridge ended:\n{self._log.read_text()[-3000:]}")
        return line

    def held(self) -> dict[str, int]:
        """Return what the process holds now."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told: dict[str, int] = json.loads(self._line())
        return told

    def settled(self, tasks: int | None = None) -> dict[str, int]:
        """Return what it holds when all that was begun has come to its end."""
        end = time.monotonic() + _SETTLE
        last = self.held()
        while time.monotonic() < end:
            time.sleep(0.5)
            now = self.held()
            if now["tasks"] <= (tasks if tasks is not None else last["tasks"]):
                return now
            last = now
        return last

    def complaints(self) -> list[str]:
        """Return the lines of its log that should not be there."""
        lines = self._log.read_text(errors="replace").splitlines()
        bad = ("Traceback", '"level":"ERROR"', " ERROR ", "never retrieved", "never awaited")
        return [line[:2000] for line in lines if any(mark in line for mark in bad)]


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Start a bridge; end it in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "bridge.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "fuzz.bridge.served"],
            cwd=ROOT,
            env=os.environ | {"MCPMESH_LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield Served(process, log)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(_START)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def attack(bridge: Served, seconds: float, seed: int, report: Report) -> None:
    """Send requests for a time, a tenth of it to warm up; then look at what is left.

    Units: seconds.
    """
    asyncio.run(_send(bridge.port, seconds * 0.3, Random(seed), report))
    report.before = bridge.settled()
    asyncio.run(_send(bridge.port, seconds * 0.7, Random(seed + 1), report))
    report.after = bridge.settled(report.before["tasks"])
    report.log = bridge.complaints()


async def _send(port: int, seconds: float, rng: Random, report: Report) -> None:
    end = time.monotonic() + seconds
    session = await new_session(port)

    async def work(rng: Random) -> None:
        while time.monotonic() < end and len(report.found) < _MOST_FOUND:
            data, whole = request(rng, session)
            answer, wrong = await ask(port, data, whole=whole)
            report.requests += 1
            report.statuses[answer.status] += 1
            if wrong:
                report.found.setdefault(wrong, data)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(WORKERS):
            tasks.create_task(work(Random(rng.random())))


async def new_session(port: int) -> str:
    """Open a legacy session."""
    hello: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "initialize"}
    hello["params"] = messages.LEGACY["initialize"][0]
    fields = messages.headers_of(hello, modern=False, session="").items()
    data = messages.http_bytes("POST", "/mcp", fields, json.dumps(hello).encode(), chunked=False)
    answer, _ = await ask(port, data, whole=True)
    return answer.headers[b"mcp-session-id"].decode()


def request(rng: Random, session: str) -> tuple[bytes, bool]:
    """Draw a request, and tell whether it is one that must be answered."""
    modern = rng.random() < 0.5
    sent = messages.message(rng, modern=modern)
    fields = messages.headers_of(sent, modern=modern, session=session if rng.random() < 0.7 else "")
    kind = rng.random()
    body = json.dumps(sent).encode()
    if kind < 0.45:
        body = mutation.encoded(rng, mutation.mutated(rng, sent))
    elif kind < 0.55:
        batch = [mutation.mutated(rng, messages.message(rng, modern=modern)) for _ in range(3)]
        body = mutation.encoded(rng, batch[: rng.randrange(4)])
        fields["mcp-protocol-version"] = "2025-03-26"
        fields.pop("mcp-session-id", None)
    elif kind < 0.6:
        body = rng.randbytes(rng.choice((0, 1, 20, 70_000)))
    given = list(fields.items())
    if rng.random() < 0.3:
        given = list(messages.strange_headers(rng, fields))
    target = rng.choice(messages.TARGETS) if rng.random() < 0.4 else "/mcp"
    if target.endswith("invoke") and rng.random() < 0.7:
        body = json.dumps(sent.get("params", {}).get("arguments", {})).encode()
    method = (
        rng.choice(("GET", "DELETE", "OPTIONS", "HEAD", "PUT")) if rng.random() < 0.15 else "POST"
    )
    data = messages.http_bytes(method, target, given, body, chunked=rng.random() < 0.1)
    if rng.random() < 0.1:
        return mutation.torn(rng, data), False
    return data, not any(name in _TORN for name, _ in given)


#: With these of any value a request may well be no whole one.
_TORN = frozenset(("transfer-encoding", "content-length", "connection", "expect", "host"))


def name_of(data: bytes) -> str:
    """Return the name of a found input."""
    return hashlib.sha256(data).hexdigest()[:16] + ".bin"


def keep(report: Report) -> list[Path]:
    """Write what was found, to be looked at."""
    folder = WORK / "crashes" / "bridge"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for data in report.found.values():
        path = folder / name_of(data)
        path.write_bytes(data)
        paths.append(path)
    return paths


def told(report: Report, out: TextIO) -> None:
    """Print how an attack went."""
    statuses = ", ".join(
        f"{status or 'none'}: {n:,}" for status, n in sorted(report.statuses.items())
    )
    print(f"{report.requests:,} requests; by status {statuses}", file=out)
    for what in _ALLOWED:
        print(
            f"{what:<13} {report.before.get(what, 0):>9,} → {report.after.get(what, 0):>9,}",
            file=out,
        )
