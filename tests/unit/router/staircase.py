"""The router's whole stack over connections in memory; caller and replicas are lines of text."""

from collections.abc import Mapping
from random import Random
from typing import Any

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.dispatch.dispatcher import Dispatcher
from mcpmesh.dispatch.fail_fast import FailFast
from mcpmesh.dispatch.layers import StackParts, sharing_layers
from mcpmesh.dispatch.observe import InFlight, ObserveAttempts, ObserveCalls
from mcpmesh.errors import MeshError, ToolNotFound
from mcpmesh.policy.admission import Shed
from mcpmesh.router.frontend import Frontend
from mcpmesh.rpc.head import read_head
from mcpmesh.stack.admission import Admitting
from mcpmesh.stack.balance import Balance
from mcpmesh.stack.call import Exit
from mcpmesh.stack.deadline import Deadline
from mcpmesh.stack.hedge import HedgeOutcome
from mcpmesh.stack.layer import stacked
from mcpmesh.stack.retry import Retrying
from mcpmesh.stack.send import Send
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.transport.timers import Timers
from mcpmesh.wire.block import Block
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import frame_message
from mcpmesh.wire.stream import Stream
from tests.unit.stack.virtual import Table, VirtualLoop, cluster, ready
from tests.unit.wire.talk import Talk, raw_frame

HEAD = ":method=POST :scheme=http :authority=mesh content-type=application/grpc te=trailers"
ANSWER = ":status=200 content-type=application/grpc"
OK = "grpc-status=0 END_STREAM"
LIMIT = 1_000_000


class Staircase:
    """A tool `echo` over replicas by name; their frames and the caller's are read as lines."""

    def __init__(
        self,
        *names: str,
        idempotent: bool = False,
        settings: str = "",
        seed: int = 1,
        policy: Mapping[str, Any] | None = None,
        read_only: bool = False,
        capabilities: Capabilities | None = None,
    ) -> None:
        """Begin; `settings` are those of the caller's connection, `policy` those of the tool."""
        self.loop = VirtualLoop()
        self.table = Table(policy)
        self.in_flight = InFlight()
        self.refused: list[str] = []
        self.shed: list[Shed] = []
        self.hedges: list[HedgeOutcome] = []
        self.telemetry = without_exporters(Random(seed))
        self.replicas = {name: Talk(client=True) for name in names}
        self.candidates: dict[str, Candidate] = {name: ready(name) for name in names}
        for name, candidate in self.candidates.items():
            candidate.connection = self.replicas[name].connection
        self.table.show(
            cluster("echo", *names, idempotent=idempotent, read_only=read_only), **self.candidates
        )
        self._handlers: dict[str, Any] = {}
        clock = self.loop.time
        send = Send(clock, clock)
        observe = ObserveCalls(self.telemetry, clock, self.in_flight, "off")
        stack = stacked(
            Exit(),
            observe,
            Deadline(Timers(self.loop), clock),  # type: ignore[arg-type]
            Admitting(self.loop, Random(seed), lambda _tool, why: self.shed.append(why)),  # type: ignore[arg-type]
            Retrying(
                send,
                self.loop,  # type: ignore[arg-type]
                Random(seed),
                hedged=lambda _tool, outcome: self.hedges.append(outcome),
            ),
            Balance(self.table, Random(seed), clock, _unknown),
            ObserveAttempts(self.telemetry, clock),
            send,
        )
        frontend = Frontend(
            Dispatcher(
                FailFast(stack, observe, clock, Random(seed), self.telemetry.instruments.shed),
                self.table,
                default_timeout=30.0,
                max_message_bytes=LIMIT,
                refused=lambda _method, error: self.refused.append(error.message),
                capabilities=capabilities,
                rng=Random(seed),
                clock=clock,
                sharing=sharing_layers(
                    StackParts(
                        self.telemetry,
                        self.table,
                        _unknown,
                        self.loop,  # type: ignore[arg-type]
                        Random(seed),
                        self.in_flight,
                        "off",
                        max_message_bytes=LIMIT,
                    )
                ),
            )
        )
        frontend.serve_on(self)  # type: ignore[arg-type]
        self.caller = Talk(settings=settings)
        self.caller.owner.accept = self._accept

    def add_raw_handler(self, path: str, handler: Any, _alike: Any = None) -> None:
        """Take what the frontend would give a server."""
        self._handlers[path] = handler

    def _accept(self, stream: Stream, _head: Block) -> "Opening":
        return Opening(self._handlers, stream)

    @property
    def idle(self) -> bool:
        """Tell whether all books of load are even."""
        loads = [candidate.in_flight for candidate in self.candidates.values()]
        return self.in_flight.calls == 0 and not any(loads)

    def begin(self, *more: str, stream: int = 1, method: str = "Invoke") -> None:
        """Have the caller send a head."""
        path = f":path=/mcpmesh.v1.ToolService/{method}"
        self.caller.hear(f"HEADERS {stream} {path} {HEAD} {' '.join(more)}")

    def send(self, body: bytes, *, end: bool = False, stream: int = 1) -> None:
        """Have the caller send bytes, in frames that HTTP/2 allows."""
        pieces = [body[at : at + 16384] for at in range(0, len(body), 16384)] or [b""]
        for number, piece in enumerate(pieces, 1):
            last = end and number == len(pieces)
            self.caller.connection.receive(raw_frame(0, int(last), stream, piece))

    def call(
        self,
        *more: str,
        body: bytes = b"\0\0\0\0\2hi",
        stream: int = 1,
        method: str = "Invoke",
    ) -> str:
        """Have the caller make a whole unary call; return the replica that got it."""
        self.begin("mcp-name=echo", *more, stream=stream, method=method)
        self.send(body, end=True, stream=stream)
        return self.asked()

    def asked(self) -> str:
        """Return the replica that has something to read."""
        (name,) = (name for name, talk in self.replicas.items() if talk.connection.outbox.size)
        return name

    def heard(self) -> list[str]:
        """Return what the caller got, without window updates."""
        return [line for line in self.caller.said() if not line.startswith("WINDOW")]


class Opening:
    """The sink of a stream until its head came, as a server has it."""

    def __init__(self, handlers: dict[str, Any], stream: Stream) -> None:
        self._handlers = handlers
        self._stream = stream

    def on_headers(self, headers: Headers, end: bool) -> None:
        head = read_head(headers)
        sink = self._stream.sink = self._handlers[head.path](head)(None, self._stream)
        sink.on_headers(headers, end)

    def on_data(self, data: bytes, end: bool) -> None:
        raise AssertionError("the head comes first")

    def on_reset(self, code: int, message: str) -> None:
        raise AssertionError("the head comes first")


def framed(payload: bytes) -> bytes:
    return frame_message(payload)


def _unknown(tool: str, version: str) -> MeshError:
    return ToolNotFound(f"no tool {tool!r} {version!r}")
