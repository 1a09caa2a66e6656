"""A gRPC channel: generated stubs run on it as on a channel of `grpc.aio`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import grpc

from mcpmesh.codec.metadata import Header, format_timeout
from mcpmesh.config import TlsSettings
from mcpmesh.model.address import Address, join_endpoint
from mcpmesh.policy.backoff import Backoff
from mcpmesh.rpc.multicallable import InterceptedMulticallable, Multicallable
from mcpmesh.rpc.round_robin import OnState, RoundRobin
from mcpmesh.rpc.shape import (
    STREAM_STREAM,
    STREAM_UNARY,
    UNARY_STREAM,
    UNARY_UNARY,
    Shape,
    by_shape,
)
from mcpmesh.rpc.subchannel import State, Subchannel
from mcpmesh.transport.credentials import ChannelCredentials, channel_credentials
from mcpmesh.transport.dial import server_name
from mcpmesh.transport.hub import Hub
from mcpmesh.transport.link_times import LinkTimes
from mcpmesh.transport.names import Resolve, resolve
from mcpmesh.transport.timers import Timers
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.limits import Limits

_CONNECTIVITY = {
    State.IDLE: grpc.ChannelConnectivity.IDLE,
    State.CONNECTING: grpc.ChannelConnectivity.CONNECTING,
    State.READY: grpc.ChannelConnectivity.READY,
    State.TRANSIENT_FAILURE: grpc.ChannelConnectivity.TRANSIENT_FAILURE,
    State.SHUTDOWN: grpc.ChannelConnectivity.SHUTDOWN,
}


Serialize = Callable[[Any], bytes]
Deserialize = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """Settings of a channel.

    Units: bytes; a message is counted uncompressed.
    """

    limits: Limits = field(default_factory=Limits)
    times: LinkTimes = field(default_factory=LinkTimes)
    backoff: Backoff = field(default_factory=Backoff)
    max_message_bytes: int = 4 * 1024 * 1024


class Channel:
    """Calls to one target; made on the running event loop.

    Shape: `target` is HOST:PORT, unix:/PATH or unix-abstract:NAME for one connection, or
    dns:///NAME:PORT for one to each address of the name, which calls take in turn. `tls` as
    settings, or as credentials that several channels share; `server_name` is what the server's
    certificate must have when they name nothing, by default the target's host. `interceptors` as
    grpc.aio has them, the first one outermost.
    Raises: InvalidCall for a malformed target; InvalidSetting for files that cannot be used;
    ValueError for an interceptor of no shape.
    """

    def __init__(
        self,
        target: str,
        options: ChannelOptions | None = None,
        *,
        tls: TlsSettings | ChannelCredentials | None = None,
        server_name: str = "",
        interceptors: Iterable[grpc.aio.ClientInterceptor] = (),
        hub: Hub | None = None,
        rng: Random | None = None,
        resolve: Resolve = resolve,
        beside: Channel | None = None,
    ) -> None:
        """Begin unconnected; `beside` shares the connection of another channel to the target."""
        self.target = target
        self.options = options or ChannelOptions()
        self.loop = asyncio.get_running_loop()
        self._interceptors = by_shape(interceptors)
        self._hub = hub or Hub(self.loop)
        self._rng = rng or Random()
        self._address = address = Address.parse(target)
        self._server_name = server_name or (address.host if address.scheme == "dns" else "")
        self._credentials = tls if isinstance(tls, ChannelCredentials) else channel_credentials(tls)
        self._subchannel: Subchannel | RoundRobin
        if beside is not None:
            self._subchannel = beside._subchannel
        elif address.scheme == "dns":
            self._subchannel = RoundRobin(
                address, self._one_of_many, rng=self._rng, resolve=resolve
            )
        else:
            self._subchannel = self._new_subchannel(address)
        #: Deadlines of this channel's calls.
        self.timers = Timers(self.loop)
        #: The head of an answer that was looked at and is not compressed.
        self.plain_head: Headers = ()

    def __repr__(self) -> str:
        return f"<Channel {self._subchannel!r}>"

    @property
    def scheme(self) -> bytes:
        """What requests say of how they travel."""
        return b"http" if self._credentials is None else b"https"

    @property
    def authority(self) -> bytes:
        """What requests call the server."""
        if self._credentials is not None and self._credentials.server_name:
            return self._credentials.server_name.encode()
        address = self._address
        if address.is_unix:
            return server_name(address).encode()
        return join_endpoint(address.host, address.port).encode()

    @property
    def connection(self) -> Connection | None:
        """The connection, if there is one now."""
        return self._subchannel.connection

    @property
    def closed(self) -> bool:
        """Tell whether the channel was closed."""
        return self._subchannel.state is State.SHUTDOWN

    @property
    def server_names(self) -> frozenset[str]:
        """What the servers that were connected to last are called by their certificates."""
        return self._subchannel.server_names

    def check_open(self) -> None:
        """Refuse to begin a call on a closed channel.

        Raises: grpc.aio.UsageError.
        """
        if self.closed:
            raise grpc.aio.UsageError("Channel is closed.")

    async def ready(self, wait_for_ready: bool) -> Connection:
        """Wait for the connection.

        Raises: NoReplica when it cannot be made.
        """
        return await self._subchannel.ready(wait_for_ready)

    def timeout_field(self, remaining: float) -> tuple[Header, ...]:
        """Write the deadline's header field."""
        return ((b"grpc-timeout", format_timeout(remaining)),)

    def _new_subchannel(
        self,
        address: Address,
        on_state: OnState | None = None,
        *,
        eager: bool = False,
    ) -> Subchannel:
        return Subchannel(
            str(address),
            self._hub,
            rng=self._rng,
            limits=self.options.limits,
            times=self.options.times,
            backoff=self.options.backoff,
            eager=eager,
            on_state=on_state,
            credentials=self._credentials,
            server_name=self._server_name,
        )

    def _one_of_many(self, address: Address, on_state: OnState) -> Subchannel:
        """Return the subchannel of one address of a name."""
        return self._new_subchannel(address, on_state, eager=True)

    # The shapes, as generated stubs ask for them

    def unary_unary(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Deserialize | None = None,
        _registered_method: bool | None = False,
    ) -> Multicallable:
        """Return a callable for a method with one request and one response."""
        return self._method(UNARY_UNARY, method, request_serializer, response_deserializer)

    def unary_stream(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Deserialize | None = None,
        _registered_method: bool | None = False,
    ) -> Multicallable:
        """Return a callable for a method with one request and a stream of responses."""
        return self._method(UNARY_STREAM, method, request_serializer, response_deserializer)

    def stream_unary(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Deserialize | None = None,
        _registered_method: bool | None = False,
    ) -> Multicallable:
        """Return a callable for a method with a stream of requests and one response."""
        return self._method(STREAM_UNARY, method, request_serializer, response_deserializer)

    def stream_stream(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Deserialize | None = None,
        _registered_method: bool | None = False,
    ) -> Multicallable:
        """Return a callable for a method with a stream each way."""
        return self._method(STREAM_STREAM, method, request_serializer, response_deserializer)

    def _method(
        self,
        shape: Shape,
        method: str,
        serialize: Serialize | None,
        deserialize: Deserialize | None,
    ) -> Multicallable:
        interceptors = self._interceptors.get(shape)
        if interceptors:
            return InterceptedMulticallable(
                self, shape, method, serialize, deserialize, interceptors
            )
        return Multicallable(self, shape, method, serialize, deserialize)

    # Life

    async def __aenter__(self) -> Channel:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Close the connection, after letting calls finish for `grace` seconds."""
        await self._subchannel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the state of the connection; with `try_to_connect`, begin to make it."""
        if try_to_connect:
            self._subchannel.connect()
        return _CONNECTIVITY[self._subchannel.state]

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the state differs from the one given."""
        while self.get_state() == last_observed_state:
            await self._subchannel.changed()

    async def channel_ready(self) -> None:
        """Wait until the channel is connected."""
        await self._subchannel.ready(wait_for_ready=True)
