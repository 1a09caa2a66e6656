"""MCP servers as what can be adopted."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcpmesh.adopt.mcp_server import McpServer
from mcpmesh.adopt.parked import Parked
from mcpmesh.adopt.upstream import Upstream
from mcpmesh.config import UpstreamSettings

Table = Mapping[str, Any]


def mcp_servers(name: str, table: Table, environ: Mapping[str, str]) -> Sequence[Upstream]:
    """Return the copies of an MCP server. Raises: InvalidSetting."""
    settings = UpstreamSettings.read(table, name)
    parked, asking = Parked(), set[str]()
    return [
        McpServer(name, settings, url=url, environ=environ, parked=parked, asking=asking)
        for url in settings.addresses or ("",)
        for _ in range(settings.copies)
    ]
