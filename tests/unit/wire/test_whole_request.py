"""A request that arrives whole is taken in one step, and means what its frames mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wire.talk import REQUEST, TRAILERS, Owner, Sink, Talk

ASKED = f"HEADERS {{}} {REQUEST}"
BODY = "DATA {} hello END_STREAM"


class Whole(Sink):
    """Notes requests that came in one step, and what they consist of."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = 0

    def on_request(self, data):
        self.whole += 1
        self.on_data(data, True)


class Noting(Owner):
    """Notes of a head how its streams get their sinks, as servers do."""

    def __init__(self, kind: type[Sink] = Whole) -> None:
        super().__init__()
        self.kind = kind

    def accept(self, stream, head):
        head.note = Noting.opened
        return self.opened(stream)

    def opened(self, stream):
        sink = self.sinks[stream.id] = self.kind()
        sink.stream = stream
        return sink


def asked(kind: type[Sink] = Whole, **limits: int) -> Talk:
    """A server that knows a request's block from two before."""
    talk = Talk(**limits)
    talk.owner = talk.connection.owner = Noting(kind)
    for number in (1, 3):
        talk.hear(ASKED.format(number), BODY.format(number))
        talk.owner.sinks[number].stream.consumed(5)
        talk.owner.sinks[number].stream.send_headers(TRAILERS, (), True)
    talk.said()
    return talk


def test_a_request_is_taken_in_one_step() -> None:
    talk = asked()
    talk.hear_at_once(ASKED.format(5), BODY.format(5), "PING 0000000000000000")
    sink = talk.owner.sinks[5]
    assert (sink.whole, sink.body) == (1, b"hello")
    assert talk.said() == ["PING 0000000000000000 ACK"]
    sink.stream.send_headers(TRAILERS, (), True)
    assert sink.stream.closed
    assert not talk.connection.streams


def test_many_are_taken_one_after_the_other() -> None:
    talk = asked()
    numbers = range(5, 25, 2)
    talk.hear_at_once(*(line.format(number) for number in numbers for line in (ASKED, BODY)))
    assert [talk.owner.sinks[number].whole for number in numbers] == [1] * 10
    assert talk.connection.last_peer_id == 23


def test_its_credit_is_given_back_at_once_and_only_once() -> None:
    talk = asked()
    before = talk.connection.uncredited
    talk.hear_at_once(ASKED.format(5), BODY.format(5))
    assert talk.connection.uncredited == before + 5
    talk.owner.sinks[5].stream.consumed(5)
    talk.owner.sinks[5].stream.reset()
    assert talk.connection.uncredited == before + 5


def test_the_connection_s_credit_leaves_when_half_of_it_was_used() -> None:
    talk = asked(connection_window_bytes=1 << 17, stream_window_bytes=1 << 16)
    for number in (5, 7, 9, 11):
        talk.hear_at_once(ASKED.format(number), f"DATA {number} *16000 END_STREAM")
    assert talk.said() == []
    talk.hear_at_once(ASKED.format(13), "DATA 13 *16000 END_STREAM")
    assert talk.said() == [f"WINDOW_UPDATE 0 +{2 * 5 + 5 * 16000}"]


@given(st.integers(0, 200))
def test_wherever_it_is_cut_it_means_the_same(cut: int) -> None:
    talk = asked()
    frames = talk.writer.frames(ASKED.format(5), BODY.format(5))
    talk.connection.receive(frames[:cut])
    talk.connection.receive(frames[cut:])
    sink = talk.owner.sinks[5]
    assert sink.body == b"hello"
    assert sink.events[-1][2], "it ended"
    assert talk.connection.uncredited == 10 + (5 if sink.whole else 0)


@pytest.mark.parametrize(
    "lines",
    [
        [ASKED.format(5), 'DATA 5 "" END_STREAM'],
        [ASKED.format(5), "DATA 5 hello PAD=3 END_STREAM"],
        [ASKED.format(5), "DATA 5 hel", "DATA 5 lo END_STREAM"],
        [ASKED.format(5), "PING 0000000000000000", BODY.format(5)],
        [ASKED.format(5) + " x-new=1", BODY.format(5)],
        [ASKED.format(5) + " content-length=5", BODY.format(5)],
        [ASKED.format(5) + " MORE", "CONTINUATION 5 x-new=1", BODY.format(5)],
    ],
)
def test_what_is_unusual_is_taken_frame_by_frame(lines: list[str]) -> None:
    talk = asked()
    talk.hear_at_once(*lines)
    sink = talk.owner.sinks[5]
    assert sink.whole == 0
    assert sink.body in (b"hello", b"")
    assert sink.events[-1][2], "it ended"


def test_a_sink_that_takes_none_gets_the_frames() -> None:
    talk = asked(Sink)
    talk.hear_at_once(ASKED.format(5), BODY.format(5))
    assert [event[0] for event in talk.owner.sinks[5].events] == ["headers", "data"]


def test_a_body_that_promised_another_length_is_still_a_fault() -> None:
    talk = asked()
    lines = (f"{ASKED.format(number)} content-length=7" for number in (5, 7))
    for number, line in zip((5, 7), lines, strict=True):
        talk.hear_at_once(line, BODY.format(number))
    assert talk.said() == ["RST_STREAM 5 PROTOCOL_ERROR", "RST_STREAM 7 PROTOCOL_ERROR"]


def test_a_body_for_another_stream_is_told_apart() -> None:
    talk = asked()
    talk.hear_at_once(ASKED.format(5), ASKED.format(7), BODY.format(5), BODY.format(7))
    assert [talk.owner.sinks[number].body for number in (5, 7)] == [b"hello"] * 2
    assert talk.fault(ASKED.format(9), BODY.format(11)) == "PROTOCOL_ERROR"


@pytest.mark.parametrize("number", [2, 3, 1])
def test_ids_that_do_not_rise_are_still_a_fault(number: int) -> None:
    talk = asked()
    assert talk.fault(ASKED.format(number), BODY.format(number)) == "PROTOCOL_ERROR"
    assert number not in talk.connection.streams


def test_streams_over_the_limit_are_still_refused() -> None:
    talk = asked(max_concurrent_streams=1)
    talk.hear_at_once(ASKED.format(5), BODY.format(5), ASKED.format(7), BODY.format(7))
    assert talk.said() == ["RST_STREAM 7 REFUSED_STREAM"]
    assert list(talk.owner.sinks) == [1, 3, 5]


def test_a_drained_server_still_takes_no_more() -> None:
    talk = asked()
    talk.connection.drain("over")
    talk.connection.stop_accepting()
    talk.said()
    talk.hear_at_once(ASKED.format(5), BODY.format(5))
    assert talk.said() == ["RST_STREAM 5 REFUSED_STREAM"]


def test_a_body_over_the_windows_is_still_a_fault() -> None:
    talk = asked(stream_window_bytes=65_535, max_frame_bytes=1 << 20)
    talk.hear_at_once(ASKED.format(5), "DATA 5 *65536 END_STREAM")
    assert talk.said()[0] == "RST_STREAM 5 FLOW_CONTROL_ERROR"
    assert talk.owner.sinks[5].whole == 0


def test_a_frame_over_the_limit_is_still_a_fault() -> None:
    talk = asked()
    limit = talk.connection.limits.max_frame_bytes
    assert talk.fault(ASKED.format(5), f"DATA 5 *{limit + 1} END_STREAM") == "FRAME_SIZE_ERROR"
