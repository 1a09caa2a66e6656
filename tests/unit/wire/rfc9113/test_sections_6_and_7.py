"""RFC 9113, sections 6 and 7: frames and error codes; each test is named after its section."""

import pytest

from mcpmesh.errors import Draining, InvalidCall, LocalProtocolError
from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.limits import Limits
from mcpmesh.wire.settings import Settings
from tests.unit.wire.talk import HEAD, REQUEST, TRAILERS, Talk

OPEN = f"HEADERS 1 {REQUEST}"
PING = "PING 0000000000000001"
BOTH = pytest.mark.parametrize("client", [False, True])


def begun(client=False, **limits):
    """Return a talk with stream 1 open both ways, and its stream."""
    talk = Talk(client=client, **limits)
    if client:
        stream, _ = talk.open()
        talk.hear("HEADERS 1 :status=200")
    else:
        stream = talk.request(1).stream
        stream.send_headers(HEAD)
    talk.said()
    return talk, stream


def faults(*cases):
    return pytest.mark.parametrize(("frame", "code"), cases)


@BOTH
@faults(("DATA 0 x", "PROTOCOL_ERROR"), ("RAW 000001 00 08 00000001 01", "PROTOCOL_ERROR"),
        ("RAW 000003 00 08 00000001 030000", "PROTOCOL_ERROR"))  # fmt: skip
def test_6_1_data_without_a_stream_or_with_too_much_padding_ends_the_connection(
    client, frame, code
):
    assert begun(client)[0].fault(frame) == code


@BOTH
def test_6_1_padding_is_dropped_and_counts_against_the_windows(client):
    talk, stream = begun(client)
    before = talk.connection._inbound.recv_window
    talk.hear("DATA 1 hello PAD=10")
    assert stream.sink.body == b"hello"
    assert before - talk.connection._inbound.recv_window == len("hello") + 10 + 1


@BOTH
@faults((f"HEADERS 0 {REQUEST}", "PROTOCOL_ERROR"),
        ("RAW 000002 01 0d 00000001 0582", "PROTOCOL_ERROR"))  # fmt: skip
def test_6_2_headers_without_a_stream_or_with_too_much_padding_end_the_connection(
    client, frame, code
):
    assert begun(client)[0].fault(frame) == code


def test_6_2_padded_headers_with_priority_are_read_without_both():
    talk = Talk()
    # Pad length 2, priority, :method POST, :scheme http, :path /, padding.
    talk.hear("RAW 00000b 01 2d 00000001 02 80000003 10 83 86 84 0000")
    assert [event[0] for event in talk.owner.sinks[1].events] == ["headers"]
    assert talk.owner.sinks[1].events[0][2] is True


@BOTH
def test_6_3_priority_on_stream_0_ends_the_connection(client):
    assert begun(client)[0].fault("PRIORITY 0 on=1") == "PROTOCOL_ERROR"


@BOTH
def test_6_3_priority_of_a_wrong_length_resets_its_stream(client):
    talk, _ = begun(client)
    talk.hear("RAW 000004 02 00 00000001 00000000")
    assert talk.said() == ["RST_STREAM 1 FRAME_SIZE_ERROR"]


@BOTH
@faults(("RST_STREAM 0 CANCEL", "PROTOCOL_ERROR"), ("RST_STREAM 9 CANCEL", "PROTOCOL_ERROR"),
        ("RAW 000003 03 00 00000001 000000", "FRAME_SIZE_ERROR"),
        ("RAW 000005 03 00 00000001 0000000000", "FRAME_SIZE_ERROR"))  # fmt: skip
def test_6_4_rst_stream_without_a_stream_or_of_a_wrong_length_ends_the_connection(
    client, frame, code
):
    assert begun(client)[0].fault(frame) == code


@BOTH
def test_6_4_nothing_is_sent_on_a_stream_that_was_reset(client):
    talk, stream = begun(client)
    talk.hear("RST_STREAM 1 CANCEL")
    for send in (lambda: stream.send_data(b"x"), lambda: stream.send_headers(TRAILERS, (), True)):
        with pytest.raises(LocalProtocolError):
            send()
    stream.reset()
    assert talk.said() == []


def test_6_4_an_idle_stream_is_never_reset():
    talk = Talk()
    assert talk.fault("RAW 000004 02 00 00000009 00000000") == "FRAME_SIZE_ERROR"
    assert talk.said() == []


@BOTH
@faults(("RAW 000000 04 00 00000001", "PROTOCOL_ERROR"),
        ("RAW 000006 04 01 00000000 000300000001", "FRAME_SIZE_ERROR"),
        ("RAW 000005 04 00 00000000 0003000000", "FRAME_SIZE_ERROR"))  # fmt: skip
def test_6_5_malformed_settings_end_the_connection(client, frame, code):
    assert begun(client)[0].fault(frame) == code


