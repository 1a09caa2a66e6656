"""The client for code without an event loop: scripts, notebooks, threads, web frameworks."""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

from mcpmesh.config import NO_TLS, RouterSettings, TlsSettings
from mcpmesh.model.estimate import Estimate
from mcpmesh.sdk.call_result import CallResult
from mcpmesh.sdk.catalog_watch import CatalogEvent
from mcpmesh.sdk.client import Client
from mcpmesh.sdk.events import Interim
from mcpmesh.sdk.loop_thread import LoopThread
from mcpmesh.sdk.outgoing import Arguments, CallOptions, CommonOptions, Metadata, Question
from mcpmesh.sdk.sync_stream import SyncConversation, SyncStream
from mcpmesh.sdk.tool_info import Choice, Explanation, ReplicaInfo, SearchHit, ToolInfo

T = TypeVar("T")


class SyncCallOptions(CommonOptions, total=False):
    """CommonOptions, and `on_input`: a function that answers what the tool asks."""

    on_input: Callable[[Question], Mapping[str, Any]] | None


class SyncClient:
    """`Client` for any number of threads: the same methods, without await.

    One background thread runs the connection; `close`, or leaving the `with`, ends it.
    Raises: InvalidCall for a target that is no address.
    Raises (every method): MeshError by whose fault.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:7070",
        *,
        tls: TlsSettings = NO_TLS,
        default_timeout: float | None = None,
        metadata: Metadata = (),
        max_message_bytes: int = 4 * 1024 * 1024,
        direct: bool | RouterSettings = False,
    ) -> None:
        self._client = Client(
            target,
            tls=tls,
            default_timeout=default_timeout,
            metadata=metadata,
            max_message_bytes=max_message_bytes,
            direct=direct,
        )
        self._thread = LoopThread(f"mcpmesh client of {target}")

    def __repr__(self) -> str:
        return f"<SyncClient {self._client!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; calls of other threads end with a RuntimeError."""
        if self._thread.closed:
            return
        try:
            self._thread.run(self._client.aclose())
        finally:
            self._thread.close()

    @overload
    def call(
        self,
        name: str,
        arguments: Arguments | None = None,
        /,
        *,
        result_type: type[T],
        **options: Unpack[SyncCallOptions],
    ) -> CallResult[T]: ...

    @overload
    def call(
        self, name: str, arguments: Arguments | None = None, /, **options: Unpack[SyncCallOptions]
    ) -> CallResult[Any]: ...

    def call(
        self,
        name: str,
        arguments: Arguments | None = None,
        /,
        *,
        result_type: Any = None,
        **options: Unpack[SyncCallOptions],
    ) -> CallResult[Any]:
        """Call a tool and wait for its result; see Client.call."""
        calling = self._client.call(name, arguments, result_type=result_type, **_awaitable(options))
        return self._thread.run(calling)

    def stream(
        self,
        name: str,
        arguments: Arguments | None = None,
        /,
        *,
        result_type: Any = None,
        **options: Unpack[SyncCallOptions],
    ) -> SyncStream[Interim | CallResult[Any]]:
        """Call a tool and iterate over its events as they come; see Client.stream."""
        events = self._client.stream(
            name, arguments, result_type=result_type, **_awaitable(options)
        )
        return SyncStream(self._thread, events)

    def converse(self, name: str, /, **options: Unpack[SyncCallOptions]) -> SyncConversation[Any]:
        """Open a conversation with a tool: send arguments, iterate over its events."""
        return SyncConversation(self._thread, self._client.converse(name, **_awaitable(options)))

    def list_tools(
        self, *, labels: Mapping[str, str] | None = None, all_versions: bool = False
    ) -> list[ToolInfo]:
        """Return all tools by name, the newest version of each unless all are asked for."""
        return self._thread.run(self._client.list_tools(labels=labels, all_versions=all_versions))

    def get_tool(self, name: str, version: str = "") -> ToolInfo:
        """Return one tool, its newest version by default."""
        return self._thread.run(self._client.get_tool(name, version))

    def search_tools(
        self, query: str, *, limit: int = 10, labels: Mapping[str, str] | None = None
    ) -> list[SearchHit]:
        """Return the tools that fit the words, best first."""
        return self._thread.run(self._client.search_tools(query, limit=limit, labels=labels))

    def feedback(self, tool: str, score: float) -> Estimate:
        """Say how good an answer of a tool was; see Client.feedback."""
        return self._thread.run(self._client.feedback(tool, score))

    def list_choices(self, capability: str = "") -> list[Choice]:
        """Return the capabilities of the mesh, or one; see Client.list_choices."""
        return self._thread.run(self._client.list_choices(capability))

    def list_replicas(self, tool: str = "") -> list[ReplicaInfo]:
        """Return the replicas of one tool, or all, as the server asked sees them."""
        return self._thread.run(self._client.list_replicas(tool))

    def explain_tool(self, name: str, version: str = "") -> Explanation:
        """Return why calls of a tool go where they go: its replicas ranked, and the last picks."""
        return self._thread.run(self._client.explain_tool(name, version))

    def watch(self, *, labels: Mapping[str, str] | None = None) -> SyncStream[CatalogEvent]:
        """Yield a Snapshot, then changes, until it is closed; see Client.watch."""
        return SyncStream(self._thread, self._client.watch(labels=labels))


def _awaitable(options: SyncCallOptions) -> CallOptions:
    """Return the options for the async client; questions are answered in a thread."""
    given: CallOptions = {key: value for key, value in options.items() if key != "on_input"}  # type: ignore[assignment]
    if on_input := options.get("on_input"):

        async def answer(question: Question) -> Mapping[str, Any]:
            return await asyncio.to_thread(on_input, question)

        given["on_input"] = answer
    return given
