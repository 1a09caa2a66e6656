"""Every error of mcpmesh, by whose fault it is; each class carries its gRPC and JSON-RPC code.

The codes are plain integers, so that this file depends on nothing: `grpc_code` is the number of
a gRPC status, `jsonrpc_code` the number of a JSON-RPC error. `codec.status` turns both ways.
"""

from typing import ClassVar


class MeshError(Exception):
    """Base of every error that mcpmesh raises on purpose."""

    grpc_code: ClassVar[int] = 13
    jsonrpc_code: ClassVar[int] = -32603
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_ms = retry_after_ms

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"


# The caller's fault.


class InvalidCall(MeshError):
    """The call is malformed or over a limit; sending it again cannot help."""

    grpc_code = 3
    jsonrpc_code = -32602


class OutOfRange(InvalidCall):
    """A value of the call is outside what is allowed."""

    grpc_code = 11


class TooLarge(InvalidCall):
    """A message or its metadata is over a limit of size; the message names the setting."""

    grpc_code = 8


class ToolNotFound(MeshError):
    """Nobody registered a tool of that name and version."""

    grpc_code = 5
    jsonrpc_code = -32602


class MethodNotFound(MeshError):
    """The peer does not implement that method."""

    grpc_code = 12
    jsonrpc_code = -32601


class PermissionDenied(MeshError):
    """The caller is known and may not do this."""

    grpc_code = 7
    jsonrpc_code = -32014


class Unauthenticated(MeshError):
    """The caller did not say, or could not prove, who it is."""

    grpc_code = 16
    jsonrpc_code = -32015


class Conflict(MeshError):
    """Somebody else changed the same thing meanwhile."""

    grpc_code = 10
    jsonrpc_code = -32012


class NotReady(MeshError):
    """The system is not in the state that the call needs."""

    grpc_code = 9
    jsonrpc_code = -32013


class AlreadyExists(NotReady):
    """What the call wants to create is there."""

    grpc_code = 6


# The mesh's fault, or its load: the model is told what to do.


class NoReplica(MeshError):
    """The tool is known and no replica of it takes calls now."""

    grpc_code = 14
    retryable = True


class ReplicaLost(MeshError):
    """The replica's connection ended before its answer did."""

    grpc_code = 14
    retryable = True


class Draining(MeshError):
    """The peer takes no new calls."""

    grpc_code = 14
    retryable = True


class Overloaded(MeshError):
    """A limit of load is reached; `retry_after_ms` says when to come again."""

    grpc_code = 8
    retryable = True


class DeadlineExceeded(MeshError):
    """The time that the caller gave is over."""

    grpc_code = 4


# A bug, or a peer that breaks the protocol.


class RemoteProtocolError(MeshError):
    """The peer broke the protocol."""


class LocalProtocolError(MeshError):
    """Our own code asked for something that the protocol forbids."""


class InternalError(MeshError):
    """A bug of ours; the message stays in our log."""
