"""A gRPC channel: generated stubs run on it as on `grpc.aio.insecure_channel(target)`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import grpc

from mcpmesh.codec.metadata import Header, encode_metadata, format_timeout
from mcpmesh.policy.backoff import Backoff
from mcpmesh.rpc.client_shapes import (
    StreamStreamCall,
    StreamUnaryCall,
    UnaryStreamCall,
    UnaryUnaryCall,
)
from mcpmesh.rpc.subchannel import State, Subchannel
from mcpmesh.transport.hub import Hub
from mcpmesh.transport.link import LinkTimes
from mcpmesh.transport.timers import Timers
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.limits import Limits

_ENCODING = {
    None: b"identity",
    grpc.Compression.NoCompression: b"identity",
    grpc.Compression.Deflate: b"deflate",
    grpc.Compression.Gzip: b"gzip",
}
_CONNECTIVITY = {
    State.IDLE: grpc.ChannelConnectivity.IDLE,
    State.CONNECTING: grpc.ChannelConnectivity.CONNECTING,
    State.READY: grpc.ChannelConnectivity.READY,
    State.TRANSIENT_FAILURE: grpc.ChannelConnectivity.TRANSIENT_FAILURE,
    State.SHUTDOWN: grpc.ChannelConnectivity.SHUTDOWN,
}
Pairs = Iterable[tuple[str, str | bytes]]


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
    """Calls to one target, HOST:PORT, over one connection; made on the running event loop."""

    def __init__(
        self,
        target: str,
        options: ChannelOptions | None = None,
        *,
        hub: Hub | None = None,
        rng: Random | None = None,
    ) -> None:
        self.target = target
        self.options = options or ChannelOptions()
        self.loop = asyncio.get_running_loop()
        self._subchannel = Subchannel(
            target.removeprefix("dns:///").removeprefix("ipv4:"),
            hub or Hub(self.loop),
            rng=rng or Random(),
            limits=self.options.limits,
            times=self.options.times,
            backoff=self.options.backoff,
        )
        #: Deadlines of this channel's calls.
        self.timers = Timers(self.loop)
        #: The head of an answer that was looked at and is not compressed.
        self.plain_head: Headers = ()

    def __repr__(self) -> str:
        return f"<Channel {self._subchannel!r}>"

    @property
    def connection(self) -> Connection | None:
        """The connection, if there is one now."""
        return self._subchannel.connection

    @property
    def closed(self) -> bool:
        """Tell whether the channel was closed."""
        return self._subchannel.state is State.SHUTDOWN

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

    # The shapes, as generated stubs ask for them

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Multicallable:
        """Return a callable for a method with one request and one response."""
        return Multicallable(
            self, UnaryUnaryCall, method, request_serializer, response_deserializer
        )

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Multicallable:
        """Return a callable for a method with one request and a stream of responses."""
        return Multicallable(
            self, UnaryStreamCall, method, request_serializer, response_deserializer
        )

    def stream_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Multicallable:
        """Return a callable for a method with a stream of requests and one response."""
        return Multicallable(
            self, StreamUnaryCall, method, request_serializer, response_deserializer
        )

    def stream_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = False,
    ) -> Multicallable:
        """Return a callable for a method with a stream each way."""
        return Multicallable(
            self, StreamStreamCall, method, request_serializer, response_deserializer
        )

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


class Multicallable:
    """One method of a channel."""

    __slots__ = ("_call_class", "_channel", "_deserialize", "_fields", "_serialize")

    def __init__(
        self,
        channel: Channel,
        call_class: type[Any],
        method: str,
        serialize: Callable[[Any], bytes] | None,
        deserialize: Callable[[bytes], Any] | None,
    ) -> None:
        self._channel = channel
        self._call_class = call_class
        self._serialize = serialize
        self._deserialize = deserialize
        self._fields: Headers = (
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", method.encode()),
            (b":authority", channel.target.encode()),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"mcpmesh-python"),
            (b"grpc-accept-encoding", b"identity, deflate, gzip"),
        )

    def __call__(
        self,
        request: Any = None,
        timeout: float | None = None,
        metadata: Pairs | Sequence[Any] | None = None,
        credentials: None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
        *,
        request_iterator: Any = None,
    ) -> Any:
        """Begin a call; see grpc.aio's multi-callables.

        Units: `timeout` in seconds.
        Raises: InvalidCall for metadata that gRPC does not allow.
        """
        fields = self._fields
        # Metadata is the call's own (ids, tokens): in the header table it would only churn.
        own = encode_metadata(metadata) if metadata else ()
        encoding = _ENCODING[compression]
        if encoding != b"identity":
            fields = (*fields, (b"grpc-encoding", encoding))
        call = self._call_class(
            self._channel, fields, own, self._serialize, self._deserialize, timeout, encoding
        )
        call.begin(request if request_iterator is None else request_iterator, bool(wait_for_ready))
        return call
