"""Warns of settings that do nothing for the tool they are for."""

import logging

from mcpmesh.model.catalog import Catalog
from mcpmesh.policy.effect import without_effect
from mcpmesh.policy.tool_policy import ToolPolicies

_log = logging.getLogger("mcpmesh.router")


class PolicyCheck:
    """Follows the catalog: only when a tool is there can its settings be held against it.

    What is said of all tools is not: it is for those that it fits. Each tool is warned of once,
    until what is wrong changes, or it goes.
    """

    def __init__(self, policies: ToolPolicies) -> None:
        self._policies = policies
        self._told: dict[str, list[str]] = {}

    def on_catalog(self, catalog: Catalog, changed: frozenset[str]) -> None:
        """Look at what changed."""
        for name in changed:
            found = self._found(catalog, name)
            if found and found != self._told.get(name):
                _log.warning("settings of %s: %s", name, "; ".join(found))
            if found:
                self._told[name] = found
            else:
                self._told.pop(name, None)

    def _found(self, catalog: Catalog, name: str) -> list[str]:
        for cluster in catalog.clusters.get(name, ()):
            tool = cluster.tool
            if not tool.policy and name not in self._policies.tables:
                continue
            # Of several versions, the newest that something is wrong with stands for all.
            if found := without_effect(tool, self._policies.said_of(tool)):
                return found
        return []
