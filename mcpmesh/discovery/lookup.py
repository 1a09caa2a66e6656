"""Finds a tool in the catalog, or says which ones come near."""

from mcpmesh.errors import ToolNotFound
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.nearest import did_you_mean

_VERSIONS_SHOWN = 5


def find_tool(catalog: Catalog, name: str, version: str = "") -> Cluster:
    """Return the cluster of a tool's version, the newest for an empty version.

    Raises: ToolNotFound naming the nearest tools, or the versions that there are.
    """
    cluster = catalog.find(name, version)
    if cluster is not None:
        return cluster
    versions = [each.tool.version for each in catalog.clusters.get(name, ())]
    if versions:
        shown = ", ".join(versions[:_VERSIONS_SHOWN])
        more = " and more" if len(versions) > _VERSIONS_SHOWN else ""
        raise ToolNotFound(f"tool {name} has no version {version[:140]!r}; it has {shown}{more}")
    # Prompts and resources have names of another kind, which would help nobody who means a tool.
    alike = [each for each in catalog.clusters if (":" in each) == (":" in name)]
    hint = did_you_mean(name, alike) or "; list the tools to see what there is"
    if not catalog.clusters:
        hint = "; no tools are registered here yet: start a tool server with this router's address"
    raise ToolNotFound(f"no tool {name[:140]!r}{hint}")
