import asyncio

import orjson
import pytest

from mcpmesh.bridge.lines import Lines
from mcpmesh.bridge.stdio import StdioConnection
from mcpmesh.bridge.tuning import Tuning
from tests.unit.bridge.fixture_mesh import running_bridge

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Pipe:
    """A client's two ends."""

    def __init__(self, limit=64 * 1024):
        self.reader = asyncio.StreamReader(limit=limit)
        self.lines = Lines(self.reader, limit)
        self.said = asyncio.Queue()

    async def write(self, line):
        assert line.endswith(b"\n")
        assert b"\n" not in line[:-1]
        self.said.put_nowait(orjson.loads(line))

    def send(self, **message):
        self.reader.feed_data(orjson.dumps({"jsonrpc": "2.0", **message}) + b"\n")

    async def hear(self):
        return await asyncio.wait_for(self.said.get(), 5)


async def test_slow_requests_do_not_hold_up_others_and_can_be_cancelled():
    async with running_bridge() as mesh:
        pipe = Pipe()
        serving = asyncio.create_task(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines))
        for request_id, meta in ((1, {}), ("one", META)):
            params = {"name": "slow", "_meta": meta}
            pipe.send(id=request_id, method="tools/call", params=params)
            await asyncio.wait_for(mesh.tools.started.wait(), 5)
            pipe.send(id=2, method="tools/call", params={"name": "echo"})
            assert (await pipe.hear())["id"] == 2
            pipe.send(method="notifications/cancelled", params={"requestId": request_id})
            await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
            mesh.tools.started.clear()
            mesh.tools.cancelled.clear()
        pipe.reader.feed_eof()
        await asyncio.wait_for(serving, 5)
        assert pipe.said.empty()


async def test_bad_lines_are_refused_and_the_next_ones_served():
    async with running_bridge() as mesh:
        pipe = Pipe(limit=4096)
        serving = asyncio.create_task(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines))
        pipe.reader.feed_data(b"{\n\n[]\n" + b"x" * 10_000 + b"\n")
        assert (await pipe.hear())["error"]["code"] == -32700
        assert (await pipe.hear())["error"]["code"] == -32600
        assert "longer than 4096" in (await pipe.hear())["error"]["message"]
        pipe.send(id=1, method="nope")
        assert (await pipe.hear())["error"]["code"] == -32601
        pipe.send(id=2, method="tools/list", params={"_meta": {**META, **_version("2099-01-01")}})
        refusal = await pipe.hear()
        assert (refusal["id"], refusal["error"]["code"]) == (2, -32022)
        pipe.send(id=3, method="ping")
        assert await pipe.hear() == {"jsonrpc": "2.0", "id": 3, "result": {}}
        pipe.reader.feed_eof()
        await asyncio.wait_for(serving, 5)


def _version(version):
    return {"io.modelcontextprotocol/protocolVersion": version}


async def test_the_end_of_input_lets_answers_out_and_then_cancels():
    async with running_bridge(tuning=Tuning(stdio_grace=0.2)) as mesh:
        pipe = Pipe()
        pipe.send(id=1, method="tools/call", params={"name": "slow"})
        pipe.send(id=2, method="tools/call", params={"name": "echo"})
        pipe.reader.feed_eof()
        await asyncio.wait_for(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines), 5)
        assert (await pipe.hear())["id"] == 2
        await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
        assert pipe.said.empty()


async def test_one_request_too_many_is_refused_at_once():
    async with running_bridge(tuning=Tuning(stdio_grace=0.1, max_stdio_requests=1)) as mesh:
        pipe = Pipe()
        pipe.send(id=1, method="tools/call", params={"name": "slow"})
        pipe.send(id=2, method="ping")
        pipe.reader.feed_eof()
        await asyncio.wait_for(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines), 5)
        assert (await pipe.hear())["error"]["code"] == -32603


async def test_batches_are_for_the_revision_that_has_them():
    async with running_bridge() as mesh:
        pipe = Pipe()
        serving = asyncio.create_task(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines))
        ping = {"jsonrpc": "2.0", "method": "ping"}
        batch = [{**ping, "id": 1}, {"jsonrpc": "2.0", "method": "x"}, {**ping, "id": "two"}, 3]
        pipe.reader.feed_data(orjson.dumps(batch) + b"\n")
        assert (await pipe.hear())["error"]["code"] == -32600
        params = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {}}
        pipe.send(id=0, method="initialize", params=params)
        assert (await pipe.hear())["result"]["protocolVersion"] == "2025-03-26"
        pipe.reader.feed_data(orjson.dumps(batch) + b"\n")
        told = await pipe.hear()
        assert [each["id"] for each in told] == [1, "two", None]
        pipe.reader.feed_data(orjson.dumps([{"jsonrpc": "2.0", "method": "x"}]) + b"\n")
        pipe.reader.feed_eof()
        await asyncio.wait_for(serving, 5)
        assert pipe.said.empty()


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_every_old_revision_is_spoken_and_gets_what_it_knows(version):
    async with running_bridge() as mesh:
        pipe = Pipe()
        serving = asyncio.create_task(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines))
        params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {}}
        pipe.send(id=0, method="initialize", params=params)
        assert (await pipe.hear())["result"]["protocolVersion"] == version
        pipe.send(method="notifications/initialized")
        pipe.send(id=1, method="tools/call", params={"name": "add", "arguments": {"a": 1, "b": 2}})
        result = (await pipe.hear())["result"]
        assert ("structuredContent" in result) is (version >= "2025-06-18")
        assert "resultType" not in result
        count = {"name": "count", "_meta": {"progressToken": "t"}}
        pipe.send(id=2, method="tools/call", params=count)
        told = [await pipe.hear()]
        while "id" not in told[-1]:
            told.append(await pipe.hear())
        steps = [each for each in told if each.get("method") == "notifications/progress"]
        assert [each["params"]["progress"] for each in steps] == [1, 2, 3]
        assert all(each["params"]["progressToken"] == "t" for each in steps)
        pipe.reader.feed_eof()
        await asyncio.wait_for(serving, 5)
