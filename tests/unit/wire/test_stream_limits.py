"""Limits of concurrent streams, theirs and ours."""

from mcpmesh.errors import Draining
from mcpmesh.wire.frame import MAX_STREAM_ID
from tests.unit.wire.talk import HEAD, TRAILERS, Sink, Talk


def opened(lines):
    return [line.split()[1] for line in lines if line.startswith("HEADERS")]


def test_streams_over_the_servers_limit_start_in_order_as_others_end():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=2")
    streams = [talk.open(end=True)[0] for _ in range(5)]
    assert [stream.id for stream in streams] == [1, 3, 0, 0, 0]
    assert opened(talk.said()) == ["1", "3"]
    talk.hear("HEADERS 3 :status=200 END_STREAM")
    assert opened(talk.said()) == ["5"]
    talk.hear("RST_STREAM 1 CANCEL", "RST_STREAM 5 CANCEL")
    assert [stream.id for stream in streams] == [1, 3, 5, 7, 9]


def test_a_stream_that_waits_sends_its_body_when_it_starts():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=1")
    talk.open(end=True)
    waiting, _ = talk.open()
    waiting.send_data(b"hello")
    waiting.send_data(b"!", True)
    talk.said()
    talk.hear("HEADERS 1 :status=200 END_STREAM")
    assert [line.split(" :")[0] for line in talk.said()] == [
        "HEADERS 3", 'DATA 3 "hello!" END_STREAM',
    ]  # fmt: skip


def test_a_waiting_stream_that_is_cancelled_never_starts_and_is_forgotten():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=1")
    talk.open(end=True)
    for _ in range(50):
        talk.open(end=True)[0].reset()
    last, _ = talk.open(end=True)
    assert len(talk.connection.waiting) == 1
    talk.said()
    talk.hear("HEADERS 1 :status=200 END_STREAM")
    assert last.id == 3
    assert opened(talk.said()) == ["3"]


def test_a_raised_limit_starts_waiting_streams_at_once():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=0")
    streams = [talk.open(end=True)[0] for _ in range(3)]
    assert talk.said() == []
    talk.hear("SETTINGS MAX_CONCURRENT_STREAMS=2")
    assert [stream.id for stream in streams] == [1, 3, 0]


def test_a_stream_opened_by_the_sink_of_one_that_ends_waits_its_turn():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=1")
    later = []

    class Again(Sink):
        def on_headers(self, headers, end):
            later.append(talk.open(end=True)[0])

    talk.open(end=True, sink=Again())
    first, _ = talk.open(end=True)
    talk.hear("HEADERS 1 :status=200 END_STREAM")
    assert [first.id, later[0].id] == [3, 0]


def test_windows_of_waiting_streams_follow_the_settings():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=1")
    talk.open(end=True)
    waiting, _ = talk.open()
    waiting.send_data(b"hello")
    talk.hear("SETTINGS INITIAL_WINDOW_SIZE=2 MAX_CONCURRENT_STREAMS=1")
    talk.said()
    talk.hear("HEADERS 1 :status=200 END_STREAM")
    assert talk.said()[-1] == 'DATA 3 "he"'


def test_a_peer_over_our_limit_is_refused_and_may_try_again():
    talk = Talk(max_concurrent_streams=2)
    talk.request(1)
    talk.request(3)
    assert talk.request(5, "END_STREAM") is None
    assert talk.said() == ["RST_STREAM 5 REFUSED_STREAM"]
    talk.hear("RST_STREAM 1 CANCEL")
    assert talk.request(7) is not None


def test_what_a_refused_stream_had_under_way_is_no_fault():
    talk = Talk(max_concurrent_streams=1)
    talk.request(1)
    talk.request(3)
    talk.said()
    level = talk.connection.flood.level
    talk.hear("DATA 3 hello", "DATA 3 world END_STREAM")
    assert talk.said() == []
    assert talk.connection.flood.level == level


def test_requests_that_are_answered_and_not_read_are_refused_in_the_end():
    talk = Talk(max_waiting_control_bytes=1_000)
    talk.connection.writable = False
    for stream_id in range(1, 2001, 2):
        sink = talk.request(stream_id, "END_STREAM")
        if sink is None:
            break
        sink.stream.send_headers(HEAD + TRAILERS, (), True)
    assert talk.connection.outbox.size < 1_100
    assert talk.said()[-1].endswith("REFUSED_STREAM")


def test_the_last_stream_id_sends_the_owner_to_a_new_connection_5_1_1():
    talk = Talk(client=True)
    talk.connection._next_id = MAX_STREAM_ID - 2
    talk.open()
    assert talk.owner.events == []
    last, _ = talk.open()
    assert last.id == MAX_STREAM_ID
    assert talk.owner.events == [("goaway", "NO_ERROR")]
    try:
        talk.open()
    except Draining:
        return
    raise AssertionError("a stream without an id")


def test_streams_that_wait_when_the_ids_are_used_up_are_refused():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=1")
    talk.connection._next_id = MAX_STREAM_ID - 2
    talk.open(end=True)
    last, _ = talk.open(end=True)
    waiting, sink = talk.open(end=True)
    talk.hear(f"HEADERS {MAX_STREAM_ID - 2} :status=200 END_STREAM")
    assert last.id == MAX_STREAM_ID
    assert waiting.refused
    assert sink.events == [("reset", "REFUSED_STREAM")]
