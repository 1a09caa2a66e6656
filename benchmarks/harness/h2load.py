"""gRPC load from h2load."""

import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.cpu import cpu_seconds
from benchmarks.harness.peers import program
from benchmarks.harness.process import WORK, Failed
from benchmarks.harness.rounds import Metrics

_REQUESTS = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
_FINISHED = re.compile(r"finished in ([\d.]+)(us|ms|s|m|h)\b")
_DATA = re.compile(r"\((\d+)\) data")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Load:
    """Calls of one method, so many at once.

    `data_bytes` is what the bodies of one answer come to: an answer with an error is shorter.
    """

    method: str
    message: bytes
    data_bytes: int
    calls: int
    connections: int
    streams: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a run of load came to.

    Units: seconds; `p50` and `p99` of one call.
    """

    elapsed: float
    p50: float
    p99: float


def h2load(port: int, load: Load) -> Loaded:
    """Call and wait for the answers.

    Raises: Failed unless every call is answered in full.
    """
    body, log = WORK / "request.bin", WORK / "h2load.tsv"
    body.write_bytes(b"\0" + len(load.message).to_bytes(4, "big") + load.message)
    log.unlink(missing_ok=True)
    done = subprocess.run(
        [
            *(program("h2load") or "h2load", f"http://127.0.0.1:{port}{load.method}"),
            *("-n", str(load.calls), "-c", str(load.connections), "-m", str(load.streams)),
            *("-d", str(body), "--log-file", str(log)),
            *("-H", "content-type: application/grpc", "-H", "te: trailers"),
        ],
        capture_output=True,
        text=True,
        timeout=_TIME_LIMIT,
        check=False,
    )
    requests, finished, data = (each.search(done.stdout) for each in (_REQUESTS, _FINISHED, _DATA))
    if done.returncode or not (requests and finished and data):
        raise Failed(f"h2load: {done.stdout[-1000:]} {done.stderr[-1000:]}")
    if requests.groups() != (str(load.calls), "0", "0", "0"):
        raise Failed(f"h2load: {requests.group()}")
    if int(data.group(1)) != load.calls * load.data_bytes:
        raise Failed(
            f"the answers hold {data.group(1)} bytes, not {load.calls} times {load.data_bytes}"
        )
    times = sorted(_times(log))
    return Loaded(
        float(finished.group(1)) * _SECONDS[finished.group(2)],
        times[len(times) // 2],
        times[min(len(times) - 1, len(times) * 99 // 100)],
    )


def _times(log: Path) -> Iterable[float]:
    """Read the time of each call; a row is start, HTTP status, microseconds."""
    for row in log.read_text().splitlines():
        yield int(row.split("\t")[2]) / 1e6


def unary(port: int, load: Load, pids: Callable[[], Iterable[int]]) -> Metrics:
    """Measure unary calls: what they cost the given processes, and how fast they are."""
    counted = list(pids())
    before = cpu_seconds(counted)
    loaded = h2load(port, load)
    cpu = cpu_seconds(counted) - before
    return {
        "cpu_us_per_call": cpu / load.calls * 1e6,
        "calls_per_second": load.calls / loaded.elapsed,
        "p50_us": loaded.p50 * 1e6,
        "p99_us": loaded.p99 * 1e6,
    }
