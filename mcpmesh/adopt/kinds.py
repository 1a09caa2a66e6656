"""The kinds of what can be adopted, by the word in its table: [adopt.NAME] with kind = "mcp"."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from mcpmesh.adopt.upstream import Upstream
from mcpmesh.adopt.variables import filled_in
from mcpmesh.config import InvalidSetting
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
    if type(kind) is not str or kind not in KINDS:
        hint = did_you_mean(str(kind), KINDS)
        known = ", ".join(KINDS)
        raise InvalidSetting("adopt", f"{name}: kind {kind!r} is not one of {known}{hint}")
    return _make(kind)(name, filled_in(rest, environ, name), environ)


def _make(kind: str) -> Make:
    """Load how a kind is made: what it needs takes a second, and most commands adopt nothing."""
    module, _, function = KINDS[kind].partition(":")
    make: Make = getattr(import_module(module), function)
    return make


#: Where each kind is made.
KINDS: Mapping[str, str] = {
    "mcp": "mcpmesh.adopt.mcp_kind:mcp_servers",
    "grpc": "mcpmesh.adopt.grpc_kind:grpc_services",
    "openapi": "mcpmesh.adopt.openapi_kind:openapi_services",
    "container": "mcpmesh.adopt.container_kind:tool_containers",
}
