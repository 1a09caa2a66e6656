"""The receiving half of a connection: cuts bytes into frames and gives each to its stream.

Source: RFC 9113, sections 4 to 6. One unpack per frame header, in place, and a method call: no
object per frame (the prototype's measurements bought this).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcpmesh.wire.block import UNCHECKED
from mcpmesh.wire.body import take_body
from mcpmesh.wire.control import CONTROL
from mcpmesh.wire.error_code import ConnectionFault, ErrorCode, StreamFault
from mcpmesh.wire.frame import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    HEADER,
    HEADER_BYTES,
    HEADERS,
    MAX_STREAM_ID,
    PADDED,
    PREFACE,
    RST_STREAM,
    SETTINGS,
)
from mcpmesh.wire.header_block import TOO_LARGE, HeaderBlocks
from mcpmesh.wire.new_stream import take_new
from mcpmesh.wire.stream_state import CLOSED, REMOTE_ENDED
from mcpmesh.wire.whole_answer import take_answer
from mcpmesh.wire.whole_request import take_request

if TYPE_CHECKING:
    from mcpmesh.wire.connection import Connection

#: A HEADERS frame with END_HEADERS alone of these is a whole block as it stands.
_FRAGMENT_FLAGS = END_HEADERS | PADDED | HAS_PRIORITY
_unpack = HEADER.unpack_from


class Inbound:
    """Parses what the peer sends."""

    __slots__ = (
        "_preface_left", "_rest", "_take_whole", "blocks", "connection", "whole_bytes",
    )  # fmt: skip

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.blocks = HeaderBlocks(connection.limits, connection.flood)
        self._preface_left = b"" if connection.client else PREFACE
        self._rest = b""
        limits = connection.limits
        #: The largest body that one frame may bring to a new stream.
        self.whole_bytes = min(limits.stream_window_bytes, limits.max_frame_bytes)
        self._take_whole = take_answer if connection.client else take_request

    def receive_preface(self, data: bytes) -> None:
        """Take a peer's first bytes, until they are known to begin with SETTINGS.

        Raises: ConnectionFault, as `receive`, which takes over from there.
        Source: RFC 9113, section 3.4.
        """
        buffer = self._rest + data
        if self._preface_left:
            buffer = buffer[self._take_preface(buffer) :]
        self._rest = buffer
        # The type and the flags of a frame are its fourth and fifth byte.
        if len(buffer) < 5:
            return
        if buffer[3] != SETTINGS or buffer[4] & ACK:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        self.connection.receive = self.receive
        self.receive(b"")

    def receive(self, data: bytes) -> None:
        """Take bytes from the peer, cut anywhere.

        Raises: ConnectionFault; the owner then calls `Connection.fail` and closes.
        """
        buffer = self._rest + data if self._rest else data
        position = 0
        size = len(buffer)
        last = size - HEADER_BYTES
        connection = self.connection
        blocks = self.blocks
        max_frame = connection.limits.max_frame_bytes
        take_whole = self._take_whole
        while position <= last:
            length, flags, stream_id = _unpack(buffer, position)
            start = position + HEADER_BYTES
            if flags == END_HEADERS and length & 0xFF == HEADERS and not blocks.pending_id:
                # Nearly every call comes in one piece, to either side.
                taken = take_whole(self, stream_id, buffer, start, start + (length >> 8))
                if taken:
                    position = taken
                    if connection.closed:
                        return
                    continue
            kind = length & 0xFF
            length >>= 8
            if length > max_frame:
                raise ConnectionFault(
                    ErrorCode.FRAME_SIZE_ERROR, f"a frame of {length} bytes, over {max_frame}"
                )
            end = start + length
            if end > size:
                break
            position = end
            stream_id &= MAX_STREAM_ID
            if blocks.pending_id and kind != CONTINUATION:
                raise ConnectionFault(
                    ErrorCode.PROTOCOL_ERROR, "a frame between HEADERS and their CONTINUATION"
                )
            if kind == DATA:
                take_body(connection, stream_id, flags, buffer[start:end])
            elif kind == HEADERS:
                if flags & _FRAGMENT_FLAGS == END_HEADERS and stream_id:
                    # A whole block as it stands: nearly all of them, one call less.
                    self._on_block(stream_id, flags & END_STREAM == END_STREAM, buffer[start:end])
                else:
                    self._on_headers(stream_id, flags, buffer[start:end])
            else:
                self._on_other(kind, flags, stream_id, buffer[start:end])
            if connection.closed:
                return
        self._rest = buffer[position:]

    def missing_bytes(self) -> int:
        """Return how many bytes the frame under way, or its head, still lacks; 0 between frames."""
        if self._preface_left:
            return len(self._preface_left)
        rest = self._rest
        size = len(rest)
        if size < HEADER_BYTES:
            return HEADER_BYTES - size if size else 0
        return HEADER_BYTES + int.from_bytes(rest[:3], "big") - size

    def unfinished_head(self) -> int:
        """Return the stream whose header block began and is not complete; 0 for none."""
        rest = self._rest
        if not self.blocks.pending_id and len(rest) >= HEADER_BYTES and rest[3] == HEADERS:
            return int.from_bytes(rest[5:HEADER_BYTES], "big") & MAX_STREAM_ID
        return self.blocks.pending_id

    def _take_preface(self, buffer: bytes) -> int:
        expected = self._preface_left
        got = buffer[: len(expected)]
        if not expected.startswith(got):
            raise ConnectionFault(
                ErrorCode.PROTOCOL_ERROR, "the peer does not speak HTTP/2 (no preface)"
            )
        self._preface_left = expected[len(got) :]
        return len(got)

    def _on_headers(self, stream_id: int, flags: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "HEADERS on stream 0")
        block = self.blocks.first(stream_id, flags, payload)
        if block is not None:
            self._on_block(stream_id, bool(flags & END_STREAM), block)

    def _on_other(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        connection = self.connection
        if kind == CONTINUATION:
            block = self.blocks.following(stream_id, flags, payload)
            if block is not None:
                self._on_block(stream_id, self.blocks.ended, block)
            return
        if kind == RST_STREAM:
            self._on_reset(stream_id, payload)
            return
        handler = CONTROL.get(kind)
        if handler is not None:
            handler(connection, flags, stream_id, payload)
        else:
            connection.flood.spend("frames of unknown kinds")

    def _on_block(self, stream_id: int, ended: bool, payload: bytes) -> None:
        """Give a whole header block to its stream; it is decoded in any case, to keep in step."""
        connection = self.connection
        stream = connection.streams.get(stream_id)
        if stream is None:
            take_new(self, stream_id, ended, payload)
            return
        block = self.blocks.known(payload)
        try:
            if stream.state & REMOTE_ENDED:
                self.blocks.read(payload)
                raise StreamFault(ErrorCode.STREAM_CLOSED, "HEADERS after the end")
            if stream.content_left != UNCHECKED:
                if block is None or not block.is_trailers or not ended:
                    block = self.blocks.trailers(payload, ended)
                if not block.headers and block is not TOO_LARGE:
                    # No fields: END_STREAM is all that the block says.
                    take_body(connection, stream_id, END_STREAM, b"")
                    return
            else:
                if block is None or block.content_length == UNCHECKED:
                    block = self.blocks.response(payload)
                if 100 <= block.status < 200:
                    self._on_interim(block.status, ended)
                    return
                stream.content_left = block.content_length
            if ended and stream.content_left > 0:
                raise StreamFault(ErrorCode.PROTOCOL_ERROR, "the body differs from content-length")
        except StreamFault as fault:
            connection.fault(stream_id, fault)
            return
        sink = stream.sink
        if ended:
            stream.state |= REMOTE_ENDED
            if stream.state == CLOSED and not stream.queue:
                connection.forget(stream)
        if sink is not None:
            sink.on_headers(block.headers, ended)

    def _on_interim(self, status: int, ended: bool) -> None:
        """Pass over a 1xx head: the final one follows."""
        if ended:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "an interim response ends the stream")
        if status == 101:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "HTTP/2 switches to no other protocol")
        self.connection.flood.spend("interim responses")

    def _on_reset(self, stream_id: int, payload: bytes) -> None:
        connection = self.connection
        if len(payload) != 4:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM is not 4 bytes long")
        if not stream_id or connection.is_idle(stream_id):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"RST_STREAM on stream {stream_id}")
        if not connection.client:
            connection.flood.spend_reset("RST_STREAM frames")
        stream = connection.streams.get(stream_id)
        if stream is None:
            if not connection.client or not connection.early_ends.forget(stream_id):
                connection.flood.spend_late("RST_STREAM frames on closed streams")
        else:
            code = int.from_bytes(payload, "big")
            stream.refused = code == ErrorCode.REFUSED_STREAM
            connection.end_stream(stream, code, f"the peer reset the stream ({_named(code)})")


def _named(code: int) -> str:
    return ErrorCode(code).name if code in ErrorCode.__members__.values() else hex(code)
