"""One call over connections in memory: what the replica gets, and what its caller."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.v1 import invoke_pb2
from tests.unit.router.staircase import ANSWER, LIMIT, OK, Staircase, framed
from tests.unit.stack.virtual import cluster

HI = framed(b"hi")
TWO = "ab"


def fields(line: str) -> dict[str, str]:
    """Read the fields of a HEADERS line."""
    pairs = (word.rpartition("=") if word[0] == ":" else word.partition("=")
             for word in line.split()[2:] if "=" in word)  # fmt: skip
    return {key: value for key, _, value in pairs}


def status(line: str) -> str:
    return fields(line)["grpc-status"]


def test_bytes_pass_unopened_both_ways() -> None:
    steps = Staircase("a")
    replica = steps.replicas[steps.call("x-own=1", body=framed(b"{not protobuf"))]
    head, body = replica.said()
    assert fields(head).items() >= {
        ":path": "/mcpmesh.v1.ToolService/Invoke", "mcp-name": "echo", "x-own": "1",
        "te": "trailers", "content-type": "application/grpc", "grpc-timeout": "29990m",
    }.items()  # fmt: skip
    assert body.startswith("DATA 1")
    assert body.endswith("END_STREAM")
    replica.hear(f"HEADERS 1 {ANSWER} x-answer=2", 'DATA 1 "any bytes"', f"HEADERS 1 x-end=3 {OK}")
    head, body, trailers = steps.heard()
    assert fields(head)["x-answer"] == "2"
    assert body == 'DATA 1 "any bytes"'
    assert (status(trailers), fields(trailers)["x-end"]) == ("0", "3")
    assert steps.idle


def test_ids_are_made_for_the_replica_and_given_back() -> None:
    steps = Staircase("a")
    replica = steps.replicas[steps.call("x-correlation-id=c-1", "baggage=k=v")]
    sent = fields(replica.said()[0])
    assert sent["x-correlation-id"] == "c-1"
    assert sent["baggage"] == "mcpmesh.correlation_id=c-1,k=v"
    assert len(sent["traceparent"]) == 55
    replica.hear(f"HEADERS 1 {ANSWER} x-correlation-id=other", f"HEADERS 1 {OK}")
    assert fields(steps.heard()[0])["x-correlation-id"] == "c-1"


def test_the_tool_is_read_in_the_message_when_the_head_does_not_say() -> None:
    steps = Staircase("a")
    for stream, version, found in ((1, "1", True), (3, "", True), (5, "7", False)):
        request = invoke_pb2.InvokeRequest(tool="echo", version=version, arguments=b"{}")
        steps.begin(stream=stream)
        steps.send(framed(request.SerializeToString()), end=True, stream=stream)
        assert bool(steps.replicas["a"].said()) is found
    (refusal,) = steps.heard()
    assert "no tool 'echo' '7'" in refusal


@given(cuts=st.lists(st.integers(1, 30), max_size=8))
def test_a_request_may_come_in_any_pieces(cuts: list[int]) -> None:
    body = framed(invoke_pb2.InvokeRequest(tool="echo", arguments=b"x" * 20).SerializeToString())
    for method in ("Invoke", "Converse"):
        steps = Staircase("a")
        steps.begin(method=method)
        rest = body
        for cut in cuts:
            steps.send(rest[:cut])
            rest = rest[cut:]
        steps.send(rest, end=True)
        lines = steps.replicas["a"].said()
        assert lines[-1].endswith("END_STREAM")
        sent = sum(_size(line) for line in lines if line.startswith("DATA"))
        assert sent == len(body)


def _size(line: str) -> int:
    word = line.removeprefix("DATA 1 ").removesuffix(" END_STREAM")
    return int(word[1:]) if word.startswith("*") else len(word) - 2


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"", "3", "has no message"),
        (b"\0\0\0", "3", "has no message"),
        (HI[:-1], "3", "ends inside its message"),
        (framed(b""), "3", "names no tool"),
        (framed(b"\xff\xff"), "3", "not an InvokeRequest"),
        (b"\0" + (LIMIT + 1).to_bytes(4, "big"), "8", f"over the limit of {LIMIT} bytes"),
        (b"\1\0\0\0\2hi", "13", "grpc-status=13"),
    ],
)
@pytest.mark.parametrize("method", ["Invoke", "Converse"])
def test_a_malformed_request_is_refused_before_the_stack(
    body: bytes, code: str, words: str, method: str
) -> None:
    steps = Staircase("a")
    steps.begin(method=method)
    steps.send(body, end=True)
    line = steps.heard()[0]
    assert status(line) == code
    assert words in line
    assert steps.refused
    assert steps.idle
    assert not steps.replicas["a"].said()


def test_a_unary_request_of_two_messages_is_refused() -> None:
    steps = Staircase("a")
    steps.begin()
    steps.send(HI + HI, end=True)
    assert status(steps.heard()[0]) == "11"


async def test_a_malformed_timeout_is_refused() -> None:
    steps = Staircase("a")
    steps.begin("mcp-name=echo", "grpc-timeout=soon")
    steps.send(HI, end=True)
    assert status(steps.heard()[0]) == "3"


def test_a_refused_stream_goes_to_another_replica() -> None:
    steps = Staircase(*TWO)
    first = steps.call()
    talk = steps.replicas[first]
    talk.said()
    talk.hear("RST_STREAM 1 REFUSED_STREAM")
    other = steps.asked()
    assert other != first
    assert [line.split()[0] for line in steps.replicas[other].said()] == ["HEADERS", "DATA"]
    assert steps.heard() == []


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_lost_connection_is_tried_again_for_idempotent_tools_only(idempotent: bool) -> None:
    steps = Staircase(*TWO, idempotent=idempotent)
    first = steps.call()
    steps.replicas[first].said()
    steps.replicas[first].connection.lost("gone")
    steps.loop.advance(0.025)
    if idempotent:
        assert steps.asked() != first
    else:
        (line,) = steps.heard()
        assert status(line) == "14"
        assert "gone" in line
        assert "(attempt 1; not tried again: it may have taken effect" in line
        assert steps.idle


def test_a_connection_lost_amid_the_answer_ends_the_call() -> None:
    steps = Staircase(*TWO, idempotent=True)
    replica = steps.replicas[steps.call()]
    replica.hear(f"HEADERS 1 {ANSWER}", 'DATA 1 "half"')
    replica.connection.lost("gone")
    *_, body, trailers = steps.heard()
    assert body == 'DATA 1 "half"'
    assert status(trailers) == "14"
    assert steps.idle


def test_the_caller_s_cancel_reaches_the_replica() -> None:
    for lines in ((), (f"HEADERS 1 {ANSWER}", 'DATA 1 "half"')):
        steps = Staircase("a")
        replica = steps.replicas[steps.call()]
        replica.hear(*lines)
        replica.said()
        steps.caller.hear("RST_STREAM 1 CANCEL")
        assert replica.said() == ["RST_STREAM 1 CANCEL"]
        assert steps.idle


def test_the_deadline_ends_both_sides() -> None:
    for lines in ((), (f"HEADERS 1 {ANSWER}", 'DATA 1 "half"')):
        steps = Staircase("a")
        replica = steps.replicas[steps.call("grpc-timeout=250m")]
        assert fields(replica.said()[0])["grpc-timeout"] == "247500u"
        replica.hear(*lines)
        steps.loop.advance(0.3)
        assert replica.said()[-1] == "RST_STREAM 1 CANCEL"
        assert status(steps.heard()[-1]) == "4"
        assert steps.idle


def test_a_hopeless_call_is_refused_at_once_and_one_that_streams_is_not() -> None:
    steps = Staircase("a")
    for number in range(256):
        replica = steps.replicas[steps.call(stream=2 * number + 1)]
        steps.loop.advance(0.1)
        answer = f"HEADERS {2 * number + 1} {ANSWER}", f"HEADERS {2 * number + 1} {OK}"
        replica.hear(*answer)
        replica.said()
    steps.heard()
    steps.begin("mcp-name=echo", "grpc-timeout=90m", stream=513)
    steps.send(HI, end=True, stream=513)
    (line,) = steps.heard()
    assert status(line) == "4"
    assert "cannot be done in 0.090 s" in line
    assert replica.said() == []
    assert steps.call("grpc-timeout=90m", stream=515, method="InvokeStream") == "a"


@pytest.mark.parametrize("asked", ["99999999H", "99999999S", "1n", "0u"])
def test_any_timeout_that_grpc_can_say_is_taken(asked: str) -> None:
    steps = Staircase("a")
    steps.begin("mcp-name=echo", f"grpc-timeout={asked}")
    steps.send(HI, end=True)
    if asked in ("1n", "0u"):
        steps.loop.advance(0.001)
        assert status(steps.heard()[0]) == "4"
    else:
        head = steps.replicas["a"].said()[0]
        assert fields(head)["grpc-timeout"] in ("99999998S", "99999999S")


def test_a_replica_that_refuses_before_the_request_ended_keeps_no_stream_open() -> None:
    steps = Staircase("a")
    steps.begin("mcp-name=echo", method="Converse")
    steps.send(HI)
    replica = steps.replicas["a"]
    replica.hear(f"HEADERS 1 {ANSWER} grpc-status=12 END_STREAM")
    assert status(steps.heard()[0]) == "12"
    assert replica.said()[-1] == "RST_STREAM 1 NO_ERROR"
    assert not replica.connection.streams
    assert steps.idle


def test_trailers_only_pass_with_message_and_metadata() -> None:
    steps = Staircase("a")
    replica = steps.replicas[steps.call()]
    replica.hear(f"HEADERS 1 {ANSWER} grpc-status=9 grpc-message=busy x-own=1 END_STREAM")
    (line,) = steps.heard()
    assert line.endswith("END_STREAM")
    assert fields(line).items() >= {
        "grpc-status": "9", "grpc-message": "busy", "x-own": "1",
    }.items()  # fmt: skip
    assert "x-correlation-id" in fields(line)
    assert steps.idle


BUSY = f"{ANSWER} grpc-status=8 grpc-message=busy grpc-retry-pushback-ms=70 END_STREAM"
FALL = "grpc-status=14 grpc-message=down x-own=1 END_STREAM"
DOWN = f"{ANSWER} {FALL}"


def test_a_replica_that_is_full_is_asked_again_when_it_says_whatever_the_tool() -> None:
    steps = Staircase("a")
    replica = steps.replicas[steps.call()]
    replica.said()
    replica.hear(f"HEADERS 1 {BUSY}")
    steps.loop.advance(0.069)
    assert replica.said() == []
    steps.loop.advance(0.001)
    head, _ = replica.said()
    assert fields(head)["grpc-previous-rpc-attempts"] == "1"
    replica.hear(f"HEADERS 3 {ANSWER}", 'DATA 3 "hi"', f"HEADERS 3 {OK}")
    head, body, trailers = steps.heard()
    assert fields(head)["grpc-previous-rpc-attempts"] == "1"
    assert (body, status(trailers)) == ('DATA 1 "hi"', "0")
    assert steps.idle


def test_the_last_answer_is_the_caller_s_with_the_attempts_told() -> None:
    steps = Staircase("a", policy={"retry": 2})
    replica = steps.replicas[steps.call()]
    replica.hear(f"HEADERS 1 {BUSY}")
    steps.loop.advance(0.07)
    assert steps.heard() == []
    replica.hear(f"HEADERS 3 {BUSY}")
    (line,) = steps.heard()
    assert line.endswith("END_STREAM")
    assert "busy (attempt 2; not tried again: no further attempt is allowed)" in line
    assert fields(line).items() >= {
        "grpc-status": "8", "grpc-retry-pushback-ms": "70", "grpc-previous-rpc-attempts": "1",
    }.items()  # fmt: skip
    assert steps.idle


@pytest.mark.parametrize("idempotent", [True, False])
def test_unavailable_before_the_first_message_is_tried_again_for_idempotent_tools_only(
    idempotent: bool,
) -> None:
    for lines in ((f"HEADERS 1 {DOWN}",), (f"HEADERS 1 {ANSWER}", f"HEADERS 1 {FALL}")):
        steps = Staircase(*TWO, idempotent=idempotent)
        first = steps.call(method="InvokeStream")
        steps.replicas[first].said()
        steps.replicas[first].hear(*lines)
        steps.loop.advance(0.025)
        if idempotent:
            assert steps.asked() != first
            assert steps.heard() == []
        else:
            line = steps.heard()[-1]
            assert status(line) == "14"
            assert "down (attempt 1; not tried again: it may have taken effect" in line
            assert fields(line)["x-own"] == "1"
            assert steps.idle


def test_nothing_is_tried_again_after_the_first_message() -> None:
    steps = Staircase(*TWO, idempotent=True)
    replica = steps.replicas[steps.call(method="InvokeStream")]
    replica.hear(f"HEADERS 1 {ANSWER}", 'DATA 1 "one"', f"HEADERS 1 {FALL}")
    assert status(steps.heard()[-1]) == "14"
    steps.loop.advance(1.0)
    heads = [line for talk in steps.replicas.values() for line in talk.said() if "HEADERS" in line]
    assert len(heads) == 1
    assert steps.idle


def test_a_negative_pushback_is_the_last_word() -> None:
    steps = Staircase(*TWO, idempotent=True)
    replica = steps.replicas[steps.call()]
    replica.hear(f"HEADERS 1 {DOWN.replace('x-own=1', 'grpc-retry-pushback-ms=-1')}")
    (line,) = steps.heard()
    assert "asks for no other attempt" in line
    assert fields(line)["grpc-retry-pushback-ms"] == "-1"


def test_a_call_that_waits_for_its_next_attempt_ends_with_its_deadline_or_its_caller() -> None:
    for cancelled in (True, False):
        steps = Staircase("a")
        replica = steps.replicas[steps.call("grpc-timeout=100m")]
        replica.said()
        replica.hear(f"HEADERS 1 {BUSY}")
        if cancelled:
            steps.caller.hear("RST_STREAM 1 CANCEL")
            assert steps.idle
        steps.loop.advance(0.1)
        asked = [line.split()[0] for line in replica.said()]
        assert asked == ([] if cancelled else ["HEADERS", "DATA", "RST_STREAM"])
        assert steps.idle


def test_the_caller_s_own_attempts_are_added_to_ours() -> None:
    steps = Staircase(*TWO)
    first = steps.replicas[steps.call("grpc-previous-rpc-attempts=2")]
    assert fields(first.said()[0])["grpc-previous-rpc-attempts"] == "2"
    first.hear(f"HEADERS 1 {BUSY}")
    steps.loop.advance(0.07)
    head, _ = steps.replicas[steps.asked()].said()
    assert fields(head)["grpc-previous-rpc-attempts"] == "3"


def test_an_answer_that_is_not_grpc_is_an_internal_error() -> None:
    steps = Staircase("a")
    replica = steps.replicas[steps.call()]
    replica.hear("HEADERS 1 :status=502 content-type=text/html", 'DATA 1 "<html>"')
    assert status(steps.heard()[0]) == "13"
    assert steps.idle


def test_an_answer_without_a_status_is_unknown() -> None:
    steps = Staircase("a")
    replica = steps.replicas[steps.call()]
    replica.hear(f"HEADERS 1 {ANSWER}", 'DATA 1 "all" END_STREAM')
    assert status(steps.heard()[-1]) == "2"
    assert steps.idle


@pytest.mark.parametrize("number", ["99", "5" * 5000, "x"])
def test_a_status_that_there_is_not_passes_and_counts_as_unknown(number: str) -> None:
    steps = Staircase("a")
    replica = steps.replicas[steps.call()]
    replica.hear(f"HEADERS 1 {ANSWER}", f"HEADERS 1 grpc-status={number} END_STREAM")
    assert status(steps.heard()[-1]) == number
    (point,) = steps.telemetry.instruments.rpc_server.points()
    assert point.attributes["rpc.response.status_code"] == "UNKNOWN"
    assert steps.idle


# Streamed requests


def begin_talking(steps: Staircase, body: bytes = HI) -> str:
    steps.begin("mcp-name=echo", method="Converse")
    steps.send(body)
    return steps.asked()


def test_messages_of_a_conversation_pass_as_they_come() -> None:
    steps = Staircase("a")
    replica = steps.replicas[begin_talking(steps)]
    assert replica.said()[1].split()[0] == "DATA"
    replica.hear(f"HEADERS 1 {ANSWER}", 'DATA 1 "one"')
    assert steps.heard()[1] == 'DATA 1 "one"'
    steps.send(b"second")
    assert replica.said() == ['DATA 1 "second"']
    steps.send(b"third", end=True)
    assert replica.said() == ['DATA 1 "third" END_STREAM']
    replica.hear(f"HEADERS 1 {OK}")
    assert status(steps.heard()[-1]) == "0"
    assert steps.idle


def test_the_first_message_may_be_larger_than_the_window() -> None:
    steps = Staircase("a")
    body = framed(b"x" * 600_000)
    steps.begin("mcp-name=echo", method="Converse")
    for at in range(0, len(body), 200_000):
        steps.send(body[at : at + 200_000])
        room = steps.caller.connection.streams[1].recv_window
        assert room > 0, "the caller waits for credit for ever"
    assert steps.asked() == "a"


def test_a_refused_conversation_is_sent_again_while_all_of_it_is_held() -> None:
    steps = Staircase(*TWO)
    first = begin_talking(steps)
    steps.replicas[first].said()
    steps.replicas[first].hear("RST_STREAM 1 REFUSED_STREAM")
    other = steps.asked()
    steps.send(b"second", end=True)
    lines = steps.replicas[other].said()
    assert other != first
    assert [line.split()[0] for line in lines] == ["HEADERS", "DATA", "DATA"]
    assert lines[-1] == 'DATA 1 "second" END_STREAM'


async def test_a_refused_conversation_that_went_on_is_not_sent_again_without_its_rest() -> None:
    steps = Staircase(*TWO)
    first = begin_talking(steps)
    steps.send(b"second")
    steps.replicas[first].said()
    steps.replicas[first].hear("RST_STREAM 1 REFUSED_STREAM")
    assert steps.idle
    # Told when it has said all: a client that is writing then would not hear it.
    steps.send(b"", end=True)
    assert status(steps.heard()[0]) == "14"


def test_messages_before_there_is_a_replica_are_kept_for_it() -> None:
    steps = Staircase()
    steps.begin("mcp-name=echo", "mcpmesh-wait-for-ready=true", method="Converse")
    steps.send(HI)
    steps.send(b"second", end=True)
    late = Staircase("a")
    steps.replicas = late.replicas
    steps.table.show(cluster("echo", "a"), **late.candidates)
    lines = steps.replicas["a"].said()
    assert "second" in lines[-1]
    assert lines[-1].endswith("END_STREAM")


def test_an_answer_that_ends_first_stops_the_caller() -> None:
    steps = Staircase("a")
    replica = steps.replicas[begin_talking(steps)]
    replica.said()
    replica.hear(f"HEADERS 1 {ANSWER}", f"HEADERS 1 {OK}")
    assert steps.heard()[-1] == "RST_STREAM 1 NO_ERROR"
    assert replica.said() == ["RST_STREAM 1 NO_ERROR"]
    assert steps.idle


# Flow control


def test_the_replica_gets_credit_as_the_caller_takes() -> None:
    steps = Staircase("a", settings="INITIAL_WINDOW_SIZE=100")
    replica = steps.replicas[steps.call()]
    replica.said()
    replica.hear(f"HEADERS 1 {ANSWER}", *["DATA 1 *16000"] * 16)
    assert replica.said() == [], "256,000 of 262,144 bytes are used and none were taken"
    assert steps.heard()[1:] == ["DATA 1 *100"]
    steps.caller.hear("WINDOW_UPDATE 1 40000")
    assert sum(_size(line) for line in steps.heard()) == 40_000
    assert replica.said() == []
    steps.caller.hear("WINDOW_UPDATE 1 200000", "WINDOW_UPDATE 0 400000")
    assert any(line.startswith("WINDOW_UPDATE 1 ") for line in replica.said())


def test_the_caller_gets_credit_as_the_replica_takes() -> None:
    steps = Staircase("a")
    replica = steps.replicas[begin_talking(steps)]
    replica.hear("SETTINGS INITIAL_WINDOW_SIZE=0")
    steps.caller.said()
    steps.send(b"x" * 200_000)
    assert steps.caller.said() == []
    replica.hear("SETTINGS INITIAL_WINDOW_SIZE=1000000", "WINDOW_UPDATE 0 1000000")
    assert any(line.startswith("WINDOW_UPDATE 1 ") for line in steps.caller.said())


TINY = "MAX_HEADER_LIST_SIZE=1500"


def test_metadata_that_the_replica_would_not_take_fails_the_call_alone() -> None:
    steps = Staircase("a")
    replica = steps.replicas["a"]
    replica.hear(f"SETTINGS {TINY}")
    replica.said()
    for method in ("Invoke", "Converse"):
        stream = 1 if method == "Invoke" else 3
        steps.begin("mcp-name=echo", "x-own=*1500", method=method, stream=stream)
        steps.send(HI, end=True, stream=stream)
        (refusal,) = steps.heard()
        assert status(refusal) == "8"
        assert "over the 1500 that the peer takes" in refusal
    assert replica.said() == []
    assert steps.idle
    assert steps.call(stream=5) == "a"


@pytest.mark.parametrize("method", ["Invoke", "Converse"])
@pytest.mark.parametrize("end", [OK, "grpc-status=5 END_STREAM"])
def test_an_answers_head_that_the_caller_would_not_take_fails_the_call(
    method: str, end: str
) -> None:
    steps = Staircase("a", settings=TINY)
    replica = steps.replicas["a"]
    large = f"{ANSWER} x-own=*1500"
    for stream in (1, 3):
        steps.begin("mcp-name=echo", method=method, stream=stream)
        steps.send(HI, end=True, stream=stream)
        frames = [f"HEADERS {stream} {large}", f"DATA {stream} abc", f"HEADERS {stream} {end}"]
        # The second time in one piece: as a whole answer, once the blocks are known.
        if stream == 3:
            replica.connection.receive(replica.writer.frames(*frames))
        else:
            replica.hear(*frames)
        (refusal,) = steps.heard()
        assert (fields(refusal)[":status"], status(refusal)) == ("200", "8")
        assert "over the 1500 that the peer takes" in refusal
        assert steps.idle
    assert not replica.connection.streams


def test_trailers_that_the_caller_would_not_take_are_told_as_such() -> None:
    steps = Staircase("a", settings=TINY)
    replica = steps.replicas[steps.call()]
    replica.hear(f"HEADERS 1 {ANSWER}", "DATA 1 abc", f"HEADERS 1 x-own=*1500 {OK}")
    _, body, trailers = steps.heard()
    assert (body, status(trailers)) == ('DATA 1 "abc"', "8")
    assert steps.idle


def test_a_refusal_whose_head_the_caller_would_not_take_is_given_without_it() -> None:
    steps = Staircase("a", settings=TINY)
    replica = steps.replicas[steps.call()]
    replica.hear(f"HEADERS 1 {ANSWER} x-own=*1500", "HEADERS 1 grpc-status=14 END_STREAM")
    head, trailers = steps.heard()
    assert (fields(head)[":status"], status(trailers)) == ("200", "14")
    assert steps.idle
