"""MCP's revisions and eras, its reserved names, and which HTTP status goes with which error."""

from mcpmesh.codec import jsonrpc

#: Revisions whose requests stand alone, newest first.
MODERN = ("2026-07-28",)
#: Revisions that start with `initialize`, newest first.
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
REVISIONS = (*MODERN, *LEGACY)
#: What a legacy client speaks that names no revision, or one that we don't know.
NEWEST_LEGACY = LEGACY[0]
#: What a legacy request without a version header is read as (the header came later).
WITHOUT_HEADER = "2025-03-26"
#: The only revision with JSON-RPC batches.
WITH_BATCHES = "2025-03-26"

PREFIX = "io.modelcontextprotocol/"
PROTOCOL_VERSION = PREFIX + "protocolVersion"
CLIENT_INFO = PREFIX + "clientInfo"
CLIENT_CAPABILITIES = PREFIX + "clientCapabilities"
LOG_LEVEL = PREFIX + "logLevel"
SERVER_INFO = PREFIX + "serverInfo"
SUBSCRIPTION_ID = PREFIX + "subscriptionId"

OUR_ERROR = "mcpmesh/error"
OUR_ALERTS = "mcpmesh/alerts"
OUR_CORRELATION_ID = "mcpmesh/correlationId"
OUR_TOOL = "mcpmesh/tool"
OUR_TOOL_VERSION = "mcpmesh/toolVersion"

#: What revisions before 2026-07-28 answer to a URI that nothing has.
LEGACY_RESOURCE_NOT_FOUND = -32002
HEADER_MISMATCH = -32020
MISSING_CLIENT_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022
PERMISSION_DENIED = -32014
UNAUTHENTICATED = -32015

#: Log levels, least severe first. Source: RFC 5424, section 6.2.1.
LOG_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")

#: Methods whose header Mcp-Name repeats a member of `params`: which one.
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}

_STATUS = {
    jsonrpc.PARSE_ERROR: 400,
    jsonrpc.INVALID_REQUEST: 400,
    HEADER_MISMATCH: 400,
    MISSING_CLIENT_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
    PERMISSION_DENIED: 403,
    UNAUTHENTICATED: 401,
}
#: Since 2026-07-28 these have a status of their own; before, the answer's body said it all.
_MODERN_STATUS = {**_STATUS, jsonrpc.INVALID_PARAMS: 400, jsonrpc.METHOD_NOT_FOUND: 404}


def http_status(code: int, *, modern: bool) -> int:
    """Return the HTTP status that carries a JSON-RPC error."""
    return (_MODERN_STATUS if modern else _STATUS).get(code, 200)


def unsupported_version(requested: str, *, modern: bool) -> jsonrpc.RpcError:
    """Return the refusal of a revision that we don't speak, or not in this era."""
    return jsonrpc.RpcError(
        UNSUPPORTED_VERSION,
        f"protocol version {requested[: jsonrpc.SHOWN]!r} is not supported",
        {"supported": list(MODERN if modern else LEGACY), "requested": requested[: jsonrpc.SHOWN]},
    )
