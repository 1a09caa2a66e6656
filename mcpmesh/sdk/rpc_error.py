"""gRPC's one error, turned into the error classes of mcpmesh."""

from collections.abc import Iterable
from typing import Any

import grpc

from mcpmesh.codec import renamed
from mcpmesh.codec.status import PUSHBACK, error_of, pushback_from
from mcpmesh.errors import MeshError

CORRELATION = "x-correlation-id"
SPOKE = renamed.SPOKE.decode()


def mesh_error(failure: grpc.RpcError) -> MeshError:
    """Return the error that stands for a failed RPC, message kept.

    A correlation id in the trailers becomes a note, which a traceback shows.
    """
    trailers = failure.trailing_metadata() or ()
    pushback = metadata_value(trailers, PUSHBACK)
    error = error_of(
        failure.code(),
        failure.details() or "",
        retry_after_ms=pushback_from(pushback),
    )
    if correlation_id := metadata_value(trailers, CORRELATION):
        error.add_note(f"correlation id {correlation_id}")
    return error


def metadata_value(metadata: Iterable[Any] | None, key: str) -> str:
    """Return the first value of a metadata key, empty when it is not there."""
    for name, value in metadata or ():
        if name == key:
            return value if isinstance(value, str) else bytes(value).decode("ascii", "replace")
    return ""


async def told_by(call: Any) -> tuple[str, str]:
    """Return the correlation id and the tool that a finished call's answer names, or empty text."""
    head = await call.initial_metadata()
    correlation_id, spoke = metadata_value(head, CORRELATION), metadata_value(head, SPOKE)
    if not correlation_id:
        correlation_id = metadata_value(await call.trailing_metadata(), CORRELATION)
    return correlation_id, spoke
