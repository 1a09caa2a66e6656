"""The methods that list, in one era."""

from collections.abc import Mapping
from functools import partial

from mcpmesh.bridge.exchange import Exchange, Handler
from mcpmesh.bridge.lists import Listing, known_tools
from mcpmesh.codec.jsonrpc import Request, encoded_result_bytes
from mcpmesh.codec.mcp_entry import Listed
from mcpmesh.stack.mesh import Mesh

_LISTS: Mapping[str, Listed] = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}


class ListMethods:
    """Answers tools/list and its like.

    Units: `patience` in seconds to wait for the mesh's first list after a start.
    """

    def __init__(self, mesh: Mesh, lists: Mapping[Listed, Listing], patience: float) -> None:
        self._mesh = mesh
        self._lists = lists
        self._patience = patience

    def handlers(self) -> dict[str, Handler]:
        """Return what answers each method."""
        return {
            method: partial(self._list, self._lists[listed]) for method, listed in _LISTS.items()
        }

    async def _list(self, listing: Listing, request: Request, exchange: Exchange) -> bytes:
        tools = await known_tools(self._mesh, self._patience)
        pages = listing.pages(exchange.view)
        return encoded_result_bytes(request.id, pages.page(tools, request.params.get("cursor")))
