"""A gRPC server: takes what `add_XServicer_to_server(servicer, server)` gives it.

A drop-in for `grpc.aio.server()`; a peer cannot tell the two apart.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from mcpmesh.codec.metadata import Metadatum, named
from mcpmesh.config import NO_TLS, TlsSettings
from mcpmesh.model.address import Address
from mcpmesh.rpc.head import RequestHead
from mcpmesh.rpc.method import Method, method_of
from mcpmesh.rpc.opening import Opening
from mcpmesh.rpc.server_call import ServerCall
from mcpmesh.transport.credentials import H2, ServerCredentials
from mcpmesh.transport.gate import Gate
from mcpmesh.transport.hub import Hub
from mcpmesh.transport.link import Link
from mcpmesh.transport.link_times import LinkTimes
from mcpmesh.transport.listening import Listening, bind
from mcpmesh.transport.timers import Timers
from mcpmesh.transport.tls import TlsTransport
from mcpmesh.wire.block import Block
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.limits import Limits
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_sink import StreamSink

_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Settings of a server.

    Units: bytes; a message is counted uncompressed.
    """

    limits: Limits = field(default_factory=Limits)
    times: LinkTimes = field(default_factory=LinkTimes)
    max_message_bytes: int = 4 * 1024 * 1024
    #: Connections at once: of all peers, and of one.
    max_connections: int = 4096
    max_connections_per_peer: int = 1024
    #: Share the port with other processes; the kernel spreads connections over them.
    reuse_port: bool = False


#: Takes over a stream that just opened: returns its sink.
Opener = Callable[[Link, Stream], StreamSink]
#: Asked once per head, however many streams open with it, who takes them over unopened.
RawHandler = Callable[[RequestHead], Opener]
#: Makes, of a head and how many of its last fields are new in every call, what makes an opener of
#: the fields of heads that differ in these alone; None where that cannot be.
Alike = Callable[[RequestHead, int], Callable[[Headers], Opener] | None]
#: The same for paths that nobody else serves; None when it does not serve them either.
RawFallback = Callable[[RequestHead], Opener | None]


