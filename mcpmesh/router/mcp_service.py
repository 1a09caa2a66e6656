"""Adds MCP's protobuf form to a router, where the package that defines it is installed."""

from importlib import import_module
from importlib.util import find_spec

from mcpmesh.config import InvalidSetting
from mcpmesh.dispatch.local_mesh import LocalMesh
from mcpmesh.policy.access import Access
from mcpmesh.rpc.server import Server

SERVICE = "model_context_protocol.Mcp"
_PACKAGE = "mcp_grpc_transport_proto"


def check_mcp_grpc() -> None:
    """Refuse the setting without its package.

    Raises: InvalidSetting saying what to install.
    """
    if find_spec(_PACKAGE) is None:
        reason = f"{SERVICE} needs mcp-grpc-transport-proto: pip install 'mcpmesh[mcp-grpc]'"
        raise InvalidSetting("mcp_grpc", reason)


def add_mcp_service(server: Server, mesh: LocalMesh, access: Access) -> None:
    """Serve `model_context_protocol.Mcp` from a mesh, to each caller what it may call."""
    servicer = import_module("mcpmesh.router.mcp_servicer").McpServicer(mesh, access)
    stubs = import_module(f"{_PACKAGE}.mcp_pb2_grpc")
    stubs.add_McpServicer_to_server(servicer, server)
