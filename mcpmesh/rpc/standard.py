"""What every mcpmesh server serves beside its own services: health and reflection.

The messages and servicers are the official ones, so `grpcurl list` and Kubernetes probes work.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from mcpmesh.rpc.server import Server

_Status = health_pb2.HealthCheckResponse


class _Health(health.aio.HealthServicer):  # type: ignore[misc]  # grpc has no types
    """The official servicer, but its watches end when the server drains.

    A watch that went on would keep the drain waiting for its whole grace.
    """

    def __init__(self, services: Sequence[str]) -> None:
        super().__init__()
        self._services = services
        self._draining = asyncio.Event()

    async def Watch(self, request: Any, context: Any) -> None:
        """Say the status, and NOT_SERVING once the server drains; then end."""
        known = request.service in self._services
        if not self._draining.is_set():
            now = _Status.SERVING if known else _Status.SERVICE_UNKNOWN
            await context.write(_Status(status=now))
            await self._draining.wait()
        if known:
            await context.write(_Status(status=_Status.NOT_SERVING))

    async def enter_graceful_shutdown(self) -> None:
        """Say NOT_SERVING from now on, and end the watches."""
        await super().enter_graceful_shutdown()
        self._draining.set()


class StandardServices:
    """Health of a server and its services, and reflection of them."""

    def __init__(self, server: Server, services: Sequence[str]) -> None:
        self._services = ("", *services)
        self._health = _Health(self._services)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            reflection.aio.ReflectionServicer(service_names=names), server
        )

    def __repr__(self) -> str:
        return f"<StandardServices {', '.join(filter(None, self._services))}>"

    async def serving(self) -> None:
        """Say SERVING for the server and each of its services."""
        for service in self._services:
            await self._health.set(service, _Status.SERVING)

    async def draining(self) -> None:
        """Say NOT_SERVING from now on."""
        await self._health.enter_graceful_shutdown()
