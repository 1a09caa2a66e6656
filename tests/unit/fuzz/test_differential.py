"""A short, seeded run of the differential test, and proof that it can tell."""

import pytest

from fuzz.differential.connections import run
from fuzz.differential.known import DIFFERENCES
from fuzz.differential.pair import Difference, Pair
from mcpmesh.wire.frame import DATA, END_HEADERS, END_STREAM, HEADERS, PING, frame

HEAD = b"\x83\x86\x84\x41\x01h"


def test_we_agree_with_h2_and_hpack_on_traffic_good_and_spoilt() -> None:
    counts = run(seed=1, frames=3_000)
    assert not counts.differences, counts.report(0)
    assert counts.frames >= 3_000
    assert counts.blocks > 100
    assert counts.refusals > 10


def test_what_both_hear_is_compared() -> None:
    pair = Pair(client=False)
    pair.hear(frame(HEADERS, END_HEADERS, 1, HEAD))
    pair.hear(frame(DATA, END_STREAM, 1, b"hello"))
    pair.hear(frame(PING, 0, 0, b"12345678"))
    assert (pair.frames, pair.refusals, pair.over) == (3, 0, False)
    pair.hear(frame(PING, 0, 1, b"12345678"))
    assert (pair.refusals, pair.over) == (1, True)


def test_a_difference_that_is_not_known_is_told() -> None:
    pair = Pair(client=False)
    # As if h2 had promised another limit than we.
    pair.theirs.max_inbound_frame_size = 10
    with pytest.raises(Difference, match=r"(?s)we: .*h2: connection FrameTooLargeError"):
        pair.hear(frame(HEADERS, END_HEADERS, 1, HEAD + b"\x0f\x10\x01b" * 20))


def test_a_known_difference_says_why() -> None:
    pair = Pair(client=False)
    pair.hear(frame(HEADERS, END_HEADERS, 1, b"\x83\x86\x84"))
    (why,) = pair.known
    assert why in {known.why for known in DIFFERENCES if ":authority" in known.theirs}
