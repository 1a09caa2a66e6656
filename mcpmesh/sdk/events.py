"""What a stream yields while a call goes on; a CallResult comes last."""

from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from mcpmesh.errors import RemoteProtocolError
from mcpmesh.sdk.call_result import CallResult, result_from_message
from mcpmesh.v1 import invoke_pb2, tool_pb2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """How far the call is; `total` None means unknown. `message` is for people."""

    progress: float
    total: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A line the tool wrote for its caller. `level` is one of RFC 5424's names."""

    level: str
    data: Any = None
    logger: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of output, to be shown as it comes; the result need not repeat it."""

    content: tool_pb2.Content

    @property
    def text(self) -> str:
        """Return the chunk's text, empty when it is something else."""
        return self.content.text.text

    @property
    def data(self) -> Any:
        """Return the chunk's text read as JSON: how a tool streams values.

        Raises: ValueError when it is not JSON.
        """
        return orjson.loads(self.text)


#: What comes before the end of a stream.
Interim = ProgressEvent | LogEvent | Chunk


def event_from_message(
    message: invoke_pb2.InvokeEvent,
    result_type: type[T] | None,
    correlation_id: str,
    tool: str = "",
) -> Interim | CallResult[T]:
    """Read an event; questions of the tool are not for this.

    Raises: RemoteProtocolError for an event of a kind that we don't know.
    """
    kind = message.WhichOneof("event")
    if kind == "content":
        return Chunk(message.content)
    if kind == "progress":
        step = message.progress
        total = step.total if step.HasField("total") else None
        return ProgressEvent(step.progress, total, step.message)
    if kind == "log":
        line = message.log
        return LogEvent(line.level, orjson.loads(line.data or b"null"), line.logger)
    if kind == "result":
        return result_from_message(message.result, result_type, correlation_id, tool)
    raise RemoteProtocolError("the peer sent an event without content")
