"""A call of a capability: goes on as a call of the tool that was chosen for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from google.protobuf.message import DecodeError
from grpc import StatusCode

from mcpmesh.balance.chooser import Chooser
from mcpmesh.codec.renamed import SPOKE, renamed_head, renamed_message
from mcpmesh.codec.status import status_from
from mcpmesh.model.principal import Principal
from mcpmesh.policy.answer import is_good, is_good_result
from mcpmesh.rpc.compression import decompress
from mcpmesh.stack.call import Call
from mcpmesh.stack.caller import Caller
from mcpmesh.stack.layer import outcome
from mcpmesh.v1 import invoke_pb2
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_literal import literal_name, literal_value
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import PREFIX_BYTES, frame_message

_SPOKE = literal_name(SPOKE.decode())
_ONE_ANSWER = "/Invoke"


class ChosenCall(Call):
    """Stands in the stack for a caller's call, so that other calls pay nothing for choosing.

    The caller's call is where its stream is told of; what ends that one ends this.
    """

    __slots__ = ("_chooser", "_chosen", "_clock", "_for", "_seen")

    def __init__(
        self,
        asked: Call,
        tool: str,
        chooser: Chooser,
        clock: Callable[[], float],
        max_message_bytes: int,
    ) -> None:
        """Begin for a call; `clock` is that of `Call.began`.

        Raises: MeshError for a compressed message that cannot be opened.
        """
        head = asked.head
        super().__init__(replace(head, tool=tool, forward=renamed_head(head.forward, tool)))
        self.version = asked.version
        self.body = _renamed_body(asked, tool, max_message_bytes)
        self.requests = asked.requests
        if self.requests is not None:
            self.requests.lengthen(len(self.body) - len(asked.body))
        self._for = asked
        self._chooser = chooser
        # The call's own tool changes when another stands in for it.
        self._chosen = tool
        self._clock = clock
        self._seen = _Seen(asked.caller, head.method.endswith(_ONE_ANSWER))
        asked.current = self

    # Call

    @property
    def caller(self) -> Caller:
        return self._seen

    @property
    def peer(self) -> str:
        return self._for.peer

    @property
    def principal(self) -> Principal:
        return self._for.principal

    @property
    def named(self) -> str:
        return self._for.tool

    def extra(self) -> Volatile:
        self._tell()
        spoke = self.tool
        extra = self._for.extra()
        if self.tries is not None and self.tries.stand_in is not None:
            # Told already: another tool stood in for the chosen one.
            return extra
        if isinstance(extra, bytes):
            return extra + f"{_SPOKE}{literal_value(spoke)}".encode("latin-1")
        return (*extra, (SPOKE, spoke.encode()))

    def failed(self, error: BaseException) -> None:
        self._seen.code = outcome(error)[0]
        self._tell()
        self._for.failed(error)

    def broken(self, error: BaseException) -> None:
        self._seen.code = outcome(error)[0]
        self._for.broken(error)

    def ended(self) -> None:
        asked, seen = self._for, self._seen
        asked.over = True
        asked.current = None
        now = self._clock()
        good = is_good(seen.code)
        if self.tries is not None and self.tries.stand_in is not None:
            # Another tool answered for it.
            good = False
        elif good and seen.good is not True:
            good = seen.good
        self._chooser.ended(self._chosen, now - self.began, good, now)
        asked.ended()

    def _tell(self) -> None:
        """Let the caller's call say what it says of every answer."""
        asked = self._for
        asked.correlation_id = self.correlation_id
        asked.attempts, asked.tries = self.attempts, self.tries


class _Seen:
    """A caller that is answered, and what was seen of the answer."""

    __slots__ = ("_caller", "_whole", "code", "good")

    def __init__(self, caller: Caller, whole: bool) -> None:
        self._caller = caller
        #: The answer is one message, which says by itself whether the tool failed.
        self._whole = whole
        #: Until it is known, nobody waited for it.
        self.code = StatusCode.CANCELLED
        #: What the tool itself says; None when its failure is the caller's doing.
        self.good: bool | None = True

    @property
    def taken(self) -> Callable[[int], None] | None:
        """Return who is told what of the answer was taken."""
        return self._caller.taken

    @taken.setter
    def taken(self, told: Callable[[int], None] | None) -> None:
        self._caller.taken = told

    def send_headers(self, headers: Headers, volatile: Volatile = (), end: bool = False) -> None:
        if end:
            self._ends(headers)
        self._caller.send_headers(headers, volatile, end)

    def send_message(self, headers: Headers, volatile: Volatile, data: bytes) -> None:
        self._reads(data)
        self._caller.send_message(headers, volatile, data)

    def send_answer(
        self, headers: Headers, volatile: Volatile, data: bytes, trailers: Headers
    ) -> None:
        self._reads(data)
        self._ends(trailers)
        self._caller.send_answer(headers, volatile, data, trailers)

    def send_data(self, data: bytes, end: bool = False) -> None:
        self._caller.send_data(data, end)

    def stop(self) -> None:
        self._caller.stop()

    def _ends(self, trailers: Headers) -> None:
        self.code = status_from(dict(trailers).get(b"grpc-status", b""))

    def _reads(self, data: bytes) -> None:
        """Look whether the tool says that it failed, if the answer came in one piece."""
        size = len(data) - PREFIX_BYTES
        if not self._whole or size < 0 or data[0] or size != int.from_bytes(data[1:5], "big"):
            return
        try:
            result = invoke_pb2.InvokeResponse.FromString(data[PREFIX_BYTES:]).result
        except DecodeError:
            return
        self.good = is_good_result(result.is_error, result.error.code)


def _renamed_body(asked: Call, tool: str, max_message_bytes: int) -> bytes:
    body = asked.body
    end = PREFIX_BYTES + int.from_bytes(body[1:PREFIX_BYTES], "big")
    message, rest = body[PREFIX_BYTES:end], body[end:]
    if body[0]:
        message = decompress(asked.head.encoding, message, max_message_bytes)
    return frame_message(renamed_message(message, tool)) + rest