def test_6_5_1_settings_are_pairs_of_identifier_and_value():
    assert Settings(max_concurrent_streams=7).encode().hex() == "000300000007"
    assert Settings().updated(bytes.fromhex("000300000007"), of_server=False) == Settings(
        max_concurrent_streams=7
    )


@BOTH
@faults(("ENABLE_PUSH=2", "PROTOCOL_ERROR"), ("INITIAL_WINDOW_SIZE=2147483648",
         "FLOW_CONTROL_ERROR"), ("MAX_FRAME_SIZE=16383", "PROTOCOL_ERROR"),
        ("MAX_FRAME_SIZE=16777216", "PROTOCOL_ERROR"))  # fmt: skip
def test_6_5_2_values_out_of_bounds_end_the_connection(client, frame, code):
    assert begun(client)[0].fault(f"SETTINGS {frame}") == code


def test_6_5_2_a_server_that_enables_push_breaks_the_protocol_and_a_client_may():
    assert Talk(client=True).fault("SETTINGS ENABLE_PUSH=1") == "PROTOCOL_ERROR"
    assert Talk(client=True).fault("SETTINGS ENABLE_PUSH=0") is None
    assert Talk().fault("SETTINGS ENABLE_PUSH=1") is None


def test_6_5_2_no_concurrent_streams_is_a_limit_like_others():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=0")
    talk.open(end=True)
    assert talk.said() == []
    talk.hear("SETTINGS MAX_CONCURRENT_STREAMS=1")
    assert [line.split()[0] for line in talk.said()] == ["SETTINGS", "HEADERS"]


def test_6_5_2_what_we_announce_is_within_bounds():
    with pytest.raises(InvalidCall):
        Limits(max_frame_bytes=16_383)
    with pytest.raises(InvalidCall):
        Limits(stream_window_bytes=1 << 31)
    assert Limits().settings().enable_push == 0


def test_6_5_3_the_last_value_counts_and_what_it_allows_leaves_after_the_ack():
    talk, stream = begun()
    talk.hear("SETTINGS INITIAL_WINDOW_SIZE=0")
    stream.send_data(b"hello")
    talk.said()
    talk.hear("SETTINGS INITIAL_WINDOW_SIZE=2 INITIAL_WINDOW_SIZE=5")
    assert talk.said() == ["SETTINGS ACK", 'DATA 1 "hello"']


@BOTH
def test_6_6_push_promise_ends_the_connection(client):
    talk, _ = begun(client)
    assert talk.fault("RAW 000004 05 04 00000001 00000002") == "PROTOCOL_ERROR"


@BOTH
@faults(("RAW 000007 06 00 00000000 00000000000000", "FRAME_SIZE_ERROR"),
        ("RAW 000009 06 00 00000000 000000000000000000", "FRAME_SIZE_ERROR"),
        ("RAW 000008 06 00 00000001 0000000000000000", "PROTOCOL_ERROR"))  # fmt: skip
def test_6_7_a_malformed_ping_ends_the_connection(client, frame, code):
    assert begun(client)[0].fault(frame) == code


@BOTH
def test_6_7_a_ping_is_answered_before_waiting_data_and_an_answer_is_not(client):
    talk, stream = begun(client)
    talk.connection.writable = False
    stream.send_data(b"waits")
    talk.hear(PING, f"{PING} ACK")
    talk.connection.writable = True
    talk.connection.pump()
    assert talk.said() == [f"{PING} ACK", 'DATA 1 "waits"']


@BOTH
@faults(("RAW 000008 07 00 00000001 0000000000000000", "PROTOCOL_ERROR"),
        ("RAW 000007 07 00 00000000 00000000000000", "FRAME_SIZE_ERROR"))  # fmt: skip
def test_6_8_a_malformed_goaway_ends_the_connection(client, frame, code):
    assert begun(client)[0].fault(frame) == code


def test_6_8_no_stream_is_opened_after_a_goaway_and_those_above_it_are_safe_elsewhere():
    talk = Talk(client=True)
    (_, first), (stream, second) = talk.open(end=True), talk.open(end=True)
    talk.hear("GOAWAY 1 NO_ERROR")
    assert (first.events, second.events) == ([], [("reset", "REFUSED_STREAM")])
    assert stream.refused
    with pytest.raises(Draining):
        talk.open()


def test_6_8_a_graceful_end_is_told_twice_and_its_last_stream_never_rises():
    talk = Talk()
    talk.request(1)
    talk.connection.drain("bye")
    talk.hear(f"HEADERS 3 {REQUEST}")
    talk.connection.stop_accepting()
    talk.hear(f"HEADERS 5 {REQUEST}")
    talk.connection.fail(ErrorCode.NO_ERROR, "the end")
    assert [line for line in talk.said() if line.startswith("GOAWAY")] == [
        "GOAWAY 2147483647 NO_ERROR", "GOAWAY 3 NO_ERROR", "GOAWAY 3 NO_ERROR"]  # fmt: skip


