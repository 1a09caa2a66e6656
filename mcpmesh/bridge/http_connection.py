"""One HTTP/1.1 client: reads its requests, has them answered one after another.

A request is answered by a coroutine that runs by hand (`stack.run`) inside the call that brought
its last byte, and its answer is one write. A task for each request would bring its objects
and turns of the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from mcpmesh.bridge.http_head import (
    CHUNKED,
    CONTINUE,
    LAST_CHUNK,
    answer_bytes,
    chunk_of,
    head_of,
)
from mcpmesh.bridge.http_house import Cancel, HttpHouse, Work
from mcpmesh.bridge.http_lookout import HttpLookout, Wait
from mcpmesh.bridge.http_message import (
    Header,
    HttpAnswer,
    HttpRefusal,
    HttpRequest,
    failed,
    too_many,
)
from mcpmesh.bridge.http_reader import Phase, RequestReader
from mcpmesh.bridge.run import Run
from mcpmesh.model.identity import PeerIdentity
from mcpmesh.model.principal import ANONYMOUS, principal_of
from mcpmesh.transport.gate import peer_of

_log = logging.getLogger(__name__)
_WRITE_HIGH_BYTES = 64 * 1024
#: Bytes of further requests that are taken while one is answered.
_MAX_AHEAD_BYTES = 64 * 1024
#: What is waited for while nothing is answered.
_COMING = {Phase.IDLE: Wait.REQUEST, Phase.HEAD: Wait.HEAD, Phase.BODY: Wait.BODY}
_OVERDUE = {
    Wait.REQUEST: ("idle_timeout", "connection closed: no request for a long time"),
    Wait.HEAD: ("header_timeout", "refused: its header was not complete in time"),
    Wait.BODY: ("request_timeout", "refused: its request was not complete in time"),
    Wait.READER: ("unread_answers", "connection cut off: an answer is not read"),
}


class HttpConnection(asyncio.Protocol):
    """One connection of a client."""

    __slots__ = (
        "_ahead_bytes", "_counted", "_house", "_lingering", "_lookout", "_nexting", "_old",
        "_paused", "_peer", "_reader", "_request", "_resumed", "_run", "_started", "_transport",
        "_writable", "principal",
    )  # fmt: skip

    def __init__(self, house: HttpHouse) -> None:
        self._house = house
        self._reader = RequestReader(house.limits, house.known)
        self._transport: asyncio.Transport | None = None
        #: Whom the gate counts this connection for.
        self._peer = ""
        #: Whom the client proved to be.
        self.principal = ANONYMOUS
        #: The answer under way is the last.
        self._old = False
        # It is counted among the requests that are answered.
        self._counted = False
        # What is answered now, and its coroutine.
        self._request: HttpRequest | None = None
        self._run: Run[HttpAnswer | None] | None = None
        self._started = False
        self._nexting = False
        self._ahead_bytes = 0
        self._paused = False
        self._lingering = False
        self._writable = True
        self._resumed: asyncio.Future[None] | None = None
        now = asyncio.get_running_loop().time()
        self._lookout = HttpLookout(house.times, now, house.rng)

    def __repr__(self) -> str:
        return f"<HttpConnection {self._request or self._reader.phase.value}>"

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the shape of asyncio.Transport, not the class.
        self._transport = transport = cast(asyncio.Transport, transport)
        transport.set_write_buffer_limits(high=_WRITE_HIGH_BYTES)
        house = self._house
        house.connections.add(self)
        house.empty.clear()
        peer = peer_of(transport.get_extra_info("peername"))
        if reason := house.gate.enter(peer):
            self._note(reason, "connection closed: too many connections", peer)
            transport.abort()
            return
        self._peer = peer

    def secured(self, identity: PeerIdentity | None) -> None:
        """Learn that TLS is up, and who the client is."""
        self.principal = principal_of(identity)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader.refused:
            return  # and thrown away, so that the client can read why
        phase = reader.phase
        reader.feed(data)
        if self._run is not None or not self._writable:
            self._hold_back(len(data))
            return
        if reader.phase is not phase:
            self._lookout.since = 0.0
        if reader.ready:
            self._next()
        elif reader.continue_owed:
            self._say_continue()

    def eof_received(self) -> None:
        """A client that sends no more is gone: the transport closes, the call is cancelled."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        house = self._house
        house.connections.discard(self)
        if self._peer:
            house.gate.leave(self._peer)
        if not house.connections:
            house.empty.set()
        self._reader.ready.clear()
        if self._run is not None:
            self._run.interrupt(asyncio.CancelledError())
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = False
        self._lookout.since = 0.0

    def resume_writing(self) -> None:
        self._writable = True
        self._lookout.since = 0.0
        resumed, self._resumed = self._resumed, None
        if resumed is not None and not resumed.done():
            resumed.set_result(None)
        if self._run is None and (self._reader.ready or self._ahead_bytes):
            self._next()

    # Requests

    def _next(self) -> None:
        """Answer what is ready, until one takes time or the client is behind with reading."""
        if self._nexting:
            return
        self._nexting = True
        ready = self._reader.ready
        while ready and self._run is None and self._writable and self._transport is not None:
            item = ready.popleft()
            if type(item) is HttpRequest:
                self._answer(item)
            elif isinstance(item, HttpRefusal):
                self._refuse(item)
        self._nexting = False
        if self._ahead_bytes and not ready:
            self._ahead_bytes = 0
            self._go_on_reading()
        if self._run is None and self._reader.continue_owed:
            self._say_continue()

    def _answer(self, request: HttpRequest) -> None:
        self._request = request
        self._started = False
        answering = self._house.answering
        # A page that must not ask whether it may ask would not hear why.
        if answering.full and request.head.method != b"OPTIONS" and answering.is_full(self._peer):
            self._turn_down(request, too_many())
            return
        work = self._house.handler(request, self)
        run = self._run = Run(work, self._on_answer, self._on_failure)
        run.resume()
        if self._run is run:  # it waits for something
            self._counted = True
            answering.enter(self._peer)

    def _on_answer(self, answer: HttpAnswer | None) -> None:
        request = self._request
        assert request is not None
        transport = self._transport
        self._request = self._run = None
        self._lookout.since = 0.0
        if self._counted:
            self._counted = False
            self._house.answering.leave(self._peer)
        if transport is None:
            return
        house = self._house
        close = not request.head.keep_alive or house.draining or self._old
        if answer is not None:
            if answer.refused:
                self._note(answer.refused, "refused a request")
            bodiless = request.head.method == b"HEAD"
            transport.write(answer_bytes(answer, house.date, close=close, bodiless=bodiless))
        elif not request.head.old:
            transport.write(LAST_CHUNK)
        if close:
            transport.close()
        elif self._reader.ready or self._ahead_bytes or self._reader.continue_owed:
            self._next()

    def _on_failure(self, error: BaseException) -> None:
        """Answer what went wrong in the handler: a bug of ours, or a call that was cancelled."""
        request = self._request
        if not isinstance(error, asyncio.CancelledError):
            _log.error("a bug of ours fails %r", request, exc_info=error)
        if request is None or self._started or isinstance(error, asyncio.CancelledError):
            self._request = self._run = None
            if self._counted:
                self._counted = False
                self._house.answering.leave(self._peer)
            self.abort()
        else:
            self._turn_down(request, failed())

    def _turn_down(self, request: HttpRequest, refusal: HttpRefusal) -> None:
        """Answer a request in the handler's place."""
        refusal.path, refusal.asked = request.head.path, request.head.headers
        self._on_answer(self._house.told(refusal))

    def _say_continue(self) -> None:
        self._reader.continue_owed = False
        if self._transport is not None:
            self._transport.write(CONTINUE)

    def _hold_back(self, size: int) -> None:
        """Stop reading when a client sends far ahead of its answers."""
        self._ahead_bytes += size
        if self._ahead_bytes > _MAX_AHEAD_BYTES and not self._paused and self._transport:
            self._paused = True
            self._transport.pause_reading()

    def _go_on_reading(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    # Stream

    def begin(self, headers: tuple[Header, ...]) -> None:
        """Write the head of an answer in parts."""
        request, transport = self._request, self._transport
        if request is None or transport is None:
            return
        self._started = True
        house = self._house
        framing = () if request.head.old else (CHUNKED,)
        close = not request.head.keep_alive or house.draining or self._old
        transport.write(head_of(200, house.date, (*headers, *framing), close=close))

    async def write(self, part: bytes) -> None:
        """Write a part, and wait while the client is behind with reading."""
        request, transport = self._request, self._transport
        if request is None or transport is None:
            return
        transport.write(part if request.head.old else chunk_of(part))
        while not self._writable:
            if self._resumed is None:
                self._resumed = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._resumed)

    def cancel(self) -> None:
        """Cancel the answering of the request that is answered now."""
        if self._run is not None:
            self._run.interrupt(asyncio.CancelledError())

    def hand_over(self, rest: Work, ended: Callable[[BaseException | None], None]) -> Cancel:
        """Have other work write the answer; what answered so far goes on apart from the client."""
        run = self._run
        if run is None:  # the client is gone, and what answered it with it
            rest.close()
            return ended_already
        run.redirect(lambda _: ended(None), ended)
        following = self._run = Run(rest, self._on_answer, self._on_failure)
        asyncio.get_running_loop().call_soon(_begin, following)
        return lambda: run.interrupt(asyncio.CancelledError())

    # Ends

    def _refuse(self, refusal: HttpRefusal) -> None:
        """Tell a client why it is not served, and end the connection."""
        _log.debug("refused a client: %s", refusal.error.message)
        if refusal.reason:
            self._note(refusal.reason, f"refused: {refusal.error.message}")
        if self._transport is not None:
            answer = self._house.told(refusal)
            self._transport.write(
                answer_bytes(answer, self._house.date, close=True, bodiless=False)
            )
            self._linger(self._transport)

    def _linger(self, transport: asyncio.Transport) -> None:
        """End our half of the connection, and the rest of it when the client has ended its own.

        Closing on bytes that nobody read would reset the connection, and take the answer back.
        """
        self._lingering = True
        self._lookout.since = 0.0
        self._go_on_reading()
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()

    def abort(self) -> None:
        """Cut the connection off."""
        if self._transport is not None:
            self._transport.abort()

    def drain(self) -> None:
        """Close when the request that is answered, or is just coming, has its answer."""
        reader, transport = self._reader, self._transport
        resting = self._run is None and reader.phase is Phase.IDLE and not reader.ready
        if resting and transport is not None:
            transport.close()

    # Time

    def tick(self, now: float) -> None:
        """Look after the connection's deadlines."""
        transport = self._transport
        if transport is None:
            return
        lookout, wait = self._lookout, self._wait(transport)
        if lookout.is_overdue(now, wait, transport.get_write_buffer_size()):
            self._lose_patience(wait, transport)
        elif lookout.is_old(now):
            self._grow_old(wait, transport)
        late, request = self._house.late, self._request
        if late is None or request is None or wait is not Wait.ANSWER or self._started:
            return
        if lookout.is_silent(now, self._run):
            late(request, self)

    def _wait(self, transport: asyncio.Transport) -> Wait:
        """Return what the connection waits for."""
        if self._lingering:
            return Wait.FAREWELL
        if not self._writable or transport.is_closing():
            return Wait.READER
        return _COMING[self._reader.phase] if self._run is None else Wait.ANSWER

    def _lose_patience(self, wait: Wait, transport: asyncio.Transport) -> None:
        """End what its client takes too long for."""
        if wait in _OVERDUE:
            self._note(*_OVERDUE[wait])
        if wait is Wait.HEAD or wait is Wait.BODY:
            self._reader.late()
            self._next()
        elif wait is Wait.REQUEST:
            transport.close()
        else:
            transport.abort()

    def _grow_old(self, wait: Wait, transport: asyncio.Transport) -> None:
        """End a connection that is too old: now, or with the answer under way."""
        if self._request is not None:
            self._old = True
        elif wait is Wait.REQUEST:
            self._note("connection_age", "connection closed: it is too old")
            transport.close()

    def _note(self, reason: str, what: str, peer: str = "") -> None:
        now = asyncio.get_running_loop().time()
        self._house.refusals.note(reason, peer or self._peer, what, now)


def ended_already() -> None:
    """Cancel nothing: what was to be cancelled has ended."""


def _begin(run: Run[HttpAnswer | None]) -> None:
    """Begin to write, unless the client is gone meanwhile."""
    if not run.done:
        run.resume()
