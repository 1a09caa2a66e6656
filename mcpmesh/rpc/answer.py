"""The header blocks that servers answer with."""

from collections.abc import Iterable

from grpc import StatusCode

from mcpmesh.codec.metadata import Header, encode_message, encode_metadata
from mcpmesh.wire.hpack_table import Headers

# The encodings without spaces between: grpc-js would know but the first of them.
HEAD: Headers = (
    (b":status", b"200"),
    (b"content-type", b"application/grpc"),
    (b"grpc-accept-encoding", b"identity,deflate,gzip"),
)
TRAILERS_OK: Headers = ((b"grpc-status", b"0"),)
_STATUS: dict[StatusCode, Header] = {
    code: (b"grpc-status", str(code.value[0]).encode()) for code in StatusCode
}

#: grpc's own implementations take 8 KiB of metadata, if nobody told them otherwise.
_MAX_MESSAGE_BYTES = 6 * 1024


def trailers(
    code: StatusCode, message: str, metadata: Iterable[tuple[str, str | bytes]] = ()
) -> tuple[Headers, Headers]:
    """Write a call's trailers as (what repeats from call to call, what does not)."""
    repeated = (_STATUS[code],)
    if not message and not metadata:
        return repeated, ()
    rest = encode_metadata(metadata)
    if message:
        rest = ((b"grpc-message", _encode_short(message)), *rest)
    return repeated, rest


def _encode_short(message: str) -> bytes:
    """Write a status message, cut so that no peer refuses the trailers for its length."""
    encoded = encode_message(message)
    while len(encoded) > _MAX_MESSAGE_BYTES:
        message = message[: len(message) * _MAX_MESSAGE_BYTES // len(encoded) - 1]
        encoded = encode_message(message + "…")
    return encoded


def refusal(status: int) -> Headers:
    """Write the answer to a request that is not gRPC: an HTTP status."""
    return ((b":status", str(status).encode()), (b"content-type", b"text/plain"))
