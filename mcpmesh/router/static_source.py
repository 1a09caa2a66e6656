"""Brings replicas that do not register themselves into the registry.

With names from the configuration they are registered at once, as tools without a schema. Without,
the replica's own DiscoveryService is asked until it answers, and now and then again: what it says
last is what the mesh shows, also while it is out of reach (its connection takes it out of
rotation). A dns:/// endpoint stands for a replica at each address of the name, as it is resolved.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Any, Protocol

import grpc

from mcpmesh.codec.tool import tool_from_message
from mcpmesh.config.router import StaticReplica
from mcpmesh.discovery.registry import MAX_TOOLS
from mcpmesh.errors import InvalidCall, MeshError
from mcpmesh.model.address import Address
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.backoff import Backoff
from mcpmesh.transport.names import NameWatch, Resolve, resolve
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc

_log = logging.getLogger(__name__)

POLL_INTERVAL = 30.0
#: A question that takes longer has failed.
ASK_TIMEOUT = 5.0


class StaticRegistry(Protocol):
    """Where configured replicas go; RegistryKeeper is one."""

    def add_static(self, replica: Replica, tools: Sequence[Tool]) -> None:
        """Add or replace a configured replica."""
        ...

    def remove_static(self, replica_id: str) -> None:
        """Drop a configured replica."""
        ...


class StaticSource:
    """Registers the configured replicas while `run` runs.

    `channel_for` opens a gRPC channel to a replica.
    """

    def __init__(
        self,
        registry: StaticRegistry,
        replicas: Sequence[StaticReplica],
        channel_for: Callable[[StaticReplica], Any],
        rng: Random,
        *,
        backoff: Backoff | None = None,
        poll_interval: float = POLL_INTERVAL,
        resolve: Resolve = resolve,
    ) -> None:
        self._registry = registry
        self._replicas = tuple(replicas)
        self._channel_for = channel_for
        self._rng = rng
        self._backoff = backoff or Backoff()
        self._poll_interval = poll_interval
        self._resolve = resolve
        # Replica id → who asks it for its tools, and who looks up the name that it comes from.
        self._again: dict[str, asyncio.Event] = {}
        self._names: dict[str, NameWatch] = {}

    def __repr__(self) -> str:
        return f"StaticSource({len(self._replicas)} replicas, {len(self._again)} asked)"

    def reconnected(self, replica_id: str) -> None:
        """Ask a replica again now: it may have been restarted with other tools."""
        if replica_id in self._again:
            self._again[replica_id].set()

    def lost(self, replica_id: str) -> None:
        """Look up the name again that a replica comes from: it may have moved."""
        if replica_id in self._names:
            self._names[replica_id].again()

    async def run(self) -> None:
        """Register what is named, ask the others, until cancelled."""
        async with asyncio.TaskGroup() as keeping:
            for each in self._replicas:
                keep = self._follow if each.address.scheme == "dns" else self._keep
                keeping.create_task(keep(each), name=f"keep {each.endpoint}")

    async def _follow(self, name: StaticReplica) -> None:
        """Keep a replica at each address of a name."""
        kept: dict[StaticReplica, asyncio.Task[None]] = {}

        def found(addresses: tuple[Address, ...]) -> None:
            replicas = {name.at(address) for address in addresses}
            for gone in kept.keys() - replicas:
                kept.pop(gone).cancel()
                self._names.pop(gone.id, None)
                self._registry.remove_static(gone.id)
            for new in replicas - kept.keys():
                self._names[new.id] = watch
                kept[new] = keeping.create_task(self._keep(new), name=f"keep {new.endpoint}")

        watch = NameWatch(name.address, found, resolve=self._resolve, rng=self._rng)
        async with asyncio.TaskGroup() as keeping:
            await watch.run()

    async def _keep(self, replica: StaticReplica) -> None:
        if not replica.tools:
            await self._keep_asking(replica)
            return
        try:
            self._add(replica, [Tool(name) for name in replica.tool_names])
        except MeshError as error:
            _log.warning("static replica %s is left out: %s", replica.endpoint, error.message)

    async def _keep_asking(self, replica: StaticReplica) -> None:
        channel = self._channel_for(replica)
        again = self._again[replica.id] = asyncio.Event()
        failures = 0
        try:
            while True:
                again.clear()
                try:
                    self._add(replica, await _tools_of(channel))
                    failures, wait = 0, self._poll_interval
                except (grpc.RpcError, MeshError) as error:
                    failures += 1
                    wait = self._backoff.wait(failures, self._rng)
                    _log_failure(replica, failures, error)
                    self.lost(replica.id)
                await _wait(again, wait)
        finally:
            self._again.pop(replica.id, None)
            await channel.close()

    def _add(self, replica: StaticReplica, tools: Sequence[Tool]) -> None:
        self._registry.add_static(
            Replica(
                replica.id,
                replica.endpoint,
                services=replica.services,
                server_name=replica.server_name,
            ),
            tools,
        )


async def _tools_of(channel: Any) -> list[Tool]:
    """Ask a replica for all its tools.

    Raises: InvalidCall for a tool that is malformed, none, or too many.
    """
    stub = discovery_pb2_grpc.DiscoveryServiceStub(channel)  # type: ignore[no-untyped-call]
    tools = [tool async for tool in _listed(stub)]
    if not tools:
        raise InvalidCall("it lists no tools")
    return tools


async def _listed(stub: discovery_pb2_grpc.DiscoveryServiceStub) -> AsyncIterator[Tool]:
    token, listed = "", 0
    while True:
        page = await stub.ListTools(
            discovery_pb2.ListToolsRequest(
                page_size=1000, page_token=token, all_versions=True, kind="*"
            ),
            timeout=ASK_TIMEOUT,
        )
        listed += len(page.tools)
        if listed > MAX_TOOLS:
            raise InvalidCall(f"it lists more than {MAX_TOOLS} tools")
        for status in page.tools:
            yield tool_from_message(status.tool)
        token = page.next_page_token
        if not token or not page.tools:
            return


def _log_failure(replica: StaticReplica, failures: int, error: Exception) -> None:
    # Once per outage as a warning: a replica may stay away for days.
    level = logging.WARNING if failures == 1 else logging.DEBUG
    if isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.UNIMPLEMENTED:
        reason = f"it has no DiscoveryService; name its tools: {replica.endpoint}=TOOL,TOOL"
    else:
        reason = str(error)
    _log.log(level, "static replica %s: cannot learn its tools: %s", replica.endpoint, reason)


async def _wait(event: asyncio.Event, wait: float) -> None:
    try:
        async with asyncio.timeout(wait):
            await event.wait()
    except TimeoutError:
        pass
