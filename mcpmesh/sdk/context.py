"""What a tool's function may know and say while it runs: a parameter annotated `ToolContext`.

Its attributes, and `alert`, may be used from anywhere. Its coroutines (`progress`, `log`, `ask`,
`inputs`) are for async tools; a plain function, which runs in a thread, has the same as blocking
calls under `ctx.sync`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar, overload

import orjson
from pydantic import TypeAdapter, ValidationError

from mcpmesh.model.deadline import Deadline
from mcpmesh.model.trace import TraceContext
from mcpmesh.sdk.arguments import read_object
from mcpmesh.sdk.content import json_bytes
from mcpmesh.sdk.elicitation import Form, accepted_content, form_of
from mcpmesh.sdk.failure import WrongArguments
from mcpmesh.sdk.incoming import Incoming
from mcpmesh.sdk.questions import Questions
from mcpmesh.sdk.sink import Sink
from mcpmesh.sdk.sync_context import SyncToolContext
from mcpmesh.v1 import invoke_pb2

T = TypeVar("T")
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


class ToolContext:
    """One call, as the tool's function sees it.

    `trace` is the span of this execution; `caller` is empty when nobody said who calls;
    `metadata` holds the call's gRPC metadata (text entries).
    """

    def __init__(
        self,
        *,
        tool: str,
        incoming: Incoming,
        trace: TraceContext,
        deadline: Deadline,
        sink: Sink,
        questions: Questions,
        meta: bytes = b"",
        messages: AsyncIterator[invoke_pb2.InvokeRequest] | None = None,
    ) -> None:
        self.tool = tool
        self.trace = trace
        self.deadline = deadline
        self.correlation_id = incoming.correlation_id
        self.caller = incoming.caller
        self.metadata = incoming.metadata
        self.alerts: list[str] = []
        #: True once nobody waits for the call: cancelled, timed out, or ended.
        self.cancelled = False
        #: What threads of this call wait for on the loop.
        self.waits: set[Future[Any]] = set()
        self._sink = sink
        self._questions = questions
        self._meta = meta
        self._messages = messages
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"ToolContext({self.tool}, correlation_id={self.correlation_id})"

    @property
    def sync(self) -> SyncToolContext:
        """The blocking forms of progress, log, ask and inputs, for code in threads."""
        return SyncToolContext(self, self._loop)

    @property
    def meta(self) -> Mapping[str, Any]:
        """MCP's `_meta` of the request."""
        return read_object(self._meta)

    def time_remaining(self) -> float:
        """Return the seconds until the deadline; infinity when there is none."""
        return self.deadline.remaining(self._loop.time())

    def over(self) -> bool:
        """Tell whether nobody waits for the call any more."""
        return self.cancelled

    def close(self) -> None:
        """Say that the call is over, and free the threads that wait for something of it."""
        self.cancelled = True
        for wait in tuple(self.waits):
            wait.cancel()

    def alert(self, sentence: str) -> None:
        """Add a warning beside a valid result, such as "data is from yesterday"."""
        self.alerts.append(sentence)

    async def progress(
        self, progress: float, total: float | None = None, message: str = ""
    ) -> None:
        """Tell a streaming caller how far the call is; `progress` grows from call to call."""
        event = invoke_pb2.Progress(progress=progress, total=total, message=message)
        await self._sink.notice(invoke_pb2.InvokeEvent(progress=event))

    async def log(self, level: str, data: object, logger: str = "") -> None:
        """Send a streaming caller a log line: any JSON value.

        Raises: ValueError for a level that RFC 5424 does not have.
        """
        if level not in LEVELS:
            raise ValueError(f"log level {level!r} is not one of {', '.join(LEVELS)}")
        line = invoke_pb2.LogMessage(level=level, logger=logger, data=json_bytes(data))
        await self._sink.notice(invoke_pb2.InvokeEvent(log=line))

    @overload
    async def ask(self, message: str, answer: type[T], *, key: str = "") -> T: ...
    @overload
    async def ask(self, message: str, answer: Mapping[str, Any], *, key: str = "") -> Any: ...
    @overload
    async def ask(self, message: str, *, key: str = "") -> str: ...

    async def ask(self, message: str, answer: Any = str, *, key: str = "") -> Any:
        """Ask the user; return the answer, of the type asked for or fitting the schema given.

        The function is left here when the answer is missing, and runs anew, from its start, with
        the answer: what stands before must bear that, and ask the same in the same order, or
        give each question a `key` of its own.
        Raises: Declined when the user does not answer; WrongArguments for an unfit answer.
        """
        form: Form = form_of(answer)
        key = key or self._questions.next_key()
        params = {"message": message, "requestedSchema": form.schema}
        result = await self.request_input("elicitation/create", params, key=key)
        return form.read(key, accepted_content(message, result))

    async def request_input(
        self, method: str, params: Mapping[str, Any], *, key: str = ""
    ) -> Mapping[str, Any]:
        """Send the client an MCP request (sampling/createMessage, roots/list); return its result.

        Works as `ask` does: the function runs anew when the result is there.
        """
        key = key or self._questions.next_key()
        encoded = orjson.dumps(params, option=orjson.OPT_SORT_KEYS)
        return read_object(self._questions.answer(key, method, encoded).encode())

    @property
    def carried(self) -> str | None:
        """What `carry` was given before the caller was asked; None in the first round."""
        return self._questions.carried

    def carry(self, text: str) -> None:
        """Have the caller bring a text back with its answers, signed but not hidden from it.

        To be called in each round that asks; for tools that can go on where they were.
        """
        self._questions.carry(text)

    @overload
    def inputs(self) -> AsyncIterator[dict[str, Any]]: ...
    @overload
    def inputs(self, message: type[T]) -> AsyncIterator[T]: ...

    async def inputs(self, message: Any = dict[str, Any]) -> AsyncIterator[Any]:
        """Yield the arguments of each message after the first; nothing outside Converse.

        Raises: WrongArguments for a message that is not of the type asked for.
        """
        if self._messages is None:
            return
        adapter: TypeAdapter[Any] = TypeAdapter(message)
        async for request in self._messages:
            if request.tool and request.tool != self.tool:
                raise WrongArguments(
                    f"this conversation is with {self.tool}, a message names {request.tool}"
                )
            try:
                yield adapter.validate_json(request.arguments or b"{}")
            except ValidationError as error:
                raise WrongArguments(f"a message is not what the tool reads: {error}") from error
