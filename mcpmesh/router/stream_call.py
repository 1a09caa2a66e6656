"""A call that came on a caller's stream, and how it is answered there."""

from __future__ import annotations

import asyncio
import logging

from mcpmesh.codec.status import Status, status_of
from mcpmesh.errors import MeshError
from mcpmesh.model.principal import ANONYMOUS, Principal, principal_of
from mcpmesh.router.request_pipe import StreamedRequest
from mcpmesh.rpc.answer import ALONE, trailers, written_rest
from mcpmesh.rpc.late_trailers import LateTrailers
from mcpmesh.stack.call import Call
from mcpmesh.stack.tries import answered_by, previous_attempts
from mcpmesh.stack.untried import Untried
from mcpmesh.transport.link import Link
from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.hpack_literal import literal_name, literal_value
from mcpmesh.wire.stream import Stream

_log = logging.getLogger("mcpmesh.router")
_CORRELATION = literal_name("x-correlation-id")
_LOCAL_ENDED = 1
_REMOTE_ENDED = 2


class StreamCall(Call):
    """The caller's side of a call; subclasses gather the request, as sinks of the stream."""

    __slots__ = ("_request", "caller")

    #: Both set by the subclass, which is made for every call.
    caller: Stream
    _request: StreamedRequest | None

    # StreamSink

    def on_reset(self, code: int, message: str) -> None:
        self.interrupt(asyncio.CancelledError(message))
        if self._request is not None:
            self._request.cancel()

    def on_unread(self) -> None:
        """End the call: its caller leaves too many answers unread."""
        self.caller.reset(ErrorCode.ENHANCE_YOUR_CALM)
        self.on_reset(ErrorCode.CANCEL, "the caller does not read its answers")

    # Call

    @property
    def peer(self) -> str:
        owner = self.caller.connection.owner
        if not isinstance(owner, Link):
            return ""
        identity = owner.identity
        return identity.name if identity is not None else owner.peer

    @property
    def principal(self) -> Principal:
        owner = self.caller.connection.owner
        return principal_of(owner.identity) if isinstance(owner, Link) else ANONYMOUS

    def extra(self) -> bytes:
        extra = f"{_CORRELATION}{literal_value(self.correlation_id)}"
        if self.tries is not None:
            extra += previous_attempts(self.previous_attempts) + answered_by(self.tries.stand_in)
        return extra.encode("latin-1")

    def failed(self, error: BaseException) -> None:
        if not isinstance(error, MeshError):
            _log.error("a bug of ours failed a call", exc_info=error)
        self._refuse(status_of(error))

    def untried(self, why: Untried) -> None:
        self._refuse(why.status)

    def broken(self, error: BaseException) -> None:
        stream = self.caller
        if not stream.state & _LOCAL_ENDED:
            status = status_of(error)
            stream.send_headers(*trailers(status.code, status.message, status.metadata), True)
            stream.stop()

    def _refuse(self, status: Status) -> None:
        """Answer with a status alone."""
        stream = self.caller
        if stream.state & _LOCAL_ENDED:
            return
        repeated, written = ALONE[status.code], written_rest(status.message, status.metadata)
        # A call that was refused before the stack has the caller's id, if any.
        if self.correlation_id:
            written = f"{_CORRELATION}{literal_value(self.correlation_id)}{written}"
        rest = written.encode("latin-1")
        if not stream.state & _REMOTE_ENDED:
            loop = asyncio.get_running_loop()
            LateTrailers(stream, loop, repeated, rest, begun=self._has_begun())
            return
        stream.send_headers(repeated, rest, True)
        # Gives back the credit of what came, or it is lost to the connection.
        stream.stop()

    def _has_begun(self) -> bool:
        """Tell whether something of the request's body came."""
        return False
