"""A call of a capability: what its replica gets, what its caller, and what is learnt of it."""

import gzip
from collections.abc import Callable

import pytest

from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.balance.chooser import Option
from mcpmesh.codec.peek import peek
from mcpmesh.codec.renamed import renamed_message
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.tool import Tool
from mcpmesh.router.request_pipe import StreamedRequest
from mcpmesh.v1 import invoke_pb2, tool_pb2
from tests.unit.router.staircase import ANSWER, OK, Staircase, framed
from tests.unit.router.test_served_call import fields, status

ASKED = invoke_pb2.InvokeRequest(tool="repeat", arguments=b'{"n":1}')
BODY = framed(ASKED.SerializeToString())


def steps_of(*names: str, **how) -> tuple[Staircase, Capabilities]:
    """Return a router whose only tool `echo` provides `repeat`."""
    capabilities = Capabilities()
    tool = Tool("echo", capability="repeat")
    capabilities.on_catalog(Catalog(1, {"echo": (Cluster(tool),)}), ["echo"])
    return Staircase(*names, capabilities=capabilities, **how), capabilities


def learnt(capabilities: Capabilities, tool: str = "echo") -> Option:
    provided = capabilities.find("repeat")
    assert provided is not None
    (option,) = (each for each in provided.chooser.options((tool,), 1e9))
    return option


def seen(capabilities: Capabilities) -> tuple[float, float]:
    """Return how many calls were noted of echo, and how many of them as good."""
    provided = capabilities.find("repeat")
    assert provided is not None
    success = provided.chooser._known["echo"].success
    return round(success.count, 3), round(success.total, 3)


def read_request(data: str) -> invoke_pb2.InvokeRequest:
    body = data.partition('"')[2].rpartition('"')[0].encode("latin-1")
    assert int.from_bytes(body[1:5], "big") == len(body) - 5
    return invoke_pb2.InvokeRequest.FromString(body[5:])


@pytest.mark.parametrize("said_in_head", [True, False])
def test_the_replica_is_asked_for_its_tool_and_the_caller_told_which_it_is(
    said_in_head: bool,
) -> None:
    steps, capabilities = steps_of("a")
    steps.begin(*(["mcp-name=repeat"] if said_in_head else []), "x-correlation-id=c-1")
    steps.send(BODY, end=True)
    replica = steps.replicas[steps.asked()]
    head, body = replica.said()
    assert fields(head).get("mcp-name") == ("echo" if said_in_head else None)
    request = read_request(body)
    assert (request.tool, request.arguments) == ("echo", b'{"n":1}')
    replica.hear(f"HEADERS 1 {ANSWER}", 'DATA 1 "\\0\\0\\0\\0\\0"', f"HEADERS 1 {OK}")
    head, _, trailers = steps.heard()
    assert fields(head)["mcpmesh-tool"] == "echo"
    assert fields(head)["x-correlation-id"] == "c-1"
    assert status(trailers) == "0"
    assert steps.idle
    assert seen(capabilities) == (1.0, 1.0)
    assert learnt(capabilities).calls == 1


def test_a_call_of_the_tool_itself_says_nothing_of_who_spoke() -> None:
    steps, _ = steps_of("a")
    replica = steps.replicas[steps.call()]
    replica.hear(f"HEADERS 1 {ANSWER}", f"HEADERS 1 {OK}")
    assert "mcpmesh-tool" not in fields(steps.heard()[0])


@pytest.mark.parametrize(
    ("trailers", "noted"),
    [
        ("grpc-status=14 END_STREAM", (1.0, 0.0)),
        ("grpc-status=8 END_STREAM", (1.0, 0.0)),
        ("grpc-status=3 END_STREAM", (0.0, 0.0)),
        ("grpc-status=7 END_STREAM", (0.0, 0.0)),
    ],
)
def test_failures_count_and_the_callers_mistakes_do_not(
    trailers: str, noted: tuple[float, float]
) -> None:
    steps, capabilities = steps_of("a")
    steps.begin("mcp-name=repeat")
    steps.send(BODY, end=True)
    steps.replicas["a"].said()
    steps.replicas["a"].hear(f"HEADERS 1 {ANSWER} {trailers}")
    (said,) = steps.heard()
    assert status(said) == trailers.split(maxsplit=1)[0].partition("=")[2]
    assert seen(capabilities) == noted
    assert steps.idle


