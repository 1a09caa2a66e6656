"""A stack over three replicas, in which calls may take a short way or must go through all layers.

A script that runs in one world of each kind is to leave the same behind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from mcpmesh.balance.balancer import Routes
from mcpmesh.dispatch.layers import StackParts, layers
from mcpmesh.dispatch.observe import InFlight
from mcpmesh.dispatch.short_way import ShortWay
from mcpmesh.errors import ToolNotFound
from mcpmesh.model.trace import TraceContext
from mcpmesh.policy.access import Access, AccessRule
from mcpmesh.policy.tool_policy import ToolPolicies
from mcpmesh.telemetry.sampling import Decision, sampling_from
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.telemetry.tracing import RandomIds, Recorder
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.limits import Limits
from tests.unit.stack.virtual import Table, VirtualLoop, cluster, ready

POLICIES = ToolPolicies({
    "few": {"admission": {"in_flight": 2, "queue": 1}},
    "rated": {"admission": {"rate": 3.0, "burst": 2}},
    "twice": {"hedge": {}},
})  # fmt: skip
TOOLS = ("echo", "few", "rated", "twice", "gone")
METHOD = "mcpmesh.v1.ToolService/Invoke"
FORWARD = (
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", f"/{METHOD}".encode()),
    (b":authority", b"mesh"), (b"te", b"trailers"), (b"content-type", b"application/grpc"),
)  # fmt: skip
HEAD = ((b":status", b"200"), (b"content-type", b"application/grpc"))
OK = ((b"grpc-status", b"0"),)
BODY = b"\0\0\0\0\2hi"
REPLICAS = "abc"
PARENT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", False, "")
#: What a caller may say of a call, beside the tool.
OWN = {
    "correlation_id": ["mine", "with space", "x" * 200],
    "parent": [PARENT, PARENT._replace(sampled=True)],
    "baggage": ["a=b"],
}
#: How a replica may answer.
HOW = ("well", "well", "well", "in pieces", "badly", "without an end", "reset", "14", "8", "0",
       "13")  # fmt: skip


class Owner:
    """The owner of one side of a connection; a replica's side keeps its calls for the script."""

    peer_name = "ipv4:10.0.0.1:5"

    def __init__(self, world: World | None = None) -> None:
        self._world = world

    def accept(self, stream: Any, head: Any) -> Any:
        assert self._world is not None
        return Served(self._world, stream, head)

    def on_output(self) -> None: ...

    def on_full(self) -> None: ...

    def on_idle(self) -> None: ...

    def on_untold(self) -> None: ...

    def on_goaway(self, code: int, message: str) -> None: ...

    def on_pong(self, payload: bytes) -> None: ...


class Served:
    """A call at its replica."""

    def __init__(self, world: World, stream: Any, head: Any) -> None:
        self._world = world
        self.stream = stream
        self._said = head.headers
        world.served.append(self)

    def on_headers(self, headers: Any, end: bool) -> None: ...

    def on_data(self, data: bytes, end: bool) -> None:
        self.stream.consumed(len(data))
        self._world.told.append(("request", self._said, data, end))

    def on_reset(self, code: int, message: str) -> None:
        self._world.told.append(("reset by us", code))
        if self in self._world.served:
            self._world.served.remove(self)


class Ends:
    """A balancing policy's books of one replica: how many attempts ended, and how many badly."""

    def __init__(self) -> None:
        self.said = Counter[bool]()

    def ended(self, now: float, duration: float, failed: bool) -> None:
        self.said[failed] += 1


