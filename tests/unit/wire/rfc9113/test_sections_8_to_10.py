"""RFC 9113, sections 8 to 10: messages and safety; each test is named after its section."""

import pytest

from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.hpack_encoder import SENSITIVE_NAMES, Encoder
from tests.unit.wire.talk import HEAD, REQUEST, TRAILERS, Talk

OPEN = f"HEADERS 1 {REQUEST}"
PSEUDO = ":method=POST :scheme=http :path=/"
BOTH = pytest.mark.parametrize("client", [False, True])


def told(*frames, client=False):
    """Return what a peer is told that sends these frames; a client asked first."""
    talk = Talk(client=client)
    if client:
        talk.open()
        talk.said()
    talk.hear(*frames)
    return talk.said()


MALFORMED = ["RST_STREAM 1 PROTOCOL_ERROR"]


@BOTH
def test_8_1_a_message_is_head_body_and_trailers(client):
    talk = Talk(client=client)
    if client:
        talk.open()
    talk.hear(
        *(["HEADERS 1 :status=100", "HEADERS 1 :status=200"] if client else [OPEN]),
        "DATA 1 a", "DATA 1 b", "HEADERS 1 c=d END_STREAM",
    )  # fmt: skip
    stream = talk.connection.streams[1]
    assert [event[0] for event in stream.sink.events] == ["headers", "data", "data", "headers"]


@BOTH
def test_8_1_a_second_head_that_does_not_end_is_malformed(client):
    head = "HEADERS 1 :status=200" if client else OPEN
    assert told(head, "HEADERS 1 a=b", client=client) == MALFORMED


def test_8_1_an_interim_response_that_ends_the_stream_is_malformed():
    assert told("HEADERS 1 :status=103 END_STREAM", client=True) == MALFORMED


def test_8_1_a_complete_answer_may_ask_for_no_more_of_the_request():
    talk = Talk()
    stream = talk.request(1).stream
    stream.send_headers(HEAD + TRAILERS, (), True)
    stream.stop()
    assert [line.split()[0] for line in talk.said()] == ["HEADERS", "RST_STREAM"]
    talk = Talk(client=True)
    _, sink = talk.open()
    talk.hear("HEADERS 1 :status=200", "DATA 1 all", "HEADERS 1 a=b END_STREAM")
    talk.hear("RST_STREAM 1 NO_ERROR")
    assert [event[0] for event in sink.events[:3]] == ["headers", "data", "headers"]
    assert sink.body == b"all"


@BOTH
def test_8_1_1_a_body_of_another_length_than_promised_is_malformed(client):
    head = "HEADERS 1 :status=200" if client else OPEN
    for frames in (
        [f"{head} content-length=2 END_STREAM"],
        [f"{head} content-length=2", "DATA 1 xyz"],
        [f"{head} content-length=2", "DATA 1 x END_STREAM"],
        [f"{head} content-length=2", "DATA 1 x", "HEADERS 1 a=b END_STREAM"],
        [f"{head} content-length=+2"],
        [f"{head} content-length=1 content-length=2"],
    ):
        assert told(*frames, client=client) == MALFORMED, frames


def test_8_1_1_a_malformed_message_is_not_given_on():
    talk = Talk()
    talk.hear(f"{OPEN} A=b")
    assert not talk.owner.sinks
    talk = Talk(client=True)
    _, sink = talk.open()
    talk.hear("HEADERS 1 :status=200 A=b")
    assert sink.events == [("reset", "PROTOCOL_ERROR")]


@BOTH
@pytest.mark.parametrize("field", ["Name=v", "'na me=v'", "'na\x7fme=v'", "naïve=v", "a:b=v",
                                   "'a= v'", "'a=v\t'", "'a=v\nw'", "'a=v\rw'",
                                   "'a=v\0w'"])  # fmt: skip
def test_8_2_1_fields_that_are_not_valid_are_malformed(client, field):
    head = "HEADERS 1 :status=200" if client else OPEN
    assert told(f"{head} {field}", client=client) == MALFORMED
    assert told(head, f"HEADERS 1 {field} END_STREAM", client=client) == MALFORMED


@BOTH
@pytest.mark.parametrize("field", ["connection=close", "keep-alive=1", "proxy-connection=x",
                                   "transfer-encoding=chunked", "upgrade=h2c",
                                   "te=gzip"])  # fmt: skip
