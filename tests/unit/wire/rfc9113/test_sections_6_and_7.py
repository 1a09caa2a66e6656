"""RFC 9113, sections 6 and 7: frames and error codes; each test is named after its section."""

import pytest

from mcpmesh.errors import Draining, InvalidCall, LocalProtocolError, TooLarge
from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.header_list import list_size
from mcpmesh.wire.hpack_literal import literal_name, literal_value
from mcpmesh.wire.limits import Limits
from mcpmesh.wire.settings import Settings
from tests.unit.wire.talk import FIELDS, HEAD, REQUEST, TRAILERS, Talk

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
    before = talk.connection.recv_window
    talk.hear("DATA 1 hello PAD=10")
    assert stream.sink.body == b"hello"
    assert before - talk.connection.recv_window == len("hello") + 10 + 1


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


def test_6_5_2_a_request_over_the_peers_limit_is_not_sent_and_costs_no_other():
    talk = Talk(client=True, settings="MAX_HEADER_LIST_SIZE=2000")
    talk.open(end=True, fields=(*FIELDS, (b"x-own", b"small")))
    large = (*FIELDS, (b"x-own", b"v" * 1500), *((b"x-%d" % n, b"w") for n in range(19)))
    with pytest.raises(TooLarge, match="over the 2000 that the peer takes"):
        talk.open(fields=large)
    with pytest.raises(TooLarge):
        talk.connection.request(FIELDS, ((b"x-own", b"v" * 1800),), b"body", talk.owner)
    assert set(talk.connection.streams) == {1}
    first, *others = talk.said()
    assert others == []
    for name in (b"x-1", b"x-2"):
        talk.open(fields=(*FIELDS, (name, b"w")))
    # The peer's table is as ours, whatever was encoded and not sent.
    assert [line.split()[-1] for line in (first, *talk.said())] == ["END_STREAM", "x-1=w", "x-2=w"]


def test_6_5_2_a_list_is_measured_as_its_reader_counts_it():
    fields = ((b"a", b"b"), (b":path", b"/c"))
    size = 32 + 2 + 32 + 7
    written = (literal_name("d") + literal_value("e" * 300)).encode("latin-1")
    assert list_size(fields, ()) == size
    assert list_size(fields, ((b"d", b"e" * 300),)) == list_size(fields, written) == size + 333


def test_6_5_2_a_list_of_exactly_the_limit_is_sent():
    fields = (*FIELDS, *((b"x-%d" % n, b"some value") for n in range(30)))
    talk = Talk(client=True, settings=f"MAX_HEADER_LIST_SIZE={list_size(fields, ())}")
    for _ in range(2):
        # The second block is a few bytes that stand for fields of the table.
        talk.open(fields=fields)
        assert len(talk.said()) == 1
    with pytest.raises(TooLarge):
        talk.open(fields=(*fields, (b"a", b"")))


def test_6_5_2_what_every_peer_must_bear_is_sent_whatever_it_says():
    talk = Talk(settings="MAX_HEADER_LIST_SIZE=0")
    talk.request(1, "END_STREAM").stream.send_headers(HEAD + TRAILERS, (), True)
    assert talk.said() == ["HEADERS 1 :status=200 grpc-status=0 END_STREAM"]


def test_6_5_2_a_request_that_waits_is_measured_at_once_and_again_when_it_may_go():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=0 MAX_HEADER_LIST_SIZE=2000")
    with pytest.raises(TooLarge):
        talk.open(fields=(*FIELDS, (b"x-own", b"v" * 2000)))
    _, sink = talk.open(fields=(*FIELDS, (b"x-own", b"v" * 1300)))
    talk.hear("SETTINGS MAX_CONCURRENT_STREAMS=9 MAX_HEADER_LIST_SIZE=1100")
    assert sink.events == [("reset", "ENHANCE_YOUR_CALM")]
    assert talk.said() == ["SETTINGS ACK"]
    assert not talk.connection.streams


def test_6_5_2_an_answers_head_over_the_callers_limit_is_not_sent():
    talk = Talk(settings="MAX_HEADER_LIST_SIZE=2000")
    stream = talk.request(1, "END_STREAM").stream
    large = (*HEAD, (b"x-own", b"v" * 2000))
    with pytest.raises(TooLarge):
        stream.send_headers(large)
    with pytest.raises(TooLarge):
        stream.send_message(large, (), b"body")
    with pytest.raises(TooLarge):
        stream.send_answer(large, (), b"body", TRAILERS)
    stream.send_answer(HEAD, (), b"body", TRAILERS)
    assert talk.said() == [
        "HEADERS 1 :status=200", 'DATA 1 "body"', "HEADERS 1 grpc-status=0 END_STREAM",
    ]  # fmt: skip


@pytest.mark.parametrize("window", [100, 0])
def test_6_5_2_trailers_over_the_callers_limit_are_replaced_by_some_that_say_so(window):
    talk = Talk(settings=f"MAX_HEADER_LIST_SIZE=2000 INITIAL_WINDOW_SIZE={window}")
    stream = talk.request(1, "END_STREAM").stream
    large = ((b"x-own", b"v" * 2000),)
    stream.send_message(HEAD, (), b"body")
    stream.send_headers(TRAILERS, large, True)
    if not window:
        talk.hear("WINDOW_UPDATE 1 +100")
    *_, last = talk.said()
    why = "grpc-message=metadata of 2081 bytes, over the 2000 that the peer takes"
    assert last == f"HEADERS 1 grpc-status=8 {why} END_STREAM"
    # An answer that is trailers alone keeps its head.
    talk.request(3, "END_STREAM").stream.send_headers(HEAD + TRAILERS, large, True)
    assert talk.said()[0].startswith("HEADERS 3 :status=200 grpc-status=8 grpc-message=")
    assert not talk.connection.streams


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
    before = talk.connection.recv_window
    talk.hear("HEADERS 1 :method=POST :scheme=http :path=/ a=b", "DATA 1 12345")
    assert before - talk.connection.recv_window == 5
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
