"""What changes in the mesh's lists, for clients that want to hear of it.

Each is told of what its view has: that others have a tool is none of its business. Clients with
the same view are looked at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from mcpmesh.bridge.digests import Change, Digests
from mcpmesh.bridge.view import View
from mcpmesh.codec.mcp_entry import Listed, listed_in
from mcpmesh.stack.mesh import Mesh
from mcpmesh.v1 import tool_pb2

#: Units: seconds in which changes come together: replicas of a tool seldom come alone.
GATHERING = 0.05


class Watcher:
    """What one client has yet to hear: which lists changed, and which resources.

    `view` is what it lists; None is everything.
    """

    def __init__(self, view: View | None = None) -> None:
        self.view = view
        self._lists: set[Listed] = set()
        self._uris: set[str] = set()
        self._news = asyncio.Event()
        self._over = False

    def tell(self, lists: set[Listed], uris: set[str]) -> None:
        """Add what changed."""
        self._lists |= lists
        self._uris |= uris
        self._news.set()

    def end(self) -> None:
        """Let the client know that nothing more comes."""
        self._over = True
        self._news.set()

    async def next(self) -> tuple[set[Listed], set[str]] | None:
        """Wait, and return all that changed since the last time; None at the end."""
        await self._news.wait()
        if self._over:
            return None
        self._news.clear()
        lists, self._lists = self._lists, set()
        uris, self._uris = self._uris, set()
        return lists, uris


class Changes:
    """Compares the mesh's lists for as long as somebody watches them."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._watchers: set[Watcher] = set()
        self._seen: dict[str, tool_pb2.Tool] = {}
        self._due: asyncio.TimerHandle | None = None
        self._stop: Callable[[], None] | None = None
        self._over = False
        self._digests = Digests()

    def __len__(self) -> int:
        return len(self._watchers)

    @contextmanager
    def watch(self, view: View | None = None) -> Iterator[Watcher]:
        """Watch what a view has, from now on."""
        watcher = Watcher(view)
        if self._over:
            watcher.end()
        if not self._watchers:
            self._seen = self._newest()
            self._stop = self._mesh.listen(self._changed)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._rest()

    def digests(self, view: View | None = None) -> Mapping[str, str]:
        """Return a short text for each list of a view, which differs when the list does."""
        return self._digests.of(self._seen.values(), view)

    def end(self) -> None:
        """End every watch, now and later: the bridge goes down."""
        self._over = True
        for watcher in self._watchers:
            watcher.end()

    def _rest(self) -> None:
        if self._stop is not None:
            self._stop()
        if self._due is not None:
            self._due.cancel()
        self._stop = self._due = None
        self._seen = {}
        self._digests.clear()

    def _changed(self) -> None:
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(GATHERING, self._compare)

    def _compare(self) -> None:
        self._due = None
        before, after = self._seen, self._newest()
        self._seen = after
        pairs = ((before.get(name), after.get(name)) for name in before.keys() | after.keys())
        changes = [(old, new) for old, new in pairs if old != new]
        if not changes:
            return
        self._digests.take(changes)
        news: dict[View | None, tuple[set[Listed], set[str]]] = {}
        for watcher in self._watchers:
            view = watcher.view
            told = news.get(view)
            if told is None:
                told = news[view] = news_of(changes, view)
            if any(told):
                watcher.tell(*told)

    def _newest(self) -> dict[str, tool_pb2.Tool]:
        newest: dict[str, tool_pb2.Tool] = {}
        for status in self._mesh.tools().tools:
            newest.setdefault(status.tool.name, status.tool)
        return newest


def news_of(changes: Iterable[Change], view: View | None) -> tuple[set[Listed], set[str]]:
    """Return which lists of a view changed, and the URIs of resources that it may hear of.

    What a view does not list may be subscribed to all the same, unless it may not be called.
    """
    lists: set[Listed] = set()
    uris: set[str] = set()
    for old, new in changes:
        for tool in (old, new):
            if tool is not None and (view is None or view.lists(tool)):
                lists.add(listed_in(tool))
        entry = new if new is not None else old
        if entry is None or not entry.HasField("resource"):
            continue
        if view is None or view.knows(entry.name):
            uris.add(entry.resource.uri)
    return lists, uris
