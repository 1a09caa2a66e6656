"""What a hostile peer may do until its connection ends with ENHANCE_YOUR_CALM."""

import pytest

from mcpmesh.config import LimitSettings
from mcpmesh.rpc.limits import wire_limits
from tests.unit.wire.talk import HEAD, REQUEST, TRAILERS, Talk

LIMIT = 50
CLOSED = (
    "credit for closed streams", "resets of closed streams", "heads of streams that were reset",
)  # fmt: skip


def rapid_reset(turn):
    stream_id = 2 * turn + 1
    return [f"HEADERS {stream_id} {REQUEST}", f"RST_STREAM {stream_id} CANCEL"]


def made_you_reset(turn):
    stream_id = 2 * turn + 1
    return [f"HEADERS {stream_id} {REQUEST}", f"WINDOW_UPDATE {stream_id} +0"]


@pytest.mark.parametrize(
    ("what", "turn"),
    [
        ("rapid reset, CVE-2023-44487", rapid_reset),
        ("MadeYouReset, CVE-2025-8671", made_you_reset),
        ("PING", lambda _turn: ["PING 0000000000000000"]),
        ("PING acks", lambda _turn: ["PING 0000000000000000 ACK"]),
        ("SETTINGS", lambda _turn: ["SETTINGS"]),
        ("SETTINGS acks", lambda _turn: ["SETTINGS ACK"]),
        ("PRIORITY", lambda _turn: ["PRIORITY 1 on=3"]),
        ("unknown frames", lambda _turn: ["RAW 000000 ee 00 00000000"]),
        ("streams over the limit", lambda turn: [f"HEADERS {2 * turn + 201} {REQUEST}"]),
        ("malformed heads", lambda turn: [f"HEADERS {2 * turn + 1} a=b"]),
        ("crumbs of credit", lambda _turn: ["WINDOW_UPDATE 1 +1"]),
        ("empty DATA", lambda _turn: ["DATA 1"]),
        ("padding only", lambda _turn: ["DATA 1 '' PAD=9"]),
        ("DATA after the end", lambda _turn: ["DATA 99"]),
        ("credit for nothing", lambda _turn: ["WINDOW_UPDATE 0 +100"]),
        ("credit for nothing on a stream", lambda _turn: ["WINDOW_UPDATE 1 +100"]),
        ("GOAWAY", lambda _turn: ["GOAWAY 0 NO_ERROR"]),
        ("credit for closed streams", lambda _turn: ["WINDOW_UPDATE 99 +100"] * 8),
        ("resets of closed streams", lambda _turn: ["RST_STREAM 99 CANCEL"]),
        ("heads of streams that were reset", lambda _turn: ["HEADERS 99 a=b"]),
        ("oversized header lists", lambda turn: [f"HEADERS {2 * turn + 101} a=*16300"]),
        ("useless frames beside crumbs", lambda _turn: ["PING 0000000000000000", "DATA 1 x"]),
    ],
)
def test_a_flood_ends_its_connection(what, turn):
    talk = Talk(control_flood=LIMIT, reset_flood=LIMIT, max_concurrent_streams=4)
    if what not in ("rapid reset, CVE-2023-44487", "MadeYouReset, CVE-2025-8671"):
        talk.request(1)
    if what in ("streams over the limit", "DATA after the end"):
        for stream_id in (95, 97, 99):
            talk.request(stream_id, "END_STREAM")
    if what in CLOSED:
        talk.request(99).stream.reset()
    if what == "malformed heads":
        turn_from = turn
        turn = lambda number: turn_from(number + 1)  # noqa: E731
    turns = 0
    while (code := talk.fault(*turn(turns))) is None:
        turns += 1
        assert turns <= LIMIT + 5
    assert code == "ENHANCE_YOUR_CALM"
    assert turns >= LIMIT // 2 - 5


@pytest.mark.parametrize("turn", [rapid_reset, made_you_reset])
def test_resets_have_a_limit_of_their_own(turn):
    talk = Talk(reset_flood=LIMIT)
    turns = 0
    while talk.fault(*turn(turns)) is None:
        turns += 1
    assert turns == LIMIT


def test_a_router_whose_callers_hang_up_by_the_thousand_is_no_flood():
    limits = wire_limits(LimitSettings(), of_routers=True)
    talk = Talk(reset_flood=limits.reset_flood, max_concurrent_streams=1_000)
    first = 1
    for _ in range(21):
        ids = range(first, first + 2_000, 2)
        first += 2_000
        for stream_id in ids:
            talk.hear(f"HEADERS {stream_id} {REQUEST}")
        assert talk.fault(*[f"RST_STREAM {stream_id} CANCEL" for stream_id in ids]) is None
    assert not talk.connection.streams


def test_resets_beside_calls_that_end_well_are_no_flood():
    talk = Talk(reset_flood=LIMIT)
    for turn in range(500):
        talk.hear(*rapid_reset(2 * turn))
        stream = talk.request(4 * turn + 3, "END_STREAM").stream
        stream.send_headers(HEAD + TRAILERS, (), True)
    assert talk.connection.flood.resets <= 1


def test_credit_that_returns_what_was_sent_is_no_flood():
    talk = Talk(control_flood=LIMIT)
    stream = talk.request(1, "END_STREAM").stream
    for _ in range(200):
        stream.send_data(bytes(100))
        talk.hear("WINDOW_UPDATE 0 +100", "WINDOW_UPDATE 1 +100")
    assert talk.connection.flood.level <= 2


