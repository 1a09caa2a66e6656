"""A peer's frames, mostly well made, and what our own side does meanwhile, in both roles."""

from random import Random

from fuzz.conversation import Conversation
from fuzz.dice import Dice
from fuzz.peer_frames import REQUEST, RESPONSE, PeerFrames
from mcpmesh.wire.frame import PREFACE
from mcpmesh.wire.limits import Limits

_GREETING = bytes.fromhex("000000040000000000")
_LIMITS = (
    Limits(),
    Limits(max_concurrent_streams=3, stream_window_bytes=65_535, connection_window_bytes=65_535,
           max_header_list_bytes=1_000, control_flood=30),
)  # fmt: skip
#: Of a run's time, against 1 for most targets.
SHARE = 6
SEEDS = tuple(
    bytes((role, number % 8)) + Random(number).randbytes(60 + 40 * number)
    for number in range(6)
    for role in (0, 1, 2, 3)
)
_STEPS = 150


def check(data: bytes) -> None:
    """Hold a conversation; the books stay right whatever both sides do."""
    dice = Dice(data)
    how = dice.byte()
    client = bool(how & 1)
    manner = dice.below(8)
    talk = Conversation(client=client, limits=_LIMITS[how >> 1 & 1], manners=(manner, 2, 0, 1))
    frames = PeerFrames(
        dice,
        client=not client,
        heads=[RESPONSE if client else REQUEST],
        opened=lambda: [stream.id for stream in talk.owner.streams if stream.id],
    )
    if client:
        talk.open(dice)
    talk.hear((b"" if client else PREFACE) + _GREETING)
    steps = 0
    while dice.left and steps < _STEPS and not talk.over:
        steps += 1
        # A client has to act for there to be streams.
        if dice.below(4) < (2 if client else 1):
            talk.act(dice)
        else:
            for piece in dice.pieces(frames.next()):
                talk.hear(piece)
    for _ in range(min(dice.left, 8)):
        talk.act(dice)
    talk.finish()
