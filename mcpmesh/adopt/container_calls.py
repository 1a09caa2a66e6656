"""Answers calls of a tool with requests to the container that has it."""

import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from mcpmesh.adopt.container_answer import (
    QUESTION,
    cannot_ask,
    chunk_of,
    failed,
    failure_of,
    result_of,
)
from mcpmesh.adopt.container_manifest import ContainedTool
from mcpmesh.adopt.event_lines import EventLines
from mcpmesh.adopt.http_client import UNSENT, reason_of
from mcpmesh.codec.metadata import format_timeout
from mcpmesh.errors import Overloaded, ReplicaLost
from mcpmesh.sdk.context import LEVELS, ToolContext
from mcpmesh.sdk.failure import Refused, ToolFailure
from mcpmesh.v1 import tool_pb2

_EVENTS = "text/event-stream"
#: Metadata of the call that a container gets as headers besides.
_PASSED = ("idempotency-key",)


@dataclass(frozen=True, slots=True)
class ContainerCalls:
    """How a container is called; `lost` is told why it cannot be connected to.

    Units: `max_answer_bytes` of a body.
    """

    client: httpx2.AsyncClient
    headers: Mapping[str, str]
    max_answer_bytes: int
    lost: Callable[[str], None]

    def handler(self, contained: ContainedTool) -> Callable[..., AsyncIterator[Any]]:
        """Return what answers calls of a tool; it yields content, and the result at the end."""

        async def handle(arguments: bytes, context: ToolContext) -> AsyncIterator[Any]:
            name = contained.tool.name
            made = self.client.build_request(
                "POST", contained.url, headers=self._headers(contained, context), content=arguments
            )
            try:
                answer = await self.client.send(made, stream=True)
                try:
                    async for told in self._answer(name, answer, context):
                        yield told
                finally:
                    await answer.aclose()
            except UNSENT as error:
                self.lost(f"it cannot be connected to: {reason_of(error)}")
                raise Refused(
                    Overloaded(f"{name}: {reason_of(error)}", retry_after_ms=1)
                ) from error
            except httpx2.HTTPError as error:
                message = f"{name}: the connection broke: {reason_of(error)}"
                raise Refused(ReplicaLost(message)) from error

        return handle

    def _headers(self, contained: ContainedTool, context: ToolContext) -> list[tuple[str, str]]:
        headers = [
            ("content-type", "application/json"),
            ("accept", f"application/json, {_EVENTS}"),
            ("mcp-name", contained.own_name),
            ("traceparent", context.trace.traceparent()),
            ("x-correlation-id", context.correlation_id),
        ]
        if context.trace.state:
            headers.append(("tracestate", context.trace.state))
        if (left := context.time_remaining()) < math.inf:
            headers.append(("grpc-timeout", format_timeout(left).decode()))
        headers += [(key, context.metadata[key]) for key in _PASSED if key in context.metadata]
        return headers + list(self.headers.items())

    async def _answer(
        self, tool: str, answer: httpx2.Response, context: ToolContext
    ) -> AsyncIterator[Any]:
        """Read an answer, whole or as events.

        Raises: ToolFailure, Refused, httpx2.HTTPError.
        """
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if answer.is_success and kind == _EVENTS:
            async for told in self._events(tool, answer, context):
                yield told
            return
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            self._check_size(tool, len(body))
        if answer.is_success:
            yield result_of(tool, bytes(body))
        else:
            yield failed(tool, answer, bytes(body), time.time())

    async def _events(
        self, tool: str, answer: httpx2.Response, context: ToolContext
    ) -> AsyncIterator[Any]:
        lines = EventLines(self.max_answer_bytes)
        async for chunk in answer.aiter_bytes():
            for name, data in lines.feed(chunk):
                if name == "result":
                    yield result_of(tool, data)
                    return
                if name == QUESTION:
                    raise cannot_ask(tool)
                if name == "error":
                    raise failure_of(tool, _object(data).get("error") or {}, "UNKNOWN")
                if (content := await _told(name, data, context)) is not None:
                    yield content
            if lines.overflown:
                self._check_size(tool, self.max_answer_bytes + 1)
        raise Refused(ReplicaLost(f"{tool}: the container's stream ended without a result"))

    def _check_size(self, tool: str, size: int) -> None:
        if size > self.max_answer_bytes:
            raise ToolFailure(
                f"{tool}: the container answered more than {self.max_answer_bytes} bytes; "
                "ask for less",
                code="OUT_OF_RANGE",
            )


async def _told(name: str, data: bytes, context: ToolContext) -> tool_pb2.Content | None:
    """Pass on what is told before the result; return what is content."""
    if name == "content":
        with suppress(ValueError):
            return chunk_of(data)
        return None
    said = _object(data)
    if name == "progress" and isinstance(said.get("progress"), int | float):
        total = said.get("total")
        message = str(said.get("message") or "")
        known = float(total) if isinstance(total, int | float) else None
        await context.progress(float(said["progress"]), known, message)
    elif name == "log":
        level = said.get("level")
        logger = str(said.get("logger") or "")
        await context.log(level if level in LEVELS else "info", said.get("data"), logger)
    return None


def _object(data: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