class Server:
    """A gRPC server on the running event loop."""

    def __init__(
        self,
        options: ServerOptions = ServerOptions(),
        *,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        hub: Hub | None = None,
    ) -> None:
        self.options = options
        #: Calls whose method runs.
        self.calls: set[ServerCall] = set()
        self.links: set[Link] = set()
        self.interceptors = tuple(interceptors)
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None
        self._methods: dict[str, Method] = {}
        self._generic: list[grpc.GenericRpcHandler] = []
        #: Who takes the streams of a method unopened, by path.
        self.raw: dict[str, RawHandler] = {}
        self.alike: dict[str, Alike] = {}
        #: Who is asked to take the streams that nobody else serves.
        self.raw_fallback: RawFallback = lambda _head: None
        self._ports: list[tuple[Listening, ServerCredentials | None]] = []
        self._listeners: list[asyncio.Server] = []
        self._stopping: asyncio.Future[None] | None = None
        self._stopped = asyncio.Event()
        self._link_gone = asyncio.Event()
        self._gate = Gate(options.max_connections, options.max_connections_per_peer)

    def __repr__(self) -> str:
        return f"<Server methods={len(self._methods)} links={len(self.links)}>"

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop it was started on."""
        assert self._loop is not None, "the server is not started"
        return self._loop

    # What serves

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Add handlers that are asked by path, as generated code does."""
        self._generic.extend(handlers)

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, grpc.RpcMethodHandler]
    ) -> None:
        """Add a service's methods, as generated code does."""
        for name, handler in method_handlers.items():
            self._methods[f"/{service_name}/{name}"] = method_of(handler)

    def add_raw_handler(self, path: str, handler: RawHandler, alike: Alike | None = None) -> None:
        """Give every stream of one method to a handler that moves its bytes unopened.

        With `alike`, of heads that are like one before only what is new is read.
        """
        self.raw[path] = handler
        if alike is not None:
            self.alike[path] = alike

    def find(self, head: RequestHead) -> Method | None:
        """Return the method that a path names."""
        method = self._methods.get(head.path)
        if method is None and self._generic:
            method = self._ask_generic(head)
        return method

    async def intercept(self, head: RequestHead, method: Method) -> Method:
        """Let the interceptors replace a method, outermost first."""
        details = _CallDetails(head.path, named(head.metadata()))

        async def at(depth: int, details: Any) -> Any:
            if depth == len(self.interceptors):
                return method.handler
            return await self.interceptors[depth].intercept_service(
                lambda following: at(depth + 1, following), details
            )

        handler = await at(0, details)
        return method if handler is method.handler else method_of(handler)

    def _ask_generic(self, head: RequestHead) -> Method | None:
        details = _CallDetails(head.path, named(head.metadata()))
        for generic in self._generic:
            handler = generic.service(details)
            if handler is not None:
                return method_of(handler)
        return None

    # Ports

    def add_insecure_port(self, address: str) -> int:
        """Bind HOST:PORT, unix:/PATH or unix-abstract:NAME.

        Port 0 picks a free one, an empty host means all addresses.
        Returns: the port; 1 for a Unix socket.
        Raises: InvalidCall for a malformed address; OSError when it can't be had.
        """
        return self.listen(address, NO_TLS).port or 1

    def add_secure_port(self, address: str, tls: TlsSettings) -> int:
        """Bind an address, as `add_insecure_port`; TLS is spoken there.

        Returns: the port.
        Raises: InvalidSetting for files that cannot be used, and as `add_insecure_port`.
        """
        assert tls.serves, "TLS needs a certificate"
        return self.listen(address, tls).port or 1

    def listen(self, address: str, tls: TlsSettings) -> Address:
        """Bind an address; TLS is spoken there when the settings have a certificate.

        Returns: the address, with the real port.
        Raises: as `add_secure_port`.
        """
        credentials = ServerCredentials(tls) if tls.serves else None
        bound = bind(Address.parse(address), reuse_port=self.options.reuse_port)
        self._ports.append((bound, credentials))
        return bound.address

    # Life

    async def start(self) -> None:
        """Accept connections on the ports that were added."""
        self._loop = asyncio.get_running_loop()
        self._hub = self._hub or Hub(self._loop)
        self.timers = Timers(self._loop)
        for bound, credentials in self._ports:
            factory = self._new_link if credentials is None else self._secured(credentials)
            listen = (
                self._loop.create_unix_server if bound.address.is_unix else self._loop.create_server
            )
            self._listeners.append(await listen(factory, sock=bound.socket, backlog=_BACKLOG))

    async def stop(self, grace: float | None) -> None:
        """Take no new calls, let those in flight finish for `grace` seconds, then cut them off.

        Units: seconds; None cuts off at once.
        """
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._stop(grace))
        await asyncio.shield(self._stopping)

    async def wait_for_termination(self, timeout: float | None = None) -> bool:
        """Wait until the server stopped; True when the time was over first."""
        try:
            await asyncio.wait_for(self._stopped.wait(), timeout)
        except TimeoutError:
            return True
        return False

    async def _stop(self, grace: float | None) -> None:
        for listener in self._listeners:
            listener.close()
        for bound, _ in self._ports:
            bound.close()
        for link in list(self.links):
            link.drain("the server is stopping")
        end = asyncio.get_running_loop().time() + (grace or 0.0)
        while self.links and (left := end - asyncio.get_running_loop().time()) > 0:
            self._link_gone.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._link_gone.wait(), left)
        for call in list(self.calls):
            call.cut_off()
        for link in list(self.links):
            link.close("the server stopped")
        self._stopped.set()

    def _new_link(self) -> Link:
        assert self._hub is not None
        options = self.options
        link = Link(
            self._hub, self, options.limits, client=False, times=options.times, gate=self._gate
        )
        self.links.add(link)
        return link

    def _secured(self, credentials: ServerCredentials) -> Callable[[], TlsTransport]:
        """Return what takes a connection over TLS, with the certificates of that moment."""

        def accept() -> TlsTransport:
            link = self._new_link()
            return TlsTransport(
                link, credentials.context(), protocol=H2, patience=link.times.handshake,
                secured=link.secured,
            )  # fmt: skip

        return accept

    # LinkOwner

    def accept(self, link: Link, stream: Stream, head: Block) -> StreamSink:
        opener: Opener | None = head.note
        if opener is None and head.layout is not None and head.layout.note:
            opener = head.note = head.layout.note(head.headers)
        return Opening(self, link, stream, head) if opener is None else opener(link, stream)

    def link_draining(self, link: Link, message: str) -> None:
        """A client's GOAWAY: it opens no more streams; those open go on."""

    def link_lost(self, link: Link, message: str) -> None:
        self.links.discard(link)
        self._link_gone.set()


@dataclass(frozen=True, slots=True)
class _CallDetails:
    """What generic handlers and interceptors are asked with; grpc.HandlerCallDetails in shape."""

    method: str
    invocation_metadata: tuple[Metadatum, ...]
