"""HTTP/2 frames as an attacker writes them: by hand, right or wrong, with none of our own code."""

from collections.abc import Iterator
from struct import pack

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = range(5)
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CODES = (
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
    "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
    "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
)  # fmt: skip
INITIAL_WINDOW_SIZE = 4
FOREVER = "99999999H"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write a frame."""
    return pack(">I", len(payload))[1:] + pack(">BBI", kind, flags, stream) + payload


def settings(**values: int) -> bytes:
    """Write SETTINGS; only the window's is known here."""
    known = {"window": INITIAL_WINDOW_SIZE}
    body = b"".join(pack(">HI", known[name], value) for name, value in values.items())
    return frame(SETTINGS, 0, 0, body)


def block(method: str, tool: str, timeout: str = FOREVER, *more: tuple[str, str]) -> bytes:
    """Write the header block of a call, without any use of the table."""
    fields = [
        (":method", "POST"), (":scheme", "http"), (":path", f"/mcpmesh.v1.ToolService/{method}"),
        (":authority", "x"), ("te", "trailers"), ("content-type", "application/grpc"),
        ("mcp-name", tool), ("grpc-timeout", timeout), *more,
    ]  # fmt: skip
    never = [hpack.NeverIndexedHeaderTuple(name, value) for name, value in fields]
    return bytes(hpack.Encoder().encode(never, huffman=False))


def message(tool: str, arguments: bytes = b"{}") -> bytes:
    """Write an InvokeRequest with its gRPC prefix."""
    body = _field(1, tool.encode()) + _field(2, arguments)
    return pack(">BI", 0, len(body)) + body


def call(stream: int, head: bytes, body: bytes) -> bytes:
    """Write a whole call."""
    return frame(HEADERS, END_HEADERS, stream, head) + frame(DATA, END_STREAM, stream, body)


def _field(number: int, text: bytes) -> bytes:
    size, length = len(text), b""
    while size > 127:
        length, size = length + bytes((size & 127 | 128,)), size >> 7
    return bytes((number << 3 | 2,)) + length + bytes((size,)) + text


def cut(received: bytes) -> tuple[list[tuple[int, int, int, bytes]], bytes]:
    """Return the frames that came, (kind, flags, stream, payload), and what is left over."""
    found, position = [], 0
    while len(received) - position >= 9:
        size = int.from_bytes(received[position : position + 3], "big")
        end = position + 9 + size
        if end > len(received):
            break
        kind, flags = received[position + 3], received[position + 4]
        stream = int.from_bytes(received[position + 5 : position + 9], "big")
        found.append((kind, flags, stream, received[position + 9 : end]))
        position = end
    return found, received[position:]


def stream_ids() -> Iterator[int]:
    """Yield the ids of a client's streams."""
    yield from range(1, 1 << 31, 2)
