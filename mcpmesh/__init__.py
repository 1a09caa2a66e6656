"""A tool mesh for AI: tools as replicas behind a fast gRPC router, one MCP server in front."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcpmesh.sdk.client import Client
    from mcpmesh.sdk.context import ToolContext
    from mcpmesh.sdk.sync_client import SyncClient
    from mcpmesh.sdk.tool_server import ToolServer

__version__ = "0.1.0"
__all__ = ["Client", "SyncClient", "ToolContext", "ToolServer", "__version__"]

# Loaded when first asked for, so that a service that only wants the generated stubs of
# mcpmesh.v1 does not pay for pydantic, the engine and the rest.
_HOME = {
    "Client": "mcpmesh.sdk.client",
    "SyncClient": "mcpmesh.sdk.sync_client",
    "ToolContext": "mcpmesh.sdk.context",
    "ToolServer": "mcpmesh.sdk.tool_server",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'mcpmesh' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
