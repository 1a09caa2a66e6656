"""Calls that ask the same of a tool with a cache, over connections in memory."""

import pytest

from mcpmesh.v1 import invoke_pb2, tool_pb2
from tests.unit.router.staircase import ANSWER, OK, Staircase, framed
from tests.unit.router.test_served_call import fields
from tests.unit.wire.talk import raw_frame

ASKED = framed(b"what?")


def said(**result: bool) -> bytes:
    """Return the body of an answer."""
    answer = invoke_pb2.InvokeResponse(result=tool_pb2.ToolResult(**result))
    answer.result.alerts.append("x")
    return framed(answer.SerializeToString())


class Cached(Staircase):
    """A read-only, idempotent tool, and what its one replica was asked."""

    def __init__(self, admission: dict[str, object] | None = None, **cache: object) -> None:
        policy = {"cache": {"ttl": 5.0, **cache}, "admission": admission or {}}
        super().__init__("a", idempotent=True, read_only=True, policy=policy)
        self.replica = self.replicas["a"]
        self._stream = -1

    def ask(self, *more: str, body: bytes = ASKED, method: str = "Invoke") -> int:
        """Have the caller make a call; return its stream."""
        self._stream += 2
        self.begin("mcp-name=echo", *more, stream=self._stream, method=method)
        self.send(body, end=True, stream=self._stream)
        return self._stream

    def asked_replica(self) -> list[int]:
        """Return the streams that the replica got since this was asked the last time."""
        lines = (line.split() for line in self.replica.said())
        return [int(words[1]) for words in lines if words[0] == "HEADERS"]

    def answer(self, stream: int, body: bytes = b"", trailers: str = OK) -> None:
        self.replica.hear(f"HEADERS {stream} {ANSWER} x-own=1")
        self.replica.connection.receive(raw_frame(0, 0, stream, body or said()))
        self.replica.hear(f"HEADERS {stream} {trailers}")

    def heads(self) -> dict[int, dict[str, str]]:
        """Return the heads that the caller got, by stream."""
        found: dict[int, dict[str, str]] = {}
        for line in self.heard():
            if line.startswith("HEADERS"):
                found.setdefault(int(line.split()[1]), {}).update(fields(line))
        return found


def test_an_answer_is_given_again_while_it_is_fresh() -> None:
    tool = Cached()
    first = tool.ask()
    assert tool.asked_replica() == [1]
    tool.answer(1)
    head = tool.heads()[first]
    assert (head["grpc-status"], "mcpmesh-cache" in head) == ("0", False)
    tool.loop.advance(2.5)
    second = tool.ask("x-correlation-id=mine")
    assert tool.asked_replica() == []
    head = tool.heads()[second]
    assert head.items() >= {
        "grpc-status": "0", "mcpmesh-cache": "hit", "age": "2", "x-own": "1",
        "x-correlation-id": "mine",
    }.items()  # fmt: skip
    tool.loop.advance(2.5)
    tool.ask()
    assert tool.asked_replica() == [3]
    tool.answer(3)
    assert tool.idle


def test_calls_at_the_same_time_share_one() -> None:
    tool = Cached(ttl=0.0)
    streams = [tool.ask() for _ in range(3)]
    assert tool.asked_replica() == [1]
    tool.answer(1)
    heads = tool.heads()
    assert [heads[each].get("mcpmesh-cache") for each in streams] == [None, "shared", "shared"]
    assert {heads[each]["grpc-status"] for each in streams} == {"0"}
    # Nothing is kept.
    tool.ask()
    assert tool.asked_replica() == [3]


@pytest.mark.parametrize(
    ("more", "body", "method"),
    [
        ((), framed(b"else"), "Invoke"),
        (("authorization=other",), ASKED, "Invoke"),
        (("mcpmesh-caller=bob",), ASKED, "Invoke"),
        (("grpc-accept-encoding=gzip",), ASKED, "Invoke"),
        ((), ASKED, "InvokeStream"),
    ],
)
def test_what_asks_something_else_or_is_someone_else_has_its_own(
    more: tuple[str, ...], body: bytes, method: str
) -> None:
    tool = Cached()
    tool.ask()
    tool.answer(1)
    tool.asked_replica()
    tool.ask(*more, body=body, method=method)
    assert tool.asked_replica() == [3]


