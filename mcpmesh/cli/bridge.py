"""`mcpmesh bridge`: MCP over HTTP or stdio, for a mesh in another process."""

from mcpmesh.bridge.lines import standard_lines
from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.bridge.stdio import StdioConnection
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.front import bridge_of, http_front
from mcpmesh.cli.loop import Stop, until
from mcpmesh.cli.process import telemetry_of
from mcpmesh.cli.ready import print_ready
from mcpmesh.config import (
    BridgeSettings,
    ClientSettings,
    LimitSettings,
    ProcessSettings,
    TlsSettings,
)
from mcpmesh.sdk.engine import new_channel


async def run_http(
    settings: BridgeSettings,
    client: ClientSettings,
    process: ProcessSettings,
    tls: TlsSettings,
    limits: LimitSettings,
    stop: Stop,
) -> Exit:
    """Serve MCP over HTTP until stop is asked. The router may come later, and go and come."""
    with telemetry_of("mcpmesh-bridge", process) as telemetry:
        async with (
            new_channel(client.router, tls, limits) as channel,
            RemoteMesh(channel) as mesh,
            http_front(mesh, settings, telemetry, process, tls, limits) as http,
        ):
            print_ready("bridge", http=http, router=client.router)
            await stop.wait()
    return Exit.OK


async def run_stdio(
    settings: BridgeSettings,
    client: ClientSettings,
    process: ProcessSettings,
    tls: TlsSettings,
    limits: LimitSettings,
    stop: Stop,
) -> Exit:
    """Serve the one MCP client on stdin and stdout until it closes stdin."""
    with telemetry_of("mcpmesh-bridge", process) as telemetry:
        async with (
            new_channel(client.router, tls, limits) as channel,
            RemoteMesh(channel) as mesh,
            standard_lines(settings.max_body_bytes) as (lines, write),
        ):
            connection = StdioConnection(bridge_of(mesh, settings, telemetry), write)
            await until(stop, connection.serve(lines))
    return Exit.OK
