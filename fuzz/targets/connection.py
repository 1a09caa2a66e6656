"""Raw bytes to a connection, as server and as client, cut anywhere."""

from fuzz.conversation import REQUEST, Conversation
from fuzz.dice import Dice
from fuzz.peer_frames import REQUEST as ASKED
from fuzz.peer_frames import RESPONSE as ANSWERED
from fuzz.peer_frames import PeerFrames
from mcpmesh.wire.frame import PREFACE
from mcpmesh.wire.limits import Limits

_LIMITS = Limits(
    max_concurrent_streams=4, stream_window_bytes=65_535, connection_window_bytes=70_000,
    max_header_list_bytes=2_000, control_flood=40,
)  # fmt: skip
_GREETING = bytes.fromhex("000000040000000000")


def _some_traffic(*, client: bool) -> bytes:
    frames = PeerFrames(Dice(bytes(range(0, 256, 3)) * 3), client=client,
                        heads=[ASKED if client else ANSWERED])  # fmt: skip
    return b"".join(frames.next() for _ in range(12))


#: Of a run's time, against 1 for most targets.
SHARE = 3
#: The first byte: role, whether the greeting is given, manners of the sinks, how it is cut.
SEEDS = (
    b"\x00" + PREFACE + _GREETING,
    b"\x02" + _some_traffic(client=True),
    b"\x0a" + _some_traffic(client=True),
    b"\x01" + _GREETING,
    b"\x03" + _some_traffic(client=False),
)


def check(data: bytes) -> None:
    """Feed a connection; nothing but a ConnectionFault may come out, and the books stay right."""
    dice = Dice(data)
    how = dice.byte()
    client = bool(how & 1)
    talk = Conversation(client=client, limits=_LIMITS, manners=(how >> 2 & 7, how >> 5 & 7, 2))
    if client:
        for end in (True, False, False):
            sink = talk.owner.sink()
            sink.stream = talk.connection.open(REQUEST, sink, (), end)
            talk.owner.streams.append(sink.stream)
    if how & 2:
        talk.hear((b"" if client else PREFACE) + _GREETING)
    step = dice.pick((1 << 20, 1, 7, 100))
    rest = dice.rest()
    for at in range(0, len(rest), step):
        talk.hear(rest[at : at + step])
    talk.finish()
