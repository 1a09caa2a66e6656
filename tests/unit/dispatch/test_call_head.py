from dataclasses import asdict

from mcpmesh.dispatch.call_head import TIES, read_call_head, tied
from mcpmesh.model.trace import TraceContext
from mcpmesh.rpc.head import read_head

TRACEPARENT = b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"
BASE = (
    (b":method", b"POST"),
    (b":path", b"/mcpmesh.v1.ToolService/Invoke"),
    (b"content-type", b"application/grpc"),
)


def head(*fields: tuple[bytes, bytes]):
    return read_call_head(read_head((*BASE, *fields)))


def test_a_head_says_tool_version_trace_and_wishes() -> None:
    read = head(
        (b"mcp-name", b"echo"), (b"mcpmesh-tool-version", b"2"), (b"traceparent", TRACEPARENT),
        (b"tracestate", b"v=1"), (b"baggage", b"k=v"), (b"x-correlation-id", b"c-1"),
        (b"mcpmesh-wait-for-ready", b"true"),
    )  # fmt: skip
    assert (read.tool, read.version, read.correlation_id) == ("echo", "2", "c-1")
    assert (read.baggage, read.wait_for_ready) == ("k=v", True)
    assert read.parent == TraceContext("ab" * 16, "cd" * 8, True, "v=1")


def test_what_is_malformed_counts_as_absent() -> None:
    wait = (b"mcpmesh-wait-for-ready", b"1")
    read = head((b"traceparent", b"00-xyz"), (b"x-correlation-id", b"a b"), wait)
    assert (read.parent, read.correlation_id, read.wait_for_ready) == (None, "", False)
    assert (read.tool, read.version) == ("", "")


def test_fields_of_this_hop_are_not_forwarded_and_all_others_are() -> None:
    own = (
        (b"grpc-timeout", b"1S"), (b"traceparent", TRACEPARENT), (b"x-correlation-id", b"c"),
        (b"tracestate", b"v=1"), (b"baggage", b"k=v"), (b"mcpmesh-wait-for-ready", b"true"),
    )  # fmt: skip
    others = ((b"mcp-name", b"echo"), (b"x-own", b"1"), (b"x-own", b"2"), (b"data-bin", b"AA"))
    assert head(*own, *others).forward == (*BASE, *others)


def test_what_ties_a_call_may_be_read_for_itself() -> None:
    rest = ((b"mcp-name", b"echo"), (b"x-own", b"1"))
    for ties in (
        ((b"traceparent", TRACEPARENT), (b"tracestate", b"v=1"), (b"baggage", b"k=v")),
        ((b"x-correlation-id", b"c-1"), (b"x-correlation-id", b"c-2")),
        ((b"x-correlation-id", b"a b"), (b"traceparent", b"00-xyz")),
    ):
        assert {name for name, _ in ties} <= TIES
        both = tied(head(*rest), ties)
        assert asdict(both) == asdict(head(*rest, *ties))


def test_calls_that_differ_in_their_trace_alone_forward_the_same_object() -> None:
    untied = head((b"mcp-name", b"echo"))
    assert tied(untied, ((b"traceparent", TRACEPARENT),)).forward is untied.forward
