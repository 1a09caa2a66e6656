"""The reference of errors, made of the error classes and the codec's table."""

import inspect
from collections.abc import Iterator

from mcpmesh import errors
from mcpmesh.cli.exits import exit_of
from mcpmesh.cli.table import code, markdown_table
from mcpmesh.codec import jsonrpc, mcp
from mcpmesh.codec.http_error import http_status_of
from mcpmesh.codec.mcp_error import failure_of, rpc_error_of
from mcpmesh.codec.status import CLASS, PUSHBACK, status_of

#: What goes wrong before there is a call: JSON-RPC code → when.
PROTOCOL_ERRORS = {
    jsonrpc.PARSE_ERROR: "the body is not JSON",
    jsonrpc.INVALID_REQUEST: "JSON, and no JSON-RPC request; a batch where there are none; "
    "an unknown or ended session (HTTP 404)",
    jsonrpc.METHOD_NOT_FOUND: "an unknown method",
    jsonrpc.INVALID_PARAMS: "an unknown tool; `params` or `_meta` that lack something",
    jsonrpc.INTERNAL_ERROR: "a bug; the log has the reason",
    mcp.HEADER_MISMATCH: "an `Mcp-…` header is missing, or says something else than the body",
    mcp.MISSING_CLIENT_CAPABILITY: "the tool asks back and the client cannot answer",
    mcp.UNSUPPORTED_VERSION: "a revision of MCP that we don't speak; `data.supported` lists ours",
}
_INTRODUCTION = """\
# Errors

Written by `make docs` from the error classes and the table that translates them.

There are two kinds of failure, and callers should treat them differently:

- **The tool failed.** The tool was found and called, and says that it could not do it. That is a
  *result*: on gRPC status OK with `ToolResult.is_error`, through MCP `isError: true`. Its content
  is a sentence for the model; `ToolResult.error` (in MCP `_meta["mcpmesh/error"]`) has a code,
  `retryable` and `retry_after_ms` for programs. So are arguments that the tool's schema refuses
  (`INVALID_ARGUMENT`). In Python `result.is_error`; `result.data` and `result.raise_for_error()`
  raise `ToolError`, or `RetryableToolError`.
- **The call failed.** The mesh could not have it executed, or does not know whether it was. On
  gRPC a status; in Python one of the classes below, all of them a `mcpmesh.errors.MeshError`.
  Through MCP those that a model can act on are results with `isError: true` too, which say what to
  do; the rest are JSON-RPC errors. Over [plain HTTP](http.md) all have a status of their own, and
  so have a tool's own failures, by their code.
"""
_AFTER = """\
*may help* is what `retryable` says to callers: the same call may succeed later. What the router
itself tries again, and when, is told in [resilience](resilience.md); the message of an error says
which attempt it was and why there was no other. A call that came to a tool's code and failed there
is never repeated by the mesh. Between a router and its
callers a lost replica, a draining one and none at all are the same status, so a `Client` raises
`NoReplica` for all three; the message tells them apart. A connection that is lost under a call is
named by its target, as the client was given it: `127.0.0.1:7070: connection closed by the peer`.

A cancelled call is `CANCELLED` on gRPC and `asyncio.CancelledError` in Python; a cancelled JSON-RPC
request gets no answer. The message of an internal error stays in the server's log. When a message
came with `retry_after_ms`, it says how many milliseconds to wait. A message over a size limit is
`RESOURCE_EXHAUSTED` as a limit of load is, because gRPC says so; the trailer
`grpc-retry-pushback-ms: -1` ("never") tells them apart, and the text names the setting to raise.
"""


def errors_page() -> str:
    """Write the reference of errors."""
    columns = (
        *("error", "means", "gRPC status", "through MCP", "its HTTP"),
        *("plain HTTP", "trying again", "exit code"),
    )
    return "\n".join(
        [
            _INTRODUCTION,
            "## Calls that fail\n",
            markdown_table(
                columns, [_row(kind) for kind in error_classes() if kind is not errors.MeshError]
            ),
            "",
            _AFTER,
            "## What a gRPC status becomes in Python\n",
            "A status that a peer sends, and the class that a `Client` raises for it.\n",
            markdown_table(("status", "class"), _statuses()),
            "\n## Requests that are no call\n",
            "What the bridge answers to JSON-RPC that it cannot take. The HTTP status is that of\n"
            "MCP 2026-07-28; where it differs, the older revisions' is in brackets.\n",
            markdown_table(("code", "HTTP", "when"), _protocol_errors()),
            "\nAnd by HTTP alone: 403 an `Origin` and 421 a `Host` that is not allowed, 405 another"
            " method than POST, 406 and 415 not JSON, 408 and 413 a body that is too slow or too"
            " large, 429 too many requests at once ([limits](limits.md#at-the-bridge)).",
        ]
    )


def error_classes() -> Iterator[type[errors.MeshError]]:
    """Yield the classes of errors.py that are raised, in its order."""
    for found in vars(errors).values():
        if inspect.isclass(found) and issubclass(found, errors.MeshError):
            yield found


def _row(kind: type[errors.MeshError]) -> tuple[str, ...]:
    error = kind("")
    if failure_of(error) is not None:
        through, http = "result, `isError: true`", "200"
    else:
        number = rpc_error_of(error).code
        through, http = f"error {number}", _http(number)
    return (
        code(kind.__name__),
        (inspect.getdoc(kind) or "").partition("\n")[0],
        code(status_of(error).code.name),
        through,
        http,
        str(http_status_of(error)),
        "may help" if kind.retryable else "does not help",
        str(int(exit_of(error))),
    )


def _statuses() -> Iterator[tuple[str, str]]:
    for status, kind in CLASS.items():
        yield code(status.name), code(kind.__name__)
        if kind is errors.Overloaded:
            never = f"{code(status.name)} with {code(PUSHBACK + ': -1')}"
            yield never, code(errors.TooLarge.__name__)


def _protocol_errors() -> Iterator[tuple[str, str, str]]:
    for number, when in PROTOCOL_ERRORS.items():
        yield code(number), _http(number), when


def _http(number: int) -> str:
    modern, older = mcp.http_status(number, modern=True), mcp.http_status(number, modern=False)
    return str(modern) if modern == older else f"{modern} ({older})"
