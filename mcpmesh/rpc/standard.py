"""What every mcpmesh server serves beside its own services: health and reflection.

The messages and servicers are the official ones, so `grpcurl list` and Kubernetes probes work.
"""

from collections.abc import Sequence
from typing import Any

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from mcpmesh.rpc.server import Server

_SERVING = health_pb2.HealthCheckResponse.SERVING


class StandardServices:
    """Health of a server and its services, and reflection of them."""

    def __init__(self, server: Server, services: Sequence[str]) -> None:
        self._services = ("", *services)
        self._health: Any = health.aio.HealthServicer()
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
            await self._health.set(service, _SERVING)

    async def draining(self) -> None:
        """Say NOT_SERVING from now on."""
        await self._health.enter_graceful_shutdown()
