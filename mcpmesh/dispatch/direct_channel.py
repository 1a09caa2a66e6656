"""A channel that calls replicas itself: the router's stack in the caller's process.

It follows the router's registry, keeps its own connections to the replicas, and runs the same
policies and layers as the router does. Discovery, conversations, and tools whose replicas it
cannot reach go through the router.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from random import Random
from typing import Any, cast

import grpc

from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.balance.place import Place
from mcpmesh.config import RouterSettings, TlsSettings
from mcpmesh.dispatch.direct_line import DirectLine
from mcpmesh.dispatch.layers import StackParts
from mcpmesh.dispatch.pool import Pool
from mcpmesh.dispatch.registry_follower import RegistryFollower
from mcpmesh.dispatch.tool_calls import tool_dispatcher
from mcpmesh.dispatch.unknown_tool import unknown_tool
from mcpmesh.rpc.channel import Channel, ChannelOptions, Deserialize, Serialize
from mcpmesh.rpc.multicallable import Multicallable
from mcpmesh.rpc.shape import UNARY_STREAM, UNARY_UNARY, Shape
from mcpmesh.telemetry.attributes import SERVER_ADDRESS, SERVER_PORT
from mcpmesh.telemetry.setup import Telemetry, without_exporters
from mcpmesh.transport.credentials import channel_credentials
from mcpmesh.transport.hub import Hub
from mcpmesh.v1 import registry_pb2_grpc
from mcpmesh.wire.connection import Connection

_TOOLS = "/mcpmesh.v1.ToolService/"
_DIRECT = (UNARY_UNARY, UNARY_STREAM)


class DirectChannel(Channel):
    """Calls of tools go straight to their replicas, everything else to the router at `target`.

    `settings` are those of a router, for tools, health, zone and logs. Made on the running event
    loop; until the registry came, and for what only the router reaches, calls take the hop.
    Raises: as Channel does.
    """

    def __init__(
        self,
        target: str,
        options: ChannelOptions | None = None,
        *,
        tls: TlsSettings | None = None,
        settings: RouterSettings | None = None,
        telemetry: Telemetry | None = None,
        interceptors: Iterable[grpc.aio.ClientInterceptor] = (),
    ) -> None:
        loop = asyncio.get_running_loop()
        rng = Random()
        hub = Hub(loop, rng=rng)
        credentials = channel_credentials(tls)
        interceptors = tuple(interceptors)
        self._router = Channel(
            target, options, tls=credentials, interceptors=interceptors, hub=hub, rng=rng
        )
        super().__init__(
            target, options, tls=credentials, interceptors=interceptors, hub=hub, rng=rng,
            beside=self._router,
        )  # fmt: skip
        settings = settings or RouterSettings()
        telemetry = telemetry or without_exporters(rng)
        stub = registry_pb2_grpc.RegistryServiceStub(self._router)  # type: ignore[no-untyped-call]
        self._follower = follower = RegistryFollower(stub.WatchRegistry, rng)
        ejections = telemetry.instruments.ejections
        self._telemetry = telemetry
        self._pool = pool = Pool(
            hub, rng, self.options.limits,
            gone=self._forget_replica, credentials=credentials,
            policies=settings.tool_policies(), health=settings.health_policy(),
            ejected=lambda reason: ejections.cell(reason).add(),
            place=Place(f"{rng.getrandbits(64):016x}", settings.zone),
        )  # fmt: skip
        capabilities = Capabilities(settings.choosings())
        follower.listen(pool.on_catalog)
        follower.listen(capabilities.on_catalog)
        parts = StackParts(
            telemetry, pool, partial(unknown_tool, follower), loop, rng,
            call_log=settings.call_log, fallbacks=settings.tool_policies().fallbacks,
            max_message_bytes=self.options.max_message_bytes,
        )  # fmt: skip
        dispatcher = tool_dispatcher(
            parts,
            default_timeout=settings.default_timeout,
            capabilities=capabilities,
            refused=lambda _method, _error: None,
        )
        # Shaped as a connection, as far as calls with one request ask for it.
        self._line = cast(Connection, DirectLine(dispatcher, pool, self._router_connection))
        # Set from when on calls need no hop, until the channel closes.
        self._open_line: Connection | None = None
        self._following = loop.create_task(follower.run(), name="follow the router's registry")

    @property
    def connection(self) -> Connection | None:
        """What calls begin on: the direct line, once it is known what there is."""
        line = self._open_line
        if line is not None:
            return line
        if self._follower.is_synced and not self.closed:
            self._open_line = self._line
            return self._line
        return super().connection

    async def synced(self) -> None:
        """Wait until the registry came, from when on calls need no hop."""
        await self._follower.synced()

    async def close(self, grace: float | None = None) -> None:
        """Close all connections, after letting calls finish for `grace` seconds."""
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)
        await self._pool.close(grace or 0)
        self._open_line = None
        await super().close(grace)

    def _method(
        self,
        shape: Shape,
        method: str,
        serialize: Serialize | None,
        deserialize: Deserialize | None,
    ) -> Multicallable:
        if shape in _DIRECT and method.startswith(_TOOLS):
            return super()._method(shape, method, serialize, deserialize)
        return self._router._method(shape, method, serialize, deserialize)

    def _router_connection(self) -> Connection | None:
        return self._router.connection

    def _forget_replica(self, host: str, port: int) -> None:
        forgotten: dict[str, Any] = {SERVER_ADDRESS: host, SERVER_PORT: port}
        self._telemetry.instruments.rpc_client.forget(forgotten)
