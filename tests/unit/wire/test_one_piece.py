"""A request, and an answer's head with its message, leave in one piece unless something waits."""

import pytest

from mcpmesh.errors import Draining, LocalProtocolError
from tests.unit.wire.talk import FIELDS, HEAD, Sink, Talk

ASKED = [
    "HEADERS 1 :method=POST :scheme=http :path=/s/m :authority=host x=1",
    'DATA 1 "hello" END_STREAM',
]
ANSWERED = ["HEADERS 1 :status=200 x=1", 'DATA 1 "hello"']
OWN = ((b"x", b"1"),)


def asking(settings: str = "") -> Talk:
    return Talk(client=True, settings=settings)


def test_a_request_with_its_body_is_head_and_end() -> None:
    talk = asking()
    sink = Sink()
    stream = talk.connection.request(FIELDS, OWN, b"hello", sink)
    assert talk.said() == ASKED
    assert talk.connection.send_window == 65_535 - 5
    talk.hear("HEADERS 1 :status=200", "DATA 1 hi END_STREAM")
    assert sink.body == b"hi"
    assert stream.closed
    assert not talk.connection.streams


@pytest.mark.parametrize(
    ("settings", "opening"),
    [
        ("INITIAL_WINDOW_SIZE=2", "WINDOW_UPDATE 1 +3"),
        ("MAX_CONCURRENT_STREAMS=0", "SETTINGS MAX_CONCURRENT_STREAMS=1"),
    ],
)
def test_a_request_waits_for_its_window_and_its_turn(settings: str, opening: str) -> None:
    talk = asking(settings)
    talk.connection.request(FIELDS, OWN, b"hello", Sink())
    early = talk.said()
    assert early != ASKED
    talk.hear(opening)
    lines = [line for line in (*early, *talk.said()) if not line.startswith("SETTINGS")]
    assert lines in (ASKED, [ASKED[0], 'DATA 1 "he"', 'DATA 1 "llo" END_STREAM'])


def test_the_body_of_a_request_waits_for_a_slow_peer() -> None:
    talk = asking()
    talk.connection.writable = False
    talk.connection.request(FIELDS, OWN, b"hello", Sink())
    assert talk.said() == ASKED[:1]
    talk.connection.writable = True
    talk.connection.pump()
    assert talk.said() == ASKED[1:]


def test_a_body_over_the_frame_size_is_cut() -> None:
    talk = asking()
    talk.connection.request(FIELDS, OWN, bytes(16_385), Sink())
    assert talk.said() == [ASKED[0], "DATA 1 *16384", 'DATA 1 "\0" END_STREAM']


def test_a_connection_that_drains_takes_no_request() -> None:
    talk = asking()
    talk.hear("GOAWAY 0 NO_ERROR")
    with pytest.raises(Draining):
        talk.connection.request(FIELDS, OWN, b"hello", Sink())


def test_a_head_with_its_message_is_one_piece_and_reports_what_left() -> None:
    talk = Talk()
    stream = talk.request(1, "END_STREAM").stream
    left: list[int] = []
    stream.taken = left.append
    stream.send_message(HEAD, OWN, b"hello")
    assert talk.said() == ANSWERED
    assert left == [5]
    assert talk.connection.send_window == 65_535 - 5


def test_a_message_with_its_head_waits_for_the_window() -> None:
    talk = Talk(settings="INITIAL_WINDOW_SIZE=2")
    stream = talk.request(1, "END_STREAM").stream
    stream.send_message(HEAD, OWN, b"hello")
    assert talk.said() == [ANSWERED[0], 'DATA 1 "he"']
    talk.hear("WINDOW_UPDATE 1 +9")
    assert talk.said() == ['DATA 1 "llo"']


def test_no_head_after_the_end() -> None:
    talk = Talk()
    stream = talk.request(1).stream
    stream.send_headers(HEAD, (), True)
    with pytest.raises(LocalProtocolError):
        stream.send_message(HEAD, OWN, b"hello")
