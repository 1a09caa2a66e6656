"""A server of tools: decorate functions, serve them."""

import asyncio
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from random import SystemRandom
from typing import Any, TypeVar, Unpack, overload

from mcpmesh.config import NO_TLS, LimitSettings, TlsSettings
from mcpmesh.errors import AlreadyExists, NotReady
from mcpmesh.model.address import UNSPECIFIED
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool, check_labels, check_name
from mcpmesh.sdk.observer import ToolObserver
from mcpmesh.sdk.prompt import PromptOptions, prompt_function
from mcpmesh.sdk.request_state import StateSeal, default_key
from mcpmesh.sdk.resource import ResourceOptions, resource_function
from mcpmesh.sdk.running import Running, ServerSettings
from mcpmesh.sdk.tool import Said, ToolFunction, ToolOptions, tool_function, tool_options
from mcpmesh.sdk.tool_class import tool_of_object

F = TypeVar("F", bound=Callable[..., Any])
_LISTEN = "127.0.0.1:0"
_GRACE = 10.0


class ToolServer:
    """A named set of tools that is served together; each start of it is one replica.

    `labels` mark the replica (a zone, for one), not its tools. `version` is the version of every
    tool that names none; without it, a tool's version is derived from its schemas. `state_key`
    signs what a tool that asks back gives its caller to carry: the same for all replicas.
    `limits` bound what its peers may ask; max_message_bytes is one of them. `load` tells how full
    the server is, as a share of its capacity, for routers that balance by it.
    Units: `lease_ttl` in seconds. `threads` bounds the plain functions that run at once.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "",
        labels: Mapping[str, str] | None = None,
        weight: int = 1,
        threads: int = 32,
        max_waiting_calls: int = 1024,
        max_result_bytes: int = 4 * 1024 * 1024,
        lease_ttl: float = 10.0,
        state_key: bytes = b"",
        observer: ToolObserver | None = None,
        limits: LimitSettings | None = None,
        load: Callable[[], float] | None = None,
    ) -> None:
        check_name("server name", name)
        check_labels(f"server {name}", labels or {})
        self.name = name
        self.version = version
        self.labels = dict(labels or {})
        self.weight = weight
        self._settings = ServerSettings(
            StateSeal(state_key or default_key(name)),
            threads,
            max_waiting_calls,
            max_result_bytes,
            lease_ttl,
            observer,
            limits or LimitSettings(),
            load=load,
        )
        self._limited = limits is not None
        self._functions: dict[str, ToolFunction] = {}
        self._running: Running | None = None
        self._replica: Replica | None = None
        self._stopping = asyncio.Event()

    def __repr__(self) -> str:
        state = f"serving as {self._replica}" if self._running else "not serving"
        return f"ToolServer({self.name}, {len(self._functions)} tools, {state})"

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools, in the order they were added."""
        return tuple(function.tool for function in self._functions.values())

    @property
    def replica(self) -> Replica:
        """Who this server is in the mesh while it serves.

        Raises: NotReady before the start.
        """
        if self._replica is None:
            raise NotReady(f"server {self.name} is not serving")
        return self._replica

    def observe(self, observer: ToolObserver) -> None:
        """Have calls watched from the next start on, unless the server has its own observer."""
        if self._settings.observer is None:
            self._settings = replace(self._settings, observer=observer)

    def limit(self, limits: LimitSettings) -> None:
        """Hold peers to these limits from the next start on, unless the server has its own."""
        if not self._limited:
            self._settings = replace(self._settings, limits=limits)

    @overload
    def tool(self, function: F, /) -> F: ...
    @overload
    def tool(self, **options: Unpack[Said]) -> Callable[[F], F]: ...

    def tool(  # type: ignore[misc]  # mypy cannot match Unpack beside a positional-only default
        self, function: F | None = None, /, **options: Unpack[Said]
    ) -> F | Callable[[F], F]:
        """Add a function as a tool; use as `@app.tool` or `@app.tool(timeout=2.0)`.

        Raises: TypeError naming the parameter that no schema can be made of; AlreadyExists for a
        name that is taken; InvalidCall for a value that the mesh refuses.
        """
        said = tool_options(options)

        def decorate(function: F) -> F:
            self._add(tool_function(function, self._with_version(said)))
            return function

        return decorate if function is None else decorate(function)

    @overload
    def prompt(self, function: F, /) -> F: ...
    @overload
    def prompt(self, **options: Unpack[PromptOptions]) -> Callable[[F], F]: ...

    def prompt(  # type: ignore[misc]  # as with tool
        self, function: F | None = None, /, **options: Unpack[PromptOptions]
    ) -> F | Callable[[F], F]:
        """Add a function as a prompt; its parameters are what users fill in.

        It returns a text, content, a Message, or a list of them. Raises: as `tool`.
        """

        def decorate(function: F) -> F:
            self._add(prompt_function(function, {"version": self.version, **options}))
            return function

        return decorate if function is None else decorate(function)

    def resource(self, uri: str, /, **options: Unpack[ResourceOptions]) -> Callable[[F], F]:
        """Add a function as a resource; with {variables} in the URI, as a template of them.

        The function takes the variables and returns text, bytes, or any JSON value. A failure
        with the code NOT_FOUND says that there is no such resource. Raises: as `tool`.
        """

        def decorate(function: F) -> F:
            self._add(resource_function(uri, function, {"version": self.version, **options}))
            return function

        return decorate

    def add(self, tool: object, **options: Unpack[Said]) -> None:
        """Add an object or class with `execute(self, input_data)`, or a function, as a tool.

        Raises: as `tool`.
        """
        said = tool_options(options)
        if hasattr(tool, "execute"):
            # The class's own version goes before the server's.
            unversioned = not getattr(tool, "version", "")
            made = tool_of_object(tool, self._with_version(said) if unversioned else said)
            self._add(made)
        elif callable(tool) and not isinstance(tool, type):
            self._add(tool_function(tool, self._with_version(said)))
        else:
            raise TypeError(f"{tool!r} has no execute(self, input_data), so it is no tool")

    def replace(self, entries: Iterable[ToolFunction]) -> None:
        """Offer these tools, prompts and resources instead of all there were, also while serving.

        Routers and watchers are told; calls in flight go on. Without any, the replica leaves the
        mesh until it has some. See `offered` for entries that are made of data.
        Raises: AlreadyExists for a name that stands twice; nothing changes then.
        """
        functions: dict[str, ToolFunction] = {}
        for each in entries:
            if each.tool.name in functions:
                raise AlreadyExists(f"server {self.name} would have {each.tool.name} twice")
            functions[each.tool.name] = each
        self._functions = functions
        if self._running is not None:
            self._running.replace(functions)

    def withdraw(self, reason: str) -> None:
        """Leave the mesh until `replace` gives something to offer; calls in flight go on.

        Calls that come nevertheless are refused for this reason, and go to another replica.
        """
        self._functions = {}
        if self._running is not None:
            self._running.replace({}, reason)

    async def start(
        self,
        listen: str = _LISTEN,
        router: str | Sequence[str] | None = None,
        advertise: str | None = None,
        *,
        tls: TlsSettings = NO_TLS,
        insecure: bool = False,
    ) -> Replica:
        """Listen on HOST:PORT (port 0: a free one), register at each router; return who we are.

        `listen` may be unix:/PATH too. `tls` holds for callers and routers alike; without it only
        this machine may be listened to, unless `insecure` says otherwise.
        `advertise` is where routers reach this server; by default where it listens, and the
        address they see when it listens everywhere.
        Raises: NotReady when it serves already, or has no tools; OSError or RuntimeError when the
        address cannot be bound; InvalidSetting when it needs TLS, or TLS its files.
        """
        if self._running is not None:
            raise NotReady(f"server {self.name} serves already")
        if not self._functions:
            raise NotReady(f"server {self.name} has no tools; decorate a function with .tool")
        settings = replace(self._settings, tls=tls, insecure=insecure)
        running = Running(self._functions, settings)
        bound = running.listen(listen)
        shown = advertise or str(replace(bound, host="") if bound.host in UNSPECIFIED else bound)
        # Of the system's randomness: two replicas never share an id, whatever seeds are set.
        replica_id = f"{self.name}-{SystemRandom().getrandbits(32):08x}"
        self._replica = Replica(replica_id, shown, self.name, self.labels, self.weight)
        self._stopping.clear()
        routers = [router] if isinstance(router, str) else router or ()
        try:
            await running.start(self._replica, routers)
        except BaseException:
            await running.stop(0)
            raise
        self._running = running
        return self._replica

    async def registered(self) -> None:
        """Wait until every router knows this server."""
        if self._running is not None:
            await self._running.registered()

    async def stop(self, grace: float = _GRACE) -> None:
        """Drain, finish the calls in flight within `grace` seconds, leave the mesh."""
        self._stopping.set()
        running, self._running, self._replica = self._running, None, None
        if running is not None:
            await running.stop(grace)

    async def serve(
        self,
        listen: str = _LISTEN,
        router: str | Sequence[str] | None = None,
        advertise: str | None = None,
        *,
        tls: TlsSettings = NO_TLS,
        insecure: bool = False,
        grace: float = _GRACE,
        on_ready: Callable[[Replica], None] | None = None,
    ) -> None:
        """Start, serve until `shut_down` or cancellation, and stop.

        Raises: as `start`; InvalidCall when a router refuses the tools.
        """
        replica = await self.start(listen, router, advertise, tls=tls, insecure=insecure)
        assert self._running is not None
        if on_ready is not None:
            on_ready(replica)
        waits = [
            asyncio.create_task(self._stopping.wait()),
            asyncio.create_task(self._running.failed()),
        ]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waits:
                task.cancel()
            await asyncio.shield(self.stop(grace))

    def shut_down(self) -> None:
        """Let `serve` stop and return; to be called on its event loop."""
        self._stopping.set()

    def run(
        self,
        listen: str = _LISTEN,
        router: str | Sequence[str] | None = None,
        advertise: str | None = None,
        *,
        tls: TlsSettings = NO_TLS,
        insecure: bool = False,
    ) -> None:
        """Serve in an event loop of its own until SIGTERM or SIGINT."""

        async def main() -> None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.shut_down)
            await self.serve(listen, router, advertise, tls=tls, insecure=insecure)

        asyncio.run(main())

    def _with_version(self, options: ToolOptions) -> ToolOptions:
        return options if options.version else replace(options, version=self.version)

    def _add(self, function: ToolFunction) -> None:
        name = function.tool.name
        if self._running is not None:
            raise NotReady(f"server {self.name} serves already; add {name} before the start")
        if name in self._functions:
            raise AlreadyExists(f"server {self.name} has a tool {name} already; give one a name=")
        self._functions[name] = function
