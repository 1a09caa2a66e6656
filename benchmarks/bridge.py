"""bridge: what a tools/call over HTTP costs the processes that serve it, in both eras of MCP.

`cpu_us_per_call` is that of the process that speaks MCP, `cpu_us_per_call_all` that of all that
serve the call: with our bridge the router and the replica too, with `mcpmesh up` (router and
bridge in one process) the replica, with a FastMCP proxy the server behind it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from benchmarks.harness.bench import Bench
from benchmarks.harness.cpu import cpu_seconds
from benchmarks.harness.peers import PEERS_PYTHON, program
from benchmarks.harness.process import Processes, free_port
from benchmarks.harness.rounds import Metrics
from benchmarks.harness.wrk import wrk
from benchmarks.hops import TRACING, mesh_argv
from benchmarks.mcp_post import Post, legacy_call, modern_call, wait_for

OURS = "mcpmesh bridge"
UP = "mcpmesh up"
FASTMCP = "FastMCP server"
FASTMCP_JSON = "FastMCP server, json_response"
FASTMCP_PROXY = "FastMCP proxy"
#: A server at ease, and one with work waiting.
CONNECTIONS = (16, 64)
_TOOLS = "benchmarks.programs.mesh_tools:app"


@dataclass(frozen=True, slots=True)
class Front:
    """An MCP server; the ids of the process that speaks MCP, and of all that serve a call."""

    port: int
    speaker: int
    everyone: Callable[[], Iterable[int]]


def run(bench: Bench) -> None:
    """Measure with a call in flight on each of so many connections."""
    if program("wrk") is None:
        bench.skip("all", "wrk")
        return
    seconds = bench.amount(5, 2)
    with Processes() as processes:
        fronts = {OURS: _bridge(processes), UP: _up(processes)}
        if PEERS_PYTHON.exists():
            fronts |= _fastmcp(processes)
        else:
            bench.skip("FastMCP", "fastmcp")
        for case, era in (("2026-07-28", modern_call), ("2025-11-25", legacy_call)):
            posts = {
                name: wait_for(partial(era, front.port), Post.check)
                for name, front in fronts.items()
            }
            for post in posts.values():
                _checked(post, 1)
            for connections in CONNECTIONS:
                bench.compare(
                    f"{case}, {connections} connections",
                    {
                        name: partial(_measured, fronts[name], posts[name], connections, seconds)
                        for name in fronts
                    },
                    ours=OURS,
                )


def _measured(front: Front, post: Post, connections: int, seconds: int) -> Metrics:
    everyone = list(front.everyone())
    speaker, all_of_them = cpu_seconds([front.speaker]), cpu_seconds(everyone)
    posted = wrk(post.url, post.fields, post.body, connections=connections, seconds=seconds)
    speaker = cpu_seconds([front.speaker]) - speaker
    all_of_them = cpu_seconds(everyone) - all_of_them
    post.check()
    return {
        "cpu_us_per_call": speaker / posted.requests * 1e6,
        "cpu_us_per_call_all": all_of_them / posted.requests * 1e6,
        "calls_per_second": posted.requests / posted.elapsed,
        "p50_us": posted.p50 * 1e6,
        "p99_us": posted.p99 * 1e6,
    }


def _checked(post: Post, seconds: int) -> None:
    """See that it is answered rightly, and warm up."""
    post.check()
    wrk(post.url, post.fields, post.body, connections=CONNECTIONS[0], seconds=seconds)


def _bridge(processes: Processes) -> Front:
    grpc, http, tools = (f"127.0.0.1:{free_port()}" for _ in range(3))
    router = _mesh(processes, "router", grpc, "--grpc", grpc)
    replica = _mesh(processes, "serve", tools, _TOOLS, "--listen", tools, "--router", grpc)
    bridge = _mesh(processes, "bridge", http, "--http", http, "--router", grpc)
    pids = [bridge, router, replica]
    return Front(_port(http), bridge, lambda: pids)


def _up(processes: Processes) -> Front:
    grpc, http = (f"127.0.0.1:{free_port()}" for _ in range(2))
    argv = mesh_argv("up", _TOOLS, "--grpc", grpc, "--http", http)
    process = processes.start(UP, argv, _port(http), TRACING)
    return Front(_port(http), process.pid, process.family)


def _mesh(processes: Processes, command: str, endpoint: str, *arguments: str) -> int:
    argv = mesh_argv(command, *arguments)
    return processes.start(f"mcpmesh {command}", argv, _port(endpoint), TRACING).pid


def _fastmcp(processes: Processes) -> dict[str, Front]:
    python = str(PEERS_PYTHON)
    port, json_port, proxy_port = (free_port() for _ in range(3))
    server = processes.start_program(FASTMCP, "fastmcp_tools", port, python=python).pid
    plain = processes.start_program(
        FASTMCP_JSON, "fastmcp_tools", json_port, "json", python=python
    ).pid
    url = f"http://127.0.0.1:{port}/mcp"
    proxy = processes.start_program(
        FASTMCP_PROXY, "fastmcp_proxy", proxy_port, url, python=python
    ).pid
    return {
        FASTMCP: Front(port, server, lambda: [server]),
        FASTMCP_JSON: Front(json_port, plain, lambda: [plain]),
        FASTMCP_PROXY: Front(proxy_port, proxy, lambda: [proxy, server]),
    }


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])
