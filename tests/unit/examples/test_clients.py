import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from examples import flaky, primes, report, stocks, weather
from examples.clients import mcp_client, python_client, python_stub
from mcpmesh import ToolServer

CLIENTS = Path(mcp_client.__file__).parent


@pytest.fixture
async def target():
    """A server that has all the tools which the clients call."""
    app = ToolServer("all")
    for tool in (
        weather.weather_month,
        stocks.prices,
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


def test_shell_client_is_a_shell_script_and_the_config_json():
    subprocess.run(["sh", "-n", CLIENTS / "curl.sh"], check=True)
    servers = json.loads((CLIENTS / "mcp-client-config.json").read_text())["mcpServers"]
    assert servers["mesh"]["url"] == "http://127.0.0.1:7080/mcp"
