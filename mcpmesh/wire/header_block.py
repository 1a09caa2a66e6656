"""Header blocks: put together from their frames, decoded, and held against the rules.

What was checked once is remembered by the identity of the tuple that the decoder remembers, so
that a head that comes again costs two dictionary look-ups.
"""

from dataclasses import dataclass
from typing import TypeVar

from mcpmesh.wire.error_code import ConnectionFault, ErrorCode, StreamFault
from mcpmesh.wire.fields import check_request, check_response, check_trailers, content_length
from mcpmesh.wire.frame import END_HEADERS, END_STREAM, HAS_PRIORITY, PADDED, unpadded
from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_table import HeaderListTooLarge, Headers, HpackError
from mcpmesh.wire.limits import Limits

_REMEMBERED = 256
_MAX_FRAGMENTS = 64
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A checked block; `headers` is () when it was over the limit of header list size."""

    headers: Headers
    status: int = 0
    content_length: int = -1


_TOO_LARGE = Head(())


class HeaderBlocks:
    """The header blocks of one direction of a connection, in order.

    Raises (all): ConnectionFault for what breaks the connection (compression state, a flood of
    fragments), StreamFault for what breaks one stream.
    """

    __slots__ = (
        "_checked", "_decoder", "_fragments", "_max_bytes", "_trailers", "ended", "pending_id",
    )  # fmt: skip

    def __init__(self, limits: Limits, *, client: bool) -> None:
        #: The stream whose block is not complete yet; 0 for none.
        self.pending_id = 0
        #: The pending block's HEADERS frame ended the stream.
        self.ended = False
        self._decoder = Decoder(max_list_size=limits.max_header_list_bytes)
        # Huffman codes at best shrink to 5/8, so nobody honest needs more on the wire.
        self._max_bytes = 2 * limits.max_header_list_bytes
        self._fragments: list[bytes] = []
        # Heads and trailers apart: what may stand in one may not stand in the other.
        self._checked: dict[int, Head] = {}
        self._trailers: dict[int, Headers] = {}

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
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "a header block without an end")
        if not flags & END_HEADERS:
            return None
        self.pending_id = 0
        self._fragments = []
        return b"".join(fragments)

    def request(self, block: bytes) -> Head:
        """Read a request's head."""
        try:
            headers = self._decoder.decode(block)
        except HpackError as error:
            _check_too_large(error)
            return _TOO_LARGE
        head = self._checked.get(id(headers))
        if head is None:
            check_request(headers)
            head = _remember(self._checked, headers, Head(headers, 0, content_length(headers)))
        return head

    def response(self, block: bytes) -> Head:
        """Read a response's head."""
        try:
            headers = self._decoder.decode(block)
        except HpackError as error:
            _check_too_large(error)
            return _TOO_LARGE
        head = self._checked.get(id(headers))
        if head is None:
            status = check_response(headers)
            head = Head(headers, status, content_length(headers))
            _remember(self._checked, headers, head)
        return head

    def trailers(self, block: bytes, ended: bool) -> Headers | None:
        """Read trailers: () when they are over the limit, None when they have no fields."""
        try:
            headers = self._decoder.decode(block)
        except HpackError as error:
            _check_too_large(error)
            return ()
        if not ended:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "a second HEADERS that does not end")
        if id(headers) not in self._trailers:
            check_trailers(headers)
            _remember(self._trailers, headers, headers)
        return headers or None

    def skip(self, block: bytes) -> None:
        """Decode a block nobody waits for: the compression state must follow it."""
        try:
            self._decoder.decode(block)
        except HpackError as error:
            _check_too_large(error)


def _check_too_large(error: HpackError) -> None:
    """Pass a list that is only too large; its block left the compression state in step.

    Raises: ConnectionFault for everything else.
    """
    if not isinstance(error, HeaderListTooLarge):
        raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, str(error)) from error


def _remember(memo: dict[int, T], headers: Headers, checked: T) -> T:
    # What is checked keeps its tuple alive, so an identity cannot come to mean another tuple.
    if len(memo) >= _REMEMBERED:
        memo.clear()
    memo[id(headers)] = checked
    return checked
