"""A gRPC service that runs somewhere, adopted: its methods are tools, and callers of its own
protos find it behind the router by path."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc

from mcpmesh.adopt.grpc_handler import GrpcCalls
from mcpmesh.adopt.grpc_reflection import reflected_protos
from mcpmesh.adopt.grpc_tools import chosen_methods, tools_of, wanted_service
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.native_routes import NativeRoutes
from mcpmesh.adopt.proto_method import methods_of
from mcpmesh.adopt.protos import MAX_BYTES, Protos, read_descriptor_set
from mcpmesh.adopt.secrets import Secrets
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.config import NO_TLS, LimitSettings, TlsSettings
from mcpmesh.errors import InvalidCall, MethodNotFound, NoReplica
from mcpmesh.model.address import Address
from mcpmesh.policy.backoff import Backoff
from mcpmesh.rpc import Channel
from mcpmesh.rpc.limits import channel_options
from mcpmesh.sdk.tool import ToolFunction

#: Seconds to connect, and to say what is served.
_CONNECT = 10.0
_REFLECT = 30.0
#: A copy that lost its connection is away, and `Copy` waits longer and longer itself.
_BACKOFF = Backoff(first=0.05, longest=0.5)


@dataclass(frozen=True, slots=True)
class GrpcService:
    """A gRPC service to adopt, and how.

    `only` are patterns such as shop.v1.Orders/*; `descriptor_set` is a file that protoc wrote, for
    servers without reflection. `metadata` goes with every call and may hold secrets; `forward`
    names entries of the caller's metadata that go with its calls. `call_timeout` is in seconds, 0
    for none.
    """

    name: str
    address: str
    only: tuple[str, ...] = ()
    descriptor_set: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    forward: tuple[str, ...] = ()
    native: bool = True
    tls: TlsSettings = NO_TLS
    limits: LimitSettings = field(default_factory=LimitSettings)
    labels: Mapping[str, str] = field(default_factory=dict)
    call_timeout: float = 0.0


class GrpcUpstream:
    """Connects to one address of a service; an Upstream.

    `native` tells routers of the service's address while it can be called.
    """

    def __init__(
        self, service: GrpcService, naming: Naming, native: NativeRoutes | None = None
    ) -> None:
        """Take the settings; `route_at` gives the routes later.

        Raises: InvalidCall for an address that is none.
        """
        if not Address.parse(service.address).is_complete:
            raise InvalidCall(f"{service.address!r} needs a host and a port above 0")
        self._service = service
        self._naming = naming
        self._native = native

    def __repr__(self) -> str:
        return f"GrpcUpstream({self.name} at {self._service.address})"

    @property
    def name(self) -> str:
        """What logs and the mesh call it."""
        return self._service.name

    def route_at(self, routers: Sequence[str], tls: TlsSettings, limits: LimitSettings) -> None:
        """Have these routers relay calls of the service by path, unless the settings forbid it."""
        if self._service.native and routers:
            self._native = NativeRoutes(self.name, routers, tls, limits)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["GrpcConnection"]:
        """Open a channel and learn what is served there.

        Raises: UpstreamFailed.
        """
        service = self._service
        options = replace(channel_options(service.limits), backoff=_BACKOFF)
        channel = Channel(service.address, options, tls=service.tls)
        async with channel:
            await _connected(channel)
            connection = GrpcConnection(service, self._naming, channel, await self._protos(channel))
            if self._native is None:
                yield connection
            else:
                async with self._native.of(service.address, service.tls, connection.services):
                    yield connection

    async def _protos(self, channel: Channel) -> Protos:
        service = self._service
        try:
            if service.descriptor_set:
                encoded = await asyncio.to_thread(_read, Path(service.descriptor_set))
                return await asyncio.to_thread(read_descriptor_set, encoded, service.descriptor_set)
            return await reflected_protos(
                channel,
                lambda name: wanted_service(service.only, name),
                _REFLECT,
                service.metadata.items(),
            )
        except NoReplica as error:
            raise UpstreamFailed(error.message) from error
        except (InvalidCall, MethodNotFound) as error:
            raise UpstreamFailed(error.message, final=True) from error


class GrpcConnection:
    """A service that can be called."""

    def __init__(
        self, service: GrpcService, naming: Naming, channel: Channel, protos: Protos
    ) -> None:
        """Choose the methods.

        Raises: UpstreamFailed for a pattern that fits none.
        """
        self._service = service
        self._naming = naming
        self._channel = channel
        self._methods = chosen_methods(methods_of(protos), service.only)

    @property
    def services(self) -> tuple[str, ...]:
        """The full names of the services that methods were chosen of."""
        return tuple(dict.fromkeys(method.service for method in self._methods))

    async def entries(self) -> Sequence[ToolFunction]:
        """Return the methods as tools."""
        service = self._service
        calls = GrpcCalls(
            self._channel,
            service.metadata,
            service.forward,
            service.limits.max_message_bytes,
            Secrets.of(service.metadata.values()).hide,
            reflects=not service.descriptor_set,
        )
        said = {"labels": service.labels, "timeout": service.call_timeout or None}
        tools = tools_of(self._methods, calls, self._naming, service.name, said)
        # In a thread: the schemas of a thousand methods take a while.
        return await asyncio.to_thread(list, tools)

    async def changed(self) -> None:
        """Wait until the connection is lost: a server that comes back may be another edition.

        A server that only ends idle connections is connected to again, and nobody notices.
        Raises: UpstreamFailed.
        """
        channel: Any = self._channel
        state = channel.get_state(try_to_connect=True)
        while state is not grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            await channel.wait_for_state_change(state)
            state = channel.get_state(try_to_connect=True)
        raise UpstreamFailed(f"{self._service.address} is lost")


async def _connected(channel: Channel) -> None:
    try:
        async with asyncio.timeout(_CONNECT):
            await channel.ready(False)
    except NoReplica as error:
        raise UpstreamFailed(error.message) from error
    except TimeoutError as error:
        raise UpstreamFailed(f"{channel.target} does not answer within {_CONNECT:g} s") from error


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidCall(f"{path} has more than {MAX_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise UpstreamFailed(f"cannot read {path}: {error.strerror}", final=True) from error
