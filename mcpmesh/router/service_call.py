"""A caller's stream of a service that replicas serve: piped both ways, unopened."""

from __future__ import annotations

from collections.abc import Callable

from mcpmesh.codec.status import status_of
from mcpmesh.errors import InvalidCall
from mcpmesh.router.request_pipe import StreamedRequest
from mcpmesh.router.stream_call import StreamCall
from mcpmesh.stack.call import Call
from mcpmesh.stack.call_head import CallHead
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.stream import Stream

#: Seconds for a call whose caller names no deadline; our stack always has one. Short of the 24
#: days at which timers of other languages overflow.
_LONGEST = 7 * 86400.0


class ServiceCall(StreamCall):
    """One call from its head to its last byte; the sink of the caller's stream.

    It begins at the head: whether the request is one message or a stream is not known, and a
    caller may wait for an answer before it sends anything.
    """

    __slots__ = ("_start",)

    def __init__(self, start: Callable[[Call], None], stream: Stream, head: CallHead) -> None:
        super().__init__(head)
        self.caller = stream
        self._request = None
        self._start = start

    # StreamSink

    def on_headers(self, _headers: Headers, end: bool) -> None:
        if self._request is not None:
            self._request.push(b"", True)
        elif self.head.problem:
            self._refuse(status_of(InvalidCall(self.head.problem)))
        else:
            self._begin(end)

    def on_data(self, data: bytes, end: bool) -> None:
        if self._request is not None:
            self._request.push(data, end)
        else:
            self.caller.consumed(len(data))

    def _begin(self, end: bool) -> None:
        asked = self.head.timeout
        self.timeout = _LONGEST if asked is None else min(asked, _LONGEST)
        request = self._request = self.requests = StreamedRequest(self.caller)
        if end:
            request.push(b"", True)
        self._start(self)
