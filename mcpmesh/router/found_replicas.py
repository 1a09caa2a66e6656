"""What all sources found, made true in the registry.

A replica that several sources found stands once, as the first of them sees it, and stays until
the last one lets go of it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from mcpmesh.router.kept_replica import Asking, KeptReplica, StaticRegistry
from mcpmesh.router.replica_source import Found, ReplicaSource

#: Starts something that runs until it is cancelled.
Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class FoundReplicas:
    """Keeps the replicas that sources tell of in the registry."""

    def __init__(self, registry: StaticRegistry, asking: Asking, spawn: Spawn) -> None:
        self._registry = registry
        self._asking = asking
        self._spawn = spawn
        # Replica id → who found it, the first one first, and as what.
        self._claims: dict[str, dict[ReplicaSource | None, Found]] = {}
        self._told: dict[ReplicaSource | None, frozenset[str]] = {}
        self._kept: dict[str, tuple[KeptReplica, asyncio.Task[None]]] = {}

    def __repr__(self) -> str:
        return f"<FoundReplicas {len(self._kept)} of {len(self._told)} sources>"

    def tell(self, source: ReplicaSource | None, found: Iterable[Found]) -> None:
        """Take all that a source knows of now; None stands for what is named outright."""
        now = {each.replica.id: each for each in found}
        before = self._told.get(source, frozenset())
        self._told[source] = frozenset(now)
        for replica_id in sorted(before - now.keys()):
            self._claims[replica_id].pop(source)
            self._settle(replica_id)
        for replica_id, each in now.items():
            self._claims.setdefault(replica_id, {})[source] = each
            self._settle(replica_id)

    def forget(self, source: ReplicaSource) -> None:
        """Let go of all that a source knew of."""
        self.tell(source, ())
        del self._told[source]

    def reconnected(self, replica_id: str) -> None:
        """Ask a replica again now: it may have been restarted with other tools."""
        if replica_id in self._kept:
            self._kept[replica_id][0].again()

    def lost(self, replica_id: str) -> None:
        """Have its sources look again: a replica may have moved."""
        for source in self._claims.get(replica_id, ()):
            if source is not None:
                source.again()

    def _settle(self, replica_id: str) -> None:
        """Make the registry say of a replica what its sources say."""
        kept, task = self._kept.get(replica_id, (None, None))
        claims = self._claims[replica_id]
        if not claims:
            del self._claims[replica_id]
            self._stop(replica_id)
            self._registry.remove_static(replica_id)
            return
        found = next(iter(claims.values()))
        if kept is not None and kept.takes(found):
            kept.become(found)
            return
        if task is not None:
            self._stop(replica_id)
        fresh = KeptReplica(self._registry, found, self._asking, self.lost)
        self._kept[replica_id] = fresh, self._spawn(fresh.run(), f"keep {found.replica}")

    def _stop(self, replica_id: str) -> None:
        _, task = self._kept.pop(replica_id)
        task.cancel()
