"""A direct client's calls leave the same behind, straight to the replica or through all layers."""

from collections import Counter
from collections.abc import Coroutine, Generator
from typing import Any

import grpc
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpmesh.codec.metadata import Header, format_timeout
from mcpmesh.dispatch.direct_line import DirectLine
from mcpmesh.dispatch.dispatcher import Dispatcher
from mcpmesh.dispatch.straight_call import StraightCall, attempt_of
from mcpmesh.rpc.channel import ChannelOptions
from mcpmesh.rpc.client_shapes import UnaryUnaryCall
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.move import move_elsewhere
from mcpmesh.transport.timers import Timers
from mcpmesh.v1 import invoke_pb2
from mcpmesh.wire.hpack_table import Headers
from tests.unit.dispatch.two_ways import FORWARD, HOW, OK, OWN, PARENT, TOOLS, World

NAMES = {"correlation_id": b"x-correlation-id", "baggage": b"baggage"}


class Direct(World):
    """A world in which a direct channel's calls begin; it is their channel."""

    target = "mesh"
    closed = False

    def __init__(self, short: bool, sampled: float) -> None:
        self.calls: list[UnaryUnaryCall] = []
        self.options = ChannelOptions(max_message_bytes=64)
        self.plain_head: Headers = ()
        super().__init__(short, sampled)
        self.timers = Timers(self.loop)  # type: ignore[arg-type]
        dispatcher = Dispatcher(
            self.top, self.table,
            default_timeout=30.0, max_message_bytes=64, refused=lambda _method, _error: None,
        )  # fmt: skip
        self.connection = DirectLine(dispatcher, self.table, lambda: None)

    def timeout_field(self, remaining: float) -> tuple[Header, ...]:
        return ((b"grpc-timeout", format_timeout(remaining)),)

    # The script

    def call(self, tool: str, timeout: float | None, own: dict[str, Any], named: bool) -> None:
        fields = [(NAMES[name], value.encode()) for name, value in own.items() if name in NAMES]
        if "parent" in own:
            fields.append((b"traceparent", own["parent"].traceparent().encode()))
        if named:
            fields.append((b"mcp-name", tool.encode()))
        request = invoke_pb2.InvokeRequest(tool=tool, arguments=b"{}")
        call = UnaryUnaryCall(
            self, FORWARD, tuple(fields),  # type: ignore[arg-type]
            invoke_pb2.InvokeRequest.SerializeToString, None, timeout, b"identity",
        )  # fmt: skip
        self.calls.append(call)
        call.begin(request, False)

    def cancel(self, number: int) -> None:
        if self.calls:
            self.calls[number % len(self.calls)].cancel()

    def answer_long(self, number: int) -> None:
        """Give an answer that is over the channel's limit."""
        if self.served:
            stream = self.served.pop(number % len(self.served)).stream
            body = b"\0" + (80).to_bytes(4, "big") + bytes(80)
            stream.send_answer(((b":status", b"200"), (b"content-type", b"application/grpc")), (),
                               body, OK)  # fmt: skip

    def silence(self, number: int) -> None:
        """Have a replica stop to answer."""
        ours, _ = self.pair(number)
        for stream in list(ours.streams.values()):
            attempt = attempt_of(stream.sink)
            if attempt is not None:
                move_elsewhere(attempt)

    # What is left

    def asked(self) -> list[Any]:
        return [outcome(each) for each in self.calls]

    def books(self) -> dict[str, Any]:
        books = super().books()
        # Nobody asks a channel for it; those that go straight are not in it.
        del books["in flight"]
        return books


def outcome(call: UnaryUnaryCall) -> Any:
    """Return all that a caller can learn of a call; None while it is under way."""
    if not call.done():
        return None
    said = [now(step) for step in (call.code(), call.details())]
    for step in (call.initial_metadata(), call.trailing_metadata()):
        said.append(tuple(now(step)))
    try:
        answer = now(call.__await__())
    except grpc.aio.AioRpcError as error:
        answer = repr(error)
    except BaseException as error:
        answer = type(error)
    return said, answer


def now(step: Coroutine[Any, Any, Any] | Generator[Any, None, Any]) -> Any:
    """Return what something gives that need not wait."""
    try:
        step.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


SAYS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in OWN.items()}
)
NUMBER = st.integers(0, 9)
# None ends when another call does: who of the channel and the stack is first may differ.
TIMEOUT = st.sampled_from([None, None, 17.37, 4.73, 0.1, 0.0, 90.0])
STEP = st.one_of(
    st.tuples(st.just("call"), st.sampled_from(TOOLS), TIMEOUT, SAYS, st.booleans()),
    st.tuples(st.just("call"), st.sampled_from(["echo", "few"]), *map(st.just, (None, {}, False))),
    st.tuples(st.just("answer"), NUMBER, st.sampled_from(HOW)),
    st.tuples(
        st.sampled_from(["cancel", "lose", "back", "drain", "watch", "silence", "answer_long"]),
        NUMBER,
    ),
    st.tuples(st.just("advance"), st.sampled_from([0.001, 0.05, 1.0, 40.0])),
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(steps=st.lists(STEP, min_size=12, max_size=60), sampled=st.sampled_from([0.0, 0.5]))
def test_both_ways_leave_the_same_behind(steps: list[Any], sampled: float) -> None:
    straight, long = Direct(True, sampled), Direct(False, sampled)
    for step, *arguments in (*steps, ("advance", 100.0)):
        for world in (straight, long):
            getattr(world, step)(*arguments)
            world.flush()
        assert straight.books() == long.books(), step
    for world in (straight, long):
        assert world.in_flight.calls == 0
        assert all(each.done() for each in world.calls)


def taken(world: Direct) -> Counter[type]:
    """Call and answer many times; return what replicas' streams went by."""
    kinds = Counter[type]()
    for _ in range(200):
        world.call("echo", None, {}, False)
        kinds.update(
            type(stream.sink)
            for name in "abc"
            for stream in world.pair("abc".index(name))[0].streams.values()
        )
        world.flush()
        world.answer(0, "well")
        world.flush()
        assert world.calls[-1].done()
    return kinds


def test_most_calls_go_straight() -> None:
    kinds = taken(Direct(True, 0.0))
    # All but those whose picks are noted: of a tool that is new, or seldom called, all are.
    assert kinds[StraightCall] > 100
    assert kinds[StraightCall] + kinds[Attempt] == 200


def test_a_call_keeps_its_ids_when_the_layers_take_over() -> None:
    world = Direct(True, 0.0)
    for _ in range(20):
        world.call("echo", None, {"parent": PARENT}, False)
        world.flush()
        # UNAVAILABLE before a message: another replica is tried.
        world.answer(0, "14")
        world.flush()
        world.advance(1.0)
        world.flush()
        world.answer(0, "well")
        world.flush()
    assert {now(each.code()) for each in world.calls} == {grpc.StatusCode.OK}
    requests = [dict(said) for kind, said, *_ in world.told if kind == "request"]
    assert len(requests) == 40
    assert {PARENT.trace_id.encode()} == {each[b"x-correlation-id"] for each in requests}
