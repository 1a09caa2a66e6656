"""A tool server's lease at a router: taken, renewed, taken anew when the router forgot it.

The server never gives up: whatever happens to the router, its tools are back within half a second
of its return. A connection that breaks is news about the router, so it is asked at once and not
only when the lease is to be renewed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from random import Random
from typing import Any

import grpc

from mcpmesh.codec.tool import duration, replica_to_message, seconds, tool_to_message
from mcpmesh.errors import InvalidCall
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.backoff import Backoff
from mcpmesh.v1 import registry_pb2, registry_pb2_grpc

_LOG = logging.getLogger("mcpmesh.registration")
#: Short, so that a router that comes back soon sees everybody; jitter, so that not all at once.
BACKOFF = Backoff(first=0.05, factor=2.0, longest=0.4, jitter=0.25)
#: Longest wait for one answer of the router.
RPC_TIMEOUT = 2.0
_RENEWALS_PER_LEASE = 3


class Registration:
    """One replica's membership in the mesh of one router.

    Units: `ttl` in seconds.
    """

    def __init__(
        self,
        channel: Any,
        router: str,
        replica: Replica,
        tools: Iterable[Tool],
        *,
        ttl: float = 10.0,
        rng: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._stub: Any = registry_pb2_grpc.RegistryServiceStub(channel)  # type: ignore[no-untyped-call]
        self._channel = channel
        self._router = router
        self._replica = replica_to_message(replica)
        self._ttl = duration(ttl)
        self._request = self._request_for(tools)
        self._changed = asyncio.Event()
        self._rng = rng or Random()
        self._sleep = sleep
        self._lease = ""
        self._leaving = False
        #: The request for a lease that was made last.
        self._asking: asyncio.Task[float] | None = None
        #: Set while the router knows this replica as it is now.
        self.registered = asyncio.Event()

    def __repr__(self) -> str:
        state = "registered" if self.registered.is_set() else "not registered"
        return f"Registration({self._replica.id} at {self._router}, {state})"

    async def run(self) -> None:
        """Register, and keep the lease until cancelled; a draining replica takes no new one.

        Raises: InvalidCall when the router refuses the tools: asking again cannot help.
        """
        while not self._leaving:
            self._changed.clear()
            if self._request.tools or self._replica.services:
                await self._keep_lease(await self._persist(self._register))
            else:
                await self._end_lease()
                await self._changed.wait()

    def replace(self, tools: Iterable[Tool]) -> None:
        """Offer these tools instead; with none, leave the mesh until there are some."""
        self._request = self._request_for(tools)
        self.registered.clear()
        self._changed.set()

    async def _keep_lease(self, ttl: float) -> None:
        """Renew a lease until the router forgets it, or the tools change."""
        breaks = 0
        while ttl:
            # A little early and never in step with other replicas.
            wait = ttl / _RENEWALS_PER_LEASE * self._rng.uniform(0.9, 1.0)
            if await self._connection_broke(wait):
                # More and more slowly, for a router that answers and hangs up.
                breaks += 1
                await self._sleep(BACKOFF.wait(breaks, self._rng))
            else:
                breaks = 0
            if self._changed.is_set():
                return
            ttl = await self._persist(self._renew)

    async def _connection_broke(self, wait: float) -> bool:
        """Wait; return at once when the tools change or, and True, when the connection breaks."""
        ready = grpc.ChannelConnectivity.READY
        broke = asyncio.ensure_future(self._channel.wait_for_state_change(ready))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((broke, changed), timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over: bool = broke.done()
            broke.cancel()
            changed.cancel()
        if over:
            await broke
        return over

    async def drain(self) -> None:
        """Ask the router for no new calls; a router that does not answer is left alone."""
        self._leaving = True
        await self._answered()
        if self._lease:
            with suppress(grpc.RpcError):
                request = registry_pb2.DrainRequest(lease_id=self._lease)
                await self._stub.Drain(request, timeout=RPC_TIMEOUT)

    async def leave(self) -> None:
        """End the lease; a router that does not answer will end it by itself."""
        await self._answered()
        if self._asking is not None:
            self._asking.cancel()
        await self._end_lease()
        self.registered.clear()

    def _request_for(self, tools: Iterable[Tool]) -> registry_pb2.RegisterRequest:
        messages = [tool_to_message(tool) for tool in tools]
        return registry_pb2.RegisterRequest(replica=self._replica, tools=messages, ttl=self._ttl)

    async def _end_lease(self) -> None:
        if self._lease:
            with suppress(grpc.RpcError):
                request = registry_pb2.DeregisterRequest(lease_id=self._lease)
                await self._stub.Deregister(request, timeout=RPC_TIMEOUT)
        self._lease = ""

    async def _answered(self) -> None:
        """Wait for the answer to a request for a lease that may be at the router already.

        Else the router would send calls here for as long as the lease lasts.
        """
        asking = self._asking
        if asking is not None and self._channel.get_state() is grpc.ChannelConnectivity.READY:
            await asyncio.wait((asking,))

    async def _register(self, wait_for_ready: bool) -> float:
        """Take a lease; return its length. The request outlives whoever gives up waiting for it."""
        self._asking = asyncio.create_task(self._ask(wait_for_ready))
        return await asyncio.shield(self._asking)

    async def _ask(self, wait_for_ready: bool) -> float:
        request = self._request
        response = await self._stub.Register(
            request, timeout=RPC_TIMEOUT, wait_for_ready=wait_for_ready
        )
        self._lease = response.lease_id
        if request is self._request:
            self.registered.set()
        _LOG.info(
            "%s: registered %s at %s",
            self._replica.id,
            ", ".join(tool.name for tool in request.tools) or ", ".join(self._replica.services),
            self._router,
        )
        return seconds(response.ttl)

    async def _renew(self, wait_for_ready: bool) -> float:
        """Renew the lease; return its length, 0 when the router does not know it."""
        try:
            request = registry_pb2.RenewRequest(lease_id=self._lease)
            response = await self._stub.Renew(
                request, timeout=RPC_TIMEOUT, wait_for_ready=wait_for_ready
            )
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            self._lease = ""
            self.registered.clear()
            _LOG.info("%s: %s lost the lease", self._replica.id, self._router)
            return 0.0
        return seconds(response.ttl)

    async def _persist(self, step: Callable[[bool], Awaitable[float]]) -> float:
        """Take a step until the router answers, less and less often.

        Raises: InvalidCall when the router refuses the request itself.
        """
        failures = 0
        while True:
            try:
                # The first try says why; those after it go out as soon as there is a connection.
                return await step(failures > 0)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                    raise InvalidCall(f"{self._router} refuses: {error.details()}") from error
                # Once is a warning; a router that stays away does not fill the log.
                level = logging.DEBUG if failures else logging.WARNING
                _LOG.log(level, "%s: %s %s", self._router, error.code().name, error.details())
            failures += 1
            await self._sleep(BACKOFF.wait(failures, self._rng))
