"""What people connect with: the official MCP client in both eras, raw HTTP, grpcurl."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from mcp.client.client import Client

from tests.e2e.commands import ROOT, TOOLS, Command, command, environment
from tests.e2e.test_trace import META, post

ANY = "127.0.0.1:0"
ERAS = pytest.mark.parametrize(
    ("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")]
)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    folder = tmp_path_factory.mktemp("clients")
    targets = (TOOLS, "examples.stocks:app", "examples.report:app")
    options = ("--grpc", ANY, "--http", ANY)
    with command(folder, "up", *targets, *options) as running:
        yield running


@ERAS
async def test_official_client_lists_and_calls(up: Command, mode: str, version: str) -> None:
    async with Client(f"{up.url}/mcp", mode=mode) as client:
        assert client.protocol_version == version
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert {"who", "quote", "temperature_report"} <= set(names)
        result = await client.call_tool("quote", {"symbol": "IBM", "day": "2005-06-15"})
        assert result.structured_content is not None
        assert result.structured_content["symbol"] == "IBM"
        failed = await client.call_tool("quote", {"symbol": "NIX", "day": "2005-06-15"})
        assert failed.is_error


@ERAS
async def test_official_client_sees_progress(up: Command, mode: str, version: str) -> None:
    heard: list[float] = []

    async def hear(progress: float, _total: float | None, _message: str | None) -> None:
        heard.append(progress)

    async with Client(f"{up.url}/mcp", mode=mode) as client:
        result = await client.call_tool(
            "temperature_report", {"pause": 0.01}, progress_callback=hear
        )
    assert not result.is_error
    assert len(heard) > 1
    assert heard == sorted(heard)


@ERAS
async def test_calls_of_many_clients_at_once_do_not_mix(
    up: Command, mode: str, version: str
) -> None:
    async def one(number: int) -> None:
        async with Client(f"{up.url}/mcp", mode=mode) as client:
            for step in range(5):
                text = f"{number}-{step}"
                result = await client.call_tool("echo", {"text": text})
                assert result.content[0].text == text  # type: ignore[union-attr]

    await asyncio.gather(*(one(number) for number in range(8)))


async def test_raw_http_calls_a_tool(up: Command) -> None:
    headers, body = await asyncio.to_thread(post, up.url, "echo", {}, text="hi")
    assert headers["content-type"] == "application/json"
    assert body["id"] == 1
    assert body["result"]["content"] == [{"type": "text", "text": "hi"}]


def answered(url: str, body: bytes, **headers: str) -> tuple[int, Any]:
    given = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    try:
        with urlopen(Request(f"{url}/mcp", body, given), timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(b"{", 400, -32700), (b'{"jsonrpc": "1.0"}', 400, -32600), (b"[]", 400, -32600)],
)
async def test_bad_requests_get_their_codes(
    up: Command, body: bytes, status: int, code: int
) -> None:
    got, answer = await asyncio.to_thread(answered, up.url, body)
    assert (got, answer["error"]["code"]) == (status, code)


async def test_unknown_tool_and_method_are_errors(up: Command) -> None:
    for method, name, code in (("tools/call", "ehco", -32602), ("tools/fly", "", -32601)):
        params = {"_meta": META} | ({"name": name, "arguments": {}} if name else {})
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
        headers |= {"Mcp-Name": name} if name else {}
        _, answer = await asyncio.to_thread(answered, up.url, json.dumps(body).encode(), **headers)
        assert (answer["id"], answer["error"]["code"]) == (7, code)
        assert "echo" in answer["error"]["message"] or not name


@pytest.mark.parametrize("page", ["healthz", "readyz", "metrics"])
async def test_pages_for_operators(up: Command, page: str) -> None:
    def status() -> int:
        with urlopen(f"{up.url}/{page}", timeout=30) as answer:
            return int(answer.status)

    assert await asyncio.to_thread(status) == 200


@pytest.mark.skipif(shutil.which("grpcurl") is None, reason="grpcurl is not installed")
def test_grpcurl_lists_and_calls_by_reflection(up: Command) -> None:
    def grpcurl(*argv: str, given: str = "") -> str:
        command = ["grpcurl", "-plaintext", *(("-d", "@") if given else ()), up.grpc, *argv]
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "mcpmesh.v1.ToolService" in grpcurl("list").split()
    # Bytes are base64 in protobuf's JSON: {"text":"hi"}, {"symbol":"IBM","delay":0}.
    asked = {"tool": "echo", "arguments": "eyJ0ZXh0IjoiaGkifQ=="}
    unary = json.loads(grpcurl("mcpmesh.v1.ToolService/Invoke", given=json.dumps(asked)))
    assert unary["result"]["content"][0]["text"]["text"] == "hi"
    asked = {"tool": "prices", "arguments": "eyJzeW1ib2wiOiJJQk0iLCJkZWxheSI6MH0="}
    streamed = grpcurl("mcpmesh.v1.ToolService/InvokeStream", given=json.dumps(asked))
    assert streamed.count('"content"') > 100
    words = '{"tool":"shout"}{"arguments":"eyJ3b3JkIjoiaGkifQ=="}'
    talked = grpcurl("mcpmesh.v1.ToolService/Converse", given=words)
    assert '"HI"' in talked


def test_command_line_streams_prices(up: Command, tmp_path: Path) -> None:
    argv = ("call", "prices", "symbol=IBM", "delay=0", "--stream", "--router", up.grpc)
    done = subprocess.run(
        [sys.executable, "-m", "mcpmesh", *argv], cwd=tmp_path, env=environment({}),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 100
