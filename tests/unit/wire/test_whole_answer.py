"""An answer that arrives whole is taken in one step, and means what its frames mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wire.talk import FIELDS, Sink, Talk

HEAD = "HEADERS {} :status=200 content-type=application/grpc"
TRAILERS = "HEADERS {} grpc-status=0 END_STREAM"


class Whole(Sink):
    """Notes answers that came in one step, and what they consist of."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = 0

    def on_answer(self, head, data, trailers):
        self.whole += 1
        self.on_headers(head.headers, False)
        self.on_data(data, False)
        self.on_headers(trailers, True)


def asked(sink: Sink, **limits: int) -> Talk:
    """A client that knows the blocks of an answer from two before, and asks again."""
    talk = Talk(client=True, **limits)
    for _ in range(2):
        stream = talk.connection.request(FIELDS, (), b"hello", Sink())
        talk.hear(HEAD.format(stream.id), f"DATA {stream.id} a", TRAILERS.format(stream.id))
    sink.stream = talk.connection.request(FIELDS, (), b"hello", sink)
    talk.said()
    return talk


def test_an_answer_is_taken_in_one_step() -> None:
    sink = Whole()
    talk = asked(sink)
    talk.hear_at_once(HEAD.format(5), "DATA 5 answer", TRAILERS.format(5), "PING 0000000000000000")
    assert (sink.whole, sink.body) == (1, b"answer")
    assert sink.events[-1][2], "the trailers end it"
    assert sink.stream.closed
    assert not talk.connection.streams
    assert talk.said() == ["PING 0000000000000000 ACK"]


def test_its_credit_is_given_back_at_once_and_only_once() -> None:
    sink = Whole()
    talk = asked(sink)
    before = talk.connection.uncredited
    talk.hear_at_once(HEAD.format(5), "DATA 5 answer", TRAILERS.format(5))
    assert talk.connection.uncredited == before + 6
    sink.stream.consumed(6)
    sink.stream.reset()
    assert talk.connection.uncredited == before + 6


@given(st.integers(0, 200))
def test_wherever_it_is_cut_it_means_the_same(cut: int) -> None:
    sink = Whole()
    talk = asked(sink)
    frames = talk.writer.frames(HEAD.format(5), "DATA 5 answer", TRAILERS.format(5))
    talk.connection.receive(frames[:cut])
    talk.connection.receive(frames[cut:])
    assert (len(sink.events), sink.body) == (3, b"answer")
    assert sink.stream.closed


@pytest.mark.parametrize(
    "lines",
    [
        [HEAD.format(5), 'DATA 5 ""', TRAILERS.format(5)],
        [HEAD.format(5), "DATA 5 answer PAD=3", TRAILERS.format(5)],
        [HEAD.format(5), "DATA 5 ans", "DATA 5 wer", TRAILERS.format(5)],
        [HEAD.format(5), "PING 0000000000000000", "DATA 5 answer", TRAILERS.format(5)],
        [HEAD.format(5), "DATA 5 answer", "HEADERS 5 grpc-status=0 x-new=1 END_STREAM"],
        [HEAD.format(5) + " x-new=1", "DATA 5 answer", TRAILERS.format(5)],
        [HEAD.format(5), "DATA 5 answer END_STREAM"],
        ["HEADERS 5 :status=100", HEAD.format(5), "DATA 5 answer", TRAILERS.format(5)],
    ],
)
def test_what_is_unusual_is_taken_frame_by_frame(lines: list[str]) -> None:
    sink = Whole()
    talk = asked(sink)
    talk.hear_at_once(*lines)
    assert sink.whole == 0
    assert sink.body in (b"answer", b"")
    assert sink.stream.closed


def test_another_stream_s_frames_between_are_told_apart() -> None:
    sink, other = Whole(), Whole()
    talk = asked(sink)
    other.stream = talk.connection.request(FIELDS, (), b"hello", other)
    talk.hear_at_once(
        HEAD.format(5), "DATA 7 x", "DATA 5 answer", TRAILERS.format(5),
    )  # fmt: skip
    assert sink.body == b"answer"
    assert talk.said()[-1].startswith("RST_STREAM 7"), "DATA before the head"


def test_data_over_the_stream_s_window_is_still_a_fault() -> None:
    sink = Whole()
    talk = asked(sink, stream_window_bytes=65_535, max_frame_bytes=1 << 20)
    talk.hear_at_once(HEAD.format(5), "DATA 5 *65536", TRAILERS.format(5))
    assert sink.whole == 0
    assert talk.said()[0] == "RST_STREAM 5 FLOW_CONTROL_ERROR"
    assert sink.events[-1][0] == "reset"


def test_a_frame_over_the_limit_is_still_a_fault() -> None:
    talk = asked(Whole())
    limit = talk.connection.limits.max_frame_bytes
    assert talk.fault(HEAD.format(5), f"DATA 5 *{limit + 1}") == "FRAME_SIZE_ERROR"


def test_a_request_still_under_way_keeps_the_stream_open() -> None:
    sink = Whole()
    talk = Talk(client=True)
    talk.hear("SETTINGS INITIAL_WINDOW_SIZE=2")
    sink.stream = talk.connection.request(FIELDS, (), b"hello", sink)
    talk.hear_at_once(HEAD.format(1), "DATA 1 answer", TRAILERS.format(1))
    assert sink.body == b"answer"
    talk.said()
    talk.hear("WINDOW_UPDATE 1 100")
    assert talk.said() == ['DATA 1 "llo" END_STREAM']


def test_a_sink_that_takes_none_gets_the_frames() -> None:
    sink = Sink()
    talk = asked(sink)
    talk.hear_at_once(HEAD.format(5), "DATA 5 answer", TRAILERS.format(5))
    assert [event[0] for event in sink.events] == ["headers", "data", "headers"]
