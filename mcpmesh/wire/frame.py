"""HTTP/2 frames as bytes: kinds, flags, and the few that are written by hand.

Source: RFC 9113, sections 4.1 and 6.
"""

from struct import Struct

from mcpmesh.wire.error_code import ConnectionFault, ErrorCode

DATA = 0x0
HEADERS = 0x1
PRIORITY = 0x2
RST_STREAM = 0x3
SETTINGS = 0x4
PUSH_PROMISE = 0x5
PING = 0x6
GOAWAY = 0x7
WINDOW_UPDATE = 0x8
CONTINUATION = 0x9

END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

HEADER_BYTES = 9
#: Length and kind in one number (`length << 8 | kind`), flags, stream id. One unpack for a frame's
#: header is cheaper than indexing its bytes one by one.
HEADER = Struct(">IBI")

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_STREAM_ID = 0x7FFFFFFF
MAX_WINDOW = 0x7FFFFFFF
DEFAULT_WINDOW = 65_535
DEFAULT_FRAME_BYTES = 16_384

_pack = HEADER.pack


def frame_bytes(buffer: bytes, start: int) -> int:
    """Return the bytes of the frame that begins there, as far as its length is told."""
    return HEADER_BYTES + int.from_bytes(buffer[start : start + 3], "big")


def frame(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    """Write a frame."""
    size = len(payload)
    return _pack(size << 8 | kind, flags, stream_id) + payload


def window_update(stream_id: int, increment: int) -> bytes:
    """Write a WINDOW_UPDATE; stream id 0 is the connection.

    Units: bytes of credit, 1 to 2^31-1.
    """
    return _pack(4 << 8 | WINDOW_UPDATE, 0, stream_id) + increment.to_bytes(4, "big")


def rst_stream(stream_id: int, code: int) -> bytes:
    """Write a RST_STREAM."""
    return _pack(4 << 8 | RST_STREAM, 0, stream_id) + code.to_bytes(4, "big")


def goaway(last_stream_id: int, code: int, reason: str) -> bytes:
    """Write a GOAWAY; the reason is for the people who read the peer's log."""
    payload = last_stream_id.to_bytes(4, "big") + code.to_bytes(4, "big")
    return frame(GOAWAY, 0, 0, payload + reason.encode()[:512])


def header_frames(stream_id: int, block: bytes, *, end: bool, max_frame: int) -> bytes:
    """Write a header block: one HEADERS frame, and CONTINUATION frames when it is too long."""
    flags = END_STREAM if end else 0
    if len(block) <= max_frame:
        size = len(block)
        return _pack(size << 8 | HEADERS, flags | END_HEADERS, stream_id) + block
    parts = [frame(HEADERS, flags, stream_id, block[:max_frame])]
    for start in range(max_frame, len(block), max_frame):
        last = END_HEADERS if start + max_frame >= len(block) else 0
        parts.append(frame(CONTINUATION, last, stream_id, block[start : start + max_frame]))
    return b"".join(parts)


def unpadded(payload: bytes) -> bytes:
    """Return the payload of a PADDED frame without its padding.

    Raises: ConnectionFault when the padding is longer than the frame.
    """
    if not payload:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a PADDED frame without its pad length")
    if payload[0] >= len(payload):
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "padding longer than its frame")
    return payload[1 : len(payload) - payload[0]]
