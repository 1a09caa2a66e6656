"""The bridge's HTTP server on a mesh, however the mesh is reached."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.server import HttpServer
from mcpmesh.cli.endpoint import cannot_listen
from mcpmesh.cli.parent_pages import ParentPages
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.config import (
    BridgeSettings,
)
from mcpmesh.config.access import check_provable
from mcpmesh.model.address import Address
from mcpmesh.policy.access import Access
from mcpmesh.stack.mesh import Mesh
from mcpmesh.telemetry.bridge_observer import BridgeTelemetry
from mcpmesh.telemetry.prometheus import exposition
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.transport.listening import check_exposure


def bridge_of(mesh: Mesh, settings: BridgeSettings, telemetry: Telemetry, access: Access) -> Bridge:
    """Put a bridge together."""
    return Bridge(mesh, settings, observer=BridgeTelemetry(telemetry), access=access)


@asynccontextmanager
async def http_front(
    mesh: Mesh,
    settings: BridgeSettings,
    telemetry: Telemetry,
    shared: SharedSettings,
    *,
    parent: ParentPages | None = None,
) -> AsyncIterator[str]:
    """Serve a mesh over HTTP; yields the endpoint.

    A worker shares its port, and shows the pages of its parent, which are those of all workers.

    Raises: CommandError when the address cannot be listened on; InvalidSetting when it needs TLS,
    or TLS its files, or the rules certificates.
    """
    process, tls = shared.process, shared.tls
    check_exposure("http", Address.parse(settings.http), tls, process.insecure)
    bridge = bridge_of(mesh, settings, telemetry, check_provable(shared.access, tls))
    if parent is None:
        app = HttpApp(bridge, metrics=lambda: exposition(telemetry.metrics))
    else:
        app = HttpApp(bridge, metrics=parent.metrics, missing=parent.missing)
    refusals = telemetry.instruments.peer_refusals
    server = HttpServer(
        app,
        settings.http,
        grace=process.drain_grace,
        reuse_port=parent is not None,
        tls=tls,
        limits=shared.limits,
        refused=lambda reason: refusals.cell(reason).add(),
    )
    try:
        endpoint = await server.start()
    except OSError as error:
        raise cannot_listen(settings.http, "--http", error) from error
    try:
        yield endpoint
    finally:
        await server.stop()
