"""gRPC messages on a body in any pieces, compressed ones too: reader and queue."""

import zlib

from fuzz.dice import Dice
from mcpmesh.errors import MethodNotFound, RemoteProtocolError, TooLarge
from mcpmesh.rpc.compression import compress
from mcpmesh.rpc.message_queue import MessageQueue
from mcpmesh.wire.message import PREFIX_BYTES, MessageReader, frame_message

_LIMIT = 5_000
_DECLARED = (RemoteProtocolError, TooLarge, MethodNotFound)
_BOMB = compress(b"gzip", bytes(100_000))
_FULL = compress(b"gzip", bytes(_LIMIT))
#: Of a run's time, against 1 for most targets.
SHARE = 2
#: The first bytes: the encoding, how the body is cut, whether it is read meanwhile.
SEEDS = (
    b"\x00\x00\x00" + frame_message(b"hello") + frame_message(b""),
    b"\x00\x03\x00" + frame_message(b"x" * 300) * 3,
    b"\x01\x01\x00" + frame_message(compress(b"gzip", b"hello"), True) + frame_message(b"plain"),
    b"\x01\x00\x00" + frame_message(_BOMB, True),
    b"\x01\x02\x00" + frame_message(_FULL, True) * 40,
    b"\x02\x00\x00" + frame_message(zlib.compress(b"hello" * 100), True),
    b"\x03\x00\x00" + frame_message(b"what", True),
    b"\x00\x00\x00\x02\x00\x00\x00\x00" + b"\x00\xff\xff\xff\xff",
)


class _Credit:
    """A stream as the queue sees it."""

    def __init__(self) -> None:
        self.given = 0

    def consumed(self, size: int) -> None:
        """Take credit back."""
        assert size >= 0
        self.given += size


def check(data: bytes) -> None:
    """Read a body; only the declared errors come out, and what is held stays near what came."""
    dice = Dice(data)
    encoding = dice.pick((b"identity", b"gzip", b"deflate", b"br"))
    step = dice.pick((1 << 20, 1, 7, 300))
    reads = dice.chance()
    body = dice.rest()
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    _read(pieces, body)
    _queue(pieces, encoding, reads)


def _read(pieces: list[bytes], body: bytes) -> None:
    reader = MessageReader(_LIMIT)
    found = []
    fed = 0
    try:
        for piece in pieces:
            fed += len(piece)
            found += reader.feed(piece)
            assert reader._have < _LIMIT + PREFIX_BYTES + 1, "the reader keeps too much"
        reader.finish()
    except (RemoteProtocolError, TooLarge):
        pass
    else:
        assert fed == len(body)
        assert b"".join(frame_message(text, flag) for flag, text in found) == body
    assert all(len(text) <= _LIMIT for _, text in found)


def _queue(pieces: list[bytes], encoding: bytes, reads: bool) -> None:
    credit = _Credit()
    queue = MessageQueue(credit, _LIMIT)
    queue.encoding = encoding
    fed = 0
    try:
        for piece in pieces:
            fed += len(piece)
            queue.feed(piece)
            held = sum(map(len, queue._messages))
            assert held <= fed + _LIMIT, f"{held} bytes are held of {fed} that came"
            while reads and queue._messages:
                message = queue.take()
                assert message is not None
                assert len(message) <= _LIMIT
        queue.finish()
    except _DECLARED:
        pass
    queue.release()
    assert credit.given <= fed, "more credit than bytes"
    assert not queue._held
