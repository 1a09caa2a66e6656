"""What an event's id says: where its stream is, and which request it answers.

Any bridge that shares the key reads it, so that a client that comes back to another bridge, or
after its own has gone, learns what became of its request.
"""

from dataclasses import dataclass

import orjson

from mcpmesh.bridge.signing import Signer
from mcpmesh.codec.jsonrpc import Id, readable_id

_PURPOSE = b"event "
#: Longer request ids are left out: event ids travel in a header.
_MAX_ID_BYTES = 256


@dataclass(frozen=True, slots=True)
class EventMark:
    """A stream of the bridge of a name, by its number there.

    `request_id` and `method` are those of the request that it answers; None for an id too long.
    """

    bridge: str
    number: int
    request_id: Id | None
    method: str


def write_mark(signer: Signer, scope: str, mark: EventMark) -> str:
    """Write a mark that is good for the session `scope` alone."""
    request_id = orjson.dumps(mark.request_id)
    shown = mark.request_id if len(request_id) <= _MAX_ID_BYTES else None
    payload = orjson.dumps([mark.bridge, mark.number, shown, mark.method])
    return signer.sign(_PURPOSE + scope.encode(), payload)


def read_event_id(signer: Signer, scope: str, text: str) -> tuple[EventMark, int] | None:
    """Return the mark of an event's id, and the event's number; None for one that is not ours."""
    mark, dot, number = text.rpartition(".")
    payload = signer.open(_PURPOSE + scope.encode(), mark)
    if payload is None or not dot or not number.isdecimal() or len(number) > 18:
        return None
    bridge, stream, request_id, method = orjson.loads(payload)
    return EventMark(bridge, stream, readable_id(request_id), method), int(number)
