"""RFC 9113, sections 3 to 5: the start, frames, streams; each test is named after its section."""

import pytest

from mcpmesh.errors import Draining, LocalProtocolError
from mcpmesh.wire.error_code import ConnectionFault
from tests.unit.wire.talk import FIELDS, HEAD, REQUEST, TRAILERS, Sink, Talk

OPEN = f"HEADERS 1 {REQUEST}"
ENDED = f"{OPEN} END_STREAM"
PING = "PING 0000000000000001"
BOTH = pytest.mark.parametrize("client", [False, True])


def asked(**limits):
    """Return a client with stream 1 open, and its sink."""
    talk = Talk(client=True, **limits)
    stream, sink = talk.open()
    talk.said()
    return talk, stream, sink


def test_3_4_a_client_starts_with_the_preface_and_settings():
    assert [line.split()[0] for line in Talk(client=True, greet=False).said()][:2] == [
        "PREFACE",
        "SETTINGS",
    ]


def test_3_4_a_server_starts_with_settings():
    assert Talk(greet=False).said()[0].startswith("SETTINGS ")


@BOTH
def test_3_4_settings_of_the_preface_are_acknowledged_after_ours(client):
    talk = Talk(client=client, greet=False)
    talk.hear(*([] if client else ["PREFACE"]), "SETTINGS")
    assert talk.said()[-1] == "SETTINGS ACK"


@pytest.mark.parametrize("frame", ["SETTINGS ACK", PING, "WINDOW_UPDATE 0 +1", "GOAWAY 0 NO_ERROR",
                                   "RST_STREAM 1 CANCEL", "DATA 1 x", "HEADERS 1 :status=200",
                                   "RAW 000000 ee 00 00000000"])  # fmt: skip
@BOTH
def test_3_4_a_preface_without_settings_ends_the_connection(client, frame):
    talk = Talk(client=client, greet=False)
    if client:
        talk.open()
    assert talk.fault(*([] if client else ["PREFACE"]), frame) == "PROTOCOL_ERROR"


def test_3_4_a_wrong_preface_ends_the_connection():
    talk = Talk(greet=False)
    with pytest.raises(ConnectionFault, match="PROTOCOL_ERROR"):
        talk.connection.receive(b"PRI * HTTP/2.0\r\n\r\nXX")


@BOTH
def test_4_1_unknown_frames_flags_and_the_reserved_bit_are_ignored(client):
    talk = Talk(client=client)
    talk.hear("RAW 000003 ee ff 80000001 010203", "RAW 000008 06 fe 80000000 0000000000000001")
    assert talk.said() == [f"{PING} ACK"]


@BOTH
def test_4_2_a_frame_of_16384_bytes_is_taken_and_one_more_byte_is_not(client):
    talk = asked()[0] if client else Talk()
    talk.hear("HEADERS 1 :status=200" if client else OPEN, "DATA 1 *16384")
    assert talk.said() == []
    assert talk.fault("DATA 1 *16385") == "FRAME_SIZE_ERROR"


def test_4_2_a_frame_too_small_for_what_it_must_hold_is_a_frame_size_error():
    for frame in ("RAW 000000 00 08 00000001", "RAW 000004 01 24 00000003 80000000",
                  "RAW 000000 01 0c 00000003"):  # fmt: skip
        talk = Talk()
        assert talk.fault(OPEN, frame) == "FRAME_SIZE_ERROR"


def test_4_2_we_send_no_larger_frames_than_the_peer_takes():
    for settings, frames in (("", [16_384, 16_384, 7_232]), ("MAX_FRAME_SIZE=40000", [40_000])):
        talk = Talk(settings=settings)
        talk.request(1).stream.send_data(bytes(40_000))
        assert [int(line.split("*")[1]) for line in talk.said()] == frames


def test_4_3_a_block_is_sent_as_one_row_of_frames():
    talk, stream, _ = asked()
    stream.send_headers((*FIELDS, (b"a", b"v" * 40_000)))
    assert [line.split()[:2] for line in talk.said()] == [
        ["HEADERS", "1"], ["CONTINUATION", "1"], ["CONTINUATION", "1"]]  # fmt: skip


@BOTH
def test_4_3_a_block_that_cannot_be_decoded_ends_the_connection(client):
    talk = asked()[0] if client else Talk()
    assert talk.fault("RAW 000001 01 04 00000001 80") == "COMPRESSION_ERROR"