def test_6_8_frames_of_refused_streams_still_count_and_decode():
    talk = Talk()
    talk.connection.drain("bye")
    talk.connection.stop_accepting()
    before = talk.connection._inbound.recv_window
    talk.hear("HEADERS 1 :method=POST :scheme=http :path=/ a=b", "DATA 1 12345")
    assert before - talk.connection._inbound.recv_window == 5
    assert talk.connection.uncredited == 5
    assert talk.fault(f"HEADERS 3 {REQUEST}") is None


@BOTH
@faults(("RAW 000003 08 00 00000000 000001", "FRAME_SIZE_ERROR"),
        ("RAW 000005 08 00 00000001 0000000100", "FRAME_SIZE_ERROR"),
        ("WINDOW_UPDATE 0 +0", "PROTOCOL_ERROR"))  # fmt: skip
def test_6_9_a_malformed_window_update_ends_the_connection(client, frame, code):
    assert begun(client)[0].fault(frame) == code


@BOTH
def test_6_9_a_window_update_of_nothing_resets_its_stream(client):
    talk, _ = begun(client)
    talk.hear("WINDOW_UPDATE 1 +0")
    assert talk.said() == ["RST_STREAM 1 PROTOCOL_ERROR"]


@BOTH
def test_6_9_1_windows_over_the_maximum_end_what_they_belong_to(client):
    talk, _ = begun(client)
    talk.hear("WINDOW_UPDATE 1 +2147483647")
    assert talk.said() == ["RST_STREAM 1 FLOW_CONTROL_ERROR"]
    assert talk.fault("WINDOW_UPDATE 0 +2147483647") == "FLOW_CONTROL_ERROR"


@BOTH
def test_6_9_1_more_data_than_a_window_allows_ends_what_it_belongs_to(client):
    talk, _ = begun(client, stream_window_bytes=65_535)
    talk.hear(*["DATA 1 *16384"] * 4)
    assert talk.said() == ["RST_STREAM 1 FLOW_CONTROL_ERROR"]
    talk, _ = begun(client, stream_window_bytes=70_000, connection_window_bytes=65_535)
    assert talk.fault(*["DATA 1 *16384"] * 4) == "FLOW_CONTROL_ERROR"


@BOTH
def test_6_9_2_a_window_may_become_negative_and_waits_until_it_is_not(client):
    talk, stream = begun(client, settings="INITIAL_WINDOW_SIZE=10")
    stream.send_data(bytes(10))
    talk.hear("SETTINGS INITIAL_WINDOW_SIZE=4")
    stream.send_data(b"x")
    talk.said()
    talk.hear("WINDOW_UPDATE 1 +6")
    assert (talk.said(), stream.send_window) == ([], 0)
    talk.hear("WINDOW_UPDATE 1 +1")
    assert talk.said() == ['DATA 1 "x"']


@BOTH
def test_6_9_2_settings_leave_the_connections_window_alone_and_none_above_the_maximum(client):
    talk, _ = begun(client)
    before = talk.connection.send_window
    talk.hear("SETTINGS INITIAL_WINDOW_SIZE=100000")
    assert talk.connection.send_window == before
    talk.hear("WINDOW_UPDATE 1 +2147383647")
    assert talk.fault("SETTINGS INITIAL_WINDOW_SIZE=100001") == "FLOW_CONTROL_ERROR"


def test_6_9_3_we_never_announce_less_than_a_peer_may_send_before_it_knows():
    with pytest.raises(InvalidCall):
        Limits(stream_window_bytes=65_534)


@BOTH
@faults(("CONTINUATION 0 a=b", "PROTOCOL_ERROR"), ("CONTINUATION 1 a=b", "PROTOCOL_ERROR"))
def test_6_10_continuation_without_its_headers_ends_the_connection(client, frame, code):
    assert begun(client)[0].fault(frame) == code


@BOTH
@pytest.mark.parametrize("frame", ["DATA 1 x", "CONTINUATION 3 a=b", PING, "HEADERS 1 a=b",
                                   "RST_STREAM 1 CANCEL", "PRIORITY 1 on=3"])  # fmt: skip
def test_6_10_nothing_stands_between_headers_and_their_continuation(client, frame):
    talk, _ = begun(client)
    assert talk.fault("HEADERS 1 MORE a=b END_STREAM", frame) == "PROTOCOL_ERROR"


@BOTH
def test_7_unknown_error_codes_end_streams_like_others(client):
    talk, stream = begun(client)
    sink = stream.sink
    talk.hear("RAW 000004 03 00 00000001 000000ee")
    assert sink.events[-1] == ("reset", "0xee")
    assert not stream.refused
