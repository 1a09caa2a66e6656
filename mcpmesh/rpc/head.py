"""A gRPC request's head."""

from dataclasses import dataclass

from mcpmesh.codec.metadata import Metadata, decode_metadata, parse_timeout
from mcpmesh.errors import InvalidCall
from mcpmesh.wire.hpack_table import Headers


@dataclass(slots=True, eq=False)
class RequestHead:
    """What a request says before its body; nobody changes it.

    Not frozen: that would triple the cost of making one, and a traced call has a head of its own.

    Units: `timeout` in seconds, None without one.
    """

    headers: Headers
    fields: dict[bytes, bytes]
    path: str
    timeout: float | None
    #: HTTP status to refuse with, 0 when the request is gRPC.
    refusal: int = 0
    #: Why the head is malformed; empty when it is not.
    problem: str = ""

    @property
    def encoding(self) -> bytes:
        """How compressed messages are compressed."""
        return self.fields.get(b"grpc-encoding", b"identity")

    def metadata(self) -> Metadata:
        """Return the caller's metadata, in order.

        Raises: InvalidCall for a -bin value that is not base64.
        """
        return decode_metadata(self.headers)


def read_timeout(fields: dict[bytes, bytes]) -> tuple[float | None, str]:
    """Return how long a call may take, in seconds if it says so, and what is wrong with that."""
    said = fields.get(b"grpc-timeout")
    if said is None:
        return None, ""
    try:
        return parse_timeout(said), ""
    except InvalidCall as error:
        return None, error.message


def read_head(headers: Headers) -> RequestHead:
    """Read a request's head; what is wrong with it is said in the result."""
    fields = dict(headers)
    timeout, problem = read_timeout(fields)
    refusal = 0
    if fields.get(b":method") != b"POST":
        refusal = 405
    elif not fields.get(b"content-type", b"").startswith(b"application/grpc"):
        refusal = 415
    path = fields.get(b":path", b"").decode("latin-1")
    return RequestHead(headers, fields, path, timeout, refusal, problem)
