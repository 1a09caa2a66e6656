"""Both windows in both directions; sections are of RFC 9113."""

import re

import pytest

from tests.unit.wire.talk import HEAD, TRAILERS, Talk

KIB = 1024


def sizes(lines):
    """Sum the DATA per stream."""
    found = {}
    for line in lines:
        match = re.match(r'DATA (\d+) (?:\*(\d+)|"(.*)")', line)
        if match:
            size = int(match[2]) if match[2] else len(match[3])
            found[match[1]] = found.get(match[1], 0) + size
    return found


def serving(*ids, settings="", **limits):
    """A server with open requests that have their heads answered."""
    talk = Talk(settings=settings, **limits)
    streams = []
    for stream_id in ids:
        stream = talk.request(stream_id, "END_STREAM").stream
        stream.send_headers(HEAD)
        streams.append(stream)
    talk.said()
    return talk, *streams


def test_a_body_waits_for_the_stream_window_and_leaves_as_it_opens_5_2():
    talk, stream = serving(1, settings="INITIAL_WINDOW_SIZE=5")
    stream.send_data(b"hello world", True)
    assert talk.said() == ['DATA 1 "hello"']
    assert stream.queued_bytes == 6
    talk.hear("WINDOW_UPDATE 1 +1")
    assert talk.said() == ['DATA 1 " "']
    talk.hear("WINDOW_UPDATE 1 +9")
    assert talk.said() == ['DATA 1 "world" END_STREAM']
    assert not talk.connection.streams


def test_small_pieces_that_wait_leave_together_and_in_order():
    """An object for each of many messages of a byte would be forty times their size."""
    talk, stream = serving(1, settings="INITIAL_WINDOW_SIZE=0")
    for piece in (*[b"a"] * 600, bytes(2000), *[b"b"] * 600):
        stream.send_data(piece)
    stream.send_data(b"c", True)
    assert stream.queued_bytes == 3201
    talk.hear("WINDOW_UPDATE 1 +3")
    assert talk.said() == ['DATA 1 "aaa"']
    talk.hear("WINDOW_UPDATE 1 +10000")
    assert [line.split(" ")[2] for line in talk.said()] == ["*597", "*2000", "*601"]
    assert not talk.connection.streams


def test_a_body_waits_for_the_connection_window_6_9_1():
    talk, stream = serving(1, settings="INITIAL_WINDOW_SIZE=1000000")
    stream.send_data(bytes(65_600), True)
    assert sizes(talk.said()) == {"1": 65_535}
    talk.hear("WINDOW_UPDATE 0 +64")
    assert talk.said() == ["DATA 1 *64"]
    talk.hear("WINDOW_UPDATE 0 +1")
    assert talk.said() == ['DATA 1 "\0" END_STREAM']


def test_crumbs_of_the_connection_window_wait_until_they_are_worth_a_look_at_all_that_wait():
    talk = Talk(settings="INITIAL_WINDOW_SIZE=1000000")
    for stream_id in range(1, 201, 2):
        talk.request(stream_id).stream.send_data(bytes(1_000))
    talk.said()
    talk.hear("WINDOW_UPDATE 0 +100")
    assert talk.said() == []
    talk.hear("WINDOW_UPDATE 0 +1000")
    assert sum(sizes(talk.said()).values()) == 1_100


def test_answers_that_nobody_takes_do_not_hold_up_the_others():
    talk = Talk(client=True, stream_window_bytes=65_536, connection_window_bytes=131_072)
    for _ in range(5):
        talk.open(end=True)
    talk.said()
    for stream_id in (1, 3, 5, 7):
        talk.hear(f"HEADERS {stream_id} :status=200", *[f"DATA {stream_id} *16384"] * 4)
    credit = sum(int(line.split("+")[1]) for line in talk.said())
    assert credit == 3 * 65_536
    for stream in list(talk.connection.streams.values()):
        stream.reset()
    talk.said()
    # What was lent is paid back: the peer never has more credit than the window.
    assert talk.connection.recv_window + talk.connection.uncredited == 131_072


def test_an_empty_end_needs_no_window_6_9():
    talk, stream = serving(1, settings="INITIAL_WINDOW_SIZE=0")
    stream.send_data(b"", True)
    assert talk.said() == ['DATA 1 "" END_STREAM']


