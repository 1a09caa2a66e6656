"""listing: what a list of 1,000 tools that did not change costs the bridge, beside its bytes.

`cpu_us_per_call` of *its bytes* is what a bare server on uvloop needs to write as many: what is
above that is ours.
"""

import json
from dataclasses import replace
from functools import partial

from benchmarks.bridge import CONNECTIONS, OURS
from benchmarks.harness.bench import Bench
from benchmarks.harness.cpu import cpu_seconds
from benchmarks.harness.peers import program
from benchmarks.harness.process import WORK, Failed, Processes, free_port
from benchmarks.harness.rounds import Metrics
from benchmarks.harness.wrk import wrk
from benchmarks.hops import TRACING, mesh_argv
from benchmarks.mcp_post import Post, legacy_list, modern_list, wait_for
from benchmarks.programs.thousand_tools import TOOLS

BYTES = "its bytes"
_TOOLS = "benchmarks.programs.thousand_tools:app"


def run(bench: Bench) -> None:
    """Measure in both eras of MCP."""
    if program("wrk") is None:
        bench.skip("all", "wrk")
        return
    seconds = bench.amount(5, 2)
    with Processes() as processes:
        grpc, http = free_port(), free_port()
        at = ("--grpc", f"127.0.0.1:{grpc}", "--http", f"127.0.0.1:{http}")
        bridge = processes.start("mcpmesh up", mesh_argv("up", _TOOLS, *at), http, TRACING).pid
        for case, era in (("2026-07-28", modern_list), ("2025-11-25", legacy_list)):
            post = wait_for(lambda era=era: era(http), _listed)
            answer = _listed(post)
            (WORK / "listing.json").write_bytes(answer)
            bare, path = free_port(), str(WORK / "listing.json")
            pid = processes.start_program(f"bytes {case}", "plain_bytes", bare, path).pid
            contestants = {OURS: (bridge, post), BYTES: (pid, replace(post, port=bare))}
            connections = CONNECTIONS[0]
            bench.compare(
                f"{case}, {connections} connections",
                {
                    name: partial(_measured, *each, connections, seconds, len(answer))
                    for name, each in contestants.items()
                },
                ours=OURS,
            )


def _listed(post: Post) -> bytes:
    """List the tools once, and see that they are all there.

    Raises: Failed.
    """
    answer, _ = post.send()
    found = len(answer["result"]["tools"])
    if found != TOOLS:
        raise Failed(f"{post.url}: {found} tools, not {TOOLS}")
    return json.dumps(answer, separators=(",", ":")).encode()


def _measured(pid: int, post: Post, connections: int, seconds: int, size: int) -> Metrics:
    before = cpu_seconds([pid])
    posted = wrk(post.url, post.fields, post.body, connections=connections, seconds=seconds)
    return {
        "cpu_us_per_call": (cpu_seconds([pid]) - before) / posted.requests * 1e6,
        "calls_per_second": posted.requests / posted.elapsed,
        "p50_us": posted.p50 * 1e6,
        "p99_us": posted.p99 * 1e6,
        "answer_kb": size / 1000,
    }
