"""A tool mesh for AI: tools as replicas behind a fast gRPC router, one MCP server in front."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcpmesh.config import TlsSettings
    from mcpmesh.sdk.call_result import CallResult, RetryableToolError, ToolError, UnexpectedResult
    from mcpmesh.sdk.client import Client
    from mcpmesh.sdk.content import Image
    from mcpmesh.sdk.context import ToolContext
    from mcpmesh.sdk.events import Chunk, LogEvent, ProgressEvent
    from mcpmesh.sdk.failure import ToolFailure
    from mcpmesh.sdk.outgoing import Question
    from mcpmesh.sdk.prompt import Message
    from mcpmesh.sdk.sync_client import SyncClient
    from mcpmesh.sdk.tool_server import ToolServer

__version__ = "0.1.0"
__all__ = [
    "CallResult",
    "Chunk",
    "Client",
    "Image",
    "LogEvent",
    "Message",
    "ProgressEvent",
    "Question",
    "RetryableToolError",
    "SyncClient",
    "TlsSettings",
    "ToolContext",
    "ToolError",
    "ToolFailure",
    "ToolServer",
    "UnexpectedResult",
    "__version__",
]

# Loaded when first asked for, so that a service that only wants the generated stubs of
# mcpmesh.v1 does not pay for pydantic, the engine and the rest.
_HOME = {
    "CallResult": "mcpmesh.sdk.call_result",
    "Chunk": "mcpmesh.sdk.events",
    "Client": "mcpmesh.sdk.client",
    "Image": "mcpmesh.sdk.content",
    "LogEvent": "mcpmesh.sdk.events",
    "Message": "mcpmesh.sdk.prompt",
    "ProgressEvent": "mcpmesh.sdk.events",
    "Question": "mcpmesh.sdk.outgoing",
    "RetryableToolError": "mcpmesh.sdk.call_result",
    "SyncClient": "mcpmesh.sdk.sync_client",
    "TlsSettings": "mcpmesh.config",
    "ToolContext": "mcpmesh.sdk.context",
    "ToolError": "mcpmesh.sdk.call_result",
    "ToolFailure": "mcpmesh.sdk.failure",
    "ToolServer": "mcpmesh.sdk.tool_server",
    "UnexpectedResult": "mcpmesh.sdk.call_result",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'mcpmesh' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
