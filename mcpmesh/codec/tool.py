"""Tools and replicas: protobuf messages to model values, and back."""

from google.protobuf.duration_pb2 import Duration

from mcpmesh.codec.settings_table import message_of, table_of
from mcpmesh.codec.tool_kind import add_kind, kind_from_message
from mcpmesh.errors import InvalidCall
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool, ToolAnnotations
from mcpmesh.v1 import discovery_pb2, tool_pb2

_HINTS = {
    "read_only": "read_only_hint",
    "destructive": "destructive_hint",
    "idempotent": "idempotent_hint",
    "open_world": "open_world_hint",
}


def duration(seconds: float) -> Duration:
    """Write seconds as a protobuf Duration, to the nanosecond."""
    message = Duration()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def seconds(message: Duration) -> float:
    """Read a protobuf Duration as seconds."""
    return message.seconds + message.nanos / 1e9


def tool_from_message(message: tool_pb2.Tool) -> Tool:
    """Read a tool.

    Raises: InvalidCall naming the field that is malformed or over a limit.
    """
    hints = message.annotations
    return Tool(
        name=message.name,
        title=message.title,
        description=message.description,
        input_schema=message.input_schema,
        output_schema=message.output_schema,
        annotations=ToolAnnotations(
            **{
                ours: getattr(hints, theirs) if hints.HasField(theirs) else None
                for ours, theirs in _HINTS.items()
            }
        ),
        version=message.version,
        labels=dict(message.labels),
        timeout=seconds(message.timeout) if message.HasField("timeout") else None,
        policy=table_of(message.policy) if message.HasField("policy") else {},
        capability=message.capability,
        kind=kind_from_message(message),
    )


def tool_to_message(tool: Tool) -> tool_pb2.Tool:
    """Write a tool."""
    hints = {
        theirs: value
        for ours, theirs in _HINTS.items()
        if (value := getattr(tool.annotations, ours)) is not None
    }
    message = tool_pb2.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=tool_pb2.ToolAnnotations(**hints) if hints else None,
        version=tool.version,
        labels=tool.labels,
        timeout=None if tool.timeout is None else duration(tool.timeout),
        policy=message_of(tool_pb2.CallPolicy, tool.policy) if tool.policy else None,
        capability=tool.capability,
    )
    if tool.kind is not None:
        add_kind(message, tool.kind)
    return message


def replica_from_message(message: discovery_pb2.Replica) -> Replica:
    """Read a replica.

    Raises: InvalidCall naming the field that is malformed.
    """
    if not message.endpoint:
        raise InvalidCall(f"replica {message.id}: endpoint is missing; give HOST:PORT")
    return Replica(
        id=message.id,
        endpoint=message.endpoint,
        server=message.server,
        labels=dict(message.labels),
        weight=message.weight or 1,
        services=tuple(message.services),
        server_name=message.server_name,
    )


def replica_to_message(replica: Replica) -> discovery_pb2.Replica:
    """Write a replica."""
    return discovery_pb2.Replica(
        id=replica.id,
        endpoint=replica.endpoint,
        server=replica.server,
        labels=replica.labels,
        weight=replica.weight,
        services=replica.services,
        server_name=replica.server_name,
    )
