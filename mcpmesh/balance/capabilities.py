"""Which tools provide which capability: follows the catalog, tool by tool."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mcpmesh.balance.chooser import Chooser
from mcpmesh.model.catalog import Catalog
from mcpmesh.policy.choosing import Choosings


@dataclass(frozen=True, slots=True)
class Provided:
    """A capability: the tools in the catalog that provide it, by name, and what is known of them.

    `chooser` is the same object as long as the capability is there.
    """

    name: str
    tools: tuple[str, ...]
    chooser: Chooser


class Capabilities:
    """The capabilities of the catalog.

    A tool's newest version says what it provides. The operator's word goes before: a capability
    whose tools are configured is provided by these alone. A tool may be in several.
    """

    def __init__(self, settings: Choosings | None = None) -> None:
        self._settings = settings or Choosings()
        self._named = self._settings.named()
        self._named_of: dict[str, list[str]] = {}
        for capability, tools in self._named.items():
            for tool in tools:
                self._named_of.setdefault(tool, []).append(capability)
        #: Tool → what it provides.
        self._of_tool: dict[str, frozenset[str]] = {}
        self._by_name: dict[str, Provided] = {}

    def __repr__(self) -> str:
        return f"Capabilities({sorted(self._by_name)})"

    def on_catalog(self, catalog: Catalog, changed: Iterable[str]) -> None:
        """Take a new catalog, and the names of the tools that changed in it."""
        for name in changed:
            clusters = catalog.clusters.get(name)
            fresh = self._provides(name, clusters[0].tool.capability) if clusters else frozenset()
            before = self._of_tool.get(name, frozenset())
            if fresh == before:
                continue
            if fresh:
                self._of_tool[name] = fresh
            else:
                del self._of_tool[name]
            for capability in before - fresh:
                self._put(capability, self._tools(capability) - {name})
            for capability in fresh - before:
                self._put(capability, self._tools(capability) | {name})

    def find(self, name: str) -> Provided | None:
        """Return the capability of this name."""
        return self._by_name.get(name)

    def of_tool(self, tool: str) -> tuple[Provided, ...]:
        """Return the capabilities that a tool provides."""
        return tuple(self._by_name[name] for name in sorted(self._of_tool.get(tool, ())))

    def all(self) -> Mapping[str, Provided]:
        """Return all capabilities by name."""
        return self._by_name

    def _provides(self, tool: str, declared: str) -> frozenset[str]:
        found = {*self._named_of.get(tool, ())}
        if declared and declared not in self._named:
            found.add(declared)
        return frozenset(found)

    def _tools(self, capability: str) -> set[str]:
        known = self._by_name.get(capability)
        return set(known.tools) if known else set()

    def _put(self, name: str, tools: set[str]) -> None:
        if not tools:
            del self._by_name[name]
            return
        before = self._by_name.get(name)
        chooser = before.chooser if before else Chooser(self._settings.of(name))
        ordered = tuple(sorted(tools))
        chooser.keep(ordered)
        self._by_name[name] = Provided(name, ordered, chooser)