def test_4_3_1_a_smaller_table_of_the_peer_is_answered_by_a_size_update():
    talk = Talk()
    stream = talk.request(1).stream
    talk.hear("SETTINGS HEADER_TABLE_SIZE=100")
    talk.said()
    stream.send_headers(HEAD)
    # Size update to 100, then :status 200.
    assert talk.connection.outbox.take()[9:].hex() == "3f4588"


def test_4_3_1_a_table_that_shrinks_and_grows_in_one_frame_was_emptied():
    talk = Talk()
    stream, other = talk.request(1).stream, talk.request(3).stream
    stream.send_headers((*HEAD, (b"a", b"b")))
    talk.said()
    talk.hear("SETTINGS HEADER_TABLE_SIZE=0 HEADER_TABLE_SIZE=4096")
    talk.said()
    other.send_headers((*HEAD, (b"a", b"b")))
    assert talk.connection.outbox.take()[9:].hex().startswith("203fe11f88")


@pytest.mark.parametrize(
    "frame", ["DATA 1 x", "RST_STREAM 1 CANCEL", "WINDOW_UPDATE 1 +1", "CONTINUATION 1 a=b"]
)
@BOTH
def test_5_1_idle_takes_nothing_but_headers_and_priority(client, frame):
    assert Talk(client=client).fault(frame) == "PROTOCOL_ERROR"
    assert Talk(client=client).fault("PRIORITY 1 on=3") is None


@pytest.mark.parametrize("frame", ["DATA 1 x", "HEADERS 1 a=b END_STREAM"])
def test_5_1_half_closed_remote_takes_no_more_of_the_message(frame):
    talk = Talk()
    talk.hear(ENDED, "WINDOW_UPDATE 1 +1", "PRIORITY 1 on=3", frame)
    assert talk.said() == ["RST_STREAM 1 STREAM_CLOSED"]


def test_5_1_half_closed_local_sends_nothing_more_and_takes_everything():
    talk = Talk(client=True)
    stream, sink = talk.open(end=True)
    for send in (lambda: stream.send_data(b"x"), lambda: stream.send_headers(TRAILERS)):
        with pytest.raises(LocalProtocolError):
            send()
    talk.hear("HEADERS 1 :status=200", "DATA 1 x", "PRIORITY 1 on=3", "HEADERS 1 a=b END_STREAM")
    assert [event[0] for event in sink.events] == ["headers", "data", "headers"]


def test_5_1_closed_by_both_takes_no_data_and_no_headers():
    talk = Talk()
    talk.request(1, "END_STREAM").stream.send_headers(HEAD, (), True)
    talk.said()
    talk.hear("WINDOW_UPDATE 1 +1", "RST_STREAM 1 CANCEL", "PRIORITY 1 on=3")
    assert talk.said() == []
    talk.hear("DATA 1 x")
    assert talk.said() == ["RST_STREAM 1 STREAM_CLOSED"]
    talk = Talk(client=True)
    talk.open(end=True)
    assert talk.fault("HEADERS 1 :status=200 END_STREAM", "HEADERS 1 a=b") == "STREAM_CLOSED"


@BOTH
def test_5_1_closed_by_our_reset_passes_over_what_was_on_its_way(client):
    if client:
        talk, stream, _ = asked()
    else:
        talk = Talk()
        stream = talk.request(1).stream
    stream.reset()
    assert talk.said() == ["RST_STREAM 1 CANCEL"]
    talk.hear("HEADERS 1 a=b", "DATA 1 x", "WINDOW_UPDATE 1 +1", "RST_STREAM 1 CANCEL", PING)
    assert talk.said() == [f"{PING} ACK"]


def test_5_1_1_stream_identifiers_of_a_client_are_odd_and_increase():
    talk = Talk(client=True)
    assert [talk.open()[0].id for _ in range(3)] == [1, 3, 5]


@pytest.mark.parametrize("frames", [["HEADERS 2 a=b"], [OPEN, ENDED.replace("1", "0", 1)],
                                    [f"HEADERS 5 {REQUEST}", f"HEADERS 3 {REQUEST}"]])  # fmt: skip
def test_5_1_1_stream_identifiers_must_increase_and_be_odd(frames):
    assert Talk().fault(*frames) == "PROTOCOL_ERROR"


@pytest.mark.parametrize("stream_id", [2, 3])
def test_5_1_1_a_server_opens_no_streams(stream_id):
    assert asked()[0].fault(f"HEADERS {stream_id} :status=200") == "PROTOCOL_ERROR"


