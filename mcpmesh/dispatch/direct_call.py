"""A channel's call that goes to a replica without the hop: its answer comes from the stack."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from mcpmesh.codec.status import Status, status_of
from mcpmesh.errors import MeshError
from mcpmesh.rpc.answer import HEAD, trailers
from mcpmesh.rpc.client_call import CallBase
from mcpmesh.stack.call import Call
from mcpmesh.stack.call_head import CallHead
from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers

_log = logging.getLogger("mcpmesh.dispatch")


class DirectCall(Call):
    """Stands between the two: who is answered, for the stack; its stream, for the channel's call.

    The channel's call hears nothing more once it ended, or gave up.
    """

    __slots__ = ("_asking", "refused", "taken")

    def __init__(self, head: CallHead, asking: CallBase) -> None:
        # As `super().__init__`, at two thirds of its cost.
        Call.__init__(self, head)
        self._asking: CallBase | None = asking
        #: Set by the answer: credit for the replica, when messages were read.
        self.taken: Callable[[int], None] | None = None
        #: What streams say of themselves; the stack has tried again already.
        self.refused = False

    # Call

    @property
    def caller(self) -> DirectCall:
        return self

    def extra(self) -> Headers:
        return ((b"x-correlation-id", self.correlation_id.encode()),)

    def failed(self, error: BaseException) -> None:
        if not isinstance(error, MeshError):
            _log.error("a bug of ours failed a call", exc_info=error)
        self._end(HEAD, status_of(error))

    def broken(self, error: BaseException) -> None:
        self._end((), status_of(error))

    def _end(self, head: Headers, status: Status) -> None:
        repeated, rest = trailers(status.code, status.message, status.metadata)
        self.send_headers(head + repeated, (*rest, *self.extra()), True)

    # What an answer is sent to

    def send_headers(self, headers: Headers, volatile: Volatile = (), end: bool = False) -> None:
        """Take the head or the trailers."""
        asking = self._asking
        if asking is None:
            return
        if end:
            self._asking = None
        asking.on_headers((*headers, *volatile) if volatile else headers, end)

    def send_message(self, headers: Headers, volatile: Volatile, data: bytes) -> None:
        """Take the head and the first body bytes."""
        self.send_headers(headers, volatile)
        self.send_data(data)

    def send_answer(
        self, headers: Headers, volatile: Volatile, data: bytes, trailers: Headers
    ) -> None:
        """Take a whole answer."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.on_relayed(headers, cast(Headers, volatile), data, trailers)

    def send_data(self, data: bytes, end: bool = False) -> None:
        """Take body bytes."""
        if self._asking is not None:
            self._asking.on_data(data, end)

    def stop(self) -> None:
        """An answer's word that no more of the request is wanted; there is no more."""

    # What a channel's call asks of its stream

    def reset(self, _code: int = ErrorCode.CANCEL) -> None:
        """End the call, on its replica too; harmless when it ended."""
        if self._asking is not None:
            self._asking = None
            self.interrupt(asyncio.CancelledError())

    def consumed(self, size: int) -> None:
        """Pass on the credit of what was read."""
        if self.taken is not None:
            self.taken(size)
