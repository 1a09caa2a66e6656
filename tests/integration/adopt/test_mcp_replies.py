"""An MCP server over HTTP whose JSON answers answer something else: the call fails at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from mcpmesh import Client, ToolError
from mcpmesh.adopt.copy import State
from mcpmesh.config import UpstreamSettings
from tests.integration.adopt.one_copy import adopted, text_of

RESULT = {"content": [{"type": "text", "text": "done"}]}
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "odd", "version": "1"},
}
TOOLS = {"tools": [{"name": "say", "inputSchema": {"type": "object"}}]}


def reply_to(asked: dict[str, Any]) -> Any:
    """Answer as a server does; calls as their arguments say, with `id` in place of "$ID"."""
    if asked["method"] == "tools/call":
        said: dict[str, Any] = asked["params"]["arguments"]
        if said.get("id") == "$ID":
            said["id"] = str(asked["id"]) if said.pop("text", False) else asked["id"]
        return said
    known = {"initialize": HELLO, "tools/list": TOOLS, "ping": {}}
    return {"jsonrpc": "2.0", "id": asked["id"], "result": known[asked["method"]]}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
            asked = orjson.loads(await reader.readexactly(length) or b"{}")
            if not head.startswith(b"post"):
                writer.write(b"HTTP/1.1 405 Not Here\r\nContent-Length: 0\r\n\r\n")
            elif "id" not in asked:
                writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            else:
                body = orjson.dumps(reply_to(asked))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


@asynccontextmanager
async def odd_upstream() -> AsyncIterator[tuple[Client, str]]:
    """Adopt the server; yield a client of its tool, and the server's URL."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    settings = UpstreamSettings(url=url, era="legacy", call_timeout=600.0)
    async with server, adopted(settings, url=url) as toys:
        await toys.until(State.SERVING)
        async with Client(toys.endpoint) as client:
            yield client, url


WRONG: dict[str, tuple[Any, str]] = {
    "another id": ({"id": 999, "result": RESULT}, "{url} answered with the id 999, and was asked"),
    "an id of text": ({"id": "no", "result": RESULT}, '{url} answered with the id "no", and was'),
    "an id that is none": ({"id": [1], "result": RESULT}, "{url} answered with the id [1], and"),
    "no id": ({"result": RESULT}, "{url} answered without id, and was asked with"),
    "another's error": ({"id": 999, "error": {"code": 1, "message": "m"}}, "{url} answered with"),
    "a question": (
        {"id": 1, "method": "roots/list"},
        '{url} answered with a message of its own, "',
    ),
    "word of a change": (
        {"method": "notifications/tools/list_changed"},
        "{url} answered with a me",
    ),
    "an error without id": ({"id": None, "error": {"code": 7, "message": "no JSON"}}, "no JSON"),
}


async def test_an_answer_to_something_else_fails_the_call_at_once_and_says_so() -> None:
    async with odd_upstream() as (client, url):
        for case, (said, told) in WRONG.items():
            async with asyncio.timeout(30):  # of the 600 s that the call has
                with pytest.raises(ToolError) as failed:
                    await text_of(client, "say", {"jsonrpc": "2.0", **said})
            assert told.format(url=url) in str(failed.value), case


async def test_the_answer_to_the_call_is_taken_also_with_its_id_as_text() -> None:
    async with odd_upstream() as (client, _):
        right = {"jsonrpc": "2.0", "id": "$ID", "result": RESULT}
        assert await text_of(client, "say", right) == "done"
        assert await text_of(client, "say", {**right, "text": True}) == "done"
