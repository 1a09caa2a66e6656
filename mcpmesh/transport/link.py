"""One TCP connection that speaks HTTP/2: moves bytes between the event loop and `wire`."""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from mcpmesh.model.identity import PeerIdentity
from mcpmesh.transport.gate import Gate, peer_of
from mcpmesh.transport.hub import Hub
from mcpmesh.transport.link_owner import LinkOwner, Relays
from mcpmesh.transport.link_times import LinkTimes
from mcpmesh.transport.link_watch import LinkWatch
from mcpmesh.transport.other_protocols import (
    HTTP1_ANSWER,
    first_fault,
    is_http1,
    is_tls_alert,
)
from mcpmesh.transport.slices import Slices
from mcpmesh.transport.socket_name import socket_name
from mcpmesh.transport.tls_failure import TlsFailure
from mcpmesh.wire.block import Block
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.error_code import ConnectionFault, ErrorCode
from mcpmesh.wire.limits import Limits
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_sink import StreamSink

_log = logging.getLogger("mcpmesh.transport")

_WRITE_HIGH_BYTES = 64 * 1024
_CLOSE_GRACE = 1.0
_DRAIN_PING = b"mcpmeshD"
#: Seconds that a peer gets to answer the PING of a drain.
_PONG_GRACE = 2.0


