"""Header blocks: put together from their frames, decoded, and held against the rules once."""

from mcpmesh.wire.block import NO_PROMISE, UNCHECKED, Block
from mcpmesh.wire.error_code import ConnectionFault, ErrorCode, StreamFault
from mcpmesh.wire.fields import (
    are_plain,
    check_request,
    check_response,
    check_trailers,
    check_values,
    content_length,
)
from mcpmesh.wire.flood import FloodGate
from mcpmesh.wire.frame import END_HEADERS, END_STREAM, HAS_PRIORITY, PADDED, unpadded
from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_table import HeaderBomb, HeaderListTooLarge, HpackError
from mcpmesh.wire.limits import Limits

_MAX_FRAGMENTS = 64
#: Stands for every block over the limit of header list size.
TOO_LARGE = Block(())
TOO_LARGE.content_length = -1
TOO_LARGE.is_trailers = True


class HeaderBlocks:
    """The header blocks of one direction of a connection, in order.

    Raises (all): ConnectionFault for what breaks the connection (compression state, a flood of
    fragments), StreamFault for what breaks one stream.
    """

    __slots__ = ("_decoder", "_flood", "_fragments", "_max_bytes", "ended", "known", "pending_id")

    def __init__(self, limits: Limits, flood: FloodGate) -> None:
        #: The stream whose block is not complete yet; 0 for none.
        self.pending_id = 0
        #: The pending block's HEADERS frame ended the stream.
        self.ended = False
        self._flood = flood
        self._decoder = Decoder(max_list_size=limits.max_header_list_bytes)
        # An honest block is no longer than its list, where each field counts 32 bytes extra, so one
        # of this length is a list far over the limit. To decode it only to stay in step would be
        # work without bound; RFC 9113, section 10.5.1, lets the connection end instead.
        self._max_bytes = 2 * limits.max_header_list_bytes
        self._fragments: list[bytes] = []
        #: The block of these bytes if it came before and still means the same.
        self.known = self._decoder.known

    def first(self, stream_id: int, flags: int, payload: bytes) -> bytes | None:
        """Take a HEADERS frame; return the block when it is complete."""
        if flags & PADDED:
            payload = unpadded(payload)
        if flags & HAS_PRIORITY:
            if len(payload) < 5:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for priority")
            if int.from_bytes(payload[:4], "big") & 0x7FFFFFFF == stream_id:
                raise ConnectionFault(
                    ErrorCode.PROTOCOL_ERROR, f"stream {stream_id} depends on itself"
                )
            payload = payload[5:]
        if flags & END_HEADERS:
            return payload
        self.pending_id = stream_id
        self.ended = bool(flags & END_STREAM)
        self._fragments = [payload]
        return None

    def following(self, stream_id: int, flags: int, payload: bytes) -> bytes | None:
        """Take a CONTINUATION frame; return the block when it is complete."""
        if not self.pending_id or stream_id != self.pending_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without its HEADERS")
        fragments = self._fragments
        fragments.append(payload)
        if len(fragments) > _MAX_FRAGMENTS or sum(map(len, fragments)) > self._max_bytes:
            raise ConnectionFault(
                ErrorCode.ENHANCE_YOUR_CALM, "a header block without an end", "continuation_frames"
            )
        if not flags & END_HEADERS:
            return None
        self.pending_id = 0
        self._fragments = []
        return b"".join(fragments)

    def request(self, payload: bytes) -> Block:
        """Read a request's head."""
        block = self.read(payload)
        if block.content_length == UNCHECKED:
            layout = block.layout
            if layout is not None and layout.plain_request:
                check_values(block.headers[-layout.literals :])
                block.content_length = NO_PROMISE
                return block
            check_request(block.headers)
            block.content_length = content_length(block.headers)
            if layout is not None and block.content_length == NO_PROMISE:
                layout.plain_request = are_plain(block.headers[-layout.literals :])
        return block

    def laid_out(self, payload: bytes) -> Block | None:
        """Read a request's head that is new, but like some before it, and so are their readers.

        None for every other one, which is read frame by frame.
        """
        block = self._decoder.laid_out(payload)
        layout = block.layout if block is not None else None
        if block is None or layout is None or not layout.plain_request or not layout.note:
            return None
        try:
            check_values(block.headers[-layout.literals :])
        except StreamFault:
            return None
        block.content_length = NO_PROMISE
        block.note = layout.note(block.headers)
        return block

    def response(self, payload: bytes) -> Block:
        """Read a response's head."""
        block = self.read(payload)
        if block.content_length == UNCHECKED:
            block.status = check_response(block.headers)
            block.content_length = content_length(block.headers)
            block.opens_answer = block.status == 200 and block.content_length == NO_PROMISE
        return block

    def trailers(self, payload: bytes, ended: bool) -> Block:
        """Read trailers."""
        block = self.read(payload)
        if not ended:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "a second HEADERS that does not end")
        if not block.is_trailers:
            check_trailers(block.headers)
            block.is_trailers = True
            block.ends_answer = bool(block.headers)
        return block

    def read(self, payload: bytes) -> Block:
        """Decode a block; it is in any case, for the compression state must follow it."""
        try:
            return self._decoder.read(payload)
        except HpackError as error:
            if isinstance(error, HeaderBomb):
                raise ConnectionFault(
                    ErrorCode.ENHANCE_YOUR_CALM, str(error), "header_bomb"
                ) from error
            # A list that is only too large left the compression state in step.
            if isinstance(error, HeaderListTooLarge):
                # Twice: the call will end with an answer, which earns one back.
                self._flood.spend_reset("header lists over the limit")
                self._flood.spend_reset("header lists over the limit")
                return TOO_LARGE
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, str(error)) from error
