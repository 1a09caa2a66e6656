"""The tool's name in a protobuf message, read without decoding it; beside protobuf's own reader."""

from google.protobuf.message import DecodeError

from mcpmesh.codec.peek import peek, peek_short
from mcpmesh.errors import InvalidCall
from mcpmesh.v1.invoke_pb2 import InvokeRequest

SEEDS = (
    InvokeRequest(tool="echo", arguments=b"{}").SerializeToString(),
    InvokeRequest(tool="echo", version="1.2", arguments=b"x" * 200).SerializeToString(),
    InvokeRequest(arguments=b"{}").SerializeToString(),
    b"\x0a\x01\xff", b"\x0b\x0a\x01a\x0c\x0a\x01b", b"\x0a\x80", b"\x08\xff\xff\xff\xff\xff\x7f",
    b"\x0a\x01a\x0a\x01b", b"\x0d\x00\x00\x00\x00\x11" + bytes(8), b"\x0b" * 200,
)  # fmt: skip


def check(data: bytes) -> None:
    """Peek; only InvalidCall may come out, and a name is the one that protobuf reads."""
    try:
        wanted: tuple[str, str] | None = _decoded(data)
    except DecodeError:
        wanted = None
    short = peek_short(data, 0)
    assert not short or wanted == (short, ""), f"{short}, and protobuf reads {wanted}"
    try:
        found = peek(data)
    except InvalidCall:
        # Inside groups, which it skips, protobuf takes fields that may not be.
        assert wanted is None or _has_group(data), f"refused, and protobuf reads {wanted}"
        return
    # Peeking opens less than decoding, so it may take what protobuf refuses.
    assert wanted is None or found == wanted, f"{found}, and protobuf reads {wanted}"


def _decoded(data: bytes) -> tuple[str, str]:
    request = InvokeRequest.FromString(data)
    return request.tool, request.version


def _has_group(data: bytes) -> bool:
    """Tell whether some byte may begin a group."""
    return any(byte & 7 == 3 for byte in data)
