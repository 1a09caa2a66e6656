"""A replica that was found, kept in the registry with the tools that it has.

With names from its source it is registered at once, as tools without a schema. Without, the
replica's own DiscoveryService is asked until it answers, and now and then again: what it says last
is what the mesh shows, also while it is out of reach (its connection takes it out of rotation).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import grpc

from mcpmesh.codec.tool import tool_from_message
from mcpmesh.discovery.registry import MAX_TOOLS
from mcpmesh.errors import InvalidCall, MeshError
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router.replica_source import Found
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc

_log = logging.getLogger(__name__)

POLL_INTERVAL = 30.0
#: A question that takes longer has failed.
ASK_TIMEOUT = 5.0


class StaticRegistry(Protocol):
    """Where found replicas go; RegistryKeeper is one."""

    def add_static(self, replica: Replica, tools: Sequence[Tool], draining: bool = False) -> None:
        """Add or replace a replica."""
        ...

    def remove_static(self, replica_id: str) -> None:
        """Drop a replica."""
        ...


@dataclass(frozen=True, slots=True)
class Asking:
    """How replicas are asked for their tools; `channel_for` opens a gRPC channel to one.

    Units: `poll_interval` in seconds.
    """

    channel_for: Callable[[Replica], Any]
    rng: Random
    backoff: Backoff
    poll_interval: float


class KeptReplica:
    """Keeps one replica registered; `lost` is told when it does not answer."""

    def __init__(
        self, registry: StaticRegistry, found: Found, asking: Asking, lost: Callable[[str], None]
    ) -> None:
        self.found = found
        self._registry = registry
        self._asking = asking
        self._lost = lost
        self._again = asyncio.Event()
        self._tools: Sequence[Tool] = ()

    def __repr__(self) -> str:
        return f"<KeptReplica {self.found.replica} {len(self._tools)} tools>"

    def takes(self, found: Found) -> bool:
        """Tell whether it can become what was found without a new connection."""
        mine, other = self.found.replica, found.replica
        return (
            self.found.is_asked == found.is_asked
            and mine.endpoint == other.endpoint
            and mine.server_name == other.server_name
        )

    def become(self, found: Found) -> None:
        """Take a change of what was found."""
        if found != self.found:
            self.found = found
            self._show()

    def again(self) -> None:
        """Ask now: it may have been restarted with other tools."""
        self._again.set()

    async def run(self) -> None:
        """Register it, and ask it if it has to be asked, until cancelled."""
        if not self.found.is_asked:
            self._show()
            return
        channel = self._asking.channel_for(self.found.replica)
        failures = 0
        try:
            while True:
                self._again.clear()
                try:
                    self._tools = await _tools_of(channel)
                    failures, wait = 0, self._asking.poll_interval
                    self._show()
                except (grpc.RpcError, MeshError) as error:
                    failures += 1
                    wait = self._asking.backoff.wait(failures, self._asking.rng)
                    _log_failure(self.found.replica, failures, error)
                    self._lost(self.found.replica.id)
                await self._pause(wait)
        finally:
            await channel.close()

    def _show(self) -> None:
        found = self.found
        if found.is_asked and not self._tools:
            return
        try:
            tools = self._tools or [Tool(name) for name in found.tools]
            self._registry.add_static(found.replica, tools, found.draining)
        except MeshError as error:
            _log.warning("replica %s is left out: %s", found.replica.endpoint, error.message)

    async def _pause(self, wait: float) -> None:
        try:
            async with asyncio.timeout(wait):
                await self._again.wait()
        except TimeoutError:
            pass


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


def _log_failure(replica: Replica, failures: int, error: Exception) -> None:
    # Once per outage as a warning: a replica may stay away for days.
    level = logging.WARNING if failures == 1 else logging.DEBUG
    if isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.UNIMPLEMENTED:
        reason = f"it has no DiscoveryService; name its tools: {replica.endpoint}=TOOL,TOOL"
    else:
        reason = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
    _log.log(level, "static replica %s: cannot learn its tools: %s", replica.endpoint, reason)
