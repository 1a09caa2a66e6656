"""MCP servers of others in three copies each: every tool works, a dead copy costs no later call.

They are installed by `make interop-adopt`; without them these tests are skipped.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp_types import CreateMessageResult, ElicitResult, TextContent

from mcpmesh.adopt.adopter import Adopter
from mcpmesh.adopt.kinds import upstreams_of
from mcpmesh.adopt.upstream import Upstream
from tests.installed import Missing
from tests.integration.adopt.adopted import ANY, Mesh, mesh
from tests.integration.adopt.real_servers import npm_server
from tests.interop_mcp.packages import python_of
from tests.processes import listens

COPIES = 3
HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")


@asynccontextmanager
async def in_mesh(
    upstreams: Sequence[Upstream], marks: Sequence[str] = ()
) -> AsyncIterator[tuple[Mesh, Client]]:
    """Adopt upstreams in a mesh, and yield an MCP client of its bridge; no process is left.

    `marks` stand in the environment of what the mesh starts.
    """
    before = descendants(os.getpid())
    async with mesh() as running:

        async def start(_: int, server: Any) -> None:
            await server.start(ANY, running.endpoint)

        async with Adopter(upstreams, start, grace=2.0) as adopter:
            async with asyncio.timeout(90):
                await adopter.settled()
            assert [copy.failure for copy in adopter.copies] == [None] * COPIES
            name = adopter.copies[0].server.tools[0].name
            await running.until_ready(name, COPIES)
            async with Client(
                running.url, elicitation_callback=elicit, sampling_callback=sample
            ) as client:
                yield running, client
    # Wherever in the tree of processes: what loses its parent gets another.
    assert not [pid for mark in marks for pid in marked(mark)]
    left = descendants(os.getpid()) - before
    assert not {pid for pid in left if "fast_server" not in command_line(pid)}


async def elicit(_context: Any, params: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"interpretation": "technical"})


async def sample(_context: Any, params: Any) -> CreateMessageResult:
    text = TextContent(type="text", text="a sample")
    return CreateMessageResult(role="assistant", content=text, model="none")


async def call_all(client: Client, calls: dict[str, list[dict[str, Any]]]) -> None:
    """Call every tool there is, as often as there are arguments for it."""
    page = await client.list_tools()
    assert page.next_cursor is None
    assert {tool.name for tool in page.tools} == calls.keys()
    for name, several in calls.items():
        for arguments in several:
            result = await client.call_tool(name, arguments)
            assert not result.is_error, (name, arguments, result.content)
            assert result.content, (name, arguments)


async def survives(
    client: Client,
    running: Mesh,
    tool: str,
    arguments: Any,
    pid: int,
    again: Callable[[], Awaitable[None]],
) -> None:
    """Kill a process: no call after it is lost, of no tool, and the copy comes back."""
    os.kill(pid, signal.SIGKILL)
    for _ in range(30):
        result = await client.call_tool(tool, arguments)
        assert not result.is_error, result.content
    await again()
    await running.until_ready(tool, COPIES)
    await again()


def server_or_skip(name: str) -> str:
    try:
        return npm_server(name)
    except Missing as missing:
        pytest.skip(str(missing))


DATA = "data:text/plain;base64,aGVsbG8="
EVERYTHING: dict[str, list[dict[str, Any]]] = {
    "all_echo": [{"message": "hi"}],
    "all_get-annotated-message": [
        {"messageType": each, "includeImage": True} for each in ("error", "debug")
    ],
    "all_get-env": [{}],
    "all_get-resource-links": [{"count": 4}],
    "all_get-resource-reference": [{"resourceType": "Text", "resourceId": 1}],
    "all_get-roots-list": [{}],
    "all_get-structured-content": [{"location": "Chicago"}],
    "all_get-sum": [{"a": 1, "b": 2}],
    "all_get-tiny-image": [{}],
    "all_gzip-file-as-resource": [{"data": DATA, "outputType": "resource"}],
    "all_simulate-research-query": [{"topic": "tides"}],
    "all_toggle-simulated-logging": [{}],
    "all_toggle-subscriber-updates": [{}],
    "all_trigger-elicitation-request": [{}],
    "all_trigger-sampling-request": [{"prompt": "hi", "maxTokens": 5}],
    "all_trigger-url-elicitation": [
        {"url": "https://example.com/x", "errorPath": each} for each in (False, True)
    ],
    "all_trigger-long-running-operation": [{"duration": 0.2, "steps": 2}],
}


async def test_server_everything_in_three_copies() -> None:
    mark = f"everything-{os.getpid()}"
    table = {
        "command": [server_or_skip("server-everything")],
        "copies": COPIES,
        "namespace": "all",
        "env": {"ADOPT_MARK": mark},
    }
    async with in_mesh(upstreams_of("everything", table, os.environ), [mark]) as (running, client):
        assert len(marked(mark)) >= COPIES

        async def every_tool() -> None:
            await call_all(client, EVERYTHING)

        await every_tool()
        steps: list[float] = []

        async def on_progress(progress: float, *_: Any) -> None:
            steps.append(progress)

        await client.call_tool(
            "all_trigger-long-running-operation",
            {"duration": 0.4, "steps": 4},
            progress_callback=on_progress,
        )
        assert steps
        prompt = await client.get_prompt("all_args-prompt", {"city": "Kiel"})
        assert "Kiel" in str(prompt.messages[0].content)
        links = await client.call_tool("all_get-resource-links", {"count": 2})
        uris = [each.uri for each in links.content if each.type == "resource_link"]
        assert uris
        for uri in uris:
            assert str(uri).startswith("all+demo:")
            assert (await client.read_resource(str(uri))).contents
        async with Client(
            running.url, mode="legacy", elicitation_callback=elicit, sampling_callback=sample
        ) as older:
            await call_all(older, EVERYTHING)
        async with Client(running.url, mode="legacy") as mute:
            # What cannot be asked is told why.
            for arguments in EVERYTHING["all_trigger-url-elicitation"]:
                result = await mute.call_tool("all_trigger-url-elicitation", arguments)
                assert result.is_error
                assert "cannot be asked" in result.content[0].text  # type: ignore[union-attr]
        victim = processes("server-everything")[0]
        await survives(client, running, "all_echo", {"message": "on"}, victim, every_tool)


async def test_server_filesystem_in_three_copies(tmp_path: Path) -> None:
    program = server_or_skip("server-filesystem")
    mark = f"filesystem-{os.getpid()}"
    table = {
        "command": [program, str(tmp_path)],
        "copies": COPIES,
        "namespace": "fs",
        "env": {"ADOPT_MARK": mark},
    }
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    file, other = str(tmp_path / "a.txt"), str(tmp_path / "b.txt")
    calls: dict[str, list[dict[str, Any]]] = {
        "fs_write_file": [{"path": other, "content": "three\n"}],
        "fs_read_file": [{"path": file}, {"path": other}],
        "fs_read_text_file": [{"path": file, "head": 1}],
        "fs_read_media_file": [{"path": str(tmp_path / "dot.png")}],
        "fs_read_multiple_files": [{"paths": [file, other]}],
        "fs_edit_file": [{"path": other, "edits": [{"oldText": "three", "newText": "3"}]}],
        "fs_create_directory": [{"path": str(tmp_path / "folder")}],
        "fs_list_directory": [{"path": str(tmp_path)}],
        "fs_list_directory_with_sizes": [{"path": str(tmp_path)}],
        "fs_directory_tree": [{"path": str(tmp_path)}],
        "fs_move_file": [{"source": other, "destination": str(tmp_path / "c.txt")}],
        "fs_search_files": [{"path": str(tmp_path), "pattern": "*.txt"}],
        "fs_get_file_info": [{"path": file}],
        "fs_list_allowed_directories": [{}],
    }
    async with in_mesh(upstreams_of("files", table, os.environ), [mark]) as (running, client):

        async def every_tool() -> None:
            (tmp_path / "c.txt").unlink(missing_ok=True)
            await call_all(client, calls)

        await every_tool()
        assert (tmp_path / "c.txt").read_text() == "3\n"
        outside = await client.call_tool("fs_read_file", {"path": "/etc/hostname"})
        assert outside.is_error
        victim = processes("server-filesystem")[0]
        await survives(client, running, "fs_read_file", {"path": file}, victim, every_tool)


FAST: dict[str, list[dict[str, Any]]] = {
    "fast_add": [{"a": 1, "b": 2}],
    "fast_whoami": [{}],
    "fast_count": [{"to": 3}],
}


async def test_a_fastmcp_server_over_http_in_three_copies() -> None:
    try:
        python = python_of("fastmcp", install=False)
    except Missing as missing:
        pytest.skip(str(missing))
    ports = free_ports(COPIES)
    servers = [await fast_server(python, port) for port in ports]
    table = {"urls": [f"http://127.0.0.1:{port}/mcp" for port in ports], "namespace": "fast"}
    try:
        async with in_mesh(upstreams_of("fast", table, os.environ)) as (running, client):
            await call_all(client, FAST)
            assert (await client.get_prompt("fast_greet", {"name": "Ann"})).messages
            assert (await client.read_resource("fast+toy://shelf")).contents
            # At once: of calls one by one, a copy that is slow just now gets few.
            seen: set[str] = set()
            async with asyncio.timeout(60):
                while len(seen) < COPIES:
                    several = (client.call_tool("fast_whoami", {}) for _ in range(10))
                    answers = await asyncio.gather(*several)
                    seen |= {each.content[0].text for each in answers}  # type: ignore[union-attr]
            os.kill(servers[0].pid, signal.SIGKILL)
            await servers[0].wait()
            for number in range(30):
                # Not even of a tool that may not be called twice.
                added = await client.call_tool("fast_add", {"a": number, "b": 1})
                assert not added.is_error, added.content
            await call_all(client, FAST)
            servers[0] = await fast_server(python, ports[0])
            await running.until_ready("fast_add", COPIES)
            await call_all(client, FAST)
    finally:
        for server in servers:
            if server.returncode is None:
                server.kill()
            await server.wait()


async def fast_server(python: str, port: int) -> asyncio.subprocess.Process:
    """Start a server, and wait until it listens."""
    command = (python, str(HERE / "fast_server.py"), str(port))
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    await listens(port, server)
    return server


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def processes(word: str) -> list[int]:
    """Return our descendants that run a program of this name, and no guard."""
    found = []
    for pid in sorted(descendants(os.getpid())):
        arguments = command_line(pid)
        if word in arguments and "guard.py" not in arguments:
            found.append(pid)
    return found


def marked(mark: str) -> list[int]:
    """Return the processes that have a mark in their environment."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"ADOPT_MARK={mark}".encode() in environ.read_bytes().split(b"\0"):
                found.append(int(environ.parent.name))
        except OSError:
            continue
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def descendants(root: int) -> set[int]:
    """Return the processes below one."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found: set[int] = set()
    queue = [root]
    while queue:
        below = parents.get(queue.pop(), [])
        found.update(below)
        queue += below
    return found
