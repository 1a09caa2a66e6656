"""How a call ends whose method raised."""

import logging

import grpc
from grpc import StatusCode

from mcpmesh.codec.status import status_of
from mcpmesh.errors import MeshError
from mcpmesh.rpc.context import Context

_log = logging.getLogger("mcpmesh.rpc")
Pairs = tuple[tuple[str, str], ...]


def failure(error: Exception, context: Context, path: str) -> tuple[StatusCode, str, Pairs]:
    """Return the status, the message and the metadata that the caller gets; log what is a bug."""
    if isinstance(error, grpc.aio.AbortError):
        return context.code() or StatusCode.UNKNOWN, context.details(), ()
    if isinstance(error, MeshError):
        status = status_of(error)
        if status.code is StatusCode.INTERNAL:
            _log.error("%s failed", path, exc_info=error)
        return status.code, status.message, status.metadata
    code = context.code() or StatusCode.UNKNOWN
    if code is not StatusCode.UNIMPLEMENTED:
        # That one is what generated servicers raise for a method that nobody wrote.
        _log.error("%s failed", path, exc_info=error)
    # The wording of grpc.aio, which people's alerts may look for.
    message = f"Unexpected {type(error)}: {error}"
    return StatusCode.UNKNOWN if code is StatusCode.OK else code, message, ()
