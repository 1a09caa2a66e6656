"""A stream that a client just opened: its head decides who serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpc import StatusCode

from mcpmesh.codec.status import Status, status_of
from mcpmesh.errors import MeshError, TooLarge
from mcpmesh.rpc.answer import HEAD, refusal, trailers
from mcpmesh.rpc.head import RequestHead, read_head
from mcpmesh.rpc.late_trailers import LateTrailers
from mcpmesh.rpc.server_call import ServerCall
from mcpmesh.wire.block import Block
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.stream import Stream

if TYPE_CHECKING:
    from mcpmesh.rpc.server import Opener, Server
    from mcpmesh.transport.link import Link

_NOT_GRPC = b"This port speaks gRPC: POST with content-type application/grpc.\n"


class Opening:
    """The first sink of every stream; hands over at the head."""

    __slots__ = ("_block", "_link", "_refusal", "_server", "_stream")

    def __init__(self, server: Server, link: Link, stream: Stream, block: Block) -> None:
        self._server = server
        self._link = link
        self._stream = stream
        self._block = block
        self._refusal = 0

    def on_headers(self, headers: Headers, end: bool) -> None:
        stream = self._stream
        server = self._server
        if not headers:
            limit = server.options.limits.max_header_list_bytes
            error = TooLarge(
                f"the call's metadata is over the limit of {limit} bytes; max_metadata_bytes "
                "(--max-metadata-bytes) of the receiver sets it"
            )
            self._turn_down(status_of(error), end)
            return
        block = self._block
        # Read once for a block that keeps coming; what comes but once is not kept.
        head: RequestHead | None = block.head
        if head is None:
            head = block.head = read_head(headers)
        if head.refusal:
            self._refusal = head.refusal
            if end:
                self._refuse()
            return
        raw = server.raw.get(head.path)
        if raw is not None:
            self._learn(block, head)
            self._hand_over(raw(head), headers, end)
            return
        try:
            method = server.find(head)
        except MeshError as error:
            self._turn_down(status_of(error), end)
            return
        if method is None:
            relay = server.raw_fallback(head)
            if relay is not None:
                self._hand_over(relay, headers, end)
                return
            self._turn_down(
                Status(StatusCode.UNIMPLEMENTED, f"{head.path} is not served here"), end
            )
            return
        call = ServerCall(server, self._link, stream, head, method)
        stream.sink = call
        call.begin(end)

    def on_data(self, data: bytes, end: bool) -> None:
        """Drop the body of a request that is not gRPC; its sender reads the answer after it."""
        self._stream.consumed(len(data))
        if end:
            self._refuse()

    def on_reset(self, code: int, message: str) -> None:
        """A call that never began ends."""

    def on_late(self) -> bool:
        """Answer a request that is not gRPC before its end: it takes too long."""
        self._refuse()
        self._stream.stop()
        return True

    def _hand_over(self, opener: Opener, headers: Headers, end: bool) -> None:
        """Let somebody else have the stream, and those that open with the same head."""
        self._block.note = opener
        sink = self._stream.sink = opener(self._link, self._stream)
        sink.on_headers(headers, end)

    def _learn(self, block: Block, head: RequestHead) -> None:
        """Spare heads that are like this one all of this."""
        layout = block.layout
        if layout is not None and layout.note is None and layout.plain_request:
            alike = self._server.alike.get(head.path)
            layout.note = (alike and alike(head, layout.literals)) or False

    def _refuse(self) -> None:
        self._stream.send_headers(refusal(self._refusal))
        self._stream.send_data(_NOT_GRPC, True)

    def _turn_down(self, status: Status, end: bool) -> None:
        """Answer with trailers only."""
        repeated, rest = trailers(status.code, status.message, status.metadata)
        if end:
            self._stream.send_headers(HEAD + repeated, rest, True)
        else:
            loop = self._server.loop
            LateTrailers(self._stream, loop, HEAD + repeated, rest, begun=False)
