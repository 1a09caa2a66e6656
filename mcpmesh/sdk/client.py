"""Calls tools and finds them, through a router or directly at a replica."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from random import Random
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar, Unpack, overload

import grpc

from mcpmesh.config import NO_TLS, LimitSettings, RouterSettings, TlsSettings
from mcpmesh.errors import InvalidCall, RemoteProtocolError
from mcpmesh.model.address import Address
from mcpmesh.model.estimate import Estimate
from mcpmesh.sdk.call_result import CallResult, result_from_message
from mcpmesh.sdk.call_stream import CallStream, this_task_is_cancelled
from mcpmesh.sdk.catalog_watch import CatalogEvent, watch_catalog
from mcpmesh.sdk.conversation import Conversation
from mcpmesh.sdk.engine import new_channel, new_direct_channel
from mcpmesh.sdk.outgoing import Arguments, CallOptions, Metadata, Outgoing, outgoing, pairs
from mcpmesh.sdk.rpc_error import mesh_error, told_by
from mcpmesh.sdk.tool_info import (
    Choice,
    Explanation,
    ReplicaInfo,
    SearchHit,
    ToolInfo,
    choice,
    estimate,
    explanation,
    replica_info,
    search_hit,
    tool_info,
)
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc, invoke_pb2, invoke_pb2_grpc

T = TypeVar("T")
PAGE_SIZE = 500
MAX_QUESTIONS = 10


class Client:
    """A caller of tools over one connection, shared by any number of calls at a time.

    `default_timeout` holds for what is called without a `timeout`; `metadata` goes with every
    RPC; `max_message_bytes` bounds an answer. `direct` calls replicas without the router between,
    as the router would with its default settings or those given; what cannot be reached from here
    is still called through it. A `channel` given stays the caller's to close, and
    `target` is then only a name.

    Shape: `target` is HOST:PORT, unix:/PATH, or dns:///NAME:PORT for a connection to each address
    of the name; `tls` makes it speak TLS when it has a `tls_ca`.
    Raises: InvalidCall for a target that is no address, and metadata that is no pairs.
    Raises (every method): MeshError by whose fault. Cancelling the task cancels the call.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:7070",
        *,
        channel: Any = None,
        tls: TlsSettings = NO_TLS,
        default_timeout: float | None = None,
        metadata: Metadata = (),
        max_message_bytes: int = 4 * 1024 * 1024,
        direct: bool | RouterSettings = False,
    ) -> None:
        if channel is None:
            Address.parse(
                target
            )  # here, and not at the first call, it is clear which line is wrong
        if not isinstance(direct, bool | RouterSettings):
            raise InvalidCall(f"direct {direct!r:.100} is not True, False or a RouterSettings")
        self._target = target
        self._direct = direct
        self._limits = LimitSettings.of_messages(max_message_bytes)
        self._given = channel
        self._tls = tls
        self._timeout = default_timeout
        self._metadata = pairs(metadata)
        self._channel: Any = None
        self._closed = False
        self._tools: Any = None
        self._discovery: Any = None

    def __repr__(self) -> str:
        state = "closed" if self._closed else "idle" if self._channel is None else "open"
        return f"<Client {self._target} {state}>"

    async def __aenter__(self) -> Self:
        self._connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; calls in flight are cancelled. Closing twice does nothing."""
        channel, self._channel, self._closed = self._channel, None, True
        if channel is not None and self._given is None:
            await channel.close()

    @overload
    async def call(
        self,
        name: str,
        arguments: Arguments | None = None,
        /,
        *,
        result_type: type[T],
        **options: Unpack[CallOptions],
    ) -> CallResult[T]: ...

    @overload
    async def call(
        self, name: str, arguments: Arguments | None = None, /, **options: Unpack[CallOptions]
    ) -> CallResult[Any]: ...

    async def call(
        self,
        name: str,
        arguments: Arguments | None = None,
        /,
        *,
        result_type: type[T] | None = None,
        **options: Unpack[CallOptions],
    ) -> CallResult[T]:
        """Call a tool and wait for its result; with `result_type`, `data` is of that type.

        A failure of the tool is a result with `is_error`; `raise_for_error` makes it an exception.
        Raises: ToolNotFound, NoReplica, DeadlineExceeded and the other errors of the mesh;
        QuestionUnanswered when the tool asks back and `on_input` is missing; UnexpectedResult.
        """
        call = self._outgoing(name, arguments, options)
        for _ in range(MAX_QUESTIONS):
            answer, correlation_id, spoke = await self._invoke(call)
            if answer.HasField("result"):
                correlation_id = correlation_id or call.correlation_id
                return result_from_message(
                    answer.result, result_type, correlation_id, spoke or call.tool
                )
            if not answer.HasField("input_required"):
                raise RemoteProtocolError(f"{name}: the answer has neither result nor question")
            call = await call.answered(answer.input_required, spoke)
        raise RemoteProtocolError(f"{name}: the tool asked back {MAX_QUESTIONS} times")

    @overload
    def stream(
        self,
        name: str,
        arguments: Arguments | None = None,
        /,
        *,
        result_type: type[T],
        **options: Unpack[CallOptions],
    ) -> CallStream[T]: ...

    @overload
    def stream(
        self, name: str, arguments: Arguments | None = None, /, **options: Unpack[CallOptions]
    ) -> CallStream[Any]: ...

    def stream(
        self,
        name: str,
        arguments: Arguments | None = None,
        /,
        *,
        result_type: type[T] | None = None,
        **options: Unpack[CallOptions],
    ) -> CallStream[T]:
        """Call a tool and iterate over its events as they come; the last is a CallResult.

        The call starts with the first event asked for; closing the stream cancels it.
        """
        return CallStream(self._start_stream, self._outgoing(name, arguments, options), result_type)

    def converse(self, name: str, /, **options: Unpack[CallOptions]) -> Conversation[Any]:
        """Open a conversation with a tool: send arguments, iterate over its events."""
        return Conversation(self._start_converse, self._outgoing(name, None, options))

    async def list_tools(
        self, *, labels: Mapping[str, str] | None = None, all_versions: bool = False
    ) -> list[ToolInfo]:
        """Return all tools by name, the newest version of each unless all are asked for."""
        tools: list[ToolInfo] = []
        token = ""
        while True:
            page = await self._ask(
                "ListTools",
                discovery_pb2.ListToolsRequest(
                    page_size=PAGE_SIZE, page_token=token, labels=labels, all_versions=all_versions
                ),
            )
            tools += map(tool_info, page.tools)
            token = page.next_page_token
            if not token:
                return tools

    async def get_tool(self, name: str, version: str = "") -> ToolInfo:
        """Return one tool, its newest version by default.

        Raises: ToolNotFound, whose message names the nearest.
        """
        request = discovery_pb2.GetToolRequest(name=name, version=version)
        return tool_info(await self._ask("GetTool", request))

    async def search_tools(
        self, query: str, *, limit: int = 10, labels: Mapping[str, str] | None = None
    ) -> list[SearchHit]:
        """Return the tools that fit the words, best first."""
        request = discovery_pb2.SearchToolsRequest(query=query, limit=limit, labels=labels)
        return [search_hit(hit) for hit in (await self._ask("SearchTools", request)).hits]

    async def feedback(self, tool: str, score: float) -> Estimate:
        """Say how good an answer of a tool was, which calls of its capability go by.

        Shape: `score` from 0 for wrong or useless to 1 for right; `tool` as CallResult.tool.
        Returns: the accuracy of the tool, from all feedback.
        Raises: ToolNotFound for a tool that provides no capability.
        """
        request = discovery_pb2.FeedbackRequest(tool=tool, score=score)
        return estimate((await self._ask("Feedback", request)).accuracy)

    async def list_choices(self, capability: str = "") -> list[Choice]:
        """Return the capabilities of the mesh, or one, and what is known of their tools.

        Raises: ToolNotFound for a capability that nobody provides.
        """
        request = discovery_pb2.ListChoicesRequest(capability=capability)
        return [choice(each) for each in (await self._ask("ListChoices", request)).choices]

    async def list_replicas(self, tool: str = "") -> list[ReplicaInfo]:
        """Return the replicas of one tool, or all, as the server asked sees them."""
        request = discovery_pb2.ListReplicasRequest(tool=tool)
        answer = await self._ask("ListReplicas", request)
        return [replica_info(replica) for replica in answer.replicas]

    async def explain_tool(self, name: str, version: str = "") -> Explanation:
        """Return why calls of a tool go where they go: its replicas ranked, and the last picks."""
        request = discovery_pb2.ExplainToolRequest(name=name, version=version)
        return explanation(await self._ask("ExplainTool", request))

    def watch(self, *, labels: Mapping[str, str] | None = None) -> AsyncGenerator[CatalogEvent]:
        """Yield a Snapshot, then Updated and Removed as tools change, until it is closed.

        When the connection or the router is lost it goes on by itself; where the router forgot
        what came between, with a new Snapshot.
        Raises: MeshError when the first try fails.
        """
        return watch_catalog(self._start_watch, labels or {}, Random())

    def _connect(self) -> None:
        """Open the channel, once: inside the event loop, and not before it is needed."""
        if self._closed:
            raise RuntimeError(f"the client of {self._target} is closed")
        if self._channel is None:
            self._channel = self._given or self._new_channel()
            self._tools = invoke_pb2_grpc.ToolServiceStub(self._channel)  # type: ignore[no-untyped-call]
            self._discovery = discovery_pb2_grpc.DiscoveryServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def _new_channel(self) -> Any:
        if not self._direct:
            return new_channel(self._target, self._tls, self._limits)
        settings = self._direct if isinstance(self._direct, RouterSettings) else None
        return new_direct_channel(self._target, self._tls, self._limits, settings)

    def _outgoing(self, name: str, arguments: Arguments | None, options: CallOptions) -> Outgoing:
        options = {"timeout": self._timeout, **options}
        more = options.get("metadata")
        options["metadata"] = (*self._metadata, *pairs(more)) if more else self._metadata
        return outgoing(name, arguments, **options)

    async def _invoke(self, call: Outgoing) -> tuple[invoke_pb2.InvokeResponse, str, str]:
        self._connect()
        rpc = self._tools.Invoke(call.request, **_how(call))
        try:
            return await rpc, *await told_by(rpc)
        except (grpc.RpcError, asyncio.CancelledError) as exc:
            self._fail(exc)

    async def _ask(self, method: str, request: Any) -> Any:
        self._connect()
        ask = getattr(self._discovery, method)
        try:
            return await ask(request, timeout=self._timeout, metadata=self._metadata)
        except (grpc.RpcError, asyncio.CancelledError) as exc:
            self._fail(exc)

    def _fail(self, error: BaseException) -> NoReturn:
        """Raise what the end of an RPC means to its caller."""
        lost = isinstance(error, grpc.RpcError)
        if lost and not self._closed:
            raise mesh_error(error) from error
        # gRPC says "cancelled" also when the channel is closed under a call.
        if not lost and (not self._closed or this_task_is_cancelled()):
            raise error
        closed = RuntimeError(f"the client of {self._target} was closed during the call")
        raise closed from (error if lost else None)

    def _start_stream(self, call: Outgoing) -> Any:
        self._connect()
        return self._tools.InvokeStream(call.request, **_how(call))

    def _start_converse(self, call: Outgoing) -> Any:
        self._connect()
        return self._tools.Converse(**_how(call))

    def _start_watch(self, request: discovery_pb2.WatchToolsRequest) -> Any:
        self._connect()
        return self._discovery.WatchTools(request, metadata=self._metadata)


def _how(call: Outgoing) -> dict[str, Any]:
    """Return what goes with the request: gRPC waits for the connection as the mesh for replicas."""
    return {
        "timeout": call.timeout,
        "metadata": call.metadata,
        "wait_for_ready": call.wait_for_ready or None,
    }
