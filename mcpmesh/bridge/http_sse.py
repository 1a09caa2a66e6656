"""HTTP+SSE, the transport of 2024-11-05: a stream to the client, and a place for its messages.

The stream lives in one bridge process; a message that reaches another one is passed on.
"""

import asyncio
from secrets import token_urlsafe

import orjson

from mcpmesh.bridge.depth import check_depth
from mcpmesh.bridge.duplex import Duplex
from mcpmesh.bridge.echo import echo_of
from mcpmesh.bridge.exchange import OF_A_CONNECTION
from mcpmesh.bridge.http_gate import check_types, takes_events
from mcpmesh.bridge.http_house import Stream
from mcpmesh.bridge.http_message import JSON, HttpAnswer, HttpRefusal, HttpRequest, RequestHead
from mcpmesh.bridge.in_task import in_task
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.peers import Told
from mcpmesh.bridge.sse import EventStream
from mcpmesh.codec.jsonrpc import RpcError, decode, error_bytes
from mcpmesh.errors import MeshError
from mcpmesh.model.principal import Principal

SSE = b"/sse"
MESSAGES = b"/messages/"
_PURPOSE = b"sse"
_TAKEN = HttpAnswer(202, b"Accepted", ((b"content-type", b"text/plain"),))


class HttpSse:
    """Serves the streams, and takes what their clients post."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._count = 0
        self._clients: dict[int, Duplex] = {}
        self._over = asyncio.Event()
        bridge.peers.hear("message", self._hear)

    def __len__(self) -> int:
        return len(self._clients)

    async def __call__(self, request: HttpRequest, stream: Stream) -> HttpAnswer | None:
        """Answer one HTTP request.

        Raises: HttpRefusal.
        """
        head = request.head
        if head.path == SSE:
            if head.method != b"GET":
                return HttpAnswer(405, headers=((b"allow", b"GET"),))
            if not takes_events(head.headers):
                raise HttpRefusal(406, "accept does not name text/event-stream")
            await in_task(self._listen(head, stream))
            return None
        if head.method != b"POST":
            return HttpAnswer(405, headers=((b"allow", b"POST"),))
        check_types(head.headers)
        session = head.path.removeprefix(MESSAGES).decode("latin-1")
        return await self._take(session, request.body, stream.principal)

    def end(self) -> None:
        """End all streams: the bridge goes down."""
        self._over.set()

    async def _listen(self, head: RequestHead, stream: Stream) -> None:
        """Write a stream for as long as its client reads it."""
        self._count += 1
        number = self._count
        payload = orjson.dumps([self._bridge.name, number])
        place = MESSAGES + self._bridge.signer.sign(_PURPOSE, payload, stream.principal).encode()
        first = b"event: endpoint\ndata: %b\n\n" % place
        heartbeat = self._bridge.settings.heartbeat
        async with (
            EventStream(stream, heartbeat, echo_of(head.headers), first) as events,
            asyncio.TaskGroup() as tasks,
        ):
            scope = OF_A_CONNECTION + token_urlsafe(9)
            client = Duplex(self._bridge, events.event, tasks, scope, "http", stream.principal)
            self._clients[number] = client
            try:
                await events.open()
                await self._over.wait()
            finally:
                del self._clients[number]
                await client.end(0)

    async def _take(self, session: str, body: bytes, principal: Principal) -> HttpAnswer:
        """Take a client's message, or pass it on to the bridge that has its stream.

        Raises: HttpRefusal.
        """
        payload = self._bridge.signer.open(_PURPOSE, session, principal)
        if payload is None:
            raise HttpRefusal(404, "there is no such session; GET /sse begins one")
        bridge, number = orjson.loads(payload)
        try:
            value = decode(body)
        except RpcError as error:
            return HttpAnswer(400, error_bytes(error), (JSON,))
        check_depth(body, value, self._bridge.settings.max_depth)
        if bridge == self._bridge.name:
            client = self._clients.get(number)
            if client is None:
                raise HttpRefusal(404, "the session is over; GET /sse begins another")
            await client.take(value)
            return _TAKEN
        try:
            if not self._bridge.peers.connected:
                raise HttpRefusal(503, "the bridge that has the session is out of reach")
            await self._bridge.peers.tell("message", to=bridge, client=number, value=value)
        except MeshError as error:
            raise HttpRefusal(503, f"the bridge that has the session: {error.message}") from error
        return _TAKEN

    def _hear(self, told: Told) -> None:
        client = self._clients.get(told["client"])
        if client is not None:
            client.take_later(told["value"])
