"""`bridge --workers`: processes that share a port, and what their clients have of them."""

import json
import os
import signal
from collections import Counter
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import PATIENCE, TOOLS, Command, command
from tests.e2e.pages import METRICS, page
from tests.eventually import eventually
from tests.processes import alive

ANY = "127.0.0.1:0"
WORKERS = 2
CONNECTIONS = 16
FIELDS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
COUNTED = "mcp_server_operation_duration_seconds_count{"


class Legacy:
    """A client on a connection of its own, so on a worker of the kernel's choice."""

    def __init__(self, bridge: Command, session: str = "") -> None:
        host, _, port = bridge.ready["http"].rpartition(":")
        self.http = HTTPConnection(host, int(port), timeout=PATIENCE)
        self.session = session

    def ask(self, method: str, **params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        fields = FIELDS | ({"Mcp-Session-Id": self.session} if self.session else {})
        self.http.request("POST", "/mcp", json.dumps(body), fields)
        with self.http.getresponse() as answer:
            said = json.loads(answer.read())
            self.session = answer.headers.get("mcp-session-id") or self.session
        assert "result" in said, said
        return said["result"]

    def begin(self) -> "Legacy":
        info = {"name": "test", "version": "1"}
        self.ask(
            "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=info
        )  # fmt: skip
        assert self.session
        return self

    def who(self) -> str:
        text: str = self.ask("tools/call", name="who", arguments={})["content"][0]["text"]
        return text

    def close(self) -> None:
        self.http.close()


@pytest.fixture
def bridge(stack: ExitStack, tmp_path: Path) -> Command:
    router = stack.enter_context(command(tmp_path, "router", "--grpc", ANY))
    at = ("--router", router.grpc)
    stack.enter_context(command(tmp_path, "serve", TOOLS, *at))
    workers = ("--workers", str(WORKERS))
    return stack.enter_context(
        command(tmp_path, "bridge", *workers, "--http", ANY, *at, env=METRICS)
    )


async def ready(url: str) -> bool:
    """Tell whether all workers are ready, whichever of them is asked."""
    answers = [await page(f"{url}/readyz") for _ in range(4 * WORKERS)]
    return all(status == 200 and json.loads(text)["tools"] for status, text in answers)


def spread(bridge: Command, count: int = CONNECTIONS) -> list[Legacy]:
    """Give clients on connections to every worker."""
    return [Legacy(bridge) for _ in range(count)]


async def test_a_session_is_good_on_every_worker_and_outlives_one(bridge: Command) -> None:
    await eventually(lambda: ready(bridge.url))
    assert len(bridge.children()) == WORKERS
    first = Legacy(bridge).begin()
    tool = first.who()
    others = [Legacy(bridge, first.session) for _ in range(CONNECTIONS)]
    assert {each.who() for each in others} == {tool}

    dead, kept = bridge.children()
    os.kill(dead, signal.SIGKILL)
    lost = 0
    for each in others:
        try:
            assert each.who() == tool
        except (OSError, HTTPException):
            lost += 1
    # Only the connections of the dead worker end; their clients go on over another one.
    assert lost < CONNECTIONS
    await eventually(lambda: not alive(dead) and len(bridge.children()) == WORKERS)
    bridge.note_pids()
    assert kept in bridge.children()
    await eventually(lambda: ready(bridge.url))
    again = [Legacy(bridge, first.session) for _ in range(CONNECTIONS)]
    assert {each.who() for each in again} == {tool}
    for each in (first, *others, *again):
        each.close()


async def test_metrics_and_readiness_of_any_worker_are_those_of_all(bridge: Command) -> None:
    await eventually(lambda: ready(bridge.url))
    clients = spread(bridge)
    for each in clients:
        each.who()
    pages = [await page(f"{bridge.url}/metrics") for _ in range(4 * WORKERS)]
    assert [calls(text) for _, text in pages] == [CONNECTIONS] * (4 * WORKERS)
    # The parent's own page, which OpenTelemetry's variables ask for, says the same.
    parent = metrics_url_of(bridge)
    assert calls((await page(f"{parent}/metrics"))[1]) == CONNECTIONS
    assert await page(f"{parent}/readyz") == (200, "ready\n")

    os.kill(bridge.children()[0], signal.SIGKILL)
    await eventually(lambda: is_missing(bridge.url))
    await eventually(lambda: ready(bridge.url))
    bridge.note_pids()
    assert calls((await page(f"{bridge.url}/metrics"))[1]) == CONNECTIONS
    for each in clients:
        each.close()


async def test_a_key_is_no_part_of_a_command_line(bridge: Command) -> None:
    for pid in bridge.children():
        argv = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"--worker-of=" in argv
        assert b"session-key" not in argv


async def test_workers_end_with_their_parent(stack: ExitStack, tmp_path: Path) -> None:
    router = stack.enter_context(command(tmp_path, "router", "--grpc", ANY))
    options = ("--workers", str(WORKERS), "--http", ANY, "--router", router.grpc)
    with command(tmp_path, "bridge", *options) as bridge:
        workers = bridge.children()
        assert len(workers) >= WORKERS
        bridge.kill()
        await eventually(lambda: not any(alive(pid) for pid in workers))


async def is_missing(url: str) -> bool:
    """Tell whether a worker says that another one is away."""
    try:
        status, text = await page(f"{url}/readyz")
    except OSError:  # a connection that the kernel gave to the dead one
        return False
    return status == 503 and "bridge/" in text


def calls(text: str) -> int:
    """Return how many calls of tools a page of metrics counts."""
    counts: Counter[str] = Counter()
    for line in text.splitlines():
        if line.startswith(COUNTED) and 'mcp_method_name="tools/call"' in line:
            counts["calls"] += int(float(line.rpartition(" ")[2]))
    assert text.count("target_info{") == 1
    return counts["calls"]


def metrics_url_of(bridge: Command) -> str:
    """Return the parent's page that OTEL_METRICS_EXPORTER asks for: the first it speaks of."""
    return next(
        str(line["message"].rpartition(" ")[2].removesuffix("/metrics"))
        for line in bridge.lines()
        if line.get("message", "").startswith("metrics for Prometheus")
        and line["pid"] == bridge.process.pid
    )
