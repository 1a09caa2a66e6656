"""`mcpmesh bench`: call one tool again and again, and tell how fast it answers."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from mcpmesh.cli.call import Asked
from mcpmesh.cli.connect import Reach, connected
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.cli.output import print_json, print_line
from mcpmesh.errors import MeshError
from mcpmesh.sdk.client import Client

#: Seconds a bench runs when neither a count nor a duration is given.
DEFAULT_DURATION = 10.0
_REFRESH = 0.1
_PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Load:
    """How much to call. `count` calls, or for `duration` seconds, the first that is reached.

    Raises: CommandError.
    """

    concurrency: int = 16
    count: int | None = None
    duration: float | None = None

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise CommandError(f"--concurrency {self.concurrency} is below 1")
        if self.count is not None and self.count < 1:
            raise CommandError(f"--count {self.count} is below 1")
        if self.duration is not None and not self.duration > 0:
            raise CommandError(f"--duration {self.duration:g} is not above 0")

    def seconds(self) -> float:
        """Return the longest the bench runs."""
        if self.duration is None:
            return float("inf") if self.count else DEFAULT_DURATION
        return self.duration

    def share(self, now: float, started: float, calls: int) -> float:
        """Return how much of the bench is done, 0 to 1."""
        by_count = calls / self.count if self.count else 0.0
        return min(1.0, max(by_count, (now - started) / self.seconds()))


@dataclass(slots=True)
class Tally:
    """What the calls so far came to. Units: seconds."""

    started: int = 0
    waits: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    #: What the first failure of each kind said.
    said: dict[str, str] = field(default_factory=dict)

    def failed(self, kind: str, message: str) -> None:
        """Note a failure."""
        self.failures[kind] += 1
        self.said.setdefault(kind, message)

    def figures(self, elapsed: float) -> dict[str, Any]:
        """Return the figures to print. Units: latencies in milliseconds."""
        ordered = sorted(self.waits)
        return {
            "calls": len(ordered),
            "failures": dict(self.failures),
            "seconds": round(elapsed, 3),
            "callsPerSecond": round(len(ordered) / elapsed, 1) if elapsed else 0.0,
            "latencyMs": {
                **{f"p{share}": percentile(ordered, share) for share in _PERCENTILES},
                "max": percentile(ordered, 100),
            },
        }


def percentile(ordered: list[float], share: float) -> float:
    """Return the value below which that share of percent lies. Units: s in, ms out."""
    if not ordered:
        return 0.0
    index = min(len(ordered) - 1, round(share / 100 * (len(ordered) - 1)))
    return round(ordered[index] * 1000, 3)


async def bench(reach: Reach, asked: Asked, load: Load, *, as_json: bool) -> Exit:
    """Run the bench and print its figures; it fails when no call succeeded."""
    tally = Tally()
    async with connected(reach) as client:
        arguments = await asked.arguments(client)
        await client.get_tool(asked.tool, asked.version)
        started = time.perf_counter()
        await _run(client, asked, arguments, load, tally)
        figures = tally.figures(time.perf_counter() - started)
    if as_json:
        print_json({"tool": asked.tool, "concurrency": load.concurrency, **figures})
    else:
        _print(asked.tool, load, figures, tally.said)
    return Exit.OK if tally.failures.total() < len(tally.waits) else Exit.FAILED


async def _run(
    client: Client, asked: Asked, arguments: Mapping[str, Any], load: Load, tally: Tally
) -> None:
    started = time.perf_counter()
    end = started + load.seconds()

    async def caller() -> None:
        while time.perf_counter() < end and (load.count is None or tally.started < load.count):
            tally.started += 1
            await _one(client, asked, arguments, tally)

    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(caller()) for _ in range(load.concurrency)]
        with _progress() as progress:
            bar = progress.add_task(asked.tool, total=1.0, rate="")
            while not all(task.done() for task in callers):
                await asyncio.wait(callers, timeout=_REFRESH)
                now = time.perf_counter()
                rate = f"{len(tally.waits) / (now - started):,.0f}/s"
                share = load.share(now, started, len(tally.waits))
                progress.update(bar, completed=share, rate=rate)


async def _one(client: Client, asked: Asked, arguments: Mapping[str, Any], tally: Tally) -> None:
    before = time.perf_counter()
    try:
        result = await client.call(asked.tool, arguments, **asked.options())
    except MeshError as error:
        tally.failed(type(error).__name__, error.message)
    else:
        if result.is_error:
            tally.failed("is_error", result.text)
    tally.waits.append(time.perf_counter() - before)


def _progress() -> Progress:
    """Return a bar on the terminal, drawn on stderr; nothing elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def _print(tool: str, load: Load, figures: Mapping[str, Any], said: Mapping[str, str]) -> None:
    latency = figures["latencyMs"]
    print_line(f"{tool}: {figures['callsPerSecond']:,.1f} calls/s, {load.concurrency} at once")
    print_line(f"  {figures['calls']:,} calls in {figures['seconds']:.2f} s")
    print_line("  " + "  ".join(f"{name} {value:.2f} ms" for name, value in latency.items()))
    for name, number in figures["failures"].items():
        print_line(f"  {number:,} failed: {name}: {said[name]}")
