"""Answers calls of a tool with the HTTP requests that its operation stands for."""

import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from mcpmesh.adopt.http_client import UNSENT, reason_of
from mcpmesh.adopt.openapi_answer import Declared, HttpAnswer
from mcpmesh.adopt.openapi_operation import HttpOperation
from mcpmesh.adopt.openapi_request import HttpRequest, request_of
from mcpmesh.adopt.openapi_security import Proof
from mcpmesh.errors import Overloaded, ReplicaLost
from mcpmesh.sdk.arguments import read_object
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.failure import Refused, ToolFailure
from mcpmesh.v1 import tool_pb2

_ENCODINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


@dataclass(frozen=True, slots=True)
class HttpCalls:
    """How an API is called; `lost` is told why it cannot be connected to.

    Units: `max_answer_bytes` of a body, unpacked.
    """

    client: httpx2.AsyncClient
    base: str
    headers: Mapping[str, str]
    forward: tuple[str, ...]
    max_answer_bytes: int
    lost: Callable[[str], None]
    hide: Callable[[str], str] = field(default=str)

    def handler(self, operation: HttpOperation, base: str, proof: Proof) -> Callable[..., Any]:
        """Return what answers calls of this operation as a tool."""
        declared = Declared(operation.title, operation.result)

        async def handle(arguments: bytes, context: ToolContext) -> tool_pb2.ToolResult:
            request = request_of(operation, read_object(arguments), proof)
            try:
                answer = await self._send(base, request, self._headers(context))
                return declared.result(answer, time.time())
            except ToolFailure as failure:
                # A server may repeat what it was sent.
                failure.message = self.hide(failure.message)
                raise
            except Refused as refused:
                refused.error.message = self.hide(refused.error.message)
                raise

        return handle

    def _headers(self, context: ToolContext) -> list[tuple[str, str]]:
        headers = [(key, context.metadata[key]) for key in self.forward if key in context.metadata]
        headers += self.headers.items()
        headers.append(("traceparent", context.trace.traceparent()))
        if context.trace.state:
            headers.append(("tracestate", context.trace.state))
        return headers

    async def _send(
        self, base: str, request: HttpRequest, headers: list[tuple[str, str]]
    ) -> HttpAnswer:
        """Send a request and read its answer.

        Raises: Refused when it did not arrive, or the connection broke; ToolFailure for an answer
        that is too large or no HTTP.
        """
        what = repr(request)
        body = request.body
        try:
            made = self.client.build_request(
                request.method,
                base + request.target,
                headers=[*headers, *request.headers],
                content=None if body is None or body.parts else body.content,
                files=list(body.parts) if body is not None and body.parts else None,
            )
            answer = await self.client.send(made, stream=True)
            try:
                return await self._read(answer, what)
            finally:
                await answer.aclose()
        except UNSENT as error:
            self.lost(f"{self.base} cannot be connected to: {reason_of(error)}")
            raise Refused(Overloaded(f"{what}: {reason_of(error)}", retry_after_ms=1)) from error
        except httpx2.InvalidURL as error:
            raise ToolFailure(f"{what}: {error}", code="INVALID_ARGUMENT") from error
        except httpx2.RemoteProtocolError as error:
            raise Refused(ReplicaLost(f"{what}: no HTTP answer: {reason_of(error)}")) from error
        except httpx2.HTTPError as error:
            raise Refused(
                ReplicaLost(f"{what}: the connection broke: {reason_of(error)}")
            ) from error

    async def _read(self, answer: httpx2.Response, what: str) -> HttpAnswer:
        body = bytearray()
        unpacked = _Unpacked(answer.headers.get("content-encoding", ""))
        async for chunk in answer.aiter_raw():
            body += unpacked.feed(chunk, self.max_answer_bytes - len(body) + 1)
            if len(body) > self.max_answer_bytes:
                raise ToolFailure(
                    f"{what} answered more than {self.max_answer_bytes} bytes; ask for less",
                    code="RESOURCE_EXHAUSTED",
                )
        return HttpAnswer(
            answer.status_code,
            answer.reason_phrase,
            answer.headers.get("content-type", ""),
            bytes(body),
            answer.headers.get("retry-after", ""),
            answer.headers.get("location", ""),
        )


class _Unpacked:
    """Unpacks a body, and never more of it than it is asked for."""

    def __init__(self, encoding: str) -> None:
        name = encoding.strip().lower()
        if name and name != "identity" and name not in _ENCODINGS:
            raise ToolFailure(f"the answer is packed as {name[:40]}, unasked", code="INTERNAL")
        self._unpacker = zlib.decompressobj(_ENCODINGS[name]) if name in _ENCODINGS else None

    def feed(self, chunk: bytes, room: int) -> bytes:
        if self._unpacker is None:
            return chunk
        try:
            return self._unpacker.decompress(chunk, max(1, room))
        except zlib.error as error:
            raise ToolFailure(f"the answer is packed badly: {error}", code="INTERNAL") from error