def test_callers_may_have_the_same_answer_where_the_tool_says_so() -> None:
    tool = Cached(shared=True)
    tool.ask("authorization=ada")
    tool.answer(1)
    tool.asked_replica()
    tool.ask("authorization=bob")
    assert tool.asked_replica() == []


@pytest.mark.parametrize(
    ("body", "trailers"),
    [
        (said(is_error=True), OK),
        (framed(invoke_pb2.InvokeResponse(
            input_required=tool_pb2.InputRequired(request_state=b"x")
        ).SerializeToString()), OK),
        (said(), "grpc-status=5 grpc-message=no END_STREAM"),
        (framed(b"{no protobuf"), OK),
    ],
)  # fmt: skip
def test_what_is_no_good_answer_is_shared_and_not_kept(body: bytes, trailers: str) -> None:
    tool = Cached()
    streams = [tool.ask(), tool.ask()]
    tool.answer(1, body, trailers)
    heads = tool.heads()
    assert {heads[each]["grpc-status"] for each in streams} == {trailers.split(maxsplit=1)[0][12:]}
    tool.asked_replica()
    tool.ask()
    assert tool.asked_replica() == [3]


def test_a_failure_is_told_to_all() -> None:
    tool = Cached()
    streams = [tool.ask(), tool.ask()]
    tool.replica.hear(f"HEADERS 1 {ANSWER} grpc-status=9 grpc-message=not-now END_STREAM")
    heads = tool.heads()
    assert [heads[each]["grpc-message"] for each in streams] == ["not-now"] * 2
    assert tool.idle


def test_one_that_leaves_takes_nothing_from_the_others_and_the_last_ends_the_call() -> None:
    tool = Cached()
    first, second = tool.ask(), tool.ask()
    tool.asked_replica()
    tool.caller.hear(f"RST_STREAM {first} CANCEL")
    assert tool.replica.said() == []
    tool.caller.hear(f"RST_STREAM {second} CANCEL")
    assert tool.replica.said() == ["RST_STREAM 1 CANCEL"]
    assert tool.idle
    third = tool.ask()
    assert tool.asked_replica() == [3]
    tool.answer(3)
    assert tool.heads()[third]["grpc-status"] == "0"


def test_the_first_one_s_deadline_is_not_the_others() -> None:
    tool = Cached()
    first = tool.ask("grpc-timeout=100m")
    second = tool.ask("grpc-timeout=900m")
    tool.loop.advance(0.2)
    assert tool.heads()[first]["grpc-status"] == "4"
    assert 3 in tool.asked_replica()
    tool.answer(3)
    assert tool.heads()[second]["grpc-status"] == "0"
    assert tool.idle


def test_a_tool_that_is_not_both_read_only_and_idempotent_has_no_cache() -> None:
    for hints in ({"idempotent": True}, {"read_only": True}):
        steps = Staircase("a", policy={"cache": 5.0}, **hints)  # type: ignore[arg-type]
        for stream in (1, 3):
            steps.call(stream=stream, body=ASKED)
        heads = [line for line in steps.replicas["a"].said() if line.startswith("HEADERS")]
        assert len(heads) == 2


def test_an_answer_that_is_too_large_to_be_held_is_refused_and_says_what_to_do() -> None:
    tool = Cached()
    stream = tool.ask()
    body = bytes(5) + bytes(1_200_000)
    tool.replica.hear(f"HEADERS 1 {ANSWER}")
    for at in range(0, len(body), 16384):
        tool.replica.connection.receive(raw_frame(0, 0, 1, body[at : at + 16384]))
        tool.replica.said()
        if tool.idle:
            break
    head = tool.heads()[stream]
    assert head["grpc-status"] == "8"
    assert tool.idle


def test_what_the_others_wait_for_is_the_first_one_s_call_in_admission() -> None:
    tool = Cached({"caller_in_flight": 1, "caller_header": "user"})
    tool.ask("user=ada")
    tool.ask("user=ada")
    refused = tool.ask("user=ada", body=framed(b"else"))
    other = tool.ask("user=bob", body=framed(b"else"))
    heads = tool.heads()
    assert heads[refused]["grpc-status"] == "8"
    assert other not in heads
