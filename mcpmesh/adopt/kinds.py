"""The kinds of what can be adopted, by the word in its table: [adopt.NAME] with kind = "mcp"."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mcpmesh.adopt.container_kind import tool_containers
from mcpmesh.adopt.grpc_kind import grpc_services
from mcpmesh.adopt.mcp_server import McpServer
from mcpmesh.adopt.openapi_kind import openapi_services
from mcpmesh.adopt.parked import Parked
from mcpmesh.adopt.upstream import Upstream
from mcpmesh.adopt.variables import filled_in
from mcpmesh.config import InvalidSetting, UpstreamSettings
from mcpmesh.errors import InvalidCall
from mcpmesh.model.nearest import did_you_mean
from mcpmesh.model.tool import check_name

Table = Mapping[str, Any]
#: Makes the copies of what a table describes; gets the name, the table and the environment.
Make = Callable[[str, Table, Mapping[str, str]], Sequence[Upstream]]


def upstreams_of(name: str, table: Table, environ: Mapping[str, str]) -> Sequence[Upstream]:
    """Return what to adopt, once for each copy.

    Raises: InvalidSetting naming the key that is unknown or has a wrong value.
    """
    try:
        check_name("adopt", name)
    except InvalidCall as error:
        raise InvalidSetting("adopt", error.message) from error
    rest = dict(table)
    kind = rest.pop("kind", "mcp")
    make = KINDS.get(kind)
    if make is None:
        hint = did_you_mean(str(kind), KINDS)
        known = ", ".join(KINDS)
        raise InvalidSetting("adopt", f"{name}: kind {kind!r} is not one of {known}{hint}")
    return make(name, filled_in(rest, environ, name), environ)


def mcp_servers(name: str, table: Table, environ: Mapping[str, str]) -> Sequence[Upstream]:
    """Return the copies of an MCP server. Raises: InvalidSetting."""
    settings = UpstreamSettings.read(table, name)
    parked, asking = Parked(), set[str]()
    return [
        McpServer(name, settings, url=url, environ=environ, parked=parked, asking=asking)
        for url in settings.addresses or ("",)
        for _ in range(settings.copies)
    ]


KINDS: Mapping[str, Make] = {
    "mcp": mcp_servers,
    "grpc": grpc_services,
    "openapi": openapi_services,
    "container": tool_containers,
}