def test_trailers_wait_for_the_body_before_them():
    talk, stream = serving(1, settings="INITIAL_WINDOW_SIZE=0")
    stream.send_data(b"x")
    stream.send_headers(TRAILERS, (), True)
    assert talk.said() == []
    talk.hear("WINDOW_UPDATE 1 +1")
    assert talk.said() == ['DATA 1 "x"', "HEADERS 1 grpc-status=0 END_STREAM"]
    assert not talk.connection.streams


def test_settings_that_shrink_windows_below_zero_hold_open_streams_back_6_9_2():
    talk, stream = serving(1, settings="INITIAL_WINDOW_SIZE=10")
    stream.send_data(b"12345678")
    talk.hear("SETTINGS INITIAL_WINDOW_SIZE=4")
    stream.send_data(b"abcd")
    assert stream.send_window == -4
    assert talk.said() == ['DATA 1 "12345678"', "SETTINGS ACK"]
    talk.hear("WINDOW_UPDATE 1 +4")
    assert talk.said() == []
    talk.hear("WINDOW_UPDATE 1 +3")
    assert talk.said() == ['DATA 1 "abc"']


def test_settings_that_grow_windows_let_open_streams_go_on_6_9_2():
    talk, stream = serving(1, settings="INITIAL_WINDOW_SIZE=0")
    stream.send_data(b"hello", True)
    talk.hear("SETTINGS INITIAL_WINDOW_SIZE=3")
    assert talk.said() == ["SETTINGS ACK", 'DATA 1 "hel"']
    talk.hear("SETTINGS INITIAL_WINDOW_SIZE=0", "SETTINGS INITIAL_WINDOW_SIZE=9")
    assert talk.said() == ["SETTINGS ACK", "SETTINGS ACK", 'DATA 1 "lo" END_STREAM']


def test_a_smaller_max_frame_size_of_the_peer_does_not_exist_and_a_larger_one_is_used_4_2():
    talk, stream = serving(1, settings="MAX_FRAME_SIZE=20000")
    stream.send_data(bytes(40_000))
    assert talk.said() == ["DATA 1 *20000", "DATA 1 *20000"]


def test_streams_share_the_connection_window_in_turns():
    talk, huge, small = serving(1, 3, settings="INITIAL_WINDOW_SIZE=1000000")
    huge.send_data(bytes(600_000), True)
    small.send_data(bytes(30_000), True)
    assert sizes(talk.said()) == {"1": 65_535}
    talk.hear("WINDOW_UPDATE 0 +65536")
    said = talk.said()
    assert [line.split()[1] for line in said] == ["1", "3", "1", "3", "1"]
    assert sizes(said)["3"] == 30_000
    assert said[3].endswith("END_STREAM")


def test_a_stream_without_window_does_not_hold_up_the_others():
    talk, held, free = serving(1, 3, settings="INITIAL_WINDOW_SIZE=4")
    held.send_data(b"12345678")
    free.send_data(b"abcd", True)
    assert talk.said() == ['DATA 1 "1234"', 'DATA 3 "abcd" END_STREAM']


def test_nothing_but_control_frames_leaves_while_the_transport_is_full():
    talk, stream = serving(1)
    talk.connection.writable = False
    stream.send_data(b"hello", True)
    talk.hear("PING 0000000000000000")
    assert talk.said() == ["PING 0000000000000000 ACK"]
    talk.connection.writable = True
    talk.connection.pump()
    assert talk.said() == ['DATA 1 "hello" END_STREAM']


def test_taken_tells_every_byte_that_left_once():
    talk, stream = serving(1, settings="INITIAL_WINDOW_SIZE=5")
    left = []
    stream.taken = left.append
    stream.send_data(b"abc")
    stream.send_data(b"defgh")
    assert left == [3, 2]
    talk.hear("WINDOW_UPDATE 1 +100")
    assert left == [3, 2, 3]


def test_credit_goes_back_in_bulk_when_the_body_was_consumed():
    talk = Talk(stream_window_bytes=128 * KIB, connection_window_bytes=256 * KIB)
    stream = talk.request(1).stream
    talk.hear(*["DATA 1 *16384"] * 8)
    assert talk.said() == []
    stream.consumed(64 * KIB - 1)
    assert talk.said() == []
    stream.consumed(1)
    assert talk.said() == ["WINDOW_UPDATE 1 +65536"]
    stream.consumed(64 * KIB)
    assert talk.said() == ["WINDOW_UPDATE 0 +131072", "WINDOW_UPDATE 1 +65536"]


