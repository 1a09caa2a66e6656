"""`up` and `router` as processes: a mesh from one command, which leaves nothing behind."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from processes import TIMEOUT, TOOLS, command, environment, ran, ran_json, started

from mcpmesh import SyncClient
from mcpmesh.errors import MeshError
from tests.eventually import eventually
from tests.processes import alive, children_of

ANY = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
Mesh = tuple["subprocess.Popen[str]", dict[str, str]]


@pytest.fixture(scope="module")
def mesh(folder: Path) -> Iterator[Mesh]:
    with started(folder, "up", "little", "--replicas", "2", *ANY) as running:
        yield running


def test_ready_means_that_every_replica_takes_calls(mesh: Mesh) -> None:
    listed = ran_json("tools", "--router", mesh[1]["grpc"])
    assert {(tool["replicas"], tool["readyReplicas"]) for tool in listed} == {(2, 2)}


def test_calls_reach_every_replica(mesh: Mesh) -> None:
    with SyncClient(mesh[1]["grpc"]) as client:
        answers = {client.call("who").text for _ in range(20)}
    assert len(answers) == 2


def test_curl_calls_a_tool_through_mcp(mesh: Mesh) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "add", "arguments": {"a": 2, "b": 3}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    request = Request(
        f"http://{mesh[1]['http']}/mcp",
        json.dumps(body).encode(),
        {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": "add",
        },
    )
    with urlopen(request) as answer:
        assert json.load(answer)["result"]["content"][0]["text"] == "5"


async def test_killed_replica_comes_back(mesh: Mesh) -> None:
    parent, ready = mesh
    before = set(children_of(parent.pid))
    os.kill(min(before), signal.SIGKILL)
    await eventually(lambda: len(set(children_of(parent.pid)) - before) == 1)

    def served_by_two() -> bool:
        (tool,) = (t for t in ran_json("tools", "--router", ready["grpc"]) if t["name"] == "who")
        return tool["readyReplicas"] == 2

    await eventually(served_by_two)


def test_tool_server_that_cannot_start_ends_it_all(folder: Path) -> None:
    code, output, notes = ran("up", "no_such_module", *ANY)
    assert (code, output) == (2, "")
    assert "there is no module no_such_module" in notes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_children_then_router(folder: Path, number: signal.Signals) -> None:
    with started(folder, "up", "little", *ANY) as (parent, _):
        pids = children_of(parent.pid)
        parent.send_signal(number)
        assert parent.wait(TIMEOUT) == 0
        assert pids
        assert not any(alive(pid) for pid in pids)


async def test_killed_parent_takes_its_children_along(folder: Path) -> None:
    with started(folder, "up", "little", "--drain-grace", "0", *ANY) as (parent, _):
        pids = children_of(parent.pid)
        assert pids
        parent.kill()
        parent.wait(TIMEOUT)
        await eventually(lambda: not any(alive(pid) for pid in pids))


async def test_changed_code_is_served_without_a_restart(tmp_path: Path) -> None:
    code = tmp_path / "little.py"
    code.write_text(TOOLS)
    with started(tmp_path, "up", "little", "--reload", *ANY) as (_, ready):
        code.write_text(TOOLS.replace("return a + b", "return a + b + 100"))
        asked = ("call", "add", "a=1", "--router", ready["grpc"])
        await eventually(lambda: ran(*asked)[1] == "102\n")


def test_replicas_find_a_router_that_starts_later(folder: Path) -> None:
    with started(folder, "router", "--grpc", "127.0.0.1:0") as (first, ready):
        first.send_signal(signal.SIGTERM)
        assert first.wait(TIMEOUT) == 0
    grpc = ready["grpc"]
    serve = command("serve", "little", "--router", grpc)
    with subprocess.Popen(
        serve, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            with started(folder, "router", "--grpc", grpc):
                assert server.stdout is not None
                assert "mcpmesh serve ready" in server.stdout.readline()
                assert ran("call", "add", "a=1", "--router", grpc)[:2] == (0, "2\n")
        finally:
            server.kill()


def adds(router: str) -> bool:
    """Tell whether calls over many connections, so over every worker, all succeed."""
    return all(connected_call(router) == "2" for _ in range(12))


def connected_call(router: str) -> str:
    """Call a tool over a connection of its own; an error is an answer too."""
    try:
        with SyncClient(router, default_timeout=10.0) as client:
            return client.call("add", {"a": 1}).text
    except MeshError as error:
        return str(error)


async def test_workers_share_a_port_and_all_know_all_replicas(folder: Path) -> None:
    many = ("router", "--workers", "2", "--grpc", "127.0.0.1:0")
    with started(folder, *many) as (parent, ready):
        workers = children_of(parent.pid)
        assert len(workers) == 2
        with started(folder, "serve", "little", "--router", ready["grpc"]):
            await eventually(lambda: adds(ready["grpc"]))
            os.kill(workers[0], signal.SIGKILL)
            await eventually(lambda: len(children_of(parent.pid)) == 2)
            await eventually(lambda: adds(ready["grpc"]))
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(TIMEOUT) == 0
        assert not any(alive(pid) for pid in workers)


def test_taken_port_is_told(mesh: Mesh) -> None:
    code, output, notes = ran("router", "--grpc", mesh[1]["grpc"])
    assert (code, output) == (3, "")
    assert f"cannot listen on {mesh[1]['grpc']}: Address already in use" in notes
    code, _, notes = ran("router", "--workers", "2", "--grpc", mesh[1]["grpc"])
    assert code == 3
    assert "Address already in use" in notes