def test_8_2_2_fields_of_a_connection_are_malformed(client, field):
    head = "HEADERS 1 :status=200" if client else f"HEADERS 1 {PSEUDO}"
    assert told(f"{head} {field}", client=client) == MALFORMED


def test_8_2_2_te_trailers_is_for_requests():
    assert told(f"HEADERS 1 {PSEUDO} te=trailers") == []
    assert told("HEADERS 1 :status=200 te=trailers", client=True) == MALFORMED


@pytest.mark.parametrize("fields", [":status=200 " + PSEUDO, PSEUDO + " :protocol=x",
                                    "a=b " + PSEUDO, PSEUDO + " :path=/"])  # fmt: skip
def test_8_3_pseudo_fields_are_known_first_and_once(fields):
    assert told(f"HEADERS 1 {fields}") == MALFORMED


@BOTH
@pytest.mark.parametrize("field", [":path=/", ":status=200"])
def test_8_3_pseudo_fields_do_not_stand_in_trailers(client, field):
    head = "HEADERS 1 :status=200" if client else OPEN
    assert told(head, f"HEADERS 1 {field} END_STREAM", client=client) == MALFORMED


@pytest.mark.parametrize("fields", [":scheme=http :path=/", ":method=POST :path=/",
                                    ":method=POST :scheme=http", ":method=POST :scheme=http :path=",
                                    ":method=POST :scheme=http :path=a",
                                    f"{PSEUDO} :authority=a host=b"])  # fmt: skip
def test_8_3_1_a_request_has_method_scheme_path_and_one_authority(fields):
    assert told(f"HEADERS 1 {fields}") == MALFORMED


@pytest.mark.parametrize("host", ["a", "A:80"])
def test_8_3_1_host_may_say_what_authority_says(host):
    assert told(f"HEADERS 1 {PSEUDO} :authority=a host={host}") == []


@pytest.mark.parametrize("fields", ["a=b", ":status=2000", ":status=ok", ":status=200 :path=/",
                                    ":status=200 :status=200", "a=b :status=200"])  # fmt: skip
def test_8_3_2_a_response_has_one_status(fields):
    assert told(f"HEADERS 1 {fields}", client=True) == MALFORMED


def test_8_4_a_promise_ends_the_connection_on_either_side():
    for client in (False, True):
        talk = Talk(client=client)
        if client:
            talk.open()
        assert talk.fault("RAW 000004 05 04 00000001 00000002") == "PROTOCOL_ERROR"


def test_8_5_connect_is_not_served():
    assert told("HEADERS 1 :method=CONNECT :authority=a") == MALFORMED


def test_8_6_switching_protocols_is_malformed():
    assert told("HEADERS 1 :status=101", client=True) == MALFORMED


def test_8_7_only_a_stream_that_nobody_saw_is_refused():
    talk = Talk(max_concurrent_streams=1)
    talk.hear(OPEN, f"HEADERS 3 {REQUEST}")
    assert list(talk.owner.sinks) == [1]
    assert talk.said() == ["RST_STREAM 3 REFUSED_STREAM"]
    talk = Talk(client=True)
    (first, _), (second, _) = talk.open(), talk.open()
    talk.hear("RST_STREAM 1 REFUSED_STREAM", "RST_STREAM 3 CANCEL")
    assert (first.refused, second.refused) == (True, False)


@BOTH
def test_9_1_a_connection_that_is_closed_says_goaway_first(client):
    talk = Talk(client=client)
    talk.connection.fail(ErrorCode.NO_ERROR, "done")
    assert talk.said()[-1] == "GOAWAY 0 NO_ERROR"


def test_10_5_1_a_list_over_the_limit_costs_its_stream_and_a_block_over_twice_the_connection():
    talk = Talk(max_header_list_bytes=1_000)
    talk.hear(f"{OPEN} a=*1500")
    assert talk.owner.sinks[1].events == [("headers", (), False)]
    assert talk.fault(f"HEADERS 3 {REQUEST}") is None
    endless = [f"HEADERS 5 {REQUEST} c=*1501 MORE", "CONTINUATION 5 d=*1502"]
    assert talk.fault(*endless) == "ENHANCE_YOUR_CALM"


@pytest.mark.parametrize("name", sorted(SENSITIVE_NAMES))
def test_10_6_secrets_stay_out_of_the_compression_table(name):
    encoder = Encoder()
    first = encoder.encode(((name, b"secret"),))
    assert first == encoder.encode(((name, b"secret"),))
    assert b"secret" in first