def test_crumbs_of_a_used_up_window_are_a_flood():
    talk = Talk(control_flood=LIMIT)
    stream = talk.request(1).stream
    talk.hear("WINDOW_UPDATE 1 +100000")
    stream.send_data(bytes(80_000))
    assert talk.fault(*["WINDOW_UPDATE 0 +1"] * 8 * (LIMIT + 1)) == "ENHANCE_YOUR_CALM"


def test_a_server_that_resets_streams_long_gone_is_a_flood():
    talk = Talk(client=True, control_flood=LIMIT)
    talk.open(end=True)
    frames = ["RST_STREAM 1 CANCEL"] * 8 * (LIMIT + 2)
    assert talk.fault(*frames) == "ENHANCE_YOUR_CALM"


def test_a_block_that_names_one_field_thousands_of_times_is_a_bomb():
    talk = Talk()
    talk.hear(f"HEADERS 1 {REQUEST} END_STREAM")
    size = (8_000).to_bytes(3, "big").hex()
    assert talk.fault(f"RAW {size} 01 05 00000003 {'82' * 8_000}") == "ENHANCE_YOUR_CALM"


def test_answers_to_calls_that_were_all_cancelled_at_once_are_no_flood():
    talk = Talk(client=True, control_flood=LIMIT)
    streams = [talk.open(end=True)[0] for _ in range(3_000)]
    for stream in streams:
        stream.reset()
    talk.connection.outbox.take()
    assert (
        talk.fault(*[f"HEADERS {stream.id} :status=200 END_STREAM" for stream in streams]) is None
    )


@pytest.mark.parametrize(
    "frames",
    [
        ["HEADERS {} :status=200"],
        ["HEADERS {} :status=200", "DATA {} x", "HEADERS {} grpc-status=0 END_STREAM"],
        ["WINDOW_UPDATE {} +1000", "HEADERS {} :status=200", "RST_STREAM {} CANCEL"],
    ],
    ids=["heads", "answers", "resets"],
)
def test_what_was_on_its_way_when_all_hung_up_is_no_flood(frames):
    talk = Talk(client=True, control_flood=LIMIT)
    calm = talk.connection.flood.level
    streams = [talk.open()[0] for _ in range(3_000)]
    for stream in streams:
        stream.reset()
    talk.connection.outbox.take()
    for stream in streams:
        assert talk.fault(*[frame.format(stream.id) for frame in frames]) is None
    assert talk.connection.flood.level == calm


def test_more_heads_than_one_stream_has_are_a_flood_of_the_server():
    talk = Talk(client=True, control_flood=LIMIT)
    talk.open()[0].reset()
    frames = ["HEADERS 1 :status=200"] * (LIMIT + 10)
    assert talk.fault(*frames) == "ENHANCE_YOUR_CALM"


def test_interim_heads_without_end_are_a_flood_of_the_server():
    talk = Talk(client=True, control_flood=LIMIT)
    talk.open(end=True)
    assert talk.fault(*["HEADERS 1 :status=102"] * (LIMIT + 5)) == "ENHANCE_YOUR_CALM"


@pytest.mark.parametrize("size", [0, 1_000])
def test_a_header_block_without_end_is_a_flood(size):
    talk = Talk()
    talk.hear(f"HEADERS 1 MORE {REQUEST}")
    frames = [f"CONTINUATION 1 MORE a=*{size}"] * 65
    assert talk.fault(*frames) == "ENHANCE_YOUR_CALM"


def test_calls_that_end_well_pay_for_the_frames_around_them():
    talk = Talk(control_flood=LIMIT)
    for stream_id in range(1, 601, 2):
        stream = talk.request(stream_id, "END_STREAM").stream
        talk.hear("PING 0000000000000000")
        stream.send_headers(HEAD + TRAILERS, (), True)
    assert talk.connection.flood.level <= 2


def test_time_pays_too():
    talk = Talk(control_flood=LIMIT)
    for _ in range(100):
        talk.hear(*["PING 0000000000000000"] * 5)
        talk.connection.flood.relax()
    assert talk.connection.flood.level <= 5


@pytest.mark.parametrize("line", ["PING 0000000000000000", "SETTINGS"])
def test_answers_that_nobody_reads_end_the_connection(line):
    talk = Talk(control_flood=100_000, max_waiting_control_bytes=500)
    talk.connection.writable = False
    assert talk.fault(*[line] * 100) == "ENHANCE_YOUR_CALM"
    assert talk.connection.outbox.size < 600


def test_a_peer_may_open_and_cancel_at_a_pace_without_leaving_a_trace():
    talk = Talk()
    for turn in range(200):
        talk.hear(*rapid_reset(turn))
        talk.connection.flood.relax()
        talk.connection.outbox.take()
    assert not talk.connection.streams
    assert not talk.connection.outbox.ready


def test_what_is_remembered_of_streams_we_reset_is_bounded():
    talk = Talk()
    for stream_id in range(1, 2_101, 2):
        talk.request(stream_id).stream.reset()
        talk.connection.outbox.take()
    early_ends = talk.connection.early_ends
    assert 1 not in early_ends
    assert 2_099 in early_ends
    assert len(early_ends) <= 1_000
