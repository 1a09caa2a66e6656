"""Brings replicas that do not register themselves into the registry.

With names from the configuration they are registered at once, as tools without a schema. Without,
the replica's own DiscoveryService is asked until it answers, and now and then again: what it says
last is what the mesh shows, also while it is out of reach (its connection takes it out of
rotation).
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
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.backoff import Backoff
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


class StaticSource:
    """Registers the configured replicas while `run` runs.

    `channel_for` opens a gRPC channel (of grpc.aio or rpc) to an endpoint.
    """

    def __init__(
        self,
        registry: StaticRegistry,
        replicas: Sequence[StaticReplica],
        channel_for: Callable[[str], Any],
        rng: Random,
        *,
        backoff: Backoff | None = None,
        poll_interval: float = POLL_INTERVAL,
    ) -> None:
        self._registry = registry
        self._replicas = tuple(replicas)
        self._channel_for = channel_for
        self._rng = rng
        self._backoff = backoff or Backoff()
        self._poll_interval = poll_interval
        self._again = {each.id: asyncio.Event() for each in replicas if not each.tools}

    def __repr__(self) -> str:
        return f"StaticSource({len(self._replicas)} replicas, {len(self._again)} asked)"

    def reconnected(self, replica_id: str) -> None:
        """Ask a replica again now: it may have been restarted with other tools."""
        if replica_id in self._again:
            self._again[replica_id].set()

    async def run(self) -> None:
        """Register what is named, ask the others, until cancelled."""
        for each in self._replicas:
            if each.tools:
                self._add(each, [Tool(name) for name in each.tool_names])
        async with asyncio.TaskGroup() as asking:
            for each in self._replicas:
                if not each.tools:
                    asking.create_task(self._keep_asking(each), name=f"ask {each.endpoint}")

    async def _keep_asking(self, replica: StaticReplica) -> None:
        channel = self._channel_for(replica.endpoint)
        failures = 0
        try:
            while True:
                again = self._again[replica.id]
                again.clear()
                try:
                    self._add(replica, await _tools_of(channel))
                    failures, wait = 0, self._poll_interval
                except (grpc.RpcError, MeshError) as error:
                    failures += 1
                    wait = self._backoff.wait(failures, self._rng)
                    _log_failure(replica, failures, error)
                await _wait(again, wait)
        finally:
            await channel.close()

    def _add(self, replica: StaticReplica, tools: Sequence[Tool]) -> None:
        self._registry.add_static(
            Replica(replica.id, replica.endpoint, services=replica.services), tools
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
            discovery_pb2.ListToolsRequest(page_size=1000, page_token=token, all_versions=True),
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
