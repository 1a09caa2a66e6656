"""A gRPC request's head, read once and remembered while it keeps coming."""

from dataclasses import dataclass

from mcpmesh.codec.metadata import Metadata, decode_metadata, parse_timeout
from mcpmesh.errors import InvalidCall
from mcpmesh.wire.hpack_table import Headers

_REMEMBERED = 512


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


def read_head(headers: Headers) -> RequestHead:
    """Read a request's head; what is wrong with it is said in the result."""
    fields = dict(headers)
    timeout = None
    problem = ""
    if b"grpc-timeout" in fields:
        try:
            timeout = parse_timeout(fields[b"grpc-timeout"])
        except InvalidCall as error:
            problem = error.message
    refusal = 0
    if fields.get(b":method") != b"POST":
        refusal = 405
    elif not fields.get(b"content-type", b"").startswith(b"application/grpc"):
        refusal = 415
    path = fields.get(b":path", b"").decode("latin-1")
    return RequestHead(headers, fields, path, timeout, refusal, problem)


class HeadMemo:
    """Heads by the identity of their tuple, which the decoder repeats for a repeated block."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[int, RequestHead] = {}

    def read(self, headers: Headers) -> RequestHead:
        """Read a head, or remember it."""
        head = self._heads.get(id(headers))
        if head is None:
            head = read_head(headers)
            if len(self._heads) >= _REMEMBERED:
                self._heads.clear()
            # The head keeps its tuple alive, so the identity stays its own.
            self._heads[id(headers)] = head
        return head
