"""A session with an MCP server: opened, listened to, closed, in a task of its own.

The official client lives in task groups, which have to be entered and left by one task and which
end it when a transport fails. So it gets a task; whoever uses the session sees futures and errors.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

import mcp_types as types
from mcp import ClientSession, MCPError
from mcp.client.subscriptions import SubscriptionLost, listen
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter

from mcpmesh import __version__
from mcpmesh.adopt.mcp_call import Json
from mcpmesh.adopt.mcp_callbacks import Callbacks
from mcpmesh.adopt.mcp_dispatcher import SoundDispatcher
from mcpmesh.adopt.mcp_failure import is_lost, said
from mcpmesh.adopt.mcp_links import DoneLinks
from mcpmesh.adopt.mcp_negotiation import negotiate
from mcpmesh.adopt.mcp_turns import Turns
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.config import UpstreamSettings

_LOG = logging.getLogger("mcpmesh.upstream")
_ANY_JSON: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_CLIENT = types.Implementation(name="mcpmesh", version=__version__)
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
        self._callbacks = Callbacks(name, self.turns, settings.roots, self._news.set)
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

    @property
    def done_links(self) -> DoneLinks:
        """The pages that the server said are done with."""
        return self._callbacks.done

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
                elicitation_callback=self._callbacks.elicit,
                sampling_callback=self._callbacks.sample,
                list_roots_callback=self._callbacks.list_roots,
                logging_callback=self._callbacks.log,
                message_handler=self._callbacks.notice,
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