class World:
    """A stack, three replicas behind real connections, and everything that was said."""

    def __init__(self, short: bool, sampled: float, *rules: AccessRule) -> None:
        self.loop = VirtualLoop()
        self.told: list[Any] = []
        self.served: list[Served] = []
        self.candidates = {name: ready(name) for name in REPLICAS}
        # Of one replica somebody wants to know how each attempt went.
        self.candidates["c"].loads["echo"] = self.ends = Ends()
        self._pairs: dict[str, tuple[Connection, Connection]] = {}
        for name in REPLICAS:
            self._connect(name)
        self.table = Table()
        self.table._policies = POLICIES
        self._short = short
        self._show()
        for (route,) in self.table.routes.by_tool.values():
            # As of a tool that is called often: few of its picks are noted.
            route.load.picks.mask = 0x3
        self.telemetry = without_exporters(Random(1))
        if sampled:
            arguments = {"OTEL_TRACES_SAMPLER_ARG": str(sampled)}
            sampler = "parentbased_traceidratio"
            sampling = sampling_from({"OTEL_TRACES_SAMPLER": sampler, **arguments})
            ids = RandomIds(Random(2))
            provider = TracerProvider(sampling.sampler(), id_generator=ids)
            recorder = Recorder(provider.get_tracer("test"), ids, Decision(sampling))
            self.telemetry.tracing.record_with(recorder)
        self.in_flight = InFlight()
        parts = StackParts(
            self.telemetry, self.table, lambda *_: ToolNotFound("no such tool"),
            self.loop, Random(3), self.in_flight,  # type: ignore[arg-type]
            access=Access(rules),
        )  # fmt: skip
        self.top = layers(parts)
        assert isinstance(self.top, ShortWay)

    def _show(self) -> None:
        """Have calls go to the replicas that there are connections to."""
        known = [cluster(tool, *REPLICAS, idempotent=True) for tool in TOOLS if tool != "gone"]
        self.table.show(*known, **self.candidates)
        if not self._short:
            routes = self.table.routes.by_tool
            long = {tool: (replace(one[0], short=False),) for tool, one in routes.items()}
            self.table.routes = Routes(long)

    def _connect(self, name: str) -> None:
        ours = Connection(Owner(), Limits(), client=True)  # type: ignore[arg-type]
        theirs = Connection(Owner(self), Limits(), client=False)  # type: ignore[arg-type]
        ours.start()
        theirs.start()
        self._pairs[name] = ours, theirs
        self.candidates[name].connection = ours
        self.flush()

    def flush(self) -> None:
        """Carry bytes both ways until there are none."""
        moved = True
        while moved:
            moved = False
            for ours, theirs in self._pairs.values():
                for sender, receiver in ((ours, theirs), (theirs, ours)):
                    if sender.outbox.size:
                        moved = True
                        data = sender.outbox.take()
                        if not receiver.closed:
                            receiver.receive(data)

    # The script; whoever asks begins the calls

    def answer(self, number: int, how: str) -> None:
        if not self.served:
            return
        served = self.served.pop(number % len(self.served))
        stream = served.stream
        if how == "well":
            stream.send_answer(HEAD, (), BODY, OK)
        elif how == "in pieces":
            for step, *arguments in (("headers", HEAD), ("data", BODY), ("headers", OK, (), True)):
                if not stream.closed:
                    getattr(stream, f"send_{step}")(*arguments)
                    self.flush()
        elif how == "badly":
            stream.send_answer(HEAD, (), BODY, ((b"grpc-status", b"13"), (b"grpc-message", b"?")))
        elif how == "without an end":
            stream.send_message(HEAD, (), BODY)
        elif how == "reset":
            stream.reset()
        else:
            stream.send_headers((*HEAD, (b"grpc-status", how.encode())), (), True)

    def pair(self, number: int) -> tuple[Connection, Connection]:
        """Return our side and theirs of the connection to a replica."""
        return self._pairs[REPLICAS[number % len(REPLICAS)]]

    def lose(self, number: int) -> None:
        name = REPLICAS[number % len(REPLICAS)]
        ours, theirs = self.pair(number)
        self.served = [each for each in self.served if each.stream.connection is not theirs]
        ours.lost("gone")
        self.candidates[name].connection = None
        self._show()

    def back(self, number: int) -> None:
        name = REPLICAS[number % len(REPLICAS)]
        if self.candidates[name].connection is None:
            self._connect(name)
            self._show()

    def drain(self, number: int) -> None:
        name = REPLICAS[number % len(REPLICAS)]
        self.pair(number)[1].drain("rolling")
        self.candidates[name].connection = None
        self._show()

    def watch(self, number: int) -> None:
        self.candidates[REPLICAS[number % len(REPLICAS)]].watched = True

    def advance(self, seconds: float) -> None:
        self.loop.advance(seconds)

    # What is left

    def asked(self) -> list[Any]:
        """Return what the callers saw."""
        raise NotImplementedError

    def books(self) -> dict[str, Any]:
        counted = self.telemetry.instruments
        return {
            "told": Counter(map(repr, self.told)),
            "calls": self.asked(),
            "candidates": [
                (each.in_flight, each.picks, each.successes, each.failures, each.failures_in_row,
                 each.lost_calls, each.watched, each.seconds > 0)
                for each in self.candidates.values()
            ],
            "tools": {
                tool: (one.load.calls, one.load.in_flight, one.load.limit, one.load.gate is None)
                for tool, (one,) in self.table.routes.by_tool.items()
            },
            "ends": self.ends.said,
            "in flight": self.in_flight.calls,
            "rpc": [
                Counter((repr(one.attributes), sum(one.counts)) for one in each.points())
                for each in (counted.rpc_server, counted.rpc_client)
            ],
        }  # fmt: skip
