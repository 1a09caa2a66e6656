"""Compressed messages: gzip and deflate, never inflated beyond the message limit.

Source: gRPC over HTTP/2 (PROTOCOL-HTTP2), Message-Encoding.
"""

import zlib

from mcpmesh.errors import MethodNotFound, RemoteProtocolError
from mcpmesh.wire.message import too_large

_WINDOW_BITS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
ENCODINGS = frozenset(_WINDOW_BITS)


def compress(encoding: bytes, payload: bytes) -> bytes:
    """Compress a message with `gzip` or `deflate`."""
    engine = zlib.compressobj(wbits=_WINDOW_BITS[encoding])
    return engine.compress(payload) + engine.flush()


def decompress(encoding: bytes, payload: bytes, max_bytes: int) -> bytes:
    """Inflate a message.

    Raises: MethodNotFound (UNIMPLEMENTED, as gRPC asks) for an unknown encoding,
    TooLarge when it grows over `max_bytes`, RemoteProtocolError when it is broken.
    """
    bits = _WINDOW_BITS.get(encoding)
    if bits is None:
        if encoding == b"identity":
            raise RemoteProtocolError(
                "a message is flagged as compressed, and grpc-encoding is not"
            )
        raise MethodNotFound(f"grpc-encoding {encoding[:20]!r} is unknown; use gzip or deflate")
    engine = zlib.decompressobj(wbits=bits)
    try:
        inflated = engine.decompress(payload, max_bytes + 1)
    except zlib.error as error:
        raise RemoteProtocolError(f"a message is not {encoding.decode()}: {error}") from error
    if len(inflated) > max_bytes:
        raise too_large("the inflated message", max_bytes)
    if not engine.eof:
        raise RemoteProtocolError(f"a {encoding.decode()} message is cut short")
    return inflated
