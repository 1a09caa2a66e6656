"""The error for a tool that there is no route for."""

from mcpmesh.discovery.lookup import find_tool
from mcpmesh.dispatch.catalog_source import CatalogSource
from mcpmesh.errors import InternalError, MeshError, ToolNotFound


def unknown_tool(source: CatalogSource, tool: str, version: str) -> MeshError:
    """Return the error, which names the nearest tools or the versions that there are."""
    try:
        find_tool(source.catalog, tool, version)
    except ToolNotFound as error:
        return error
    return InternalError(f"{tool} is in the catalog and has no route")
