"""What discovery tells of tools and replicas, as frozen values."""

from dataclasses import dataclass
from typing import Any

import orjson

from mcpmesh.codec.tool import replica_from_message, seconds, tool_from_message
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.v1 import discovery_pb2


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool, and how many replicas serve it."""

    tool: Tool
    replicas: int = 0
    ready_replicas: int = 0

    @property
    def name(self) -> str:
        """Return what callers name."""
        return self.tool.name

    @property
    def version(self) -> str:
        """Return which edition this is."""
        return self.tool.version

    @property
    def description(self) -> str:
        """Return what the tool says of itself to models."""
        return self.tool.description

    @property
    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments, parsed."""
        return _schema(self.tool.input_schema) or {"type": "object"}

    @property
    def output_schema(self) -> dict[str, Any] | None:
        """Return the JSON Schema of the structured result, None when it is unstructured."""
        return _schema(self.tool.output_schema)


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A tool that fits a search; scores compare within one answer only."""

    info: ToolInfo
    score: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaInfo:
    """A replica as the server asked sees it.

    `lease_remaining` None means: static, it has no lease. `tools` are written name@version.
    """

    replica: Replica
    state: str
    in_flight: int = 0
    lease_remaining: float | None = None
    tools: tuple[str, ...] = ()
    reason: str = ""


def tool_info(message: discovery_pb2.ToolStatus) -> ToolInfo:
    """Read a tool and its numbers."""
    return ToolInfo(tool_from_message(message.tool), message.replicas, message.ready_replicas)


def search_hit(message: discovery_pb2.SearchHit) -> SearchHit:
    """Read a hit."""
    return SearchHit(tool_info(message.tool), message.score, message.reason)


def replica_info(message: discovery_pb2.ReplicaStatus) -> ReplicaInfo:
    """Read a replica and its state."""
    leased = message.HasField("lease_remaining")
    return ReplicaInfo(
        replica=replica_from_message(message.replica),
        state=message.state,
        in_flight=message.in_flight,
        lease_remaining=seconds(message.lease_remaining) if leased else None,
        tools=tuple(message.tools),
        reason=message.reason,
    )


def _schema(encoded: bytes) -> dict[str, Any] | None:
    return orjson.loads(encoded) if encoded else None
