"""GOAWAY both ways, drains, and lost connections; sections are of RFC 9113."""

import pytest

from mcpmesh.errors import Draining
from mcpmesh.wire.error_code import ErrorCode
from tests.unit.wire.talk import FIELDS, HEAD, REQUEST, TRAILERS, Sink, Talk


def test_a_goaway_ends_the_streams_that_were_not_looked_at_and_lets_the_others_finish_6_8():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=2")
    served, served_sink = talk.open(end=True)
    unseen, unseen_sink = talk.open(end=True)
    waiting, waiting_sink = talk.open(end=True)
    talk.hear('GOAWAY 1 NO_ERROR "deploying"')
    assert talk.owner.events == [("goaway", "NO_ERROR")]
    assert [served.refused, unseen.refused, waiting.refused] == [False, True, True]
    assert unseen_sink.events == waiting_sink.events == [("reset", "REFUSED_STREAM")]
    talk.hear("HEADERS 1 :status=200 END_STREAM")
    assert served_sink.events == [("headers", ((b":status", b"200"),), True)]
    assert talk.owner.events[-1] == ("idle",)


def test_no_stream_is_opened_after_a_goaway_6_8():
    talk = Talk(client=True)
    talk.hear("GOAWAY 2147483647 NO_ERROR")
    with pytest.raises(Draining):
        talk.connection.open(FIELDS, Sink())


def test_a_second_goaway_may_name_fewer_streams_6_8():
    talk = Talk(client=True)
    _, first = talk.open(end=True)
    _, second = talk.open(end=True)
    talk.hear("GOAWAY 2147483647 NO_ERROR")
    assert second.events == []
    talk.hear("GOAWAY 1 NO_ERROR")
    assert first.events == []
    assert second.events == [("reset", "REFUSED_STREAM")]


def test_a_drain_takes_what_was_on_its_way_and_refuses_it_after_the_second_half():
    talk = Talk()
    talk.request(1)
    talk.connection.drain("bye")
    assert talk.said() == ["GOAWAY 2147483647 NO_ERROR"]
    assert talk.request(3) is not None
    talk.connection.stop_accepting()
    assert talk.said() == ["GOAWAY 3 NO_ERROR"]
    assert talk.request(5) is None
    assert talk.said() == ["RST_STREAM 5 REFUSED_STREAM"]
    talk.connection.drain("bye")
    talk.connection.stop_accepting()
    assert talk.said() == []


def test_a_goaway_never_takes_back_that_a_stream_was_refused_6_8():
    talk = Talk()
    talk.request(1)
    talk.connection.drain("bye")
    talk.connection.stop_accepting()
    talk.request(3)
    talk.connection.fail(ErrorCode.NO_ERROR, "the end")
    goaways = [line for line in talk.said() if line.startswith("GOAWAY")]
    assert goaways == ["GOAWAY 2147483647 NO_ERROR", "GOAWAY 1 NO_ERROR", "GOAWAY 1 NO_ERROR"]


def test_nothing_is_said_after_the_goaway_of_a_failure():
    talk = Talk()
    sink = talk.request(1)
    for _ in range(3):
        talk.hear("DATA 1 *16384")
    talk.connection.uncredited = talk.connection.credit_step - 1
    talk.connection.fail(ErrorCode.PROTOCOL_ERROR, "no")
    sink.stream.consumed(1 << 20)
    assert talk.said()[-1] == "GOAWAY 1 PROTOCOL_ERROR"


def test_streams_finish_during_a_drain_and_the_owner_learns_when_the_last_did():
    talk = Talk()
    stream = talk.request(1, "END_STREAM").stream
    talk.connection.drain("bye")
    talk.connection.stop_accepting()
    talk.said()
    stream.send_headers(HEAD + TRAILERS, (), True)
    assert talk.said() == ["HEADERS 1 :status=200 grpc-status=0 END_STREAM"]
    assert talk.owner.events == [("idle",)]


