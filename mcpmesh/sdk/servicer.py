"""ToolService over a server's own tools: Invoke, InvokeStream, Converse."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from mcpmesh.balance.latency_by_load import LatencyByLoad
from mcpmesh.codec.load_report import LOAD_REPORT
from mcpmesh.codec.status import STATUS, status_of
from mcpmesh.errors import InvalidCall, MeshError, Overloaded, ToolNotFound
from mcpmesh.model.deadline import NEVER, Deadline
from mcpmesh.model.identity import PeerIdentity
from mcpmesh.model.nearest import did_you_mean
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.incoming import CORRELATION_KEY, Incoming, check_agreement, read_metadata
from mcpmesh.sdk.load_reports import LoadReports
from mcpmesh.sdk.observer import NoObserver, Observation, ToolCall, ToolObserver
from mcpmesh.sdk.outcome import last_event, outcome_of
from mcpmesh.sdk.questions import Questions
from mcpmesh.sdk.runner import Run, Runner, log_fields
from mcpmesh.sdk.sink import Collector, EventQueue, Sink
from mcpmesh.sdk.tool import ToolFunction
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

_LOG = logging.getLogger("mcpmesh.tool")
_LOAD_REPORT = LOAD_REPORT.decode()
_FINE = frozenset(("ok", "input_required"))
Messages = AsyncIterator[invoke_pb2.InvokeRequest]


@dataclass(frozen=True, slots=True, eq=False)
class Admitted:
    """A call that was let in: its tool is known, its metadata and state are sound."""

    method: str
    function: ToolFunction
    request: invoke_pb2.InvokeRequest
    incoming: Incoming
    questions: Questions
    deadline: Deadline
    messages: Messages | None = None


class ToolServicer(invoke_pb2_grpc.ToolServiceServicer):
    """Serves calls of the tools in `functions`, by name.

    `in_flight` counts the calls that run now. Of callers with a certificate, those who
    `may_speak_for_others` are believed when they say who calls; routers are.
    """

    def __init__(
        self,
        functions: Mapping[str, ToolFunction],
        runner: Runner,
        *,
        max_result_bytes: int,
        observer: ToolObserver | None = None,
        rng: Random | None = None,
        may_speak_for_others: Callable[[PeerIdentity], bool] = lambda _peer: False,
        reports: LoadReports | None = None,
    ) -> None:
        self._functions = functions
        self._runner = runner
        self._max_result_bytes = max_result_bytes
        self._rng = rng or Random()
        self._observer = observer or NoObserver(self._rng)
        self._may_speak_for_others = may_speak_for_others
        self._reports = reports
        self.in_flight = 0
        self._withdrawn = ""
        # How long calls take, of tools that a router asked for: others keep no books of it.
        self._loads: dict[str, LatencyByLoad] = {}

    def __repr__(self) -> str:
        return f"ToolServicer({sorted(self._functions)}, in_flight={self.in_flight})"

    def replace(self, functions: Mapping[str, ToolFunction], withdrawn: str = "") -> None:
        """Serve these from the next call on; `withdrawn` says why there are none for now."""
        self._functions = functions
        self._withdrawn = withdrawn

    def load_of(self, tool: str) -> tuple[int, float]:
        """Return the calls in flight, and how long a call of this tool takes now.

        Units: seconds; 0 when that is not known (yet).
        """
        load = self._loads.get(tool)
        if load is None:
            if tool in self._functions:
                self._loads[tool] = LatencyByLoad()
            return self.in_flight, 0.0
        return self.in_flight, load.at(time.perf_counter(), self.in_flight)

    async def Invoke(self, request: invoke_pb2.InvokeRequest, context: Any) -> Any:
        """Call a tool; one answer."""
        try:
            call = await self._admit("Invoke", request, context)
            response = await self._run(call, Collector(self._max_result_bytes))
            if self._reports is not None:
                self._report(context, failed=outcome_of(response) not in _FINE)
            return response
        except MeshError as error:
            await _abort(context, error)

    async def InvokeStream(
        self, request: invoke_pb2.InvokeRequest, context: Any
    ) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        """Call a tool; its events as they come."""
        try:
            call = await self._admit("InvokeStream", request, context)
            async for event in self._events(call):
                yield event
        except MeshError as error:
            await _abort(context, error)

    async def Converse(
        self, request_iterator: Any, context: Any
    ) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        """Call a tool that reads further messages while it runs."""
        messages: Messages = aiter(request_iterator)
        try:
            first = await anext(messages, None)
            if first is None:
                raise InvalidCall("a conversation starts with a message that names the tool")
            call = await self._admit("Converse", first, context, messages)
            async for event in self._events(call):
                yield event
        except MeshError as error:
            await _abort(context, error)

    def _report(self, context: Any, *, failed: bool) -> None:
        """Add what the server says of its load to an answer's trailers."""
        assert self._reports is not None
        report = self._reports.after(time.perf_counter(), failed=failed)
        if report:
            context.set_trailing_metadata(((_LOAD_REPORT, report),))

    async def _admit(
        self,
        method: str,
        request: invoke_pb2.InvokeRequest,
        context: Any,
        messages: Messages | None = None,
    ) -> Admitted:
        """Let a call in, and say its correlation id if its caller cannot know it.

        Raises: InvalidCall, ToolNotFound.
        """
        incoming = read_metadata(context.invocation_metadata(), self._rng)
        peer: PeerIdentity | None = context.identity()
        if peer is not None and not self._may_speak_for_others(peer):
            # Whoever proved a name is called by it, whatever else it says.
            incoming = replace(incoming, caller=peer.name)
        if not incoming.is_correlated:
            # Only then: heads that repeat cost the mesh a fraction of those that never do.
            await context.send_initial_metadata(((CORRELATION_KEY, incoming.correlation_id),))
        check_agreement(request, incoming.metadata)
        function = self._find(request)
        questions = self._runner.questions(function, request, incoming.caller)
        remaining = context.time_remaining()
        now = asyncio.get_running_loop().time()
        # grpcio says "no deadline" as None, or as a very large number.
        deadline = NEVER if remaining is None else Deadline(now + max(0.0, remaining))
        return Admitted(method, function, request, incoming, questions, deadline, messages)

    def _find(self, request: invoke_pb2.InvokeRequest) -> ToolFunction:
        function = self._functions.get(request.tool)
        if function is None:
            if self._withdrawn:
                # Overloaded, since nothing was done: any tool's call may go to another replica.
                raise Overloaded(f"{request.tool[:140]}: {self._withdrawn}", retry_after_ms=1)
            hint = did_you_mean(request.tool, self._functions)
            raise ToolNotFound(f"no tool {request.tool[:140]!r} here{hint}")
        ours = function.tool.version
        if request.version and request.version != ours:
            raise ToolNotFound(
                f"tool {request.tool}: no version {request.version[:140]!r} here; "
                f"this server has {ours!r}"
            )
        if not request.complete:
            return function
        if function.complete is None:
            raise InvalidCall(f"{request.tool} is a tool; only prompts and resources complete")
        return function.complete

    async def _events(self, call: Admitted) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        """Run a call in a task of its own, so that a slow reader holds up only its tool."""
        queue = EventQueue()

        async def work() -> None:
            try:
                await queue.notice(last_event(await self._run(call, queue)))
            except Exception:
                await queue.end()
                raise
            await queue.end()

        task = asyncio.create_task(work(), name=f"{call.method} {call.function.tool.name}")
        try:
            async for event in queue:
                yield event
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, call: Admitted, sink: Sink) -> invoke_pb2.InvokeResponse:
        """Run a call under observation; one log line when it ends, however it does."""
        tool = call.function.tool
        started = time.perf_counter()
        outcome = "cancelled"
        with self._observer.call(
            ToolCall(tool.name, tool.version, call.method, call.incoming)
        ) as observation:
            run = _run_of(call, sink, observation)
            others = self.in_flight
            self.in_flight += 1
            try:
                response = await self._runner.run(run)
                outcome = outcome_of(response)
                return response
            except MeshError as error:
                outcome = STATUS[error.grpc_code].name
                raise
            finally:
                self.in_flight -= 1
                run.context.close()
                observation.ended(outcome)
                ended = time.perf_counter()
                if self._loads and outcome in _FINE and (load := self._loads.get(tool.name)):
                    load.ended(ended, others, ended - started)
                _log_end(call, run.context, outcome, ended - started)


