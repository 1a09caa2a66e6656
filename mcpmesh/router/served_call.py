"""A caller's stream on the router: gathers the request, and takes the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcpmesh.codec.peek import peek, peek_short
from mcpmesh.codec.status import status_of
from mcpmesh.errors import InvalidCall, MeshError, OutOfRange
from mcpmesh.router.request_pipe import StreamedRequest
from mcpmesh.router.stream_call import StreamCall
from mcpmesh.rpc.compression import decompress
from mcpmesh.stack.call import Call
from mcpmesh.stack.call_head import CallHead
from mcpmesh.transport.link import Link
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import PIECE_BYTES, PREFIX_BYTES, too_large, too_late, too_much
from mcpmesh.wire.stream import Stream

if TYPE_CHECKING:
    from mcpmesh.dispatch.dispatcher import Dispatcher


class ServedCall(StreamCall):
    """One call from its first byte to its last; the sink of the caller's stream."""

    __slots__ = ("_begun", "_dispatcher", "_kept", "_parts", "_size", "_streaming")

    def __init__(
        self, dispatcher: Dispatcher, head: CallHead, streaming: bool, _link: Link, stream: Stream
    ) -> None:
        Call.__init__(self, head)
        self.caller = stream
        self._request = None
        self._dispatcher = dispatcher
        #: The request is a stream of messages.
        self._streaming = streaming
        self._begun = False
        self._parts: list[bytes] | None = None
        self._size = 0
        # Of what the caller's connection may have under way, the bytes of this large request.
        self._kept = 0

    # StreamSink

    def on_request(self, data: bytes) -> None:
        if (
            not self._streaming
            and not self.head.problem
            # One message, and all of it.
            and PREFIX_BYTES <= len(data) <= self._dispatcher.max_message_bytes
            and len(data) - PREFIX_BYTES == int.from_bytes(data[1:PREFIX_BYTES], "big")
        ):
            self._begin(data, True)
            return
        self.on_headers((), False)
        self._gather(data, True)

    def on_headers(self, _headers: Headers, end: bool) -> None:
        if self.head.problem:
            self._reject(InvalidCall(self.head.problem))
        elif end:
            self.on_data(b"", True)

    def on_data(self, data: bytes, end: bool) -> None:
        if end and not self._begun and self._parts is None and not self._streaming:
            size = len(data)
            # Most requests are one message in one frame.
            if PREFIX_BYTES <= size <= self._dispatcher.max_message_bytes and (
                size - PREFIX_BYTES == int.from_bytes(data[1:PREFIX_BYTES], "big")
            ):
                self.caller.consumed(size)
                self._begin(data, end)
                return
        self._gather(data, end)

    def on_reset(self, code: int, message: str) -> None:
        super().on_reset(code, message)
        self.ended()

    def on_late(self) -> bool:
        """End the call if its request should be complete by now; True if so."""
        if self._begun or self.caller.state:
            return False
        self._reject(too_late())
        return True

    # Call

    def ended(self) -> None:
        if self._kept:
            self.caller.connection.keep(-self._kept)
            self._kept = 0

    # The request

    def _gather(self, data: bytes, end: bool) -> None:
        """Take a piece of a request that comes in several."""
        if self._request is not None:
            self._request.push(data, end)
            return
        if self._begun:
            # Nobody waits for it: the call is refused, or these are the client's trailers.
            self.caller.consumed(len(data))
            return
        parts = self._parts = self._parts or []
        parts.append(data)
        self._size += len(data)
        try:
            self._keep(len(data) + PIECE_BYTES)
            complete = self._first_message_complete(parts, end)
        except MeshError as error:
            self._reject(error)
            return
        if not self._streaming:
            self.caller.consumed(len(data))
            if end:
                self._begin(parts[0] if len(parts) == 1 else b"".join(parts), end)
        elif complete:
            self._begin(b"".join(parts), end, self._size - len(data))
        else:
            # The first message may be larger than the stream's window.
            self.caller.consumed(len(data))

    def _first_message_complete(self, parts: list[bytes], end: bool) -> bool:
        """Tell whether the first message is all here.

        Raises: TooLarge for one over the limit, InvalidCall when the body ends before it does.
        """
        if self._size < PREFIX_BYTES:
            if end:
                raise InvalidCall("the request has no message")
            return False
        if len(parts[0]) < PREFIX_BYTES:
            parts[:] = [b"".join(parts)]
        needed = PREFIX_BYTES + int.from_bytes(parts[0][1:5], "big")
        limit = self._dispatcher.max_message_bytes
        if needed > limit + PREFIX_BYTES:
            raise too_large(f"message of {needed - PREFIX_BYTES} bytes", limit)
        if end and self._size < needed:
            raise InvalidCall("the request ends inside its message")
        if not self._streaming and self._size > needed:
            raise OutOfRange("the request has more than one message")
        return self._size >= needed

    def _keep(self, size: int) -> None:
        self._kept += size
        connection = self.caller.connection
        if not connection.keep(size):
            raise too_much(connection.limits.max_unfinished_bytes)

    def _begin(self, body: bytes, end: bool, credited: int = 0) -> None:
        self._begun = True
        self._parts = None
        if not self.tool and not body[0]:
            self.tool = peek_short(body, PREFIX_BYTES)
        if not self.tool:
            try:
                self._peek(body)
            except MeshError as error:
                self._reject(error)
                return
        self.body = body
        if self._streaming:
            self._request = self.requests = StreamedRequest(self.caller, credited)
            if end:
                self._request.push(b"", True)
        self._dispatcher.begin(self, self.head.timeout)

    def _peek(self, body: bytes) -> None:
        """Read the tool in the message, for a head that did not say it."""
        message = body[PREFIX_BYTES : PREFIX_BYTES + int.from_bytes(body[1:PREFIX_BYTES], "big")]
        if body[0]:
            limit = self._dispatcher.max_message_bytes
            message = decompress(self.head.encoding, message, limit)
        self.tool, version = peek(message)
        if version:
            self.version = version
        if not self.tool:
            raise InvalidCall("the request names no tool: set InvokeRequest.tool, or mcp-name")

    def _reject(self, error: MeshError) -> None:
        """Refuse a call that never reaches the stack."""
        self._dispatcher.refused("/" + self.head.method, error)
        self._begun = True
        self._parts = None
        self.ended()
        self._refuse(status_of(error))

    def _has_begun(self) -> bool:
        return self._begun or self._size > 0
