"""The list of tools, kept up to date from the events of WatchTools."""

from mcpmesh.stack.mesh import ToolList
from mcpmesh.v1 import discovery_pb2

_NOTHING = ToolList("", ())


class WatchedTools:
    """Every version of every tool that a watcher heard of."""

    def __init__(self) -> None:
        self._versions: dict[str, list[discovery_pb2.ToolStatus]] = {}
        self._changes = 0
        self._list: ToolList | None = _NOTHING

    def __len__(self) -> int:
        return len(self._versions)

    def take(self, event: discovery_pb2.CatalogEvent) -> bool:
        """Apply an event; False when the watcher must start over."""
        kind = event.WhichOneof("change")
        if kind == "resync":
            return False
        if kind == "snapshot":
            self._versions = {}
            for status in event.snapshot.tools:
                self._versions.setdefault(status.tool.name, []).append(status)
        elif self._list is _NOTHING:
            return False  # a change of what we never heard of
        elif kind == "updated":
            self._update(event.updated)
        elif kind == "removed":
            self._remove(event.removed)
        self._changes += 1
        self._list = None
        return True

    def _update(self, status: discovery_pb2.ToolStatus) -> None:
        """Replace a version in its place; one not seen before is the newest."""
        versions = self._versions.setdefault(status.tool.name, [])
        for place, known in enumerate(versions):
            if known.tool.version == status.tool.version:
                versions[place] = status
                return
        versions.insert(0, status)

    def _remove(self, removed: discovery_pb2.ToolRemoved) -> None:
        versions = self._versions.get(removed.name, [])
        left = [known for known in versions if known.tool.version != removed.version]
        if left:
            self._versions[removed.name] = left
        else:
            self._versions.pop(removed.name, None)

    def tools(self) -> ToolList:
        """Return the list; its cursor counts our own changes.

        Not the server's cursor: a router that restarts may give the same one again.
        """
        if self._list is None:
            ordered = sorted(self._versions.items())
            tools = tuple(status for _, versions in ordered for status in versions)
            self._list = ToolList(f"w{self._changes}", tools)
        return self._list
