"""POST /mcp/tool/NAME/invoke: a call over plain HTTP, JSON in and JSON or events out."""

import logging
from asyncio import CancelledError
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from mcpmesh.bridge.asking import Asking
from mcpmesh.bridge.exchange import Exchange, Links, Peer
from mcpmesh.bridge.http_house import Stream
from mcpmesh.bridge.http_message import JSON, Header, HttpAnswer, HttpRefusal, HttpRequest
from mcpmesh.bridge.in_task import in_task
from mcpmesh.bridge.kept_answers import KeptAnswers
from mcpmesh.bridge.links import links_of
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.observer import CallObservation
from mcpmesh.bridge.plain_answer import failed, refused
from mcpmesh.bridge.plain_request import KEY_HEADER, PlainReader, PlainRequest
from mcpmesh.bridge.sse import EventStream
from mcpmesh.bridge.tools_call import TOOL_ERROR, origin_of, too_long
from mcpmesh.bridge.unknown import as_unknown
from mcpmesh.bridge.view import View
from mcpmesh.codec import mcp
from mcpmesh.codec.http_error import error_json, http_status_of, retry_after
from mcpmesh.codec.jsonrpc import INTERNAL_ERROR
from mcpmesh.codec.mcp_error import failure_of, rpc_error_of
from mcpmesh.codec.plain_result import plain_event, plain_question, plain_result, written
from mcpmesh.errors import (
    InternalError,
    MeshError,
    OutOfRange,
    RemoteProtocolError,
    ToolNotFound,
)
from mcpmesh.stack.origin import Origin
from mcpmesh.v1 import invoke_pb2, tool_pb2

_NO_FIELDS: Mapping[str, Any] = {}
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PlainCall:
    """One call: what is asked, by whom, and how long it may take (seconds, None for any time)."""

    invoke: invoke_pb2.InvokeRequest
    exchange: Exchange
    observation: CallObservation
    origin: Origin
    timeout: float | None

    def fields(self) -> tuple[Header, ...]:
        """Return the header fields that say which call an answer is to."""
        return (
            (b"x-correlation-id", self.observation.correlation_id.encode()),
            (b"traceparent", self.observation.trace.traceparent().encode()),
        )


