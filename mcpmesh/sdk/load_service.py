"""Answers routers that ask how loaded this server is: LoadService, without a task per question."""

from collections.abc import Callable

from google.protobuf.message import DecodeError

from mcpmesh.codec.tool import duration
from mcpmesh.rpc.head import RequestHead
from mcpmesh.rpc.server import Opener
from mcpmesh.v1.load_pb2 import ProbeRequest, ProbeResponse
from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import PREFIX_BYTES, frame_message
from mcpmesh.wire.stream import Stream

PROBE = "/mcpmesh.v1.LoadService/Probe"
_HEAD: Headers = ((b":status", b"200"), (b"content-type", b"application/grpc"))
_OK: Headers = ((b"grpc-status", b"0"),)
#: Of a question; a tool's name has 128 characters.
_MOST_BYTES = 1024

#: A tool's name → calls in flight, and how long a call of it takes now; 0 when nobody knows.
LoadOf = Callable[[str], tuple[int, float]]


class LoadService:
    """Takes the streams of Probe."""

    def __init__(self, load_of: LoadOf) -> None:
        self._load_of = load_of

    def handler(self, _head: RequestHead) -> Opener:
        """Return who opens a question's stream."""
        return lambda _link, stream: Question(self._load_of, stream)


class Question:
    """One question; the sink of its stream."""

    __slots__ = ("_body", "_load_of", "_stream")

    def __init__(self, load_of: LoadOf, stream: Stream) -> None:
        self._load_of = load_of
        self._stream = stream
        self._body = b""

    def on_headers(self, _headers: Headers, end: bool) -> None:
        if end:
            self.on_data(b"", True)

    def on_data(self, data: bytes, end: bool) -> None:
        self._stream.consumed(len(data))
        self._body += data
        if len(self._body) > _MOST_BYTES:
            self._stream.reset(ErrorCode.ENHANCE_YOUR_CALM)
        elif end:
            self._answer()

    def on_reset(self, code: int, message: str) -> None:
        """Nobody waits for the answer any more."""

    def on_late(self) -> bool:
        """Give up a question that does not come to its end."""
        self._stream.reset(ErrorCode.CANCEL)
        return True

    def _answer(self) -> None:
        try:
            tool = ProbeRequest.FromString(self._body[PREFIX_BYTES:]).tool
        except DecodeError:
            tool = ""
        in_flight, latency = self._load_of(tool)
        answer = ProbeResponse(
            in_flight=in_flight, latency=duration(latency) if latency > 0 else None
        )
        self._stream.send_answer(_HEAD, (), frame_message(answer.SerializeToString()), _OK)
