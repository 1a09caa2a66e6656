"""`mcpmesh serve`: the tools of a module as one replica, or as several processes of it."""

import asyncio
import logging
from dataclasses import replace

from mcpmesh.cli.child_process import Program
from mcpmesh.cli.endpoint import cannot_listen, check_free, free_port, numbered
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.cli.loop import Stop, until
from mcpmesh.cli.process import as_options, telemetry_of
from mcpmesh.cli.ready import print_ready
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.cli.supervised import supervised
from mcpmesh.cli.target import load_target
from mcpmesh.config import ServeSettings
from mcpmesh.errors import MeshError
from mcpmesh.model.address import Address, join_endpoint
from mcpmesh.sdk.tool_server import ToolServer
from mcpmesh.telemetry.tool_observer import ToolTelemetry

_log = logging.getLogger(__name__)
#: Seconds after which a server that its router does not answer says so.
PATIENCE = 3.0


async def run_one(
    target: str,
    settings: ServeSettings,
    shared: SharedSettings,
    stop: Stop,
) -> Exit:
    """Serve the tools in this process until stop is asked."""
    settings = with_port(settings)
    server = load_target(target)
    with telemetry_of(server.name, shared.process, share=True) as telemetry:
        server.observe(ToolTelemetry(telemetry))
        server.limit(shared.limits)
        started = asyncio.Event()
        serving = asyncio.ensure_future(_serve(server, settings, shared, started))
        announcing = asyncio.ensure_future(_announce(server, settings, started))
        try:
            await until(stop, asyncio.shield(serving))
        finally:
            announcing.cancel()
            server.shut_down()
            await asyncio.gather(announcing, return_exceptions=True)
            await serving
    return Exit.OK


async def _serve(
    server: ToolServer,
    settings: ServeSettings,
    shared: SharedSettings,
    started: asyncio.Event,
) -> None:
    try:
        check_free(settings.listen)
        await server.serve(
            settings.listen,
            settings.router or None,
            settings.advertise or None,
            tls=shared.tls,
            insecure=shared.process.insecure,
            grace=shared.process.drain_grace,
            on_ready=lambda _: started.set(),
        )
    except OSError as error:
        raise cannot_listen(settings.listen, "--listen", error) from error
    except MeshError as error:
        raise CommandError(f"cannot serve {server.name}: {error.message}") from error


async def _announce(server: ToolServer, settings: ServeSettings, started: asyncio.Event) -> None:
    """Print the ready line once the router knows the tools."""
    await started.wait()
    known = asyncio.ensure_future(server.registered())
    done, _ = await asyncio.wait((known,), timeout=PATIENCE)
    if not done:
        _log.warning("no answer from router %s yet; going on to try", settings.router)
    await known
    names = ",".join(tool.name for tool in server.tools)
    print_ready("serve", listen=server.replica.endpoint, replica=server.replica.id, tools=names)


async def run_many(
    target: str,
    count: int,
    settings: ServeSettings,
    shared: SharedSettings,
    stop: Stop,
) -> Exit:
    """Serve the tools in several processes, each on its own port, until stop is asked."""
    with telemetry_of("mcpmesh-serve", shared.process):
        return await supervised(
            [program(target, index, settings, shared) for index in range(count)],
            shared.process.drain_grace,
            stop,
            lambda: print_ready("serve", replicas=str(count), target=target),
        )


def program(
    target: str,
    index: int,
    settings: ServeSettings,
    shared: SharedSettings,
) -> Program:
    """Return the command of one of several replicas; given ports count up."""
    advertise = settings.advertise and numbered(settings.advertise, index)
    own = replace(settings, listen=numbered(settings.listen, index), advertise=advertise)
    options = as_options(own, shared.process, shared.tls, shared.limits, replicas=1)
    return Program.mcpmesh(f"{target}/{index + 1}", "serve", target, *options)


def with_port(settings: ServeSettings) -> ServeSettings:
    """Return settings whose advertised port 0 is the one listened on."""
    advertise = Address.parse(settings.advertise or ":1")
    listen = Address.parse(settings.listen)
    if advertise.is_unix or advertise.port or listen.is_unix:
        return settings
    port = listen.port or free_port(listen.host)
    return replace(
        settings,
        listen=join_endpoint(listen.host, port),
        advertise=join_endpoint(advertise.host, port),
    )
