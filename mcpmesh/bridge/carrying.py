"""Answers that became streams, on their way to clients: to who asked, and to who comes back."""

import asyncio
import logging

from mcpmesh.bridge.echo import correlation_header, echo_of
from mcpmesh.bridge.event_mark import EventMark
from mcpmesh.bridge.exchange import Exchange, Notify
from mcpmesh.bridge.http_gate import takes_events
from mcpmesh.bridge.http_house import Stream
from mcpmesh.bridge.http_message import HttpRequest, RequestHead
from mcpmesh.bridge.in_task import in_task
from mcpmesh.bridge.kept_stream import KeptStream
from mcpmesh.bridge.lost_answer import lost_answer
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.remote_streams import StreamLost
from mcpmesh.bridge.session import Session
from mcpmesh.bridge.sse import EventStream, primer
from mcpmesh.codec.jsonrpc import INVALID_REQUEST, Request, RpcError, decode, message_of

LAST_EVENT_HEADER = b"last-event-id"
#: Since then an event may have no message, and a server may send a client away to come back.
POLLING_SINCE = "2025-11-25"
_log = logging.getLogger(__name__)


class Carrying:
    """Makes answers streams, and writes streams to connections.

    An answer becomes a stream when there is something to say before the response, or when it is
    long in coming. For a client of a revision with polling it begins with an event of its own, so
    that the client can come back even if it hears nothing more.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._streams = bridge.streams
        self._elsewhere = bridge.elsewhere
        self._settings = bridge.settings
        self._retry_ms = bridge.tuning.retry_ms

    async def open(
        self, message: Request, posted: HttpRequest, stream: Stream, exchange: Exchange
    ) -> Notify | None:
        """Open a stream to a legacy client, to ask it something."""
        if not takes_events(posted.head.headers):
            return None
        return self._keep(message, exchange, posted, stream).ask

    async def notify(
        self, message: Request, posted: HttpRequest, stream: Stream, told: bytes
    ) -> None:
        """Tell a legacy client something ahead of the response."""
        exchange = posted.exchange
        assert isinstance(exchange, Exchange)
        await self._keep(message, exchange, posted, stream).notify(told)

    def late(self, posted: HttpRequest, stream: Stream) -> None:
        """Have an answer that is long in coming become a stream."""
        exchange = posted.exchange
        if not isinstance(exchange, Exchange) or not takes_events(posted.head.headers):
            return
        message = message_of(decode(posted.body))
        if isinstance(message, Request):
            self._keep(message, exchange, posted, stream)

    async def resume(self, session: Session, head: RequestHead, stream: Stream) -> None:
        """Go on with a stream whose connection is gone.

        Raises: RpcError for an event that is none of the session's.
        """
        text = head.headers[LAST_EVENT_HEADER].decode("latin-1")
        found = self._streams.read_id(session.id, text)
        if found is None:
            raise RpcError(INVALID_REQUEST, "Last-Event-ID names no event of this session")
        mark, number = found
        events = EventStream(stream, self._settings.heartbeat, echo_of(head.headers))
        kept = self._streams.find(mark)
        polls = session.version >= POLLING_SINCE
        if kept is not None:
            await self._carry(kept, number, events, polls=polls, told=True)
        elif self._streams.is_ours(mark):
            await self._tell_lost(mark, session, events)
        else:
            mark_text = text.rpartition(".")[0]
            await in_task(self._fetch(mark, mark_text, number, session, events))

    async def _fetch(
        self, mark: EventMark, text: str, after: int, session: Session, events: EventStream
    ) -> None:
        """Write what another bridge tells of a stream of its own."""
        away = None
        try:
            async with self._elsewhere.read(session.id, mark, after) as reader, events:
                if self._settings.poll_after and session.version >= POLLING_SINCE:
                    loop = asyncio.get_running_loop()
                    away = loop.call_later(self._settings.poll_after, reader.end)
                while (event := await reader.next()) is not None:
                    await events.event(event[1], f"{text}.{event[0]}")
                if not reader.done:
                    await events.retry(self._retry_ms)
        except StreamLost:
            await self._tell_lost(mark, session, events)
        finally:
            if away is not None:
                away.cancel()

    async def _tell_lost(self, mark: EventMark, session: Session, events: EventStream) -> None:
        """Answer a request whose answer is lost.

        Raises: RpcError when its id is not known.
        """
        answer = lost_answer(mark, session.version)
        if answer is not None:
            async with events:
                await events.event(answer)
        elif not events.started:
            raise RpcError(INVALID_REQUEST, "the stream of Last-Event-ID is no more")

    def _keep(
        self, message: Request, exchange: Exchange, posted: HttpRequest, stream: Stream
    ) -> KeptStream:
        """Have the answering go on without its connection if need be; another task writes to it."""
        if exchange.kept is not None:
            return exchange.kept
        peer = exchange.peer
        cancel = exchange.interrupt
        kept = self._streams.open(peer.scope, message.id, message.method, cancel)
        exchange.kept = kept

        def ended(error: BaseException | None) -> None:
            if error is not None and not isinstance(error, asyncio.CancelledError):
                _log.error("a bug of ours fails %r", posted, exc_info=error)
            kept.finish(None)

        exchange.cancel = stream.hand_over(self._begin(kept, exchange, stream), ended)
        return kept

    async def _begin(self, kept: KeptStream, exchange: Exchange, stream: Stream) -> None:
        """Write a stream to the client that asked, from its start."""
        polls = bool(kept.mark) and exchange.peer.version >= POLLING_SINCE
        first = primer(f"{kept.mark}.0", self._retry_ms) if polls else b""
        echo = correlation_header(exchange.links.correlation_id)
        events = EventStream(stream, self._settings.heartbeat, echo, first)
        await self._carry(kept, 0, events, polls=polls, told=polls)

    async def _carry(
        self, kept: KeptStream, after: int, events: EventStream, *, polls: bool, told: bool
    ) -> None:
        """Write what comes after an event; `told` says that the client knows the id of one."""
        reader = self._streams.read(kept, after)
        away = None
        if polls and self._settings.poll_after:
            loop = asyncio.get_running_loop()
            away = loop.call_later(self._settings.poll_after, reader.end)
        try:
            async with events:
                await events.open()
                while (event := await reader.next()) is not None:
                    number, message = event
                    await events.event(message, f"{kept.mark}.{number}" if kept.mark else "")
                    told = told or bool(kept.mark)
                if reader.ended and not kept.done:
                    await events.retry(self._retry_ms)
        finally:
            if away is not None:
                away.cancel()
            self._streams.leave(kept, reader, told=told)
