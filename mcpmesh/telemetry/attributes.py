"""Names of span attributes and metric labels, and the sets of them that each hop writes.

Source: OpenTelemetry semantic conventions for RPC and gRPC (release candidate), and for MCP in
the GenAI conventions. Names under `mcpmesh.` are ours.
"""

from collections.abc import Callable, Mapping

CORRELATION_ID = "mcpmesh.correlation_id"
ATTEMPT = "mcpmesh.attempt"
REPLICA = "mcpmesh.replica"
STATE = "mcpmesh.replica.state"
REASON = "mcpmesh.peer.refusal.reason"
NOT_RETRIED_REASON = "mcpmesh.retry.reason"
SHED_REASON = "mcpmesh.shed.reason"
HEDGE = "mcpmesh.hedge"
HEDGE_OUTCOME = "mcpmesh.hedge.outcome"
CACHE = "mcpmesh.cache"
TOOL_VERSION = "mcpmesh.tool.version"
CALLER = "mcpmesh.caller"

ERROR_TYPE = "error.type"
RPC_SYSTEM = "rpc.system.name"
RPC_METHOD = "rpc.method"
RPC_STATUS = "rpc.response.status_code"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
NETWORK_TRANSPORT = "network.transport"
NETWORK_PROTOCOL = "network.protocol.name"
OPERATION = "gen_ai.operation.name"
TOOL = "gen_ai.tool.name"
MCP_METHOD = "mcp.method.name"
MCP_VERSION = "mcp.protocol.version"
MCP_SESSION = "mcp.session.id"
JSONRPC_REQUEST_ID = "jsonrpc.request.id"

#: What each of them means. The docs' table is made of it.
ATTRIBUTES: dict[str, str] = {
    CORRELATION_ID: "the call's correlation id, which callers may choose; on every span",
    ATTEMPT: "number of the try, from 1",
    REPLICA: "id of the replica that the call or attempt went to",
    STATE: "state of a replica's connection, such as READY or TRANSIENT_FAILURE",
    CALLER: "who calls, where it is known: as its certificate says, else as it says itself",
    REASON: "limit or rule, such as `rst_stream_frames`, `header_timeout`, `connections`; else the "
    "HTTP/2 error code in lower case",
    NOT_RETRIED_REASON: "why a failed attempt was not tried again: `may_have_acted`, `attempts`, "
    "`pushback`, `deadline`, `budget`, `request`",
    SHED_REASON: "why a call was refused for load: `queue_full`, `queue_wait`, `deadline`, `rate`, "
    "`caller_in_flight`, `caller_rate`; `outage`: all before it failed",
    HEDGE: "true on the span of a second attempt beside the first",
    HEDGE_OUTCOME: "`won`: it answered first; `lost`: the first did; `failed`; `took_over`: the "
    "first failed; `budget`: it was not begun",
    CACHE: "`hit`: the answer was kept; `shared`: it was to a call at the same time",
    TOOL_VERSION: "version of the tool, where the call asks for one or the tool has one",
    ERROR_TYPE: "what failed: a gRPC status name, a JSON-RPC code, `tool_error`, a tool's own code",
    RPC_SYSTEM: "always `grpc`",
    RPC_METHOD: "full method, such as `mcpmesh.v1.ToolService/Invoke`",
    RPC_STATUS: "gRPC status name that the call or attempt ended with",
    SERVER_ADDRESS: "host of the replica, or its Unix socket",
    SERVER_PORT: "port of the replica",
    NETWORK_TRANSPORT: "`tcp` for HTTP, `pipe` for stdio",
    NETWORK_PROTOCOL: "`http`, absent for stdio",
    OPERATION: "`execute_tool`",
    TOOL: "name of the tool",
    MCP_METHOD: "MCP method, such as `tools/call`",
    MCP_VERSION: "revision of MCP that the client speaks",
    MCP_SESSION: "id of the MCP session",
    JSONRPC_REQUEST_ID: "id of the JSON-RPC request",
}

EXECUTE_TOOL = "execute_tool"
#: The error type of a result with `is_error`: the tool ran, and says that it failed.
TOOL_ERROR = "tool_error"
INVOKE = "mcpmesh.v1.ToolService/Invoke"

Attributes = Mapping[str, str | int | float | bool]

#: gRPC status codes that are the server's own failure; of the others its span is not an error.
#: A client's span is an error with every status but OK.
SERVER_FAULTS = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)


def server_error_type(status: str) -> str | None:
    """Return what a server's span ends with for a gRPC status name: the name, or no error."""
    return status if status in SERVER_FAULTS else None


def client_error_type(status: str) -> str | None:
    """Return what a client's span ends with for a gRPC status name."""
    return None if status == "OK" else status


#: The call may name a tool that there is not, so its name must not become a label value.
_UNCHECKED_TOOL = frozenset(
    {"NOT_FOUND", "INVALID_ARGUMENT", "UNIMPLEMENTED", "UNAUTHENTICATED", "PERMISSION_DENIED"}
)


def tool_label(tool: str, status: str) -> str:
    """Return the tool for a metric's label: nothing where any caller could make up names."""
    return "" if status in _UNCHECKED_TOOL else tool


def call_attributes(method: str, tool: str, version: str = "") -> Callable[[], Attributes]:
    """Describe a call as the router takes it: a SERVER span named like the method."""

    def attributes() -> Attributes:
        named: dict[str, str | int] = {RPC_SYSTEM: "grpc", RPC_METHOD: method, TOOL: tool}
        if version:
            named[TOOL_VERSION] = version
        return named

    return attributes


def attempt_attributes(
    method: str, tool: str, replica: str, address: str, port: int, attempt: int
) -> Callable[[], Attributes]:
    """Describe one try of a call at one replica: a CLIENT span named like the method."""

    def attributes() -> Attributes:
        named: dict[str, str | int] = {
            RPC_SYSTEM: "grpc",
            RPC_METHOD: method,
            TOOL: tool,
            REPLICA: replica,
            ATTEMPT: attempt,
            SERVER_ADDRESS: address,
        }
        if port:
            named[SERVER_PORT] = port
        return named

    return attributes


def execution_attributes(tool: str, method: str, version: str = "") -> Callable[[], Attributes]:
    """Describe a tool's run at its replica: a SERVER span named `execute_tool {tool}`."""

    def attributes() -> Attributes:
        named = {OPERATION: EXECUTE_TOOL, TOOL: tool, RPC_SYSTEM: "grpc", RPC_METHOD: method}
        return {**named, TOOL_VERSION: version} if version else named

    return attributes


def request_attributes(
    method: str, tool: str, version: str, request_id: object, network: str
) -> Callable[[], Attributes]:
    """Describe an MCP request: a SERVER span named `{method} {tool}`; `network` is tcp or pipe."""

    def attributes() -> Attributes:
        named = {MCP_METHOD: method, NETWORK_TRANSPORT: network}
        if network == "tcp":
            named[NETWORK_PROTOCOL] = "http"
        if version:
            named[MCP_VERSION] = version
        if request_id is not None:
            named[JSONRPC_REQUEST_ID] = str(request_id)
        if tool:
            named |= {OPERATION: EXECUTE_TOOL, TOOL: tool}
        return named

    return attributes