def _run_of(call: Admitted, sink: Sink, observation: Observation) -> Run:
    tool = call.function.tool
    own_deadline = Deadline.after(tool.timeout, asyncio.get_running_loop().time())
    context = ToolContext(
        tool=tool.name,
        incoming=call.incoming,
        trace=observation.trace,
        deadline=call.deadline.earlier(own_deadline),
        sink=sink,
        questions=call.questions,
        meta=call.request.meta,
        messages=call.messages,
    )
    return Run(
        call.function, call.request, context, sink, call.questions, call.deadline, own_deadline
    )


def _log_end(call: Admitted, context: ToolContext, outcome: str, seconds: float) -> None:
    """Log a call that failed or belongs to a sampled trace; the others at DEBUG."""
    told = outcome not in _FINE or context.trace.sampled
    level = logging.INFO if told else logging.DEBUG
    if not _LOG.isEnabledFor(level):
        return
    duration_ms = round(seconds * 1000, 3)
    fields: dict[str, object] = {
        **log_fields(context),
        "method": call.method,
        "outcome": outcome,
        "duration_ms": duration_ms,
    }
    if context.caller:
        fields["caller"] = context.caller
    _LOG.log(level, "%s %s in %.1f ms", context.tool, outcome, duration_ms, extra=fields)


async def _abort(context: Any, error: MeshError) -> None:
    """End a call with an error's status, and with its wish to be left alone for a while."""
    status = status_of(error)
    await context.abort(status.code, status.message, status.metadata)
