"""One MCP tools/call as the HTTP request that a load generator repeats, in either era."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.harness.process import Failed

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
_ARGUMENTS = {"text": "hello world, this is a tool call", "n": 42}
_ANSWER = "hello world, this is a tool call 42"
_BOTH = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
_CLIENT = {"name": "benchmark", "version": "1"}
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": _CLIENT,
}
_ANSWERS_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Post:
    """A request to http://127.0.0.1:PORT/mcp."""

    port: int
    message: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it goes."""
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def body(self) -> bytes:
        """What it carries, with @ID@ where each request has a number of its own."""
        return json.dumps(self.message).replace('"@ID@"', "@ID@").encode()

    @property
    def fields(self) -> dict[str, str]:
        """Its header fields."""
        return {**_BOTH, **self.headers}

    def send(self) -> tuple[Any, Mapping[str, str]]:
        """Send it; the answer's message, None without one, and the header fields in lower case.

        Raises: Failed.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/mcp", self.body.replace(b"@ID@", b"0"), self.fields)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise Failed(f"{self.url}: {answer.status} {text[:500]}")
        return _message(text), {name.lower(): value for name, value in answer.getheaders()}

    def check(self) -> None:
        """Send it, and look at what the tool said.

        Raises: Failed.
        """
        answer, _ = self.send()
        try:
            said = answer["result"]["content"][0]["text"]
        except (KeyError, TypeError, IndexError) as error:
            raise Failed(f"{self.url}: {answer}") from error
        if said != _ANSWER:
            raise Failed(f"{self.url}: {said!r}, not {_ANSWER!r}")


def modern_call(
    port: int,
    tool: str = "echo",
    arguments: Mapping[str, Any] = _ARGUMENTS,
    *,
    progress: str = "",
) -> Post:
    """Return a call that stands alone; with `progress`, one that is told how far it is."""
    meta: dict[str, Any] = dict(_META)
    if progress:
        meta["progressToken"] = progress
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool}
    return Post(port, _call(tool, {"_meta": meta}, arguments), headers)


def modern_list(port: int) -> Post:
    """Return a list of tools that stands alone."""
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}
    return Post(port, _list({"_meta": _META}), headers)


def legacy_list(port: int) -> Post:
    """Begin a session, and return a list of tools in it.

    Raises: Failed.
    """
    return Post(port, _list({}), legacy_call(port).headers)


def wait_for(make: Callable[[], Post], check: Callable[[Post], object]) -> Post:
    """Make a request until it is answered as it should be: tools come after their bridge.

    Raises: Failed.
    """
    end = time.monotonic() + _ANSWERS_WITHIN
    while True:
        try:
            post = make()
            check(post)
            return post
        except (Failed, KeyError, TypeError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def legacy_call(port: int, tool: str = "echo") -> Post:
    """Begin a session, and return a call in it.

    Raises: Failed.
    """
    params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": _CLIENT}
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    answer, given = Post(port, hello).send()
    version = answer["result"]["protocolVersion"]
    if version != LEGACY:
        raise Failed(f"port {port} speaks {version}, not {LEGACY}")
    headers = {"MCP-Protocol-Version": version}
    if "mcp-session-id" in given:
        headers["Mcp-Session-Id"] = given["mcp-session-id"]
    Post(port, {"jsonrpc": "2.0", "method": "notifications/initialized"}, headers).send()
    return Post(port, _call(tool, {}), headers)


def _list(params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": "@ID@", "method": "tools/list", "params": params}


def _call(
    tool: str, more: Mapping[str, Any], arguments: Mapping[str, Any] = _ARGUMENTS
) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments, **more}
    return {"jsonrpc": "2.0", "id": "@ID@", "method": "tools/call", "params": params}


def _message(text: str) -> Any:
    """Read an answer, JSON or one event."""
    if text.startswith("{"):
        return json.loads(text)
    for line in text.splitlines():
        if line.startswith("data:") and line[5:].strip():
            return json.loads(line[5:])
    return None