def test_5_1_2_a_stream_over_our_limit_is_refused():
    talk = Talk(max_concurrent_streams=1)
    talk.hear(OPEN, f"HEADERS 3 {REQUEST}")
    assert talk.said() == ["RST_STREAM 3 REFUSED_STREAM"]


def test_5_1_2_we_keep_to_the_peers_limit():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=1")
    talk.open(end=True)
    talk.open(end=True)
    assert [line.split()[1] for line in talk.said()] == ["1"]
    talk.hear("HEADERS 1 :status=200 END_STREAM")
    assert [line.split()[1] for line in talk.said()] == ["3"]


@pytest.mark.parametrize("windows", ["WINDOW_UPDATE 0 +20", "WINDOW_UPDATE 1 +20"])
def test_5_2_1_a_sender_keeps_to_both_windows(windows):
    talk = Talk(settings="INITIAL_WINDOW_SIZE=10")
    talk.request(1).stream.send_data(bytes(30))
    assert len(talk.said()) == 1
    talk.hear(windows)
    assert len(talk.said()) == ("1 " in windows)


def test_5_2_1_who_sends_first_is_not_overtaken_when_the_window_is_scarce():
    talk = Talk(settings="INITIAL_WINDOW_SIZE=100000")
    first, second = talk.request(1).stream, talk.request(3).stream
    first.send_data(bytes(70_000))
    talk.said()
    second.send_data(b"second")
    for credit in (1_000, 1_000):
        talk.hear(f"WINDOW_UPDATE 0 +{credit}")
        # All credit went to who waits: nothing is left that somebody new could take.
        assert talk.connection.send_window == 0
        talk.request(5 if credit == 1_000 else 7)
    said = [line.split()[1] for line in talk.said() if line.startswith("DATA")]
    assert said[:2] == ["1", "3"]


def test_5_3_2_priority_signals_change_nothing():
    talk = Talk()
    talk.hear("PRIORITY 1 on=3", "RAW 000008 10 00 00000000 00000001 753d3000")
    talk.hear("RAW 00000a 01 25 00000001 00000003 10 82 84 86 41 00")
    assert talk.said() == []
    assert talk.owner.sinks[1].events


@BOTH
def test_5_4_1_a_connection_error_is_told_with_the_last_stream_and_ends_everything(client):
    talk = asked()[0] if client else Talk()
    if not client:
        talk.request(1)
    try:
        talk.hear("PING 0000")
    except ConnectionFault as fault:
        talk.connection.fail(fault.code, fault.message)
    assert talk.said() == [f"GOAWAY {0 if client else 1} FRAME_SIZE_ERROR"]
    assert talk.connection.closed
    with pytest.raises(Draining):
        talk.connection.open(FIELDS, Sink())


def test_5_4_2_a_stream_error_resets_once_and_the_connection_goes_on():
    talk = Talk()
    talk.hear(OPEN, "WINDOW_UPDATE 1 +0", "WINDOW_UPDATE 1 +0", "DATA 1 x", ENDED, PING)
    assert talk.said() == ["RST_STREAM 1 PROTOCOL_ERROR", f"{PING} ACK"]


@BOTH
def test_5_4_2_a_reset_is_not_answered_by_a_reset(client):
    talk = asked()[0] if client else Talk()
    talk.hear(*([] if client else [OPEN]), "RST_STREAM 1 CANCEL", "RST_STREAM 1 CANCEL")
    assert talk.said() == []


def test_5_4_3_streams_of_a_lost_connection_end_and_are_not_safe_elsewhere():
    talk, stream, sink = asked()
    talk.connection.lost("gone")
    assert sink.events == [("reset", "CONNECT_ERROR")]
    assert not stream.refused


@BOTH
def test_5_5_unknown_settings_and_error_codes_are_ignored(client):
    talk = asked()[0] if client else Talk()
    talk.hear("RAW 000006 04 00 00000000 00ee00000001", *([] if client else [OPEN]))
    talk.hear("RAW 000004 03 00 00000001 000000ee", "RAW 000008 07 00 00000000 00000000000000ee")
    assert talk.said() == ["SETTINGS ACK"]


def test_5_5_an_unknown_frame_amid_a_block_ends_the_connection():
    frames = [f"HEADERS 1 MORE {REQUEST}", "RAW 000000 ee 00 00000000"]
    assert Talk().fault(*frames) == "PROTOCOL_ERROR"