class PlainCalls:
    """Calls tools for programs that speak plain HTTP."""

    def __init__(self, bridge: Bridge, kept: KeptAnswers) -> None:
        self._bridge = bridge
        self._mesh = bridge.mesh
        self._asking: Asking = bridge.asking
        self._reader = PlainReader(bridge.asking, bridge.settings.max_depth)
        self._kept = kept

    async def __call__(
        self, request: HttpRequest, stream: Stream, tool: str, version: str, *, events: bool
    ) -> HttpAnswer | None:
        """Answer one call; with `events`, by a stream of them.

        Raises: HttpRefusal, MeshError for what is no call.
        """
        asked = self._reader.read(request, stream.principal, tool, version)
        if asked.key is None or events:
            return await self._called(asked, stream if events else None)

        async def answer() -> HttpAnswer:
            given = await self._called(asked, None)
            assert given is not None
            return given

        given, before = await self._kept.once(asked.owned_key(), asked.digest(), answer)
        if before:
            replayed: Header = (b"idempotency-replayed", b"true")
            return HttpAnswer(given.status, given.body, (*given.headers, replayed))
        return given

    async def _called(self, asked: PlainRequest, stream: Stream | None) -> HttpAnswer | None:
        """Call, and see to it that the call is observed once, however it ends."""
        links = links_of(asked.headers, _NO_FIELDS)
        call = _call(asked, links, self._bridge.observe(asked.invoke.tool, links))
        observation = call.observation
        views = self._bridge.views
        view = views.of(b"", asked.principal) if views.guarded else None
        answer: HttpAnswer | None
        try:
            if view is not None and not view.knows(asked.invoke.tool):
                raise ToolNotFound(asked.invoke.tool)
            if stream is None:
                answer = await self._answer(call)
            else:
                answer = await in_task(self._streamed(call, stream))
        except CancelledError:
            observation.end("cancelled")
            raise
        except ToolNotFound as exc:
            answer = await self._unknown(call, exc, view)
        except Exception as exc:
            answer = _failure(call, exc)
        observation.end(call.exchange.error_type)
        return answer

    async def _unknown(self, call: PlainCall, error: ToolNotFound, view: View | None) -> HttpAnswer:
        """Answer a call of what is not there for the caller."""
        name, patience = call.invoke.tool, self._bridge.tuning.first_list_timeout
        try:
            return _failure(call, await as_unknown(error, name, view, self._mesh, patience))
        except MeshError as exc:
            return _failure(call, exc)

    async def _answer(self, call: PlainCall) -> HttpAnswer:
        outcome = await self._mesh.invoke(call.invoke, call.origin, call.timeout)
        kind = outcome.WhichOneof("outcome")
        if kind == "input_required":
            return HttpAnswer(200, self._question(call, outcome), (JSON, *call.fields()))
        if kind != "result":
            raise RemoteProtocolError(f"{call.invoke.tool}: the answer holds no outcome")
        result = outcome.result
        status, body = plain_result(result)
        most = self._bridge.settings.max_answer_bytes
        if len(body) > most:
            raise OutOfRange(too_long(call.invoke.tool, len(body), most))
        wait: tuple[Header, ...] = ()
        if result.is_error:
            call.exchange.error_type = TOOL_ERROR
            wait = retry_after(result.error.retry_after_ms)
        return HttpAnswer(status, body, (JSON, *call.fields(), *wait))

    async def _streamed(self, call: PlainCall, stream: Stream) -> HttpAnswer | None:
        """Answer by events; a call that fails before there is any gets a plain answer."""
        heartbeat = self._bridge.settings.heartbeat
        async with EventStream(stream, heartbeat, call.fields()) as told:
            try:
                await self._relay(call, told)
            except MeshError as error:
                if not told.started:
                    raise
                failure = {"error": error_json(error), "status": http_status_of(error)}
                call.exchange.error_type = _error_type(error)
                await told.named("error", written(failure))
        return None

    async def _relay(self, call: PlainCall, told: EventStream) -> None:
        """Tell a call's events.

        Raises: MeshError.
        """
        events = self._mesh.stream(call.invoke, call.origin, call.timeout)
        try:
            async for event in events:
                kind = event.WhichOneof("event")
                if kind == "result":
                    if event.result.is_error:
                        call.exchange.error_type = TOOL_ERROR
                    await told.named("result", plain_result(event.result)[1])
                    return
                if kind == "input_required":
                    await told.named("inputRequired", self._question(call, event))
                    return
                if (plain := plain_event(event)) is not None:
                    await told.named(*plain)
        finally:
            if isinstance(events, AsyncGenerator):  # cancels the call when we leave early
                await events.aclose()
        raise RemoteProtocolError(f"{call.invoke.tool}: the call ended without an outcome")

    def _question(
        self, call: PlainCall, holder: invoke_pb2.InvokeResponse | invoke_pb2.InvokeEvent
    ) -> bytes:
        asked: tool_pb2.InputRequired = holder.input_required
        principal = call.exchange.peer.principal
        return plain_question(asked, self._asking.state(call.invoke, asked, principal))


def _call(asked: PlainRequest, links: Links, observation: CallObservation) -> PlainCall:
    peer = Peer(mcp.MODERN[0], True, principal=asked.principal)
    exchange = Exchange(peer, links, _nothing, observation=observation)
    more = () if asked.key is None else ((KEY_HEADER.decode(), asked.key),)
    origin = origin_of(exchange, *more)
    return PlainCall(asked.invoke, exchange, observation, origin, asked.timeout)


def _nothing() -> None:
    """A call over plain HTTP is cancelled by its connection."""


def _failure(call: PlainCall, error: Exception) -> HttpAnswer:
    """Write a failure.

    Apart, because an error in a variable of a frame in its own traceback is a cycle.
    """
    if isinstance(error, HttpRefusal):
        return refused(error)
    if not isinstance(error, MeshError):
        trace = call.observation.trace
        ids = {
            "correlation_id": call.observation.correlation_id,
            "trace_id": trace.trace_id,
            "span_id": trace.span_id,
        }
        _log.error("invoke %s: %r", call.invoke.tool, error, exc_info=error, extra=ids)
        error = InternalError("a bug")
    call.exchange.error_type = _error_type(error)
    return failed(error, call.fields())


def _error_type(error: MeshError) -> str:
    """Return the word for a failure that metrics know: the same as through MCP."""
    failure = failure_of(error)
    if failure is not None:
        return str(failure[1]["code"])
    code = rpc_error_of(error).code
    return str(code if code else INTERNAL_ERROR)
