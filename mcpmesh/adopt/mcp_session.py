"""A session with an MCP server: opened, listened to, closed, in a task of its own.

The official client lives in task groups, which have to be entered and left by one task and which
end it when a transport fails. So it gets a task; whoever uses the session sees futures and errors.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import mcp_types as types
from mcp import ClientSession, MCPError
from mcp.client.subscriptions import SubscriptionLost, listen
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

from mcpmesh import __version__
from mcpmesh.adopt.mcp_call import CURRENT, Json, McpCall
from mcpmesh.adopt.mcp_dispatcher import SoundDispatcher
from mcpmesh.adopt.mcp_turns import NobodyAsked, Turns
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.config import UpstreamSettings

_LOG = logging.getLogger("mcpmesh.upstream")
_ANY_JSON: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_CLIENT = types.Implementation(name="mcpmesh", version=__version__)
_LIST_CHANGES = (
    types.ToolListChangedNotification,
    types.PromptListChangedNotification,
    types.ResourceListChangedNotification,
)
#: Seconds between two looks whether an HTTP server still knows the session.
_LOOK_EVERY = 5.0
_LISTEN_AGAIN = 1.0
_CLOSE_WITHIN = 5.0


class McpSession:
    """One session; `open` it once, `close` it however that went."""

    def __init__(
        self,
        name: str,
        streams: AbstractAsyncContextManager[tuple[Any, Any]],
        settings: UpstreamSettings,
        asking: set[str],
    ) -> None:
        self.name = name
        self.turns = Turns(asking)
        self._streams = streams
        self._settings = settings
        self._session: ClientSession | None = None
        self._stop = asyncio.Event()
        self._news = asyncio.Event()
        self._lost = ""
        self._over = asyncio.Event()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "over" if self._over.is_set() else "open" if self._session else "opening"
        return f"McpSession({self.name}, {state})"

    @property
    def modern(self) -> bool:
        """Tell whether the server speaks 2026-07-28 or later."""
        return self._session is not None and (
            self._session.protocol_version in MODERN_PROTOCOL_VERSIONS
        )

    @property
    def capabilities(self) -> types.ServerCapabilities:
        """What the server can do."""
        assert self._session is not None
        return self._session.server_capabilities or types.ServerCapabilities()

    @property
    def over(self) -> bool:
        """Tell whether it has ended."""
        return self._over.is_set()

    async def open(self) -> None:
        """Connect and shake hands. Raises: UpstreamFailed."""
        self._task = asyncio.create_task(self._run(), name=f"session {self.name}")
        await asyncio.shield(self._opened)

    async def close(self) -> None:
        """End the session, and wait until it has ended."""
        self._stop.set()
        if self._task is not None:
            if self._session is None:
                self._task.cancel()
            done, _ = await asyncio.wait((self._task,), timeout=_CLOSE_WITHIN)
            if not done:
                self._task.cancel()
                await asyncio.wait((self._task,), timeout=_CLOSE_WITHIN)
        if self._opened.done():
            self._opened.exception()
        else:
            self._opened.cancel()

    async def changed(self) -> None:
        """Wait until its lists may have changed. Raises: UpstreamFailed when it is over."""
        over = asyncio.ensure_future(self._over.wait())
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((over, news), return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            news.cancel()
        if self._over.is_set():
            raise UpstreamFailed(self._lost or "ended the session")
        self._news.clear()

    async def request(self, request: Any, on_progress: Any = None) -> Json:
        """Make a request, and return the result as JSON.

        Raises: MCPError for an error of the server, also when the session is lost;
        ValidationError for a result that its protocol version does not know.
        """
        assert self._session is not None
        result: Any = await self._session.send_request(
            request,
            _ANY_JSON,  # as JSON, so that nothing gets lost
            progress_callback=on_progress,
        )
        found: Json = result
        return found

    async def list_tools(self, params: types.PaginatedRequestParams | None) -> Json:
        """Return a page of tools; the client keeps which of their arguments go into headers.

        Raises: as `request`.
        """
        assert self._session is not None
        page = await self._session.list_tools(params=params)
        return page.model_dump(by_alias=True, mode="json", exclude_unset=True)

    async def _run(self) -> None:
        try:
            await self._live()
        except Exception as error:
            self._lost = said(error)
            _LOG.debug("%s: session ended", self.name, exc_info=error)
        finally:
            self._over.set()
            if not self._opened.done():
                failure = UpstreamFailed(self._lost or "ended the session before it began")
                self._opened.set_exception(failure)

    async def _live(self) -> None:
        async with self._streams as (reading, writing):
            dispatcher = SoundDispatcher(reading, writing, self.name)
            async with ClientSession(
                dispatcher=dispatcher,
                client_info=_CLIENT,
                elicitation_callback=self._elicit,
                sampling_callback=self._sample,
                list_roots_callback=self._list_roots,
                logging_callback=self._log,
                message_handler=self._notice,
            ) as session:
                await negotiate(session, self._settings.era)
                self._session = session
                self._opened.set_result(None)
                watching = self._listen() if self.modern else self._look()
                tasks: list[asyncio.Task[Any]] = [
                    asyncio.create_task(watching),
                    asyncio.create_task(self._stop.wait()),
                    asyncio.create_task(dispatcher.closed.wait()),
                ]
                try:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    if tasks[0].done():
                        tasks[0].result()
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        """Hear of changed lists in the modern era, as long as the server tells them."""
        assert self._session is not None
        while True:
            try:
                async with listen(
                    self._session,
                    tools_list_changed=True,
                    prompts_list_changed=True,
                    resources_list_changed=True,
                ) as subscription:
                    async for _ in subscription:
                        self._news.set()
            except MCPError as error:
                if error.code == types.METHOD_NOT_FOUND:
                    await asyncio.Event().wait()
            except (SubscriptionLost, TimeoutError):
                pass
            await asyncio.sleep(_LISTEN_AGAIN)
            # Something may have changed meanwhile; and whoever cannot be reached is found out.
            self._news.set()

    async def _look(self) -> None:
        """Find out that an HTTP server forgot the session; others end their streams."""
        if self._settings.command:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self.request(types.PingRequest())
            except MCPError as error:
                if is_lost(error):
                    raise

    async def _elicit(self, context: Any, params: Any) -> Any:
        return await self._ask("elicitation/create", params, types.ElicitResult)

    async def _sample(self, context: Any, params: Any) -> Any:
        return await self._ask("sampling/createMessage", params, types.CreateMessageResult)

    async def _list_roots(self, context: Any) -> Any:
        # Not the caller's: what all callers share must not work where one of them wants it to.
        roots = [types.Root.model_validate({"uri": uri}) for uri in self._settings.roots]
        return types.ListRootsResult(roots=roots)

    async def _ask(self, method: str, params: Any, result: Any) -> Any:
        """Have the caller of the call that asks asked."""
        try:
            call = CURRENT.get() or await self.turns.asker()
        except NobodyAsked as error:
            return types.ErrorData(code=types.INVALID_REQUEST, message=f"cannot ask: {error}")
        assert isinstance(call, McpCall)
        asked = params.model_dump(by_alias=True, mode="json", exclude_none=True)
        asked.pop("_meta", None)
        answer = await call.ask(method, asked)
        try:
            return result.model_validate(answer, by_name=False)
        except ValidationError:
            return types.ErrorData(
                code=types.INVALID_PARAMS, message=f"the answer is no result of {method}"
            )

    async def _log(self, params: Any) -> None:
        call = CURRENT.get() or self.turns.only
        if isinstance(call, McpCall):
            call.note(params.level, params.data, params.logger or "")
        else:
            _LOG.debug("%s: %s: %.300s", self.name, params.level, params.data)

    async def _notice(self, message: Any) -> None:
        if isinstance(message, _LIST_CHANGES):
            self._news.set()


async def negotiate(session: ClientSession, era: str) -> None:
    """Agree on a protocol version: the modern era's if the server speaks it.

    Raises: MCPError, RuntimeError when there is none that both speak.
    """
    if era != "legacy":
        try:
            await session.discover()
            return
        except MCPError as error:
            supported = _supported(error)
            if era == "modern" or (supported and supported.isdisjoint(HANDSHAKE_PROTOCOL_VERSIONS)):
                raise
        except (RuntimeError, ValidationError):
            if era == "modern":
                raise
    await session.initialize()


def _supported(error: MCPError) -> set[str]:
    data = error.error.data
    found = data.get("supported") if isinstance(data, Mapping) else None
    unsupported = error.code == types.UNSUPPORTED_PROTOCOL_VERSION
    return set(map(str, found)) if unsupported and isinstance(found, list) else set()


def is_lost(error: MCPError) -> bool:
    """Tell whether an error says that the session is over."""
    # Those that the client makes itself; a server may use their codes for something else.
    if error.code == types.CONNECTION_CLOSED:
        return error.message == "Connection closed" or error.message.startswith("SSE stream ")
    return (error.code, error.message) == (types.INVALID_REQUEST, "Session terminated")


def said(error: BaseException) -> str:
    """Return in one sentence what an error of the client says."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        if is_lost(error):
            return "ended the session"
        return f"refused with error {error.code}: {error.message}"
    if isinstance(error, ValidationError):
        return f"answered with what MCP does not know: {error.errors()[0]['msg']}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