def test_a_failing_connection_says_why_and_tells_every_stream_once():
    talk = Talk()
    sinks = [talk.request(1), talk.request(3, "END_STREAM")]
    talk.connection.fail(ErrorCode.ENHANCE_YOUR_CALM, "too much")
    talk.connection.fail(ErrorCode.INTERNAL_ERROR, "again")
    talk.connection.lost("gone")
    assert talk.said() == ["GOAWAY 3 ENHANCE_YOUR_CALM"]
    assert all(sink.events[1:] == [("reset", "CONNECT_ERROR")] for sink in sinks)
    assert not talk.connection.streams


def test_only_streams_that_never_started_are_safe_elsewhere_when_the_connection_is_lost():
    talk = Talk(client=True, settings="MAX_CONCURRENT_STREAMS=1")
    started, _ = talk.open(end=True)
    waiting, _ = talk.open(end=True)
    talk.connection.lost("gone")
    assert [started.refused, waiting.refused] == [False, True]


def test_many_streams_of_a_lost_connection_are_told_a_few_at_a_time():
    talk = Talk(client=True)
    opened = [talk.open() for _ in range(100)]
    talk.connection.lost("gone")
    told = [len(sink.events) for _, sink in opened].index(0)
    assert 0 < told < 50
    assert talk.owner.events == [("untold",)]
    # Those that end meanwhile hear no more, whoever ended them.
    opened[98][0].reset()
    turns = 1
    while talk.connection.untold:
        talk.connection.tell_lost()
        turns += 1
    heard = [sink.events for _, sink in opened]
    assert heard.pop(98) == []
    assert heard == [[("reset", "CONNECT_ERROR")]] * 99
    assert len(talk.owner.events) == turns - 1


def test_a_sink_may_reset_other_streams_while_the_connection_is_lost():
    talk = Talk(client=True)

    class Rash(Sink):
        def on_reset(self, code, message):
            super().on_reset(code, message)
            for stream in others:
                stream.reset()

    _, first = talk.open(sink=Rash())
    others = [talk.open()[0] for _ in range(3)]
    talk.connection.lost("gone")
    assert first.events == [("reset", "CONNECT_ERROR")]
    assert not talk.connection.streams


def test_a_sink_may_open_a_stream_while_it_is_told_of_a_reset():
    talk = Talk(client=True)

    class Again(Sink):
        def on_reset(self, code, message):
            talk.open(end=True)

    talk.open(sink=Again())
    talk.said()
    talk.hear("RST_STREAM 1 REFUSED_STREAM")
    assert [line.split(" :")[0] for line in talk.said()] == ["HEADERS 3"]


def test_a_sink_may_reset_its_stream_at_every_call():
    for at in ("on_headers", "on_data"):
        talk = Talk()
        sink = talk.request(1)
        talk.said()
        if at == "on_headers":
            talk.owner.accept = Resetting
            talk.request(3)
            assert talk.said() == ["RST_STREAM 3 CANCEL"]
        else:
            sink.on_data = lambda _data, _end, stream=sink.stream: stream.reset()
            talk.hear("DATA 1 x END_STREAM")
            assert talk.said() == ["RST_STREAM 1 CANCEL"]


class Resetting(Sink):
    def __init__(self, stream, _head=None):
        super().__init__()
        self.stream = stream

    def on_headers(self, headers, end):
        self.stream.reset()


def test_a_refused_stream_was_certainly_not_acted_on_8_7():
    talk = Talk(client=True)
    refused, _ = talk.open(end=True)
    cancelled, _ = talk.open(end=True)
    talk.hear("RST_STREAM 1 REFUSED_STREAM", "RST_STREAM 3 CANCEL")
    assert [refused.refused, cancelled.refused] == [True, False]


