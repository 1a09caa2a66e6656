"""An answer that is a status alone, and may be replaced by another attempt's.

The caller gets it as it is when there is no other attempt.
"""

from dataclasses import dataclass

from grpc import StatusCode

from mcpmesh.codec.metadata import decode_message, encode_message
from mcpmesh.codec.status import PUSHBACK, error_of, pushback_from, status_from
from mcpmesh.errors import MeshError
from mcpmesh.wire.hpack_table import Headers

_PUSHBACK = PUSHBACK.encode()


@dataclass(frozen=True, slots=True)
class HeldAnswer:
    """A replica's refusal.

    Units: `pushback_ms` as the replica said, None when it did not, negative for "never".
    """

    trailers: Headers
    code: StatusCode
    message: str
    pushback_ms: int | None

    def error(self) -> MeshError:
        """Return the error that stands for it."""
        return error_of(self.code, self.message, retry_after_ms=self.pushback_ms or 0)

    def saying(self, more: str) -> Headers:
        """Return the trailers with something added to the message."""
        if not more:
            return self.trailers
        message = encode_message((self.message or "the replica gave no reason") + more)
        kept = tuple(field for field in self.trailers if field[0] != b"grpc-message")
        return (*kept, (b"grpc-message", message))


def held_answer(trailers: Headers) -> HeldAnswer | None:
    """Return what trailers without a message before them say, if another attempt may do better.

    UNAVAILABLE may; so may RESOURCE_EXHAUSTED that says when to come again: without that word,
    it is the caller's own limit, such as that of a message's size.
    """
    fields = dict(trailers)
    code = status_from(fields.get(b"grpc-status", b""))
    if code is not StatusCode.UNAVAILABLE and code is not StatusCode.RESOURCE_EXHAUSTED:
        return None
    said = fields.get(_PUSHBACK)
    pushback = pushback_from(said) if said else None
    if code is StatusCode.RESOURCE_EXHAUSTED and (pushback is None or pushback < 0):
        return None
    return HeldAnswer(trailers, code, decode_message(fields.get(b"grpc-message", b"")), pushback)
