"""What the mesh measures: every instrument with its unit and labels, in one table.

Source: OpenTelemetry semantic conventions for RPC and (GenAI) MCP; names under `mcpmesh.` are
ours. The reference of metrics in the docs is generated from `INSTRUMENTS`.
"""

from dataclasses import dataclass

from mcpmesh.telemetry import attributes as a
from mcpmesh.telemetry.metrics import Counter, Description, Gauge, Histogram, Metrics

#: Seconds. The conventions' bounds for RPC, with finer ones below: a hop takes under 1 ms.
RPC_BOUNDS = (
    *(0.00025, 0.0005, 0.001, 0.0025),
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
#: Seconds. The conventions' bounds for MCP operations.
MCP_BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

_GRPC = {a.RPC_SYSTEM: "grpc"}
_MCP_LABELS = (a.MCP_METHOD, a.TOOL, a.ERROR_TYPE, a.MCP_VERSION, a.NETWORK_TRANSPORT)

RPC_SERVER = Description(
    "rpc.server.call.duration",
    "s",
    "Time from a call's request headers to its status, as the router's caller sees it",
    (a.RPC_METHOD, a.TOOL, a.RPC_STATUS),
    _GRPC,
)
RPC_CLIENT = Description(
    "rpc.client.call.duration",
    "s",
    "Time of one attempt at one replica, from sending it to its status",
    (a.RPC_METHOD, a.TOOL, a.RPC_STATUS, a.SERVER_ADDRESS, a.SERVER_PORT),
    _GRPC,
)
MCP_SERVER = Description(
    "mcp.server.operation.duration",
    "s",
    "Time of an MCP request at the bridge, from its receipt to the result or error",
    _MCP_LABELS,
)
MCP_CLIENT = Description(
    "mcp.client.operation.duration",
    "s",
    "Time of an MCP request that the mesh sends to an upstream MCP server",
    _MCP_LABELS,
)
TOOL = Description(
    "mcpmesh.tool.duration",
    "s",
    "Time that a tool's own code ran, at its replica",
    (a.TOOL, a.ERROR_TYPE),
)
IN_FLIGHT = Description(
    "mcpmesh.router.calls_in_flight", "{call}", "Calls that the router has not answered yet"
)
REPLICAS = Description(
    "mcpmesh.router.replicas", "{replica}", "Replicas that the router knows, by state", (a.STATE,)
)
RETRIES = Description(
    "mcpmesh.router.retries",
    "{attempt}",
    "Attempts after the first, by why the one before failed",
    (a.TOOL, a.ERROR_TYPE),
)
NOT_RETRIED = Description(
    "mcpmesh.router.attempts_not_retried",
    "{attempt}",
    "Failed attempts that another could have mended, by why there was none: the retry budget is "
    "spent, the tool is not idempotent, …",
    (a.TOOL, a.NOT_RETRIED_REASON),
)
HEDGES = Description(
    "mcpmesh.router.hedges",
    "{attempt}",
    "Second attempts beside the first, by what became of them",
    (a.TOOL, a.HEDGE_OUTCOME),
)
FALLBACKS = Description(
    "mcpmesh.router.fallbacks",
    "{call}",
    "Calls that another tool took over, by the tool asked for and why it did not answer",
    (a.TOOL, a.ERROR_TYPE),
)
CACHED_ANSWERS = Description(
    "mcpmesh.router.cached_answers",
    "{call}",
    "Calls answered without one of their own to a replica, by how",
    (a.TOOL, a.CACHE),
)
SHED = Description(
    "mcpmesh.router.calls_shed",
    "{call}",
    "Calls refused for load before any attempt, by the limit of the tool's admission",
    (a.TOOL, a.SHED_REASON),
)
REFUSALS = Description(
    "mcpmesh.router.refusals",
    "{call}",
    "Calls refused before any attempt: limits, unknown tool, no replica, no permission",
    (a.RPC_STATUS,),
)
EJECTIONS = Description(
    "mcpmesh.router.ejections",
    "{ejection}",
    "Replicas left out for failing: failures_in_row, failure_rate, probation",
    (a.REASON,),
)
HEALTH = Description(
    "mcpmesh.router.replica_health",
    "{replica}",
    "Replicas that the router knows, by health",
    (a.STATE,),
)
PEER_REFUSALS = Description(
    "mcpmesh.peer.refusals",
    "{refusal}",
    "Connections turned away, and connections and calls ended, by the limit or rule that did it",
    (a.REASON,),
)

#: All instruments, in the order of the docs.
INSTRUMENTS: tuple[Description, ...] = (
    RPC_SERVER,
    RPC_CLIENT,
    MCP_SERVER,
    MCP_CLIENT,
    TOOL,
    IN_FLIGHT,
    REPLICAS,
    RETRIES,
    NOT_RETRIED,
    HEDGES,
    FALLBACKS,
    CACHED_ANSWERS,
    SHED,
    REFUSALS,
    EJECTIONS,
    HEALTH,
    PEER_REFUSALS,
)


@dataclass(frozen=True, slots=True)
class Instruments:
    """The mesh's instruments, one field each; label values are given in the table's order."""

    rpc_server: Histogram
    rpc_client: Histogram
    mcp_server: Histogram
    mcp_client: Histogram
    tool: Histogram
    calls_in_flight: Gauge
    replicas: Gauge
    retries: Counter
    not_retried: Counter
    hedges: Counter
    fallbacks: Counter
    cached_answers: Counter
    shed: Counter
    refusals: Counter
    ejections: Counter
    replica_health: Gauge
    peer_refusals: Counter


def add_instruments(metrics: Metrics) -> Instruments:
    """Make the mesh's instruments and add them to a registry."""
    made = Instruments(
        rpc_server=Histogram(RPC_SERVER, RPC_BOUNDS),
        rpc_client=Histogram(RPC_CLIENT, RPC_BOUNDS),
        mcp_server=Histogram(MCP_SERVER, MCP_BOUNDS),
        mcp_client=Histogram(MCP_CLIENT, MCP_BOUNDS),
        tool=Histogram(TOOL, RPC_BOUNDS),
        calls_in_flight=Gauge(IN_FLIGHT),
        replicas=Gauge(REPLICAS),
        retries=Counter(RETRIES),
        not_retried=Counter(NOT_RETRIED),
        hedges=Counter(HEDGES),
        fallbacks=Counter(FALLBACKS),
        cached_answers=Counter(CACHED_ANSWERS),
        shed=Counter(SHED),
        refusals=Counter(REFUSALS),
        ejections=Counter(EJECTIONS),
        replica_health=Gauge(HEALTH),
        peer_refusals=Counter(PEER_REFUSALS),
    )
    for name in Instruments.__dataclass_fields__:
        metrics.add(getattr(made, name))
    return made
