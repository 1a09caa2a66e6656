"""What changes in the mesh's lists, for clients that want to hear of it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256

from mcpmesh.codec.mcp_entry import LISTED, Listed, listed_in
from mcpmesh.stack.mesh import Mesh
from mcpmesh.v1 import tool_pb2

#: Units: seconds in which changes come together: replicas of a tool seldom come alone.
GATHERING = 0.05


class Watcher:
    """What one client has yet to hear: which lists changed, and which resources."""

    def __init__(self) -> None:
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
        self._digests: Mapping[str, str] | None = None

    def __len__(self) -> int:
        return len(self._watchers)

    @contextmanager
    def watch(self) -> Iterator[Watcher]:
        """Watch from now on."""
        watcher = Watcher()
        if self._over:
            watcher.end()
        if not self._watchers:
            self._seen = self._newest()
            self._digests = None
            self._stop = self._mesh.listen(self._changed)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._rest()

    def digests(self) -> Mapping[str, str]:
        """Return a short text for each list, which differs when the list does."""
        if self._digests is None:
            hashes = {listed: sha256() for listed in LISTED}
            for name in sorted(self._seen):
                tool = self._seen[name]
                hashes[listed_in(tool)].update(tool.SerializeToString(deterministic=True))
            self._digests = {listed: each.hexdigest()[:16] for listed, each in hashes.items()}
        return self._digests

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
        self._digests = None

    def _changed(self) -> None:
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(GATHERING, self._compare)

    def _compare(self) -> None:
        self._due = None
        before, after = self._seen, self._newest()
        self._seen = after
        lists: set[Listed] = set()
        uris: set[str] = set()
        for name in before.keys() | after.keys():
            old, new = before.get(name), after.get(name)
            if old == new:
                continue
            lists |= {listed_in(tool) for tool in (old, new) if tool is not None}
            entry = new if new is not None else old
            if entry is not None and entry.HasField("resource"):
                uris.add(entry.resource.uri)
        if lists:
            self._digests = None
            for watcher in self._watchers:
                watcher.tell(lists, uris)

    def _newest(self) -> dict[str, tool_pb2.Tool]:
        newest: dict[str, tool_pb2.Tool] = {}
        for status in self._mesh.tools().tools:
            newest.setdefault(status.tool.name, status.tool)
        return newest
