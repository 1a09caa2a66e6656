"""Warns of declared fallbacks that do not take the arguments of the tool they stand in for."""

import logging
from collections.abc import Callable

from mcpmesh.balance.balancer import Routes
from mcpmesh.model.catalog import Catalog
from mcpmesh.model.tool import Tool
from mcpmesh.policy.schema_fit import misfits

_log = logging.getLogger("mcpmesh.router")


class FallbackCheck:
    """Follows the catalog, after the routes have been built of it.

    Each pair of tools is warned of once, until one of the two changes. Calls go to such a fallback
    all the same: the arguments of many may fit.
    """

    def __init__(self, routes: Callable[[], Routes]) -> None:
        self._routes = routes
        #: Who has a fallback: the tool's name → the fallback's name and version.
        self._declared: dict[str, tuple[str, str]] = {}
        self._told: dict[str, tuple[Tool, Tool]] = {}

    def on_catalog(self, _catalog: Catalog, changed: frozenset[str]) -> None:
        """Look at what changed."""
        routes = self._routes()
        for name in changed:
            route = routes.find(name)
            fallback = route.policy.fallback if route is not None else None
            if fallback is None:
                self._declared.pop(name, None)
                self._told.pop(name, None)
            else:
                self._declared[name] = (fallback.tool or name, fallback.version)
        for name, (other, version) in self._declared.items():
            if name in changed or other in changed:
                self._check(routes, name, other, version)

    def _check(self, routes: Routes, name: str, other: str, version: str) -> None:
        route, stand_in = routes.find(name), routes.find(other, version)
        if route is None or stand_in is None:
            return
        tool, instead = route.cluster.tool, stand_in.cluster.tool
        if self._told.get(name) == (tool, instead):
            return
        self._told[name] = tool, instead
        found = [
            *(
                f"of its arguments, {each}"
                for each in misfits(tool.input_schema, instead.input_schema)
            ),
            *(
                f"of its result, {each}"
                for each in misfits(instead.output_schema, tool.output_schema)
            ),
        ]
        if found:
            _log.warning(
                "%s@%s is to stand in for %s@%s, and does not fit: %s; calls that it refuses fail",
                instead.name, instead.version, tool.name, tool.version, "; ".join(found),
            )  # fmt: skip
