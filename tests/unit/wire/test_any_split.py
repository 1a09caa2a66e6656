"""The same bytes in any pieces give the same calls and the same answer."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.errors import RemoteProtocolError, TooLarge
from mcpmesh.wire.error_code import ConnectionFault
from mcpmesh.wire.message import MessageReader, frame_message
from tests.unit.wire.talk import PREFACE, REQUEST, Talk, Writer, raw_frame

HEAD = f"HEADERS {{}} {REQUEST}"
LINES = st.sampled_from(
    [
        HEAD.format(1), HEAD.format(3) + " PAD=3", HEAD.format(5) + " END_STREAM", HEAD.format(7),
        "DATA 1 hello", "DATA 3 'hello world' PAD=2", "DATA 1 x END_STREAM", "DATA 3 *300",
        "HEADERS 1 a=b END_STREAM", "HEADERS 3 MORE a=b END_STREAM", "CONTINUATION 3 c=d",
        "SETTINGS INITIAL_WINDOW_SIZE=7", "WINDOW_UPDATE 0 +100", "WINDOW_UPDATE 1 +1",
        "PING 0011223344556677", "RST_STREAM 3 CANCEL", "RST_STREAM 1 CANCEL", "PRIORITY 1 on=3",
        "GOAWAY 0 NO_ERROR why",
    ]
)  # fmt: skip
ODD = st.builds(
    raw_frame, st.integers(0, 11), st.integers(0, 63), st.integers(0, 7), st.binary(max_size=9)
)


def cut(data, places):
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


def outcome(pieces):
    talk = Talk(greet=False, eager=True)
    fault = None
    try:
        for piece in pieces:
            talk.connection.receive(piece)
    except ConnectionFault as error:
        fault = error.message
    told = {number: joined(sink.events) for number, sink in talk.owner.sinks.items()}
    return talk.said(), told, talk.owner.events, fault


def joined(events):
    return [event for event in events if event != ("data", b"", False)]


@given(st.lists(LINES, max_size=12), st.lists(ODD, max_size=1), st.lists(st.integers(0, 4000)))
def test_a_conversation_means_the_same_wherever_it_is_cut(lines, odd, places):
    writer = Writer()
    frames = [writer.frame(line) for line in ("PREFACE", "SETTINGS", *lines)]
    whole = b"".join(frames + odd)
    together = outcome([whole])
    assert outcome(cut(whole, places)) == together
    assert outcome([whole[at : at + 1] for at in range(len(whole))]) == together


MESSAGES = st.lists(st.tuples(st.booleans(), st.binary(max_size=40)), max_size=6)


@given(MESSAGES, st.lists(st.integers(0, 300)))
def test_messages_come_out_as_they_went_in_wherever_the_body_is_cut(messages, places):
    body = b"".join(frame_message(payload, compressed) for compressed, payload in messages)
    reader = MessageReader(40)
    assert [found for piece in cut(body, places) for found in reader.feed(piece)] == messages
    reader.finish()


@given(st.binary(max_size=30), st.lists(st.integers(0, 30)))
def test_any_body_gives_the_same_messages_or_the_same_refusal_wherever_it_is_cut(body, places):
    def read(pieces):
        reader = MessageReader(9)
        found = []
        try:
            for piece in pieces:
                found += reader.feed(piece)
            reader.finish()
        except (RemoteProtocolError, TooLarge) as error:
            return type(error), str(error)
        return found

    assert read(cut(body, places)) == read([body[at : at + 1] for at in range(len(body))])


def test_a_message_over_the_limit_is_refused_at_its_prefix():
    reader = MessageReader(10)
    with pytest.raises(TooLarge, match=r"of 11 bytes .* of 10 bytes; max_message_bytes"):
        reader.feed(frame_message(b"x" * 11)[:5])


def test_a_message_of_exactly_the_limit_is_taken():
    assert MessageReader(10).feed(frame_message(b"x" * 10)) == [(False, b"x" * 10)]


def test_a_body_that_ends_inside_a_message_says_where():
    reader = MessageReader(10)
    reader.feed(frame_message(b"hello")[:7])
    with pytest.raises(RemoteProtocolError, match="inside a message, after 7 bytes"):
        reader.finish()


def test_a_connection_tells_what_the_frame_under_way_lacks():
    talk = Talk(greet=False)
    said = PREFACE + raw_frame(4, 0, 0, bytes(6)) + raw_frame(6, 0, 0, bytes(8))
    lacks = []
    for position in range(len(said)):
        lacks.append(talk.connection.missing_bytes())
        talk.connection.receive(said[position : position + 1])
    assert lacks[:24] == [*range(24, 0, -1)]
    assert lacks[24:39] == [0, *range(8, 0, -1), *range(6, 0, -1)]
    assert lacks[39:] == [0, *range(8, 0, -1), *range(8, 0, -1)]
    assert talk.connection.missing_bytes() == 0