class Link(asyncio.Protocol):
    """A connection's transport side, client or server."""

    def __init__(
        self,
        hub: Hub,
        owner: LinkOwner,
        limits: Limits,
        *,
        client: bool,
        times: LinkTimes | None = None,
        gate: Gate | None = None,
        on_ready: Callable[["Link"], None] | None = None,
        on_silence: Callable[["Link", bool], None] | None = None,
    ) -> None:
        self.hub = hub
        self.owner = owner
        self.connection = Connection(self, limits, client=client)
        self.peer_name = ""
        #: Who the peer proved to be, by TLS; None when it did not.
        self.identity: PeerIdentity | None = None
        self.encrypted = False
        #: Set when the socket is closed.
        self.closed = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self.times = times or LinkTimes()
        self._on_ready = on_ready
        self._on_silence = on_silence
        self._gate = gate
        #: Whom the gate counts this link for.
        self._peer = ""
        self._watch: LinkWatch | None = None
        self._slices: Slices | None = None
        #: Whether bytes came since its watch looked.
        self.heard = False
        #: Set when nothing more is written.
        self.left = False
        self._started = False
        self._draining = False
        self._why = ""

    @property
    def peer(self) -> str:
        """Whom the peer's address belongs to, whatever its port."""
        return self._peer or self.peer_name

    def __repr__(self) -> str:
        return f"<Link {self.peer_name} {self.connection!r}>"

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the shape of asyncio.Transport, not the class.
        self._transport = transport = cast(asyncio.Transport, transport)
        transport.set_write_buffer_limits(high=_WRITE_HIGH_BYTES)
        address = transport.get_extra_info("peername")
        self.peer_name = socket_name(address)
        self._slices = Slices(transport, self.connection, self.take, self.hub.moment)
        self._watch = LinkWatch(self, asyncio.get_running_loop().time(), self._on_silence)
        self.hub.add(self._watch)
        if self._gate is not None:
            peer = peer_of(address)
            if reason := self._gate.enter(peer):
                self.end(ErrorCode.ENHANCE_YOUR_CALM, reason, "too many connections")
                return
            self._peer = peer
        if self.connection.client:
            self._start()
        # A server waits for the first bytes, which clients send at once: HTTP/1 is to be told so.

    def data_received(self, data: bytes) -> None:
        if self._slices is not None and self._slices.waiting:
            # TLS may still give what it had decrypted when reading was paused.
            self._slices.add(data)
        else:
            self.hub.receive(self, data)

    def pause_writing(self) -> None:
        self.connection.writable = False

    def resume_writing(self) -> None:
        if self.left:
            return
        self.connection.writable = True
        self.write_out()
        self.connection.pump()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self.hub.remove(self._watch)
        if self._gate is not None and self._peer:
            self._gate.leave(self._peer)
        if self._slices is not None:
            self._slices.stop()
        self._why = self._why or self._loss(exc)
        self._transport = None
        self.connection.lost(self._why)
        if not self.connection.untold:
            self._lost()

    def _lost(self) -> None:
        self.closed.set()
        self.owner.link_lost(self, self._why)

    def secured(self, identity: PeerIdentity | None) -> None:
        """Learn that TLS is up, and who the peer is."""
        self.encrypted = True
        self.identity = identity

    def _loss(self, exc: Exception | None) -> str:
        """Say why the connection is gone."""
        if isinstance(exc, TlsFailure):
            return str(exc)
        if exc is not None:
            return f"connection lost: {exc}"
        if self.connection.client and not (self.connection.settings_seen or self.encrypted):
            return "connection closed by the peer; if it wants TLS, --tls-ca says whom to trust"
        return "connection closed by the peer"

    # ConnectionOwner

    def accept(self, stream: Stream, head: Block) -> StreamSink:
        return self.owner.accept(self, stream, head)

    def on_output(self) -> None:
        self.hub.mark(self)

    def on_full(self) -> None:
        self.write_out()

    def on_goaway(self, code: int, message: str) -> None:
        self.owner.link_draining(self, message)
        if not self.connection.streams:
            self.close(message)

    def on_unread(self, stream: Stream) -> None:
        # Not now: whoever sends the answer is in the midst of it.
        asyncio.get_running_loop().call_soon(self._end_unread, stream)

    def _end_unread(self, stream: Stream) -> None:
        sink: object = stream.sink
        if isinstance(sink, Relays) and not stream.closed:
            what = "call ended: the connection leaves too many answers unread"
            now = asyncio.get_running_loop().time()
            self.hub.refusals.note("unread_answers", self.peer_name, what, now)
            sink.on_unread()

    def on_untold(self) -> None:
        self.hub.moment.wait(self)
        self.hub.moment.begin()

    def go_on(self) -> None:
        """Tell the next streams of a lost connection, in a moment of theirs."""
        self.connection.tell_lost()
        if self._transport is None and not self.connection.untold:
            self._lost()

    def on_idle(self) -> None:
        if self.connection.draining and (self.connection.client or self.connection.stopped):
            self.close(self._why or "drained")

    def on_pong(self, payload: bytes) -> None:
        if self._watch is not None:
            self._watch.pong()
        if payload == _DRAIN_PING and self._draining:
            self._stop_accepting()

    # For the hub and the owner

    def take(self, data: bytes) -> None:
        """Parse bytes of the peer; end the connection when they break the protocol."""
        connection = self.connection
        if connection.closed:
            return
        before = connection.settings_seen
        if not before:
            if is_tls_alert(data):
                self.close("the peer speaks TLS, and we did not; --tls-ca says whom to trust")
                return
            if not self._started:
                if is_http1(data):
                    self._refuse_http1()
                    return
                self._start()
        self.heard = True
        try:
            connection.receive(data)
        except ConnectionFault as fault:
            message = fault.message if before else first_fault(data, fault)
            self.end(fault.code, fault.reason, message)
        except Exception:
            _log.exception("a bug of ours ends the connection of %s", self.peer_name)
            connection.fail(ErrorCode.INTERNAL_ERROR, "internal error")
            self.close("internal error")
        if not before and connection.settings_seen and self._on_ready is not None:
            self._on_ready(self)

    def take_in_slices(self, data: bytes) -> None:
        """Parse a lot of bytes, a moment per turn of the loop."""
        assert self._slices is not None
        self._slices.add(data)

    def end(self, code: ErrorCode, reason: str, why: str) -> None:
        """End the connection for what the peer did, and have it counted."""
        now = asyncio.get_running_loop().time()
        self.hub.refusals.note(reason, self.peer_name, f"connection closed: {why}", now)
        self._start()
        self.connection.fail(code, why)
        self.close(why)
        if self._transport is not None and not self._transport.is_closing():
            # A flood is not even read any more.
            self._transport.pause_reading()

    def write_out(self) -> None:
        """Write what waits, unless the peer is behind with reading."""
        if self._transport is not None and self.connection.outbox.size and self.connection.writable:
            self._transport.write(self.connection.outbox.take())

    def drain(self, reason: str) -> None:
        """Let the streams that are open finish, take no new ones, then close.

        The peer is told twice, with a round trip between, so that streams it was just opening
        are still served (RFC 9113, section 6.8).
        """
        if self._draining or self.connection.closed:
            return
        self._start()
        self._draining = True
        self._why = reason
        self.connection.drain(reason)
        if not self.connection.client:
            self.connection.ping(_DRAIN_PING)
            # A peer that answers no PING does not keep us from ending.
            asyncio.get_running_loop().call_later(_PONG_GRACE, self._stop_accepting)
        elif not self.connection.streams:
            self.close(reason)

    def _start(self) -> None:
        """Send our part of the preface, which stands before every other frame."""
        if not self._started:
            self._started = True
            self.connection.start()

    def _refuse_http1(self) -> None:
        """Answer in HTTP/1 that this is the wrong port, and close."""
        transport = self._transport
        assert transport is not None
        self._why = "the peer speaks HTTP/1"
        what = "connection closed: it speaks HTTP/1, this port HTTP/2 for gRPC"
        now = asyncio.get_running_loop().time()
        self.hub.refusals.note("http1", self.peer_name, what, now)
        self.connection.lost(self._why)
        transport.write(HTTP1_ANSWER)
        self._leave(transport)

    def _stop_accepting(self) -> None:
        """Refuse further streams: the peer knows, or had its time to."""
        self.connection.stop_accepting()
        if not self.connection.streams:
            self.on_idle()

    def close(self, why: str) -> None:
        """Close as soon as what waits is written; a peer that does not read is cut off."""
        transport = self._transport
        if transport is None or self.left or transport.is_closing():
            return
        self._why = why
        if not self.connection.closed:
            self._start()
            self.connection.fail(ErrorCode.NO_ERROR, why)
        if self.connection.outbox.size:
            transport.write(self.connection.outbox.take())
        self._leave(transport)

    def _leave(self, transport: asyncio.Transport) -> None:
        """End a server's half; the client ends its half, or is cut off after a while.

        Closing while its bytes still come would reset the connection, and a reset takes back
        what it has not read yet: the GOAWAY that says why (RFC 9113, section 9.1). A client
        closes at once: it must not take the link for alive any longer.
        """
        self.left = True
        self.connection.writable = False
        if self.connection.client or not transport.can_write_eof():
            transport.close()
        else:
            try:
                transport.write_eof()
            except OSError:  # asyncio's transports: the client reset the connection already
                transport.close()
        asyncio.get_running_loop().call_later(_CLOSE_GRACE, transport.abort)
