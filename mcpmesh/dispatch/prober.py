"""Asks replicas how loaded they are, beside the calls of tools that are balanced by prequal.

A question is a small unary call on the connection that calls take too: no connection more, and the
answer comes by the same way as theirs. LoadService is mcpmesh's own, so a stock gRPC server answers
UNIMPLEMENTED, as every gRPC server can; then what this router sees itself of the replica, calls in
flight and their round trips, stands for its answer, without asking again for a while. (Reports in
trailers alone would not do: they come from those that are picked anyway, and what is wanted is news
of those that are not.)
"""

from collections.abc import Callable
from random import Random

from google.protobuf.message import DecodeError

from mcpmesh.balance.asking import asking
from mcpmesh.balance.balancer import Route
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.ewma import estimate
from mcpmesh.balance.prequal import PrequalPicker
from mcpmesh.balance.probe_pool import ProbePool
from mcpmesh.codec.tool import seconds
from mcpmesh.errors import MeshError
from mcpmesh.v1.load_pb2 import ProbeRequest, ProbeResponse
from mcpmesh.wire.block import Block
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import PREFIX_BYTES, frame_message
from mcpmesh.wire.stream import Stream

_HEAD: Headers = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/mcpmesh.v1.LoadService/Probe"),
    (b":authority", b"mcpmesh"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)
_UNIMPLEMENTED = (b"grpc-status", b"12")
_MOST_BYTES = 1024
#: Seconds after which a question that is not answered is given up, and after which a replica that
#: does not know LoadService is asked again: it may have been replaced.
_PATIENCE = 1.0
_ASK_AGAIN = 60.0


class Prober:
    """Asks; at most one question at a time is open per replica and tool."""

    def __init__(self, rng: Random, clock: Callable[[], float]) -> None:
        """Draw whom to ask by `rng`; the clock is that of picks."""
        self._rng = rng
        self._clock = clock
        # Those that do not know LoadService, and until when they are not asked.
        self._mute: dict[Candidate, float] = {}

    def __repr__(self) -> str:
        return f"<Prober, {len(self._mute)} replicas cannot say>"

    def ask(self, route: Route) -> None:
        """Ask some replicas of a route."""
        now = self._clock()
        tool = route.cluster.tool.name
        for picker in asking(route.picker):
            for candidate in picker.to_ask(self._rng):
                self._ask(picker, candidate, tool, now)

    def _ask(self, picker: PrequalPicker, candidate: Candidate, tool: str, now: float) -> None:
        pool = picker.pool
        if self._mute:
            until = self._mute.get(candidate, 0.0)
            if now < until:
                # The books are begun for those alone that do not answer for themselves.
                latency = estimate(candidate, tool, picker.settings).at(now)
                pool.add(candidate, candidate.in_flight, latency, now)
                return
            self._mute.pop(candidate, None)
        open_question = pool.questions.get(candidate)
        if isinstance(open_question, Question):
            if now - open_question.asked < _PATIENCE:
                return
            open_question.give_up()
        connection = candidate.connection
        if not isinstance(connection, Connection) or connection.draining:
            return
        question = Question(self, pool, candidate, now)
        pool.questions[candidate] = question
        try:
            question.stream = connection.request(
                _HEAD, (), frame_message(ProbeRequest(tool=tool).SerializeToString()), question
            )
        except MeshError:
            pool.questions.pop(candidate, None)

    def answered(self, question: "Question", answer: ProbeResponse) -> None:
        """Keep an answer."""
        latency = seconds(answer.latency) if answer.HasField("latency") else 0.0
        question.pool.add(question.candidate, answer.in_flight, latency, self._clock())

    def unknown(self, question: "Question") -> None:
        """Learn that a replica does not know LoadService."""
        now = self._clock()
        self._mute = {each: until for each, until in self._mute.items() if until > now}
        self._mute[question.candidate] = now + _ASK_AGAIN


class Question:
    """One question under way; the sink of its stream."""

    __slots__ = ("_body", "_prober", "asked", "candidate", "pool", "stream")

    def __init__(self, prober: Prober, pool: ProbePool, candidate: Candidate, asked: float) -> None:
        self._prober = prober
        self._body = b""
        self.pool = pool
        self.candidate = candidate
        self.asked = asked
        self.stream: Stream | None = None

    def give_up(self) -> None:
        """Wait no longer."""
        if self.stream is not None:
            self.stream.reset(ErrorCode.CANCEL)
        self._over()

    # AnswerSink

    def on_headers(self, headers: Headers, end: bool) -> None:
        if end:
            self._ended(headers)

    def on_data(self, data: bytes, end: bool) -> None:
        if self.stream is not None:
            self.stream.consumed(len(data))
        self._body += data
        if len(self._body) > _MOST_BYTES:
            self.give_up()
        elif end:
            self._over()

    def on_answer(self, head: Block, data: bytes, trailers: Headers) -> None:
        self.on_data(data, False)
        self.on_headers(trailers, True)

    def on_reset(self, code: int, message: str) -> None:
        self._over()

    def _ended(self, trailers: Headers) -> None:
        self._over()
        if (b"grpc-status", b"0") in trailers:
            try:
                answer = ProbeResponse.FromString(self._body[PREFIX_BYTES:])
            except DecodeError:
                return
            self._prober.answered(self, answer)
        elif _UNIMPLEMENTED in trailers:
            self._prober.unknown(self)

    def _over(self) -> None:
        if self.pool.questions.get(self.candidate) is self:
            del self.pool.questions[self.candidate]
