"""ticking: 2,000 streams at once, each with a word of progress a second, for half a minute.

`late_p99_ms` is how much later than a second after the one before an event came, at most, for 99 of
100; `lost` are events that did not come, `failed` streams that did not end with their result.
"""

import resource
from collections.abc import Callable
from functools import partial

import uvloop

from benchmarks.bridge import OURS, UP
from benchmarks.harness.bench import Bench
from benchmarks.harness.cpu import cpu_seconds, rss_bytes
from benchmarks.harness.process import Failed, Processes, free_port
from benchmarks.harness.rounds import Metrics
from benchmarks.hops import TRACING, mesh_argv
from benchmarks.mcp_post import Post, modern_call, wait_for
from benchmarks.tick_reader import Ticked, read_ticks

_TOOLS = "benchmarks.programs.ticking_tools:app"
#: One machine is one address; on each connection from hop to hop all streams are at once.
_ROOM = ("--max-connections-per-peer", "4096", "--max-requests-per-peer", "0")
_WIDE = ("--max-concurrent-streams", "8192")
#: By default a tool has 1,024 calls at once.
_MANY = ("--tool", 'tick={"admission": {"in_flight": 8192}}')
#: Starts what is measured; gives the port, and the id of the process that speaks MCP.
Start = Callable[[Processes], tuple[int, int]]
_KIB, _DESCRIPTORS = 1024, 16384


def run(bench: Bench) -> None:
    """Hold the streams by the bridge in the router's process, and by one alone."""
    bench.rounds = 1
    streams, seconds = bench.amount(2000, 200), bench.amount(30, 5)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _DESCRIPTORS), most))
    bench.compare(
        f"{streams:,} streams",
        {
            UP: partial(_measured, _up, streams, seconds),
            OURS: partial(_measured, _bridge, streams, seconds),
        },
        ours=UP,
    )


def _measured(start: Start, streams: int, seconds: int) -> Metrics:
    with Processes() as processes:
        port, pid = start(processes)
        wait_for(lambda: modern_call(port, "tick", {"seconds": 0}), _answered)
        asked = modern_call(port, "tick", {"seconds": seconds}, progress="t")
        idle, before = rss_bytes(pid), cpu_seconds([pid])
        peak = idle

        def look() -> None:
            nonlocal peak
            peak = max(peak, rss_bytes(pid))

        ticked: Ticked = uvloop.run(read_ticks(asked, streams, seconds, look))
        used = cpu_seconds([pid]) - before
    return {
        "cpu_us_per_message": used / max(1, ticked.events) * 1e6,
        "cores": used / ticked.elapsed,
        "late_p99_ms": ticked.late_p99 * 1000,
        "lost": float(streams * seconds - ticked.events),
        "failed": float(streams - ticked.ended),
        "kib_per_stream": (peak - idle) / streams / _KIB,
    }


def _up(processes: Processes) -> tuple[int, int]:
    grpc, http = free_port(), free_port()
    at = ("--grpc", f"127.0.0.1:{grpc}", "--http", f"127.0.0.1:{http}")
    argv = mesh_argv("up", _TOOLS, *at, *_ROOM, *_WIDE, *_MANY)
    return http, processes.start(UP, argv, http, TRACING).pid


def _bridge(processes: Processes) -> tuple[int, int]:
    grpc, http, tools = (free_port() for _ in range(3))
    router = f"127.0.0.1:{grpc}"
    argv = mesh_argv("router", "--grpc", router, *_WIDE, *_MANY)
    processes.start("mcpmesh router", argv, grpc, TRACING)
    serve = mesh_argv("serve", _TOOLS, "--listen", f"127.0.0.1:{tools}", "--router", router, *_WIDE)
    processes.start("mcpmesh serve", serve, tools, TRACING)
    bridge = mesh_argv("bridge", "--http", f"127.0.0.1:{http}", "--router", router, *_ROOM)
    return http, processes.start(OURS, bridge, http, TRACING).pid


def _answered(post: Post) -> None:
    """See that the tool can be called.

    Raises: Failed.
    """
    answer, _ = post.send()
    if answer["result"].get("isError", True):
        raise Failed(f"{post.url}: {answer}")
