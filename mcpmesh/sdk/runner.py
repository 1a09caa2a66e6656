"""Runs a tool's function for one call, within its time, and turns every end into an answer."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from typing import Any

from mcpmesh.errors import DeadlineExceeded
from mcpmesh.model.deadline import NEVER, Deadline
from mcpmesh.sdk.content import blocks
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.failure import InputNeeded, Refused, ToolFailure, WrongOutput
from mcpmesh.sdk.outcome import failed, succeeded
from mcpmesh.sdk.questions import Questions
from mcpmesh.sdk.request_state import StateSeal, call_digest
from mcpmesh.sdk.sink import Sink
from mcpmesh.sdk.threads import NoThread, Threads, ThreadStream
from mcpmesh.sdk.tool import Kind, ToolFunction
from mcpmesh.v1 import invoke_pb2, tool_pb2

_LOG = logging.getLogger("mcpmesh.tool")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One call on its way through a tool's function.

    `own_deadline` is where the tool's own timeout ends, `deadline` where the caller's does.
    """

    function: ToolFunction
    request: invoke_pb2.InvokeRequest
    context: ToolContext
    sink: Sink
    questions: Questions
    deadline: Deadline = NEVER
    own_deadline: Deadline = NEVER


@dataclass(frozen=True, slots=True, eq=False)
class Runner:
    """Runs tools. `now` is the wall clock, which request states are dated by."""

    threads: Threads
    seal: StateSeal
    now: Callable[[], float] = time.time

    def questions(
        self, function: ToolFunction, request: invoke_pb2.InvokeRequest, caller: str
    ) -> Questions:
        """Return what the call's state and responses already answer.

        Raises: InvalidCall for a state that is not ours, or not of this call.
        """
        if not request.request_state and not request.input_responses:
            return Questions()
        digest = _digest(function, request, caller)
        earlier = self.seal.open(request.request_state, digest, self.now())
        return Questions(earlier, request.input_responses)

    async def run(self, run: Run) -> invoke_pb2.InvokeResponse:
        """Run the tool; whatever its code does becomes an answer.

        Raises: DeadlineExceeded when the caller's deadline passes, NoThread under too much load,
        what the tool refuses the call with; asyncio.CancelledError passes.
        """
        end = run.deadline.earlier(run.own_deadline)
        scope = asyncio.timeout_at(None if end == NEVER else end.at)
        try:
            async with scope:
                result = await self._result(run)
                return succeeded(result, run.context.alerts, run.sink.collected())
        except NoThread:
            raise
        except Refused as refused:
            raise refused.error from refused
        except TimeoutError as error:
            return _late(run) if scope.expired() else _crashed(run, error)
        except ToolFailure as failure:
            return _failed(run, failure)
        except InputNeeded:
            return self._asking(run)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return _crashed(run, error)
        except BaseExceptionGroup as group:
            asks = group.subgroup(InputNeeded) is not None
            return self._asking(run) if asks else _crashed(run, group)
        except (Exception, SystemExit) as error:
            return _crashed(run, error)

    async def _result(self, run: Run) -> tool_pb2.ToolResult:
        function = run.function
        arguments = function.arguments.read(run.request.arguments)
        if function.context is not None:
            arguments[function.context] = run.context
        call: Callable[[], Any] = partial(function.function, **arguments)
        if function.kind is Kind.ASYNC_GENERATOR:
            return await _drained(call(), run.sink)
        if function.kind is Kind.GENERATOR:
            return await _drained(ThreadStream(self.threads, call()), run.sink)
        if function.kind is Kind.COROUTINE:
            return function.output.result(await call())
        value = await self.threads.run(call)
        return function.output.result(await value if isawaitable(value) else value)

    def _asking(self, run: Run) -> invoke_pb2.InvokeResponse:
        """Return the questions that are open, and the state to come back with."""
        digest = _digest(run.function, run.request, run.context.caller)
        try:
            state = self.seal.seal(run.questions.asked, digest, self.now())
        except ToolFailure as failure:
            return _failed(run, failure)
        asking = tool_pb2.InputRequired(input_requests=run.questions.open, request_state=state)
        return invoke_pb2.InvokeResponse(input_required=asking)


async def _drained(stream: AsyncIterator[Any], sink: Sink) -> tool_pb2.ToolResult:
    """Hand a generator's chunks on; one that is a ToolResult ends it and is the result."""
    try:
        async for chunk in stream:
            if isinstance(chunk, tool_pb2.ToolResult):
                return chunk
            await sink.chunk(_chunk(chunk))
    finally:
        await stream.aclose()  # type: ignore[attr-defined]
    return tool_pb2.ToolResult()


def _chunk(value: object) -> list[tool_pb2.Content]:
    try:
        return blocks(value)
    except ValueError as error:
        raise WrongOutput(f"a chunk of the output has no JSON form: {error}") from error


def _late(run: Run) -> invoke_pb2.InvokeResponse:
    """Answer for the tool when its own time is over; refuse when the caller's is."""
    tool = run.function.tool
    if run.deadline < run.own_deadline:
        raise DeadlineExceeded(f"{tool.name}: the caller's deadline passed while the tool ran")
    sentence = (
        f"{tool.name} was stopped after its timeout of {tool.timeout:g} s; "
        "ask for less, or try again later"
    )
    return failed(ToolFailure(sentence, code="DEADLINE_EXCEEDED"))


def _failed(run: Run, failure: ToolFailure) -> invoke_pb2.InvokeResponse:
    if isinstance(failure, WrongOutput):
        _LOG.error("%s: %s", run.function.tool.name, failure.message, extra=log_fields(run.context))
    return failed(failure)


def _crashed(run: Run, error: BaseException) -> invoke_pb2.InvokeResponse:
    """Answer for a tool whose code raised; the traceback stays here."""
    _LOG.error(
        "%s raised %s",
        run.function.tool.name,
        type(error).__name__,
        exc_info=error,
        extra=log_fields(run.context),
    )
    text = str(error)
    return failed(ToolFailure(f"{type(error).__name__}: {text}" if text else type(error).__name__))


def log_fields(context: ToolContext) -> dict[str, object]:
    """Return what every log line of a call carries."""
    return {
        "tool": context.tool,
        "correlation_id": context.correlation_id,
        "trace_id": context.trace.trace_id,
    }


def _digest(function: ToolFunction, request: invoke_pb2.InvokeRequest, caller: str) -> bytes:
    tool = function.tool
    return call_digest(tool.name, tool.version, caller, request.arguments)
