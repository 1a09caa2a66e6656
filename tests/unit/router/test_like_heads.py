"""Heads that are like others before them are read like any head, however their calls arrive."""

from dataclasses import asdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mcpmesh.dispatch.call_head import read_call_head
from mcpmesh.errors import MeshError
from mcpmesh.router.frontend import Frontend
from mcpmesh.rpc.head import read_head
from mcpmesh.rpc.server import Server
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.limits import Limits

REPEATED = (
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/mcpmesh.v1.ToolService/Invoke"),
    (b":authority", b"mesh"), (b"te", b"trailers"), (b"content-type", b"application/grpc"),
)  # fmt: skip
BODY = b"\0\0\0\0\6\x0a\4echo"
#: Values of equal length, so that one layout is that of many heads.
VALUES = {
    b"traceparent": [b"00-" + digit * 32 + b"-" + digit * 16 + b"-01" for digit in (b"a", b"b")]
    + [b"00-" + b"0" * 32 + b"-" + b"a" * 16 + b"-01", b"-" * 55],
    b"tracestate": [b"a=1", b"b=2"],
    b"baggage": [b"k=v", b"k=w"],
    b"x-correlation-id": [b"one", b"two", b"t o"],
    b"grpc-timeout": [b"1S", b"2S", b"xx"],
    b"mcp-name": [b"echo", b"sums"],
    b"mcpmesh-wait-for-ready": [b"true", b"TRUE"],
    b"x-own": [b"1", b"2"],
    b"content-length": [b"11"],
}


class Calls:
    """A dispatcher that notes what begins, and what is refused."""

    max_message_bytes = 100

    def __init__(self) -> None:
        self.heads: list[dict[str, Any]] = []

    def begin(self, call: Any, _asked: float | None) -> None:
        self.heads.append(asdict(call.head))

    def refused(self, method: str, error: MeshError) -> None:
        self.heads.append({"refused": method, "why": error.message})


class Owner:
    """The owner of one side of a connection."""

    peer_name = "ipv4:10.0.0.1:5"

    def __init__(self, server: Server | None = None) -> None:
        self._server = server

    def accept(self, stream: Any, head: Any) -> Any:
        assert self._server is not None
        return self._server.accept(self, stream, head)  # type: ignore[arg-type]

    def on_output(self) -> None: ...

    def on_full(self) -> None: ...

    def on_idle(self) -> None: ...


class Nothing:
    """A caller who hears nothing of interest."""

    def on_headers(self, headers: Any, end: bool) -> None: ...

    def on_data(self, data: bytes, end: bool) -> None: ...

    def on_reset(self, code: int, message: str) -> None: ...


def expected(fields: Headers) -> dict[str, Any]:
    """Return what is to be seen of a call with these fields."""
    head = read_call_head(read_head(fields))
    if head.problem:
        return {"refused": "/" + head.method, "why": head.problem}
    return asdict(head)


NAMED = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True)
CHOICES = st.lists(
    st.tuples(st.lists(st.integers(0, 5), min_size=4, max_size=4), st.booleans()),
    min_size=3, max_size=12,
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(NAMED, CHOICES)
async def test_heads_that_are_alike_are_each_read_for_themselves(
    names: list[bytes], choices: list[tuple[list[int], bool]]
) -> None:
    server, calls = Server(), Calls()
    Frontend(calls).serve_on(server)  # type: ignore[arg-type]
    ours = Connection(Owner(), Limits(), client=True)  # type: ignore[arg-type]
    theirs = Connection(Owner(server), Limits(), client=False)  # type: ignore[arg-type]
    ours.start()
    theirs.receive(ours.outbox.take())
    wanted = []
    for numbers, whole in choices:
        own = tuple(
            (name, VALUES[name][number % len(VALUES[name])])
            for name, number in zip(names, numbers, strict=False)
        )
        stream = ours.open(REPEATED, Nothing(), own)  # type: ignore[arg-type]
        if not whole:
            theirs.receive(ours.outbox.take())
        stream.send_data(BODY, True)
        theirs.receive(ours.outbox.take())
        wanted.append(expected((*REPEATED, *own)))
    assert calls.heads == wanted


async def test_most_heads_of_calls_in_traces_are_not_read_anew() -> None:
    server, calls = Server(), Calls()
    Frontend(calls).serve_on(server)  # type: ignore[arg-type]
    read = server.raw["/mcpmesh.v1.ToolService/Invoke"]
    anew = []
    server.raw["/mcpmesh.v1.ToolService/Invoke"] = lambda head: anew.append(head) or read(head)
    ours = Connection(Owner(), Limits(), client=True)  # type: ignore[arg-type]
    theirs = Connection(Owner(server), Limits(), client=False)  # type: ignore[arg-type]
    ours.start()
    for number in range(20):
        trace = f"00-{number + 1:032x}-{number + 1:016x}-01".encode()
        own = ((b"traceparent", trace), (b"x-correlation-id", f"id-{number:02}".encode()))
        ours.request(REPEATED, own, BODY, Nothing())  # type: ignore[arg-type]
        theirs.receive(ours.outbox.take())
    assert [each["correlation_id"] for each in calls.heads] == [f"id-{n:02}" for n in range(20)]
    # The first puts what repeats into the table, and from two more it is seen what does not.
    assert len(anew) == 3