def test_an_early_answer_asks_for_no_more_of_the_request_8_1():
    talk = Talk()
    stream = talk.request(1).stream
    stream.send_headers(HEAD + TRAILERS, (), True)
    stream.stop()
    assert talk.said() == [
        "HEADERS 1 :status=200 grpc-status=0 END_STREAM", "RST_STREAM 1 NO_ERROR",
    ]  # fmt: skip
    assert not talk.connection.streams


def test_an_early_answer_that_waits_for_its_window_is_sent_before_the_reset_8_1():
    talk = Talk(settings="INITIAL_WINDOW_SIZE=0")
    stream = talk.request(1).stream
    stream.send_headers(HEAD)
    stream.send_data(b"x")
    stream.send_headers(TRAILERS, (), True)
    stream.stop()
    talk.said()
    talk.hear("WINDOW_UPDATE 1 +1")
    assert talk.said() == [
        'DATA 1 "x"', "HEADERS 1 grpc-status=0 END_STREAM", "RST_STREAM 1 NO_ERROR",
    ]  # fmt: skip


def test_an_early_answer_that_waits_while_the_request_ends_gives_its_credit_back():
    talk = Talk(settings="INITIAL_WINDOW_SIZE=0")
    stream = talk.request(1).stream
    stream.send_headers(HEAD)
    stream.send_data(b"x")
    stream.send_headers(TRAILERS, (), True)
    stream.stop()
    talk.hear('DATA 1 "not wanted any more" END_STREAM')
    assert stream.held
    talk.hear("WINDOW_UPDATE 1 +1")
    assert not stream.held
    assert not talk.connection.streams
    assert "RST_STREAM" not in " ".join(talk.said())


def test_interim_heads_are_passed_over():
    talk = Talk(client=True)
    _, sink = talk.open(end=True)
    talk.hear("HEADERS 1 :status=103 link=x", "HEADERS 1 :status=100")
    assert sink.events == []
    talk.hear("HEADERS 1 :status=200", "HEADERS 1 grpc-status=0 END_STREAM")
    assert sink.events == [("headers", HEAD, False), ("headers", TRAILERS, True)]


def test_a_head_over_our_limit_is_told_as_nothing_and_the_connection_goes_on():
    talk = Talk(max_header_list_bytes=4_000)
    sink = talk.request(1, "a=*4001", "END_STREAM")
    assert sink.events == [("headers", (), True)]
    # The compression state followed: what the big block put in the table can be used.
    assert talk.request(3).events[0][1][0] == (b":method", b"POST")


def test_trailers_over_our_limit_are_told_as_nothing():
    talk = Talk(client=True, max_header_list_bytes=4_000)
    _, sink = talk.open(end=True)
    talk.hear("HEADERS 1 :status=200", "HEADERS 1 a=*4001 END_STREAM")
    assert sink.events[1:] == [("headers", (), True)]


def test_a_ping_is_answered_and_ours_come_back():
    talk = Talk()
    talk.hear("PING 0011223344556677")
    talk.connection.ping(b"abcdefgh")
    assert talk.said() == ["PING 0011223344556677 ACK", "PING 6162636465666768"]
    talk.hear("PING 6162636465666768 ACK")
    assert talk.owner.events == [("pong", b"abcdefgh")]


def test_long_blocks_are_cut_into_continuation_frames_and_put_together_again():
    talk = Talk()
    stream = talk.request(1, "END_STREAM").stream
    stream.send_headers(HEAD, ((b"a", b"x" * 40_000),), True)
    said = talk.said()
    assert [line[:19] for line in said] == [
        "HEADERS 1 MORE END_", "CONTINUATION 1 MORE", "CONTINUATION 1 :sta",
    ]  # fmt: skip
    talk.hear(f"HEADERS 3 MORE {REQUEST} END_STREAM", "CONTINUATION 3 MORE a=b", "CONTINUATION 3")
    assert talk.owner.sinks[3].events[0][1][-1] == (b"a", b"b")
    assert talk.owner.sinks[3].events[0][2] is True
