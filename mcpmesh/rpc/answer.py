"""The header blocks that servers answer with."""

from collections.abc import Iterable
from functools import lru_cache

from grpc import StatusCode

from mcpmesh.codec.metadata import Header, encode_message, encode_metadata
from mcpmesh.wire.hpack_literal import literal_name, literal_value
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
#: An answer that is a status alone: head and trailers in one.
ALONE: dict[StatusCode, Headers] = {code: (*HEAD, field) for code, field in _STATUS.items()}
_MESSAGE = literal_name("grpc-message")

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


@lru_cache(maxsize=64)
def written_rest(message: str, metadata: tuple[tuple[str, str | bytes], ...] = ()) -> str:
    """Write what does not repeat in most trailers, as `hpack_literal` does.

    Where many calls are refused, they are for the same few reasons.
    """
    written = "".join(
        literal_name(name.decode("latin-1")) + literal_value(value.decode("latin-1"))
        for name, value in encode_metadata(metadata)
    )
    if not message:
        return written
    return _MESSAGE + literal_value(_encode_short(message).decode("latin-1")) + written


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
