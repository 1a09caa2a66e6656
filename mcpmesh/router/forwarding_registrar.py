"""Serves RegistryService in a process that does not own the registry: it asks the one that does."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from grpc.aio import ServicerContext

from mcpmesh.codec.status import error_of
from mcpmesh.router.refusal import Refusing
from mcpmesh.router.registrar import complete_replica
from mcpmesh.v1 import registry_pb2, registry_pb2_grpc

Answer = TypeVar("Answer")


class ForwardingRegistrar(registry_pb2_grpc.RegistryServiceServicer):
    """RegistryService: forwards to the parent, but for what only this process can see.

    That is the address a registration came from. WatchRegistry is not forwarded: who follows,
    follows the parent.
    """

    def __init__(self, parent: registry_pb2_grpc.RegistryServiceStub) -> None:
        self._parent = parent

    async def Register(
        self, request: registry_pb2.RegisterRequest, context: ServicerContext
    ) -> registry_pb2.RegisterResponse:
        """Add a replica and its tools, or replace what it registered before."""
        async with Refusing(context, "Register"):
            complete_replica(request, context.peer())
            return await _forwarded(self._parent.Register, request, context)

    async def Renew(
        self, request: registry_pb2.RenewRequest, context: ServicerContext
    ) -> registry_pb2.RenewResponse:
        """Keep a lease alive."""
        async with Refusing(context, "Renew"):
            return await _forwarded(self._parent.Renew, request, context)

    async def Drain(
        self, request: registry_pb2.DrainRequest, context: ServicerContext
    ) -> registry_pb2.DrainResponse:
        """Let a replica take no new calls."""
        async with Refusing(context, "Drain"):
            return await _forwarded(self._parent.Drain, request, context)

    async def Deregister(
        self, request: registry_pb2.DeregisterRequest, context: ServicerContext
    ) -> registry_pb2.DeregisterResponse:
        """End a lease at once."""
        async with Refusing(context, "Deregister"):
            return await _forwarded(self._parent.Deregister, request, context)


async def _forwarded(
    method: Callable[..., Awaitable[Answer]], request: object, context: ServicerContext
) -> Answer:
    """Ask the parent within the caller's deadline; the parent's refusal is ours."""
    try:
        return await method(request, timeout=context.time_remaining())
    except grpc.RpcError as error:
        raise error_of(error.code(), error.details() or "") from error
