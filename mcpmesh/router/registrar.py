"""Serves RegistryService from the registry of this process."""

from collections.abc import AsyncIterator, Callable

from grpc.aio import ServicerContext

from mcpmesh.codec.tool import (
    duration,
    replica_from_message,
    seconds,
    tool_from_message,
    tool_to_message,
)
from mcpmesh.dispatch.registry_messages import EPOCH_KEY, change_to_message, snapshot_messages
from mcpmesh.errors import PermissionDenied
from mcpmesh.model.principal import principal_of
from mcpmesh.policy.access import Access
from mcpmesh.router.peer_address import complete_endpoint
from mcpmesh.router.refusal import Refusing
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.rpc.context import Context
from mcpmesh.v1 import registry_pb2, registry_pb2_grpc


class Registrar(registry_pb2_grpc.RegistryServiceServicer):
    """RegistryService: replicas join, stay and leave; followers see it all."""

    def __init__(
        self,
        keeper: RegistryKeeper,
        clock: Callable[[], float],
        access: Access | None = None,
    ) -> None:
        """Serve; with the rules of `access`, the whole registry is for who may call everything."""
        self._access = access or Access()
        self._keeper = keeper
        self._clock = clock

    async def Register(
        self, request: registry_pb2.RegisterRequest, context: ServicerContext
    ) -> registry_pb2.RegisterResponse:
        """Add a replica and its tools, or replace what it registered before."""
        async with Refusing(context, "Register"):
            complete_replica(request, context.peer())
            replica = replica_from_message(request.replica)
            tools = [tool_from_message(tool) for tool in request.tools]
            ttl = seconds(request.ttl) if request.HasField("ttl") else None
            lease, kept = self._keeper.register(replica, tools, ttl)
            return registry_pb2.RegisterResponse(
                lease_id=lease.id,
                ttl=duration(lease.ttl),
                tools=[tool_to_message(tool) for tool in kept],
            )

    async def Renew(
        self, request: registry_pb2.RenewRequest, context: ServicerContext
    ) -> registry_pb2.RenewResponse:
        """Keep a lease alive."""
        async with Refusing(context, "Renew"):
            lease = self._keeper.renew(request.lease_id)
            return registry_pb2.RenewResponse(ttl=duration(lease.ttl))

    async def Drain(
        self, request: registry_pb2.DrainRequest, context: ServicerContext
    ) -> registry_pb2.DrainResponse:
        """Let a replica take no new calls."""
        async with Refusing(context, "Drain"):
            self._keeper.drain(request.lease_id)
            return registry_pb2.DrainResponse()

    async def Deregister(
        self, request: registry_pb2.DeregisterRequest, context: ServicerContext
    ) -> registry_pb2.DeregisterResponse:
        """End a lease at once."""
        async with Refusing(context, "Deregister"):
            self._keeper.deregister(request.lease_id)
            return registry_pb2.DeregisterResponse()

    async def WatchRegistry(
        self, request: registry_pb2.WatchRegistryRequest, context: ServicerContext
    ) -> AsyncIterator[registry_pb2.RegistryEvent]:
        """Give the whole registry, then every change.

        Status: RESOURCE_EXHAUSTED for a follower that is too far behind; it watches again.
        PERMISSION_DENIED for who may not call every tool: it tells how to call them without us.
        """
        async with Refusing(context, "WatchRegistry"):
            self._check_may_follow(context)
            with self._keeper.follow(context.peer()) as changes:
                version, now = self._keeper.version, self._clock()
                registrations = self._keeper.registrations()
                await context.send_initial_metadata(((EPOCH_KEY, self._keeper.epoch),))
                for event in snapshot_messages(version, registrations, now):
                    yield event
                while True:
                    yield change_to_message(await changes.take(), self._clock())

    def _check_may_follow(self, context: ServicerContext) -> None:
        if self._access.is_open:
            return
        assert isinstance(context, Context)
        principal = principal_of(context.identity())
        if not self._access.scope(principal).is_all:
            raise PermissionDenied(
                "the registry is for callers that may call every tool: who has it calls replicas "
                "without this router's rules; call through the router"
            )


def complete_replica(request: registry_pb2.RegisterRequest, peer: str) -> None:
    """Fill the host of the replica's endpoint from the caller's address, in place.

    Raises: InvalidCall for a malformed endpoint.
    """
    if request.replica.endpoint:
        request.replica.endpoint = complete_endpoint(request.replica.endpoint, peer)
