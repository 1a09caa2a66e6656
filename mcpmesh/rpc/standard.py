"""What every mcpmesh server serves beside its own services: health and reflection.

The messages are the official ones, so `grpcurl list` and Kubernetes probes work.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from mcpmesh.rpc.server import Server

_Status = health_pb2.HealthCheckResponse


class _Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # grpc has no types
    """One status for the server and its services: NOT_SERVING until told, and when it drains.

    Not the official servicer: Check and Watch of that one disagree before the first status, and
    a watch that went on would keep the drain waiting for its whole grace.
    """

    def __init__(self, services: Sequence[str]) -> None:
        self._services = services
        self._status = _Status.NOT_SERVING
        self._final = False
        self._changed = asyncio.Event()

    def say(self, status: int, *, final: bool = False) -> None:
        """Tell everybody; watches end after a final status."""
        if self._final:
            return
        self._status = status
        self._final = final
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def Check(self, request: Any, context: Any) -> Any:
        """Say the status.

        Status: NOT_FOUND for a service that is not served here.
        """
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"{request.service} is not served here")
        return _Status(status=self._status)

    async def Watch(self, request: Any, context: Any) -> None:
        """Say the status, and each that follows, until the final one."""
        known = request.service in self._services
        said = None
        while True:
            changed = self._changed
            status = self._status if known else _Status.SERVICE_UNKNOWN
            if status != said:
                said = status
                await context.write(_Status(status=status))
            elif self._final:
                return
            else:
                await changed.wait()


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
        self._health = _Health(self._services)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            _Reflection(names, self._draining), server
        )

    def __repr__(self) -> str:
        return f"<StandardServices {', '.join(filter(None, self._services))}>"

    async def serving(self) -> None:
        """Say SERVING for the server and each of its services."""
        self._health.say(_Status.SERVING)

    async def draining(self) -> None:
        """Say NOT_SERVING from now on."""
        self._health.say(_Status.NOT_SERVING, final=True)
        self._draining.set()
