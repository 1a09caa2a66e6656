"""What every mcpmesh server serves beside its own services: health and reflection.

The messages and servicers are the official ones, so `grpcurl list` and Kubernetes probes work.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from mcpmesh.rpc.server import Server

_Status = health_pb2.HealthCheckResponse


class _Health(health.aio.HealthServicer):  # type: ignore[misc]  # grpc has no types
    """The official servicer, but its watches end when the server drains.

    A watch that went on would keep the drain waiting for its whole grace.
    """

    def __init__(self, services: Sequence[str], draining: asyncio.Event) -> None:
        super().__init__()
        self._services = services
        self._draining = draining

    async def Watch(self, request: Any, context: Any) -> None:
        """Say the status, and NOT_SERVING once the server drains; then end."""
        known = request.service in self._services
        if not self._draining.is_set():
            now = _Status.SERVING if known else _Status.SERVICE_UNKNOWN
            await context.write(_Status(status=now))
            await self._draining.wait()
        if known:
            await context.write(_Status(status=_Status.NOT_SERVING))


class _Reflection(reflection.aio.ReflectionServicer):  # type: ignore[misc]  # grpc has no types
    """The official servicer, but its streams end when the server drains."""

    def __init__(self, services: Sequence[str], draining: asyncio.Event) -> None:
        super().__init__(service_names=services)
        self._draining = draining

    async def ServerReflectionInfo(
        self, request_iterator: Any, unused_context: Any
    ) -> AsyncIterator[Any]:
        """Describe what is asked for, until the caller has enough or the server drains."""
        requests = _until(self._draining, aiter(request_iterator))
        async for answer in super().ServerReflectionInfo(requests, unused_context):
            yield answer


async def _until(ended: asyncio.Event, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    ending = asyncio.ensure_future(ended.wait())
    asked: asyncio.Future[Any] | None = None
    try:
        while True:
            asked = asyncio.ensure_future(anext(requests, None))
            await asyncio.wait((asked, ending), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done() or (request := asked.result()) is None:
                return
            yield request
    finally:
        ending.cancel()
        if asked is not None:
            asked.cancel()


class StandardServices:
    """Health of a server and its services, and reflection of them."""

    def __init__(self, server: Server, services: Sequence[str]) -> None:
        self._services = ("", *services)
        self._draining = asyncio.Event()
        self._health = _Health(self._services, self._draining)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            _Reflection(names, self._draining), server
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
        self._draining.set()
