"""Brings replicas that do not register themselves into the registry.

The configuration, and the file that it names, list endpoints. Some are the address of a replica,
others a name for many, which a source of its own looks up: dns:/// stands for a replica at each
address of the name, as it is resolved, srv:/// for one at each target of its SRV records, and
kubernetes:/// for one at each endpoint of a service.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from random import Random
from typing import Any

from mcpmesh.config import StaticReplica
from mcpmesh.model.replica import Replica
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router.found_replicas import FoundReplicas
from mcpmesh.router.kept_replica import POLL_INTERVAL, Asking, StaticRegistry
from mcpmesh.router.name_source import NameSource
from mcpmesh.router.optional_source import OptionalSource
from mcpmesh.router.replica_source import Found, ReplicaSource, Tell
from mcpmesh.router.replicas_file import ReplicasFile
from mcpmesh.transport.names import Resolve, resolve

_log = logging.getLogger(__name__)
#: Waits before a source that failed in a way nobody foresaw starts again.
_RESTARTS = Backoff(first=1.0, factor=2.0, longest=60.0)


class StaticSource:
    """Registers the replicas that the configuration tells of, while `run` runs.

    `channel_for` opens a gRPC channel to a replica; `file` lists more of them.
    """

    def __init__(
        self,
        registry: StaticRegistry,
        replicas: Sequence[StaticReplica],
        channel_for: Callable[[Replica], Any],
        rng: Random,
        *,
        file: str = "",
        backoff: Backoff | None = None,
        poll_interval: float = POLL_INTERVAL,
        resolve: Resolve = resolve,
    ) -> None:
        """Prepare to look.

        Raises: InvalidSetting for a source that lacks its library.
        """
        self._replicas = tuple(replicas)
        self._file = ReplicasFile(Path(file), self._take_file) if file else None
        self._rng = rng
        self._resolve = resolve
        for each in replicas:
            if each.scheme:
                self._source_of(each)
        self._tasks: asyncio.TaskGroup | None = None
        asking = Asking(channel_for, rng, backoff or Backoff(), poll_interval)
        self._found = FoundReplicas(registry, asking, self._spawn)
        # An endpoint that stands for many, as it is written → who looks it up.
        self._sources: dict[str, tuple[ReplicaSource, asyncio.Task[None]]] = {}

    def __repr__(self) -> str:
        return f"StaticSource({len(self._sources)} sources, {self._found})"

    def reconnected(self, replica_id: str) -> None:
        """Ask a replica again now: it may have been restarted with other tools."""
        self._found.reconnected(replica_id)

    def lost(self, replica_id: str) -> None:
        """Look up the name again that a replica comes from: it may have moved."""
        self._found.lost(replica_id)

    async def run(self) -> None:
        """Register what is named, look up the rest, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._want(self._replicas)
            if self._file is not None:
                self._spawn(self._file.run(), f"read {self._file}")

    def _take_file(self, replicas: Sequence[StaticReplica]) -> None:
        self._want((*self._replicas, *replicas))

    def _want(self, replicas: Sequence[StaticReplica]) -> None:
        """Have just these replicas looked up and kept.

        Raises: InvalidSetting, before anything is changed, for a source that lacks its library.
        """
        wanted = {str(each): each for each in replicas if each.scheme}
        fresh = {
            text: self._source_of(each)
            for text, each in wanted.items()
            if text not in self._sources
        }
        self._found.tell(None, [Found.configured(each) for each in replicas if not each.scheme])
        for gone in self._sources.keys() - wanted.keys():
            source, task = self._sources.pop(gone)
            task.cancel()
            self._found.forget(source)
        for text, source in fresh.items():
            task = self._spawn(self._keep(source, text), f"look up {text}")
            self._sources[text] = source, task

    def _source_of(self, name: StaticReplica) -> ReplicaSource:
        if name.scheme == "dns":
            return NameSource(name, self._rng, self._resolve)
        return OptionalSource(name, self._rng)

    async def _keep(self, source: ReplicaSource, text: str) -> None:
        """Run a source, and again when it fails: one may not take the others along."""
        failures = 0
        tell: Tell = lambda found: self._found.tell(source, found)  # noqa: E731
        while True:
            try:
                await source.run(tell)
            except Exception as error:  # whatever the library below it did not foresee
                _log.error("discovery of %s failed: %s: %s", text, type(error).__name__, error)
                _log.debug("discovery of %s failed", text, exc_info=error)
            failures += 1
            await asyncio.sleep(_RESTARTS.wait(failures, self._rng))

    def _spawn(self, running: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        assert self._tasks is not None
        return self._tasks.create_task(running, name=name)
