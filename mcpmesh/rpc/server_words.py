"""What a server's head and trailers say of a call.

Source: gRPC over HTTP/2 (PROTOCOL-HTTP2), Responses.
"""

from collections.abc import Mapping

import grpc
from grpc import StatusCode

from mcpmesh.codec.metadata import decode_message, decode_metadata
from mcpmesh.codec.status import status_from
from mcpmesh.errors import InvalidCall
from mcpmesh.rpc.http_status import code_of_http
from mcpmesh.wire.hpack_table import Headers


def fault_of_head(fields: Mapping[bytes, bytes]) -> tuple[StatusCode, str] | None:
    """Return how a call ends whose answer is no gRPC; None when it is."""
    if fields.get(b":status") != b"200":
        return code_of_http(fields.get(b":status", b""))
    if not fields.get(b"content-type", b"").startswith(b"application/grpc"):
        return StatusCode.UNKNOWN, "the answer's content-type is no gRPC"
    return None


def end_of(trailers: Headers) -> tuple[StatusCode, str]:
    """Return the status and the message of trailers."""
    fields = dict(trailers)
    status = fields.get(b"grpc-status", b"")
    if status.isdigit():
        return status_from(status), decode_message(fields.get(b"grpc-message", b""))
    if fields.get(b":status", b"200") != b"200":
        return code_of_http(fields[b":status"])
    return StatusCode.UNKNOWN, "the answer ended without a grpc-status"


def metadata_of(headers: Headers) -> grpc.aio.Metadata:
    """Return what a program sees of a head or trailers."""
    try:
        return grpc.aio.Metadata(*decode_metadata(headers))
    except InvalidCall:
        # A value that is not base64: the rest is as good without it.
        readable = tuple(field for field in headers if not field[0].endswith(b"-bin"))
        return grpc.aio.Metadata(*decode_metadata(readable))
