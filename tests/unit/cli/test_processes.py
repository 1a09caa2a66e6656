"""`serve`, `bridge` and the callers' commands as processes that talk to each other."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from processes import TIMEOUT, command, environment, ran, ran_json, started

from tests.eventually import eventually
from tests.processes import alive, children_of


@pytest.fixture(scope="module")
def replica(folder: Path) -> Iterator[str]:
    """The endpoint of a tool server that stands alone: it answers as a router would."""
    with started(folder, "serve", "little", "--router", "") as (_, ready):
        assert ready["tools"] == "add,who,fail,count,wait,sure"
        yield ready["listen"]


def test_tools_are_listed(replica: str) -> None:
    listed = ran_json("tools", "--router", replica)
    assert [tool["name"] for tool in listed] == ["add", "count", "fail", "sure", "wait", "who"]
    code, output, _ = ran("tools", "--router", replica)
    assert code == 0
    assert "Adds two numbers." in output


def test_tool_is_shown_with_its_schema(replica: str) -> None:
    assert ran_json("tools", "add", "--router", replica)["inputSchema"]["required"] == ["a"]


def test_call_reads_pairs_json_and_stdin(replica: str) -> None:
    assert ran("call", "add", "a=2", "b=-5", "--router", replica)[:2] == (0, "-3\n")
    assert ran("call", "add", "--json", '{"a": 2}', "--router", replica)[:2] == (0, "3\n")
    assert ran("call", "add", "-", "--router", replica, stdin='{"a": 4}')[:2] == (0, "5\n")


def test_call_streams(replica: str) -> None:
    assert ran("call", "count", "to=3", "--stream", "--router", replica)[:2] == (0, "0\n1\n2\n")
    _, output, _ = ran("call", "count", "to=2", "--stream", "--json-output", "--router", replica)
    *events, result = (json.loads(line) for line in output.splitlines())
    assert [event["content"]["text"] for event in events] == ["0", "1"]
    assert result["isError"] is False


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("fail", "why=because"), 1, "because"),
        (("add", "a=x"), 2, "a: 'x' is not an integer"),
        (("add",), 1, "a"),
        (("ad",), 4, "add"),
        (("wait", "seconds=30", "--timeout", "0.3"), 5, "--timeout"),
        (("add", "a=1", "--version", "none"), 4, "none"),
        (("sure",), 1, "sure asks back: 'Are you sure?'. This command cannot answer"),
        (("sure", "--stream"), 1, "This command cannot answer"),
    ],
)
def test_call_that_fails_says_how_in_its_exit_code(
    replica: str, argv: tuple[str, ...], code: int, words: str
) -> None:
    exit_code, output, notes = ran("call", *argv, "--router", replica)
    assert (exit_code, output) == (code, "")
    assert words in notes
    assert "Traceback" not in notes


def test_interrupted_call_ends_with_130(replica: str, folder: Path) -> None:
    with subprocess.Popen(
        command("call", "count", "to=1000000000", "--stream", "--router", replica),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, notes = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, notes) == (130, "")


def test_bench_counts_calls(replica: str) -> None:
    figures = ran_json("bench", "add", "a=1", "--count", "50", "--router", replica)
    assert (figures["calls"], figures["failures"]) == (50, {})
    assert figures["latencyMs"]["p50"] <= figures["latencyMs"]["p99"]


def test_bench_says_what_the_first_failure_said(replica: str) -> None:
    bench = ("bench", "fail", "why=no reason", "--count", "3", "--router", replica)
    code, output, _ = ran(*bench)
    assert (code, output.splitlines()[-1]) == (1, "  3 failed: is_error: ValueError: no reason")


def test_output_that_nobody_reads_is_no_error(replica: str) -> None:
    argv = command("call", "count", "to=100000", "--stream", "--router", replica)
    with subprocess.Popen(
        argv, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        notes = process.stderr.read()
        assert process.wait(TIMEOUT) == 0
    assert notes == ""


def test_taken_port_is_told(replica: str, folder: Path) -> None:
    done = subprocess.run(
        command("serve", "little", "--router", "", "--listen", replica),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 3
    assert f"cannot listen on {replica}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_run_without_the_standard_streams(replica: str) -> None:
    asked = command("call", "add", "a=1", "--router", replica)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        shell = ("sh", "-c", f'exec "$@" {closed}', "sh")
        done = subprocess.run(
            (*shell, *asked), env=environment(), capture_output=True, timeout=TIMEOUT, check=False
        )
        assert (done.returncode, done.stderr) == (0, b""), closed
        assert done.stdout == (b"" if ">&-" in closed.split() else b"2\n"), closed


def test_server_told_to_stop_finishes_its_calls(folder: Path) -> None:
    with started(folder, "serve", "little", "--router", "") as (server, ready):
        with subprocess.Popen(
            command("call", "count", "to=20000", "--stream", "--router", ready["listen"]),
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        ) as call:
            assert call.stdout is not None
            call.stdout.readline()
            server.send_signal(signal.SIGTERM)
            rest, _ = call.communicate(timeout=TIMEOUT)
        assert server.wait(TIMEOUT) == 0
    assert (call.returncode, rest.splitlines()[-1]) == (0, "19999")


def test_advertised_port_zero_is_the_one_listened_on(folder: Path) -> None:
    options = ("--router", "", "--advertise", "localhost:0")
    with started(folder, "serve", "little", *options) as (_, ready):
        assert ready["listen"].startswith("localhost:")
        assert ran("call", "add", "a=1", "--router", ready["listen"])[0] == 0


async def test_replicas_are_processes_that_go_with_their_parent(folder: Path) -> None:
    many = ("serve", "little", "--router", "", "--replicas", "2", "--drain-grace", "0")
    with started(folder, *many) as (parent, _):
        pids = children_of(parent.pid)
        assert len(pids) == 2
        parent.kill()
        parent.wait(TIMEOUT)
        await eventually(lambda: not any(alive(pid) for pid in pids))


def test_bridge_serves_mcp_for_a_server_elsewhere(replica: str, folder: Path) -> None:
    options = ("--http", "127.0.0.1:0", "--router", replica)
    with started(folder, "bridge", *options) as (bridge, ready):
        with urlopen(f"http://{ready['http']}/healthz") as answer:
            assert answer.status == 200
        bridge.send_signal(signal.SIGTERM)
        assert bridge.wait(TIMEOUT) == 0


def test_bridge_on_stdio_answers_and_ends_with_its_input(replica: str) -> None:
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    code, output, _ = ran(
        "bridge", "--stdio", "--router", replica, stdin=json.dumps(request) + "\n"
    )
    assert code == 0
    assert json.loads(output)["result"]["protocolVersion"] == "2025-11-25"


def test_bridge_on_stdio_without_an_input_ends(replica: str) -> None:
    done = subprocess.run(
        command("bridge", "--stdio", "--router", replica),
        stdin=subprocess.DEVNULL,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_call_says_which_tool_answered_for_another(folder: Path, replica: str) -> None:
    told = ("--static", f"{replica}=add", "--tool", 'gone={"fallback": "add"}')
    with started(folder, "router", "--grpc", "127.0.0.1:0", *told) as (_, ready):
        router = ("--router", ready["grpc"])
        # Whether values are numbers is not known of a tool that is not there, but may be guessed.
        code, output, notes = ran("call", "gone", "a=2", *router)
        assert (code, output, notes) == (0, "3\n", "note: add answered for gone\n")
        assert ran("call", "add", "a=2", *router) == (0, "3\n", "")
        code, output, notes = ran("call", "gone", "a=x", *router)
        assert (code, output) == (1, "")
        assert notes.startswith("add, called for gone, failed: a")
        code, _, notes = ran("call", "nowhere", "a=2", *router)
        assert (code, notes.startswith("mcpmesh: no tool 'nowhere'")) == (4, True)
