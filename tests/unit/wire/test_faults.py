"""What breaks the protocol, and the code that answers it; sections are of RFC 9113."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.wire.error_code import ConnectionFault
from tests.unit.wire.talk import REQUEST, Talk, raw_frame

OPEN = f"HEADERS 1 {REQUEST}"
ENDED = f"HEADERS 1 {REQUEST} END_STREAM"
OVER = "RAW 004001 00 00 00000001"


@pytest.mark.parametrize(
    ("section", "frames", "code"),
    [
        ("4.2", [OVER], "FRAME_SIZE_ERROR"),
        ("4.3", ["RAW 000001 01 04 00000001 80"], "COMPRESSION_ERROR"),
        ("5.1", ["DATA 1 x"], "PROTOCOL_ERROR"),
        ("5.1", ["WINDOW_UPDATE 1 +1"], "PROTOCOL_ERROR"),
        ("5.1", ["RST_STREAM 1 CANCEL"], "PROTOCOL_ERROR"),
        ("5.1.1", [f"HEADERS 2 {REQUEST}"], "PROTOCOL_ERROR"),
        ("5.1.1", [f"HEADERS 5 {REQUEST}", f"HEADERS 3 {REQUEST}"], "PROTOCOL_ERROR"),
        ("6.1", ["DATA 0 x"], "PROTOCOL_ERROR"),
        ("6.1", [OPEN, "RAW 000001 00 08 00000001 01"], "PROTOCOL_ERROR"),
        ("4.2", [OPEN, "RAW 000000 00 08 00000001"], "FRAME_SIZE_ERROR"),
        ("6.2", [f"HEADERS 0 {REQUEST}"], "PROTOCOL_ERROR"),
        ("6.2", ["RAW 000002 01 0c 00000001 05 82"], "PROTOCOL_ERROR"),
        ("6.2", ["RAW 000001 01 24 00000001 82"], "FRAME_SIZE_ERROR"),
        ("6.3", ["PRIORITY 0 on=1"], "PROTOCOL_ERROR"),
        # No stream to reset: RST_STREAM must not be sent for an idle one.
        ("6.4", ["PRIORITY 1 on=1"], "PROTOCOL_ERROR"),
        ("6.4", ["RAW 000004 02 00 00000001 00000000"], "FRAME_SIZE_ERROR"),
        ("6.4", ["RST_STREAM 0 CANCEL"], "PROTOCOL_ERROR"),
        ("6.4", [OPEN, "RAW 000003 03 00 00000001 000000"], "FRAME_SIZE_ERROR"),
        ("6.5", ["RAW 000000 04 00 00000001"], "PROTOCOL_ERROR"),
        ("6.5", ["RAW 000006 04 01 00000000 000300000001"], "FRAME_SIZE_ERROR"),
        ("6.5", ["RAW 000005 04 00 00000000 0003000000"], "FRAME_SIZE_ERROR"),
        ("6.5.2", ["SETTINGS ENABLE_PUSH=2"], "PROTOCOL_ERROR"),
        ("6.5.2", ["SETTINGS INITIAL_WINDOW_SIZE=2147483648"], "FLOW_CONTROL_ERROR"),
        ("6.5.2", ["SETTINGS MAX_FRAME_SIZE=16383"], "PROTOCOL_ERROR"),
        ("6.5.2", ["SETTINGS MAX_FRAME_SIZE=16777216"], "PROTOCOL_ERROR"),
        ("6.6", ["RAW 000004 05 04 00000001 00000002"], "PROTOCOL_ERROR"),
        ("6.7", ["RAW 000007 06 00 00000000 00000000000000"], "FRAME_SIZE_ERROR"),
        ("6.7", ["RAW 000008 06 00 00000001 0000000000000000"], "PROTOCOL_ERROR"),
        ("6.8", ["RAW 000008 07 00 00000001 0000000000000000"], "PROTOCOL_ERROR"),
        ("6.8", ["RAW 000007 07 00 00000000 00000000000000"], "FRAME_SIZE_ERROR"),
        ("6.9", ["RAW 000003 08 00 00000000 000001"], "FRAME_SIZE_ERROR"),
        ("6.9", ["WINDOW_UPDATE 0 +0"], "PROTOCOL_ERROR"),
        ("6.9.1", ["WINDOW_UPDATE 0 +2147483647"], "FLOW_CONTROL_ERROR"),
        ("6.9.2", [OPEN, "WINDOW_UPDATE 1 +2147418112", "SETTINGS INITIAL_WINDOW_SIZE=65536"],
         "FLOW_CONTROL_ERROR"),
        ("6.10", ["CONTINUATION 1 a=b"], "PROTOCOL_ERROR"),
        ("6.10", [OPEN, "CONTINUATION 1 a=b"], "PROTOCOL_ERROR"),
        ("6.10", [f"HEADERS 1 MORE {REQUEST}", "CONTINUATION 3 a=b"], "PROTOCOL_ERROR"),
        ("6.10", [f"HEADERS 1 MORE {REQUEST}", "PING 0000000000000000"], "PROTOCOL_ERROR"),
        ("6.10", [OPEN, f"HEADERS 3 MORE {REQUEST}", "DATA 1 x"], "PROTOCOL_ERROR"),
        ("6.10", [f"HEADERS 1 MORE {REQUEST}", f"HEADERS 3 {REQUEST}"], "PROTOCOL_ERROR"),
        ("6.10", [f"HEADERS 1 MORE {REQUEST}", "RAW 000000 ee 00 00000000"], "PROTOCOL_ERROR"),
    ],
)  # fmt: skip
def test_what_breaks_the_connection_ends_it_with_the_code_of_the_rfc(section, frames, code):
    talk = Talk()
    assert talk.fault(*frames) == code


@pytest.mark.parametrize(
    ("section", "frames", "code"),
    [
        ("5.1", [ENDED, "DATA 1 x"], "STREAM_CLOSED"),
        ("5.1", [ENDED, "HEADERS 1 a=b END_STREAM"], "STREAM_CLOSED"),
        ("5.3.1", [OPEN, "PRIORITY 1 on=1"], "PROTOCOL_ERROR"),
        ("6.3", [OPEN, "RAW 000004 02 00 00000001 00000000"], "FRAME_SIZE_ERROR"),
        ("6.9", [OPEN, "WINDOW_UPDATE 1 +0"], "PROTOCOL_ERROR"),
        ("6.9.1", [OPEN, "WINDOW_UPDATE 1 +2147483647"], "FLOW_CONTROL_ERROR"),
        ("8.1", [OPEN, "HEADERS 1 a=b"], "PROTOCOL_ERROR"),
        ("8.1.1", [f"HEADERS 1 {REQUEST} content-length=2 END_STREAM"], "PROTOCOL_ERROR"),
        ("8.1.1", [f"HEADERS 1 {REQUEST} content-length=2", "DATA 1 xyz"], "PROTOCOL_ERROR"),
        ("8.1.1", [f"HEADERS 1 {REQUEST} content-length=2", "DATA 1 x END_STREAM"],
         "PROTOCOL_ERROR"),
        ("8.1.1", [f"HEADERS 1 {REQUEST} content-length=2", "DATA 1 x",
                   "HEADERS 1 a=b END_STREAM"], "PROTOCOL_ERROR"),
        ("8.1.1", [f"HEADERS 1 {REQUEST} content-length=x"], "PROTOCOL_ERROR"),
        ("8.1.1", [f"HEADERS 1 {REQUEST} content-length=1 content-length=2"], "PROTOCOL_ERROR"),
        ("8.2", [f"HEADERS 1 {REQUEST} 'b a=x'"], "PROTOCOL_ERROR"),
        ("8.2.1", [f"HEADERS 1 {REQUEST} 'a= x'"], "PROTOCOL_ERROR"),
        ("8.2.1", [f"HEADERS 1 {REQUEST} 'a=x\ty\r'"], "PROTOCOL_ERROR"),
        ("8.2.2", [f"HEADERS 1 {REQUEST} connection=close"], "PROTOCOL_ERROR"),
        ("8.2.2", ["HEADERS 1 :method=POST :scheme=http :path=/ te=gzip"], "PROTOCOL_ERROR"),
        ("8.3", [f"HEADERS 1 a=b {REQUEST}"], "PROTOCOL_ERROR"),
        ("8.3", [f"HEADERS 1 :status=200 {REQUEST}"], "PROTOCOL_ERROR"),
        ("8.3", [f"HEADERS 1 :path=/twice {REQUEST}"], "PROTOCOL_ERROR"),
        ("8.3", [OPEN, "HEADERS 1 :path=/ END_STREAM"], "PROTOCOL_ERROR"),
        ("8.3.1", ["HEADERS 1 :method=POST :scheme=http"], "PROTOCOL_ERROR"),
        ("8.3.1", ["HEADERS 1 :method=POST :scheme=http :path="], "PROTOCOL_ERROR"),
        ("8.3.1", ["HEADERS 1"], "PROTOCOL_ERROR"),
    ],
)  # fmt: skip
def test_what_breaks_a_stream_resets_it_and_the_connection_goes_on(section, frames, code):
    talk = Talk()
    talk.hear(*frames)
    assert talk.said() == [f"RST_STREAM 1 {code}"]
    assert not talk.connection.streams
    assert talk.request(101, "END_STREAM").events[0][2] is True


def test_a_stream_over_its_window_is_reset_6_9_1():
    talk = Talk(stream_window_bytes=65_535)
    talk.request(1)
    talk.hear(*["DATA 1 *16384"] * 4)
    assert talk.said() == ["RST_STREAM 1 FLOW_CONTROL_ERROR"]


def test_a_connection_over_its_window_ends_6_9_1():
    talk = Talk(stream_window_bytes=65_536, connection_window_bytes=65_535)
    talk.request(1)
    assert talk.fault(*["DATA 1 *16384"] * 4) == "FLOW_CONTROL_ERROR"


def test_a_block_known_as_trailers_is_still_checked_as_a_head():
    talk = Talk()
    talk.request(1)
    # Indexed fields only, from the static table, so that decoder and checks remember the block.
    talk.hear("HEADERS 1 accept-encoding='gzip, deflate' END_STREAM")
    talk.hear("HEADERS 3 accept-encoding='gzip, deflate' END_STREAM")
    assert talk.said() == ["RST_STREAM 3 PROTOCOL_ERROR"]


def test_a_block_known_as_a_head_is_still_checked_as_trailers():
    talk = Talk()
    head = ":method=POST :scheme=http :path=/"
    talk.hear(f"HEADERS 1 {head}", f"HEADERS 3 {head}", f"HEADERS 3 {head} END_STREAM")
    assert talk.said() == ["RST_STREAM 3 PROTOCOL_ERROR"]


def test_empty_trailers_end_the_body():
    talk = Talk()
    sink = talk.request(1)
    talk.hear("HEADERS 1 END_STREAM")
    assert sink.events[1:] == [("data", b"", True)]


def test_a_peer_that_speaks_something_else_is_told_so_at_its_first_byte():
    talk = Talk(greet=False)
    with pytest.raises(ConnectionFault) as fault:
        talk.connection.receive(b"GET / HTTP/1.1\r\n")
    assert fault.value.code.name == "PROTOCOL_ERROR"


@pytest.mark.parametrize("line", [OPEN, "PING 0000000000000000", "WINDOW_UPDATE 0 +1"])
def test_the_first_frame_is_settings_3_4(line):
    talk = Talk(greet=False)
    assert talk.fault("PREFACE", line) == "PROTOCOL_ERROR"


@pytest.mark.parametrize(
    ("section", "frames", "code"),
    [
        ("8.1", ["DATA 1 x"], "PROTOCOL_ERROR"),
        ("8.1", ["HEADERS 1 :status=100 END_STREAM"], "PROTOCOL_ERROR"),
        ("8.3.2", ["HEADERS 1 a=b"], "PROTOCOL_ERROR"),
        ("8.3.2", ["HEADERS 1 :status=2000"], "PROTOCOL_ERROR"),
        ("8.3.2", ["HEADERS 1 :status=200 :path=/"], "PROTOCOL_ERROR"),
        ("8.1.1", ["HEADERS 1 :status=200 content-length=1 END_STREAM"], "PROTOCOL_ERROR"),
    ],
)
def test_a_server_that_breaks_a_stream_has_it_reset(section, frames, code):
    talk = Talk(client=True)
    _, sink = talk.open(end=True)
    talk.said()
    talk.hear(*frames)
    assert talk.said() == [f"RST_STREAM 1 {code}"]
    assert sink.events == [("reset", code)]


@pytest.mark.parametrize(
    ("section", "frames", "code"),
    [
        ("5.1.1", ["HEADERS 2 :status=200"], "PROTOCOL_ERROR"),
        ("5.1", ["HEADERS 3 :status=200"], "PROTOCOL_ERROR"),
        ("6.6", ["RAW 000004 05 04 00000001 00000002"], "PROTOCOL_ERROR"),
    ],
)
def test_a_server_that_opens_streams_ends_its_connection(section, frames, code):
    talk = Talk(client=True)
    talk.open()
    assert talk.fault(*frames) == code


FRAMES = st.builds(
    raw_frame, st.integers(0, 11), st.integers(0, 255), st.integers(0, 7), st.binary(max_size=12)
)


@given(st.lists(FRAMES | st.binary(max_size=20), max_size=12), st.booleans())
def test_arbitrary_bytes_raise_nothing_but_a_connection_fault(pieces, client):
    talk = Talk(client=client, control_flood=5)
    if client:
        talk.open(end=True)
        talk.open()
    else:
        talk.request(1)
        talk.request(3, "END_STREAM")
    try:
        for piece in pieces:
            talk.connection.receive(piece)
    except ConnectionFault as fault:
        talk.connection.fail(fault.code, fault.message)
        assert talk.said()[-1].startswith("GOAWAY ")


def test_te_is_trailers_in_any_case_8_2_2():
    talk = Talk()
    talk.hear(f"HEADERS 1 {REQUEST.replace('te=trailers', 'te=Trailers')}")
    assert talk.owner.sinks[1].events[0][0] == "headers"
