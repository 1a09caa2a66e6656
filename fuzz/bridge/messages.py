"""A valid message for every method of both eras, and the HTTP requests that carry them."""

from collections.abc import Iterable
from random import Random
from typing import Any

from mcpmesh.codec import mcp

_ELICITS = {"elicitation": {}, "sampling": {}, "roots": {}}
META = {
    mcp.PROTOCOL_VERSION: "2026-07-28",
    mcp.CLIENT_CAPABILITIES: _ELICITS,
    mcp.CLIENT_INFO: {"name": "fuzz", "version": "1"},
}
_PROGRESS = {"progressToken": "p"}
_CALLS: tuple[dict[str, Any], ...] = (
    {"name": "echo", "arguments": {"text": "a", "number": 1}},
    {"name": "any_object", "arguments": {"x": "y"}},
    {"name": "count", "arguments": {"steps": 2}, "_meta": _PROGRESS},
    {"name": "ask", "arguments": {}},
    {"name": "ask", "inputResponses": {"name": {"action": "accept"}}, "requestState": "AAAA"},
    {"name": "fails"},
    {"name": "slow", "_meta": {mcp.LOG_LEVEL: "debug", mcp.OUR_TOOL_VERSION: "1"}},
    {"name": "search_tools", "arguments": {"query": "repeat text", "limit": 3}},
    {"name": "describe_tool", "arguments": {"name": "echo"}},
    {"name": "call_tool", "arguments": {"name": "echo", "arguments": {"text": "a"}}},
)
_BOTH: dict[str, tuple[dict[str, Any], ...]] = {
    "tools/call": _CALLS,
    "tools/list": ({}, {"cursor": "YWZ0ZXI6ZWNobw=="}),
    "prompts/list": ({},),
    "prompts/get": ({"name": "review", "arguments": {"title": "a"}},),
    "resources/list": ({},),
    "resources/templates/list": ({},),
    "resources/read": ({"uri": "a://b"}, {"uri": "a://c/d"}),
    "completion/complete": (
        {
            "ref": {"type": "ref/prompt", "name": "review"},
            "argument": {"name": "title", "value": "a"},
            "context": {"arguments": {"tone": "b"}},
        },
        {
            "ref": {"type": "ref/resource", "uri": "a://c/{x}"},
            "argument": {"name": "x", "value": ""},
        },
    ),
}
MODERN: dict[str, tuple[dict[str, Any], ...]] = {
    **_BOTH,
    "server/discover": ({},),
    "subscriptions/listen": (
        {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["a://b"]}},
    ),
}
LEGACY: dict[str, tuple[dict[str, Any], ...]] = {
    **_BOTH,
    "initialize": (
        {
            "protocolVersion": "2025-11-25",
            "capabilities": _ELICITS,
            "clientInfo": {"name": "fuzz", "version": "1"},
        },
    ),
    "ping": ({},),
    "logging/setLevel": ({"level": "debug"},),
    "resources/subscribe": ({"uri": "a://b"},),
    "resources/unsubscribe": ({"uri": "a://b"},),
}
_NOTIFICATIONS: tuple[dict[str, Any], ...] = (
    {"method": "notifications/initialized"},
    {"method": "notifications/cancelled", "params": {"requestId": 1, "reason": "no"}},
    {"method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}},
    {"id": "ask-1", "result": {"action": "accept", "content": {"name": "x"}}},
    {"id": "ask-1", "error": {"code": -1, "message": "no"}},
)


def message(rng: Random, *, modern: bool) -> dict[str, Any]:
    """Draw a valid message."""
    if rng.random() < 0.1:
        return {"jsonrpc": "2.0", **rng.choice(_NOTIFICATIONS)}
    methods = MODERN if modern else LEGACY
    method = rng.choice((*methods, "tools/call", "tools/call"))
    params = dict(rng.choice(methods[method]))
    if modern:
        params["_meta"] = {**META, **params.get("_meta", {})}
    request_id: int | str = rng.choice((rng.randrange(100), f"r{rng.randrange(100)}"))
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def headers_of(sent: dict[str, Any], *, modern: bool, session: str) -> dict[str, str]:
    """Return the headers that a message wants."""
    fields = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    if not modern:
        if session and sent.get("method") != "initialize":
            fields["mcp-session-id"] = session
        return fields
    method, params = sent.get("method", ""), sent.get("params", {})
    fields |= {"mcp-protocol-version": "2026-07-28", "mcp-method": method}
    named = params.get("name", params.get("uri"))
    if isinstance(named, str):
        fields["mcp-name"] = named
    return fields


_STRANGE_VALUES = (
    "", "*/*", "text/event-stream", "application/json", "text/plain; q=0", "a\u00e9", "a" * 500,
    "0", "-1",
    "2024-11-05", "2025-03-26", "2025-06-18", "2099-01-01", "null", "http://evil",
    "http://localhost",
    "=?base64?ZWNobw==?=", "00-00000000000000000000000000000000-0000000000000000-01", "1-2-3",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "gzip",
    "chunked", "identity",
)  # fmt: skip
_FIELDS = (
    "content-type", "accept", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name",
    "mcp-param-x", "origin", "host", "traceparent", "tracestate", "baggage", "x-correlation-id",
    "last-event-id", "content-encoding", "idempotency-key", "if-none-match", "mcpmesh-tool-version",
    "grpc-timeout", "authorization", "expect", "connection", "x-request-timeout",
)  # fmt: skip
TARGETS = (
    "/mcp", "/mcp", "/mcp", "/mcp", "/mcp?compact&pin=call_tool", "/mcp?label=team=a",
    "/mcp?compact=x",
    "/manifest", "/manifest?label=team", "/openai/tools?style=responses", "/openapi.json",
    "/mcp/tool/echo/manifest", "/mcp/tool/echo/invoke", "/mcp/tool/count/invoke",
    "/mcp/tool/ask/invoke", "/mcp/tool/nix/invoke?version=9", "/mcp/tool/%ff%00/invoke",
    "/sse", "/messages", "/messages/AAAA?x",
    "/healthz", "/readyz", "/", "//", "/mcp/", "/%6dcp", "*", "http://a/mcp",
    "/mcp?" + "a=1&" * 200,
)  # fmt: skip


def strange_headers(rng: Random, fields: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Return headers of which some are changed, left out, doubled or added."""
    given = list(fields.items())
    for _ in range(rng.choice((1, 1, 2, 3))):
        kind = rng.random()
        if given and kind < 0.25:
            given.pop(rng.randrange(len(given)))
        elif given and kind < 0.4:
            given.append(rng.choice(given))
        else:
            given.append((rng.choice(_FIELDS), rng.choice(_STRANGE_VALUES)))
    return given


def http_bytes(
    method: str, target: str, fields: Iterable[tuple[str, str]], body: bytes, *, chunked: bool
) -> bytes:
    """Write an HTTP request."""
    lines = [f"{method} {target} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in fields]
    lines.append("transfer-encoding: chunked" if chunked else f"content-length: {len(body)}")
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    if not chunked:
        return head + body
    middle = len(body) // 2
    parts = [part for part in (body[:middle], body[middle:]) if part]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
