import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import grpc
import pytest

from examples import flaky, primes, report, stocks, weather
from examples.clients import mcp_client, python_client, python_stub
from mcpmesh import ToolServer
from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.bridge.server import HttpServer
from tests.eventually import eventually

CLIENTS = Path(mcp_client.__file__).parent


@pytest.fixture
async def target():
    """A server that has all the tools which the clients call."""
    app = ToolServer("all")
    for tool in (
        weather.weather_month,
        stocks.prices,
        stocks.quote,
        stocks.quotes,
        report.temperature_report,
        primes.primes,
        flaky.flaky,
        flaky.book_table,
    ):
        app.add(tool)
    yield (await app.start()).endpoint
    await app.stop(grace=0)


async def test_stub_client_makes_a_call_of_each_shape(target, capsys):
    await python_stub.main(target)
    said = capsys.readouterr().out
    assert 'unary: {"month":"2012-07"' in said
    assert "server streaming: 123 prices, then result" in said
    assert 'both ways: {"symbol":"AAPL"' in said
    assert "both ways: ends with result" in said
    assert "an unknown tool is a status: NOT_FOUND" in said


async def test_python_client_meets_results_streams_questions_and_errors(target, capsys):
    await python_client.main(target)
    await asyncio.to_thread(python_client.without_a_loop, target)
    said = capsys.readouterr().out
    assert "July 2012: 26.3 mm of rain" in said
    assert "123 prices, 15.81 to 43.22 $" in said
    assert "12 of 12: December is done" in said
    assert "A table for 12 is booked." in said
    assert "all lines are busy; try again: True, in 200 ms" in said
    assert "weather_month" in said.splitlines()[-2]
    assert said.endswith("primes below 100: 25\n")


@pytest.fixture
async def url(target):
    """A bridge in front of that server."""
    async with grpc.aio.insecure_channel(target) as channel, RemoteMesh(channel) as mesh:
        await eventually(mesh.ready)
        server = HttpServer(HttpApp(Bridge(mesh)), "127.0.0.1:0", grace=1)
        yield f"http://{await server.start()}/mcp"
        await server.stop()


@pytest.mark.parametrize(("era", "revision"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_official_mcp_client_lists_and_calls_in_both_eras(url, capsys, era, revision):
    await mcp_client.main(url, era)
    said = capsys.readouterr().out
    assert f"{era}: MCP {revision}" in said
    assert "tools: book_table flaky prices primes quote " in said
    assert "'rain_mm': 26.3" in said
    assert "12 of 12: December is done" in said
    assert "is_error: True the warehouse is closed on Sundays" in said


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_calls_tools_in_both_eras(url):
    script = await asyncio.create_subprocess_exec(
        "sh", CLIENTS / "curl.sh", url, stdout=subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(script.communicate(), 20)
    assert script.returncode == 0
    answers = [json.loads(line) for line in said.decode().splitlines() if line.startswith("{")]
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert answers[0]["result"]["structuredContent"]["rain_mm"] == 26.3
    assert answers[0]["result"]["_meta"]["mcpmesh/correlationId"] == "from-curl-1"
    assert answers[1]["result"]["structuredContent"]["symbol"] == "AAPL"
    assert answers[2]["result"]["isError"]


def test_client_config_names_the_bridge_over_http_and_stdio():
    servers = json.loads((CLIENTS / "mcp-client-config.json").read_text())["mcpServers"]
    assert servers["mesh"]["url"] == "http://127.0.0.1:7080/mcp"
    assert servers["mesh-over-stdio"]["args"][:2] == ["bridge", "--stdio"]
