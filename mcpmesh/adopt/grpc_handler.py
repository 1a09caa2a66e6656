"""Answers calls of a tool by calling the method of a gRPC service that it stands for."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from math import isinf
from typing import Any

import grpc
import orjson

from mcpmesh.adopt.grpc_failure import failure_of
from mcpmesh.adopt.grpc_reflection import learn_type
from mcpmesh.adopt.proto_method import LEFT_OUT, MESSAGES, ProtoMethod, UnknownType
from mcpmesh.errors import MeshError, NoReplica, Overloaded
from mcpmesh.sdk.content import text_block
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.failure import Refused, ToolFailure
from mcpmesh.v1 import tool_pb2

#: What the result of a stream repeats of it at most; the chunks before have been given anyway.
MAX_KEPT = 1000
MAX_KEPT_BYTES = 1024 * 1024
#: Room for what stands around an answer.
_ENVELOPE = 4096
#: Types that one answer may have to be learnt for, and the seconds for each.
_MOST_TYPES = 5
_LEARN = 5.0


@dataclass(frozen=True, slots=True)
class GrpcCalls:
    """How a service is called.

    `metadata` goes with every call, and so do those entries of its caller that `forward` names.
    """

    channel: Any
    metadata: Mapping[str, str] = field(default_factory=dict)
    forward: tuple[str, ...] = ()
    #: An answer stands twice in its result: as text for models, and for programs.
    max_result_bytes: int = 4 * 1024 * 1024
    #: Takes secrets out of what the service says: it may repeat what it was sent.
    hide: Callable[[str], str] = str
    #: Whether the service can be asked for the protos of what stands in an Any.
    reflects: bool = False

    def handler(self, method: ProtoMethod) -> Callable[..., Any]:
        """Return what answers calls of this method as a tool."""
        return self._streamed(method) if method.streams_answers else self._unary(method)

    def _unary(self, method: ProtoMethod) -> Callable[..., Any]:
        open_call = _opener(self.channel, method)

        async def handle(arguments: bytes, context: ToolContext) -> tool_pb2.ToolResult:
            requests = method.requests(arguments)
            await self._connected()
            try:
                encoded = await open_call(requests, self._options(context))
            except grpc.RpcError as error:
                raise self._failure(method, error) from error
            answer = await self._answer(method, encoded)
            structured = orjson.dumps(method.result(answer))
            if len(structured) * 2 > self.max_result_bytes - _ENVELOPE:
                raise ToolFailure(
                    f"{method.path[1:]} answered {len(structured)} bytes of JSON, more than a "
                    "result may have; ask for less",
                    code="RESOURCE_EXHAUSTED",
                )
            return tool_pb2.ToolResult(
                content=[text_block(structured.decode())], structured_content=structured
            )

        return handle

    def _streamed(self, method: ProtoMethod) -> Callable[..., Any]:
        open_call = _opener(self.channel, method)

        async def handle(arguments: bytes, context: ToolContext) -> AsyncIterator[Any]:
            requests = method.requests(arguments)
            await self._connected()
            kept = _Kept()
            call = open_call(requests, self._options(context))
            try:
                async for encoded in call:
                    text = orjson.dumps(await self._answer(method, encoded))
                    kept.add(text)
                    yield text_block(text.decode())
            except grpc.RpcError as error:
                raise self._failure(method, error) from error
            finally:
                call.cancel()
            yield tool_pb2.ToolResult(structured_content=kept.result())

        return handle

    async def _answer(self, method: ProtoMethod, encoded: bytes) -> Any:
        """Read an answer; types in an Any are learnt as they come.

        Raises: ToolFailure.
        """
        for _ in range(_MOST_TYPES):
            try:
                return method.answer(encoded)
            except UnknownType as unknown:
                if not self.reflects:
                    raise
                try:
                    await learn_type(
                        self.channel, method.protos, unknown.name, _LEARN, self.metadata.items()
                    )
                except MeshError:
                    raise unknown from None
        return method.answer(encoded)

    def _failure(self, method: ProtoMethod, error: grpc.RpcError) -> ToolFailure | Refused:
        return failure_of(method.path[1:], error, method.protos.pool, self.hide)

    async def _connected(self) -> None:
        """Wait for the connection, so that a call that cannot be sent is known as one.

        Raises: Refused, so that any tool's call may go to another replica.
        """
        try:
            await self.channel.ready(False)
        except NoReplica as error:
            raise Refused(Overloaded(error.message, retry_after_ms=1)) from error

    def _options(self, context: ToolContext) -> dict[str, Any]:
        """Return the call's timeout and metadata."""
        left = context.time_remaining()
        metadata = {key: context.metadata[key] for key in self.forward if key in context.metadata}
        metadata |= self.metadata
        metadata["traceparent"] = context.trace.traceparent()
        if context.trace.state:
            metadata["tracestate"] = context.trace.state
        return {"timeout": None if isinf(left) else left, "metadata": tuple(metadata.items())}


def _opener(channel: Any, method: ProtoMethod) -> Callable[[list[bytes], dict[str, Any]], Any]:
    """Return what begins a call of the method's shape."""
    if method.streams_requests:
        shape = channel.stream_stream if method.streams_answers else channel.stream_unary
        streaming = shape(method.path)
        return lambda requests, options: streaming(iter(requests), **options)
    shape = channel.unary_stream if method.streams_answers else channel.unary_unary
    unary = shape(method.path)
    return lambda requests, options: unary(requests[0], **options)


class _Kept:
    """The last messages of a stream, as many as a result holds."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._left_out = 0

    def add(self, message: bytes) -> None:
        self._messages.append(message)
        self._bytes += len(message)
        while len(self._messages) > MAX_KEPT or self._bytes > MAX_KEPT_BYTES:
            self._bytes -= len(self._messages.popleft())
            self._left_out += 1

    def result(self) -> bytes:
        """Write the structured result."""
        result: dict[str, Any] = {MESSAGES: [orjson.Fragment(each) for each in self._messages]}
        if self._left_out:
            result[LEFT_OUT] = self._left_out
        return orjson.dumps(result)
