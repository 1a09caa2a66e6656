"""`mcpmesh bridge`: MCP over HTTP or stdio, for a mesh in another process.

Over HTTP in this process, or in several that share its port: what a client has of a bridge is
signed, so every worker that has the key goes on with it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

from mcpmesh.bridge.lines import standard_lines
from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.bridge.stdio import StdioConnection
from mcpmesh.cli.child_process import Program
from mcpmesh.cli.endpoint import reserve
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.cli.front import bridge_of, http_front
from mcpmesh.cli.loop import Stop, until
from mcpmesh.cli.parent_pages import ParentPages
from mcpmesh.cli.process import as_options, telemetry_of
from mcpmesh.cli.ready import print_ready
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.cli.sources import variable
from mcpmesh.cli.supervised import supervised
from mcpmesh.cli.worker_pages import OWN_PAGE, WorkerPages
from mcpmesh.config import (
    BridgeSettings,
    ClientSettings,
    DirectSettings,
)
from mcpmesh.config.access import check_provable
from mcpmesh.model.address import Address
from mcpmesh.sdk.engine import new_channel, new_direct_channel
from mcpmesh.telemetry.prometheus_server import OWN_PAGES, Pages, prometheus_server
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.transport.listening import check_exposure

#: A secret: it goes to the workers by their environment.
_KEY = "session_key"


@dataclass(frozen=True, slots=True)
class Way:
    """How the mesh is reached: through which router, or beside it."""

    client: ClientSettings
    direct: DirectSettings

    def channel(self, shared: SharedSettings, telemetry: Telemetry) -> Any:
        """Return a channel, for whoever asked to close; without the hop it has its own spans.

        Raises: as new_channel does.
        """
        target = self.client.router
        if not self.direct.direct:
            return new_channel(target, shared.tls, shared.limits)
        settings = self.direct.router_settings()
        return new_direct_channel(target, shared.tls, shared.limits, settings, telemetry)


async def run_http(
    settings: BridgeSettings,
    way: Way,
    shared: SharedSettings,
    stop: Stop,
    *,
    parent: str = "",
) -> Exit:
    """Serve MCP over HTTP until stop is asked. The router may come later, and go and come.

    With `parent`, this is a worker: it shares the port, and shows the pages of the parent there.
    """
    # A worker's page for Prometheus is for its parent.
    environ = {**os.environ, **OWN_PAGE} if parent else os.environ
    with (
        telemetry_of("mcpmesh-bridge", shared.process, environ=environ) as telemetry,
        _own_page(telemetry, OWN_PAGES if parent else None) as page,
    ):
        pages = ParentPages(parent) if parent else None
        async with (
            way.channel(shared, telemetry) as channel,
            RemoteMesh(channel) as mesh,
            http_front(mesh, settings, telemetry, shared, parent=pages) as http,
        ):
            own_page = {"metrics": page} if parent else {}
            print_ready("bridge", http=http, router=way.client.router, **own_page)
            await stop.wait()
    return Exit.OK


async def run_workers(
    settings: BridgeSettings,
    way: Way,
    shared: SharedSettings,
    count: int,
    stop: Stop,
) -> Exit:
    """Serve MCP over HTTP in several processes until stop is asked.

    The kernel spreads the clients' connections over them. This process starts them again when
    they end, and has their pages, which each of them shows.
    """
    process, tls = shared.process, shared.tls
    check_provable(shared.access, tls)
    held, http = reserve(settings.http, "--http")
    workers = WorkerPages()
    pages = Pages(workers.metrics, workers.missing)
    with held, telemetry_of("mcpmesh-bridge", process, pages=pages) as telemetry:
        check_exposure("http", Address.parse(settings.http), tls, process.insecure)
        page = prometheus_server(telemetry.metrics, OWN_PAGE, pages)
        if page is None:  # it said why
            return Exit.UNAVAILABLE
        page.start()
        options = as_options(
            settings,
            way.client,
            way.direct,
            process,
            tls,
            shared.limits,
            shared.access,
            hidden={_KEY},
            http=http,
            worker_of=page.endpoint,
        )
        secret = {variable(f"--{_KEY}"): settings.session_key or token_urlsafe()}
        programs = [
            Program.mcpmesh(f"bridge/{index + 1}", "bridge", *options, environ=secret)
            for index in range(count)
        ]
        return await supervised(
            programs,
            process.drain_grace,
            stop,
            lambda: print_ready("bridge", http=http, router=way.client.router, workers=str(count)),
            workers,
        )


@contextmanager
def _own_page(telemetry: Telemetry, pages: Pages | None) -> Iterator[str]:
    """Serve pages to the other processes of this bridge; yields HOST:PORT, nothing for no pages.

    Raises: CommandError when there is no port to be had.
    """
    if pages is None:
        yield ""
        return
    server = prometheus_server(telemetry.metrics, OWN_PAGE, pages)
    if server is None:
        raise CommandError("the workers' pages cannot be served; the log has the reason")
    server.start()
    try:
        yield server.endpoint
    finally:
        server.shutdown()


async def run_stdio(
    settings: BridgeSettings,
    way: Way,
    shared: SharedSettings,
    stop: Stop,
) -> Exit:
    """Serve the one MCP client on stdin and stdout until it closes stdin."""
    with telemetry_of("mcpmesh-bridge", shared.process) as telemetry:
        async with (
            way.channel(shared, telemetry) as channel,
            RemoteMesh(channel) as mesh,
            standard_lines(settings.max_body_bytes) as (lines, write),
        ):
            connection = StdioConnection(
                bridge_of(mesh, settings, telemetry, shared.access.rules()), write
            )
            await until(stop, connection.serve(lines))
    return Exit.OK
