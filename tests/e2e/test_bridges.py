"""Several bridge processes before one router: one is killed, the others go on with its sessions."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.commands import Command, command

ANY = "127.0.0.1:0"
ENV = {"MCPMESH_SESSION_KEY": "a key that these bridges share"}
BOTH = {"accept": "application/json, text/event-stream"}
CAN = {"elicitation": {}}


@contextmanager
def bridges(folder: Path, *options: str) -> Iterator[tuple[Command, Command]]:
    """Run a router with some options, the fixture's tools and two bridges."""
    with ExitStack() as stack:

        def run(*argv: str) -> Command:
            return stack.enter_context(command(folder, *argv, env=ENV))

        router = run("router", "--grpc", ANY, *options)
        at = ("--router", router.grpc)
        run("serve", "tests.conformance_mcp.fixtures:app", *at)
        yield run("bridge", "--http", ANY, *at), run("bridge", "--http", ANY, *at)


def posted(http: httpx2.Client, headers: dict[str, str], **message: Any) -> httpx2.Response:
    return http.post("/mcp", json={"jsonrpc": "2.0", **message}, headers={**BOTH, **headers})


def begun(http: httpx2.Client) -> dict[str, str]:
    params = {"protocolVersion": "2025-11-25", "capabilities": CAN, "clientInfo": {}}
    answer = posted(http, {}, id=0, method="initialize", params=params)
    headers = {"mcp-session-id": answer.headers["mcp-session-id"]}
    posted(http, headers, method="notifications/initialized")
    return headers


class Stream:
    """The events of an answer with their ids."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.last = ""
        self._lines = answer.iter_lines()

    def next(self) -> Any:
        """Return the next message; None for an event without one."""
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "id":
                self.last = value
            elif name == "data":
                return json.loads(value) if value else None
        raise AssertionError("the stream ended")


def call(name: str, **meta: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": {}, "_meta": meta}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["router", "workers"])
def test_another_bridge_goes_on_with_the_sessions_of_one_that_was_killed(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with (
        bridges(tmp_path, *options) as (first, second),
        httpx2.Client(base_url=first.url, timeout=30) as one,
        httpx2.Client(base_url=second.url, timeout=30) as other,
    ):
        headers = begun(one)
        gone = begun(one)
        assert one.delete("/mcp", headers=gone).status_code == 200
        level = {"level": "debug"}
        assert posted(one, headers, id=1, method="logging/setLevel", params=level).json()["id"] == 1
        listed = posted(one, headers, id=2, method="tools/list").json()
        asks = call("test_streaming_elicitation", progressToken=1)
        with one.stream("POST", "/mcp", json=asks, headers={**BOTH, **headers}) as answer:
            stream = Stream(answer)
            assert stream.next() is None
            assert stream.next()["method"] == "notifications/progress"
            seen = stream.last
            question = stream.next()
            # The answer to a question goes to the other bridge, and from there to this one.
            said = {"action": "accept", "content": {"ok": True}}
            assert posted(other, headers, id=question["id"], result=said).status_code == 202
            while "result" not in (told := stream.next()):
                pass
            assert '"ok": true' in told["result"]["content"][0]["text"]

        # So does the way back to a stream.
        get = {**headers, "accept": "text/event-stream", "last-event-id": seen}
        with other.stream("GET", "/mcp", headers=get) as answer:
            assert Stream(answer).next() == question

        first.kill()
        assert posted(other, headers, id=2, method="tools/list").json() == listed
        assert posted(other, gone, id=2, method="ping").status_code == 404
        logs = call("test_tool_with_logging")
        with other.stream("POST", "/mcp", json=logs, headers={**BOTH, **headers}) as answer:
            stream = Stream(answer)
            assert stream.next() is None
            assert stream.next()["method"] == "notifications/message"
        with other.stream("GET", "/mcp", headers=get) as answer:
            told = Stream(answer).next()
            assert (told["id"], told["result"]["isError"]) == (1, True)