@pytest.mark.parametrize(
    ("code", "noted"),
    [("", (1.0, 0.0)), ("TOOL_ERROR", (1.0, 0.0)), ("INVALID_ARGUMENT", (0.0, 0.0))],
)
def test_a_tools_own_failure_counts_unless_the_arguments_are_to_blame(
    code: str, noted: tuple[float, float]
) -> None:
    steps, capabilities = steps_of("a")
    steps.begin("mcp-name=repeat")
    steps.send(BODY, end=True)
    replica = steps.replicas["a"]
    replica.said()
    result = tool_pb2.ToolResult(is_error=True, error=tool_pb2.ToolError(code=code))
    stream = next(iter(replica.connection.streams.values()))
    data = framed(invoke_pb2.InvokeResponse(result=result).SerializeToString())
    stream.sink.on_headers(((b":status", b"200"), (b"content-type", b"application/grpc")), False)
    stream.sink.on_data(data, False)
    stream.sink.on_headers(((b"grpc-status", b"0"),), True)
    assert status(steps.heard()[-1]) == "0"
    assert seen(capabilities) == noted


def test_a_caller_that_goes_away_says_nothing_of_the_tool() -> None:
    steps, capabilities = steps_of("a")
    steps.begin("mcp-name=repeat")
    steps.send(BODY, end=True)
    replica = steps.replicas["a"]
    replica.said()
    steps.caller.hear("RST_STREAM 1 CANCEL")
    assert replica.said() == ["RST_STREAM 1 CANCEL"]
    assert seen(capabilities) == (0.0, 0.0)
    assert steps.idle


def test_a_deadline_ends_both_sides_and_counts_as_a_failure() -> None:
    steps, capabilities = steps_of("a")
    steps.begin("mcp-name=repeat", "grpc-timeout=2S")
    steps.send(BODY, end=True)
    replica = steps.replicas["a"]
    replica.said()
    steps.loop.advance(3.0)
    assert replica.said() == ["RST_STREAM 1 CANCEL"]
    assert status(steps.heard()[0]) == "4"
    assert seen(capabilities) == (1.0, 0.0)
    assert steps.idle


def test_a_conversation_passes_too() -> None:
    steps, capabilities = steps_of("a")
    steps.begin("mcp-name=repeat", method="Converse")
    steps.send(BODY + framed(b"more")[:3])
    replica = steps.replicas[steps.asked()]
    assert "echo" in replica.said()[1]
    steps.send(framed(b"more")[3:], end=True)
    assert replica.said()[0].endswith("END_STREAM")
    replica.hear(f"HEADERS 1 {ANSWER}", 'DATA 1 "one"', f"HEADERS 1 {OK}")
    head, *_, trailers = steps.heard()
    assert fields(head)["mcpmesh-tool"] == "echo"
    assert status(trailers) == "0"
    assert seen(capabilities) == (1.0, 1.0)
    assert steps.idle


class Credited:
    """A caller's stream that counts the credit it gets back, and a replica's that takes all."""

    closed = False

    def __init__(self) -> None:
        self.taken: Callable[[int], None] | None = None
        self.credit = 0

    def consumed(self, size: int) -> None:
        self.credit += size

    def send_data(self, data: bytes, end: bool = False) -> None:
        assert self.taken is not None
        self.taken(len(data))


def test_not_more_credit_is_given_back_than_was_used() -> None:
    caller, replica = Credited(), Credited()
    request = StreamedRequest(caller, credited=4)  # type: ignore[arg-type]
    request.lengthen(6)
    request.connect(replica, b"x" * 16)  # type: ignore[arg-type]
    request.push(b"y" * 5, True)
    assert caller.credit == 10 + 5 - 4


def test_a_compressed_request_is_opened() -> None:
    steps, _ = steps_of("a")
    packed = gzip.compress(ASKED.SerializeToString())
    steps.begin("mcp-name=repeat", "grpc-encoding=gzip")
    steps.send(b"\1" + len(packed).to_bytes(4, "big") + packed, end=True)
    assert "echo" in steps.replicas["a"].said()[1]


def test_a_broken_one_is_refused() -> None:
    steps, _ = steps_of("a")
    steps.begin("mcp-name=repeat", "grpc-encoding=gzip")
    steps.send(b"\1\0\0\0\2no", end=True)
    assert status(steps.heard()[0]) == "13"
    assert len(steps.refused) == 1
    assert steps.idle


def test_a_version_that_no_tool_has_is_not_found() -> None:
    steps, capabilities = steps_of("a")
    steps.begin("mcp-name=repeat", "mcpmesh-tool-version=9")
    steps.send(BODY, end=True)
    assert status(steps.heard()[0]) == "5"
    provided = capabilities.find("repeat")
    assert provided is not None
    assert provided.chooser.calls == 0


@pytest.mark.parametrize("name", ["x", "n" * 127, "n" * 128])
def test_a_name_of_any_length_replaces_the_one_before(name: str) -> None:
    renamed = renamed_message(ASKED.SerializeToString(), name)
    assert peek(renamed) == (name, "")
    assert invoke_pb2.InvokeRequest.FromString(renamed).tool == name