def test_nobody_gets_more_credit_than_arrived():
    talk = Talk(stream_window_bytes=65_536, connection_window_bytes=65_536)
    stream = talk.request(1).stream
    talk.hear("DATA 1 *10000")
    stream.consumed(1_000_000)
    stream.consumed(1_000_000)
    assert talk.said() == []


def test_padding_is_credited_at_once_6_1():
    talk = Talk(stream_window_bytes=65_536, connection_window_bytes=65_536)
    sink = talk.request(1)
    talk.hear(*["DATA 1 '' PAD=255"] * 128)
    assert sink.body == b""
    assert talk.said() == ["WINDOW_UPDATE 0 +32768", "WINDOW_UPDATE 1 +32768"]


def test_padding_is_not_part_of_the_body_6_1():
    talk = Talk()
    sink = talk.request(1, "PAD=7")
    talk.hear("DATA 1 hello PAD=3", "DATA 1 ! END_STREAM PAD=0")
    assert sink.body == b"hello!"


@pytest.mark.parametrize("end", ["reset by us", "reset by the peer", "broken by the peer"])
def test_a_stream_that_ends_early_gives_the_connection_its_credit_back(end):
    talk = Talk(stream_window_bytes=65_536, connection_window_bytes=65_536)
    for stream_id in range(1, 41, 2):
        sink = talk.request(stream_id)
        talk.hear(*[f"DATA {stream_id} *16384"] * 3)
        if end == "reset by us":
            sink.stream.reset()
        elif end == "reset by the peer":
            talk.hear(f"RST_STREAM {stream_id} CANCEL")
        else:
            talk.hear(f"WINDOW_UPDATE {stream_id} +0")
    assert not talk.connection.streams


def test_a_stream_that_ended_gives_its_credit_back_when_nobody_wants_its_body():
    talk = Talk(client=True, stream_window_bytes=65_536, connection_window_bytes=65_536)
    for stream_id in range(1, 41, 2):
        stream, _ = talk.open(end=True)
        talk.hear(f"HEADERS {stream_id} :status=200")
        talk.hear(*[f"DATA {stream_id} *16384"] * 3, f"HEADERS {stream_id} a=b END_STREAM")
        assert stream.closed
        stream.reset()
    assert "RST_STREAM" not in " ".join(talk.said())


def test_bodies_of_unknown_streams_are_credited_too():
    talk = Talk(stream_window_bytes=65_536, connection_window_bytes=65_536)
    for stream_id in (1, 3, 5, 7, 9):
        talk.request(stream_id).stream.reset()
        talk.said()
        talk.hear(*[f"DATA {stream_id} *16384"] * 4)
        assert talk.said() == ["WINDOW_UPDATE 0 +32768"] * 2


def test_a_stream_that_was_reset_takes_no_more_than_its_window():
    talk = Talk(stream_window_bytes=65_536)
    talk.request(1).stream.reset()
    talk.hear(*["DATA 1 *16384"] * 4)
    assert talk.fault("DATA 1 x") == "STREAM_CLOSED"


def test_data_after_a_reset_of_ours_is_no_fault_5_1():
    talk = Talk()
    talk.request(1).stream.reset()
    talk.said()
    talk.hear("DATA 1 x", "HEADERS 1 a=b END_STREAM", "WINDOW_UPDATE 1 +5", "RST_STREAM 1 CANCEL")
    assert talk.said() == []


def test_no_window_update_for_a_stream_that_sends_no_more():
    talk = Talk(stream_window_bytes=65_536, connection_window_bytes=1 << 20)
    stream = talk.request(1).stream
    talk.hear(*["DATA 1 *16384"] * 3, "DATA 1 x END_STREAM")
    stream.consumed(49_153)
    assert talk.said() == []


def test_a_relay_learns_of_bytes_that_a_reset_keeps_from_leaving():
    talk = Talk(settings="INITIAL_WINDOW_SIZE=3")
    sink = talk.request(1)
    taken = []
    sink.stream.taken = taken.append
    sink.stream.send_headers(HEAD)
    sink.stream.send_data(b"hello, world")
    assert taken == [3]
    talk.hear("RST_STREAM 1 CANCEL")
    assert taken == [3, 9]
    assert sink.stream.queued_bytes == 0
