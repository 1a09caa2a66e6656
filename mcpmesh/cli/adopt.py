"""`mcpmesh adopt`: MCP servers and other services as replicas, each copy on a port of its own."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcpmesh.adopt.adopter import Adopter
from mcpmesh.adopt.kinds import upstreams_of
from mcpmesh.adopt.native_routes import RoutedByPath
from mcpmesh.adopt.upstream import Upstream
from mcpmesh.adopt.variables import read_variables
from mcpmesh.cli.child_process import Program
from mcpmesh.cli.endpoint import numbered
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.cli.loop import Stop, until
from mcpmesh.cli.process import as_options, telemetry_of
from mcpmesh.cli.ready import print_ready
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.cli.sources import unread, variable
from mcpmesh.config import (
    AdoptSettings,
    ServeSettings,
)
from mcpmesh.sdk.tool_server import ToolServer
from mcpmesh.telemetry.tool_observer import ToolTelemetry

#: Libraries that write a traceback, or a URL with what is secret in it, for what is told anyway.
_LOUD = ("mcp", "client", "httpx2", "httpcore2")


async def run_adopt(
    upstreams: Sequence[Upstream],
    settings: ServeSettings,
    shared: SharedSettings,
    stop: Stop,
    *,
    patient: bool,
) -> Exit:
    """Serve the upstreams until stop is asked.

    Unless `patient`, it ends when none of them can be had whatever is tried.
    """
    for upstream in upstreams:
        if isinstance(upstream, RoutedByPath):
            upstream.route_at(
                [settings.router] if settings.router else [], shared.tls, shared.limits
            )
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)

    with telemetry_of("mcpmesh-adopt", shared.process) as telemetry:

        def prepare(server: ToolServer) -> None:
            server.observe(ToolTelemetry(telemetry))
            server.limit(shared.limits)

        async def start(index: int, server: ToolServer) -> None:
            listen = numbered(settings.listen, index)
            await server.start(
                listen,
                settings.router or None,
                (settings.advertise and numbered(settings.advertise, index)) or None,
                tls=shared.tls,
                insecure=shared.process.insecure,
            )

        grace = shared.process.drain_grace
        async with Adopter(upstreams, start, grace=grace, prepare=prepare) as adopter:
            settling = asyncio.ensure_future(adopter.settled())
            await until(stop, asyncio.shield(settling))
            settling.cancel()
            if not stop.asked:
                if adopter.hopeless == adopter.copies and not patient:
                    failure = adopter.copies[0].failure
                    assert failure is not None
                    raise CommandError(f"cannot adopt {upstreams[0].name}: {failure.message}")
                _announce(adopter)
            await stop.wait()
    return Exit.OK


def _announce(adopter: Adopter) -> None:
    """Print the ready line: tools once for each replica that has them."""
    serving = adopter.serving
    names = [tool.name for copy in serving for tool in copy.server.tools if tool.kind is None]
    replicas = f"{len(serving)}/{len(adopter.copies)}"
    print_ready("adopt", replicas=replicas, tools=",".join(names))


def adopted_tables(settings: AdoptSettings, environ: Mapping[str, str]) -> list[Upstream]:
    """Return the upstreams that a configuration names. Raises: InvalidSetting."""
    return [
        upstream
        for name, table in settings.tables().items()
        for upstream in upstreams_of(name, table, environ)
    ]


def environment(env_file: Path | None, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment, and what a file says besides; what is set goes first.

    Raises: CommandError.
    """
    if env_file is None:
        return dict(environ)
    try:
        return {**read_variables(env_file.read_text(encoding="utf-8")), **environ}
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {env_file}: {unread(error)}") from error


def adopt_program(
    adopt: AdoptSettings,
    router: str,
    shared: SharedSettings,
) -> Program:
    """Return the command that adopts what a mesh's configuration names.

    What it names goes by the environment: other users read command lines.
    """
    options = as_options(ServeSettings(router=router), shared.process, shared.tls, shared.limits)
    return Program.mcpmesh(
        "adopt", "adopt", *options, environ={variable("adopt"): adopt.variable()}
    )
