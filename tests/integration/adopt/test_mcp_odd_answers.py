"""An MCP server whose messages were changed at random: a clear error, no traceback, no hang."""

import asyncio
import json
import logging
from random import Random
from typing import Any

import pytest

from mcpmesh import Client, ToolError
from mcpmesh.adopt.copy import State
from mcpmesh.config import UpstreamSettings
from mcpmesh.errors import MeshError
from tests.integration.adopt.one_copy import Adopted, adopted, odd, text_of
from tests.unit.adopt.mutation import CONTENT, mutated

ANSWERS, OFFERS = 120, 12
RESULT: Any = {
    "content": CONTENT,
    "structuredContent": {"a": 1},
    "isError": False,
    "_meta": {"a": 1},
    "resultType": "complete",
}
ASKS: Any = {
    "resultType": "input_required",
    "requestState": "s",
    "inputRequests": {"a": {"method": "elicitation/create", "params": {"message": "?"}}},
}
LINES: list[Any] = [
    {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}},
    {
        "jsonrpc": "2.0",
        "method": "notifications/message",
        "params": {"level": "info", "data": {"n": 1}, "logger": "l"},
    },
    {
        "jsonrpc": "2.0",
        "method": "notifications/elicitation/complete",
        "params": {"elicitationId": "e"},
    },
    {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "sampling/createMessage",
        "params": {"messages": [], "maxTokens": 3},
    },
    {"jsonrpc": "2.0", "id": 8, "method": "roots/list"},
    {"jsonrpc": "2.0", "id": 9, "result": {}},
]
ERRORS: list[Any] = [
    {"code": -32603, "message": "m", "data": {"a": 1}},
    {
        "code": -32042,
        "message": "m",
        "data": {
            "elicitations": [
                {"mode": "url", "url": "https://a.example", "message": "m", "elicitationId": "e"}
            ]
        },
    },
]
LISTS: Any = {
    "tools/list": {
        "tools": [
            {"name": "echo", "inputSchema": {"type": "object"}},
            {"name": "say", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "no"}},
            {
                "name": "third",
                "inputSchema": {"type": "object"},
                "outputSchema": {"type": "object"},
                "annotations": {"readOnlyHint": True},
            },
        ]
    },
    "prompts/list": {
        "prompts": [{"name": "p", "arguments": [{"name": "a", "required": True}]}],
        "nextCursor": None,
    },
    "resources/list": {
        "resources": [
            {"uri": "a://b", "name": "b", "size": 3, "annotations": {"audience": ["user"]}}
        ]
    },
    "resources/templates/list": {"resourceTemplates": [{"uriTemplate": "a://{b}", "name": "c"}]},
}


def no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    # What the official client logs is silenced by the command.
    ours = [each for each in caplog.records if each.name.startswith("mcpmesh")]
    assert not [each for each in ours if each.exc_info or "Traceback" in each.message]


async def outcome(client: Client, arguments: Any) -> str:
    """Call, and return how it ended: by a result, or an error of the mesh."""
    try:
        async with asyncio.timeout(30):
            (await client.call("say", arguments, on_input=nobody)).raise_for_error()
    except (MeshError, ToolError, LookupError) as error:
        return type(error).__name__
    return "result"


async def nobody(_question: Any) -> Any:
    raise LookupError("nobody answers")


async def test_answers_of_all_shapes_are_results_or_errors_that_say_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rng = Random(20260728)
    settings = UpstreamSettings(command=odd("puppet"), era="legacy", call_timeout=20.0)
    ended: set[str] = set()
    async with adopted(settings) as toys:
        await toys.until(State.SERVING)
        async with Client(toys.endpoint) as client:
            for number in range(ANSWERS):
                said: dict[str, Any] = {"result": mutated(rng.choice((RESULT, ASKS)), rng)}
                if number % 3 == 0:
                    said["lines"] = [json.dumps(mutated(rng.choice(LINES), rng))]
                if number % 5 == 0:
                    del said["result"]
                    error = json.dumps(mutated(rng.choice(ERRORS), rng))
                    line = f'{{"jsonrpc": "2.0", "id": $ID, "error": {error}}}'
                    # What is no message is passed over; then comes one that is.
                    good = '{"jsonrpc": "2.0", "id": $ID, "result": {"content": []}}'
                    said["lines"] = [line, good]
                ended.add(await outcome(client, said))
            with pytest.raises(ToolError, match="answer is no JSON-RPC"):
                # At once, and not when its time is over.
                await text_of(client, "say", {"result": "no object"})
            assert await text_of(client, "echo", {"a": 1}) == '{"a": 1}'
        assert toys.copy.state is State.SERVING
    assert {"result", "ToolError"} <= ended
    no_traceback(caplog)


async def test_lists_of_all_shapes_leave_out_what_is_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    rng = Random(20260728)
    settings = UpstreamSettings(command=odd("puppet"), era="legacy")
    async with adopted(settings) as toys:
        await toys.until(State.SERVING)
        for _ in range(OFFERS):
            await offered(toys, mutated(LISTS, rng))
        await offered(toys, {})
        await toys.until(State.SERVING, names={"echo", "say", "offer"})
    no_traceback(caplog)


async def offered(toys: Adopted, lists: Any) -> None:
    """Have the server offer something, and wait until it was looked at."""
    await toys.until(State.SERVING, names={"offer"})
    toys.changed.clear()
    async with Client(toys.endpoint) as client:
        try:
            await client.call("offer", {key: each for key, each in lists.items() if each})
        except MeshError:
            pass
    async with asyncio.timeout(30):
        await toys.changed.wait()
