"""What a call's metadata says: the trace, the correlation id, the caller, the tool meant."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from mcpmesh.errors import InvalidCall
from mcpmesh.model.trace import TraceContext, parse_traceparent, valid_correlation_id
from mcpmesh.v1 import invoke_pb2

CORRELATION_KEY = "x-correlation-id"
NAME_KEY = "mcp-name"
VERSION_KEY = "mcpmesh-tool-version"
CALLER_KEY = "mcpmesh-caller"


@dataclass(frozen=True, slots=True)
class Incoming:
    """Who calls, and as part of what.

    `parent` is None when the caller sent no trace, so that whoever traces decides to record it.
    Shape: `metadata` holds the text entries, the last of each key.
    """

    correlation_id: str
    parent: TraceContext | None
    caller: str
    metadata: Mapping[str, str]

    @property
    def is_correlated(self) -> bool:
        """Tell whether the caller gave the correlation id, and so knows it."""
        return self.metadata.get(CORRELATION_KEY) == self.correlation_id


def read_metadata(entries: Iterable[Any] | None, rng: Random) -> Incoming:
    """Read a call's metadata; a missing correlation id is made."""
    metadata = {key: value for key, value in entries or () if isinstance(value, str)}
    correlation_id = metadata.get(CORRELATION_KEY, "")
    if not valid_correlation_id(correlation_id):
        correlation_id = f"{rng.getrandbits(128):032x}"
    parent = parse_traceparent(metadata.get("traceparent", ""), metadata.get("tracestate", ""))
    return Incoming(
        correlation_id,
        parent,
        metadata.get(CALLER_KEY, ""),
        metadata,
    )


def check_agreement(request: invoke_pb2.InvokeRequest, metadata: Mapping[str, str]) -> None:
    """Refuse a call whose metadata was routed as one tool and whose message names another.

    Raises: InvalidCall naming both.
    """
    for key, what, said in (
        (NAME_KEY, "tool", request.tool),
        (VERSION_KEY, "version", request.version),
    ):
        header = metadata.get(key, "")
        # An empty version asks for the newest; the header may have been more precise.
        if header and header != said and (said or what == "tool"):
            raise InvalidCall(f"metadata {key} is {header!r}, the message's {what} is {said!r}")
