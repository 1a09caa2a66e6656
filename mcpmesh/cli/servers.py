"""The commands that run what stands around a router: a bridge, tool servers."""

from collections.abc import Coroutine
from typing import Annotated, Any

from cyclopts import Parameter

from mcpmesh.cli.app import (
    SERVERS,
    Access,
    Bridge,
    Client,
    Count,
    Direct,
    Limits,
    ParentPipe,
    Process,
    Serve,
    Target,
    Tls,
    app,
)
from mcpmesh.cli.bridge import Way, run_http, run_stdio, run_workers
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.loop import Stop, serve
from mcpmesh.cli.parent import watched
from mcpmesh.cli.serve import run_many, run_one
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.config import (
    NO_TLS,
    AccessSettings,
    BridgeSettings,
    ClientSettings,
    DirectSettings,
    InvalidSetting,
    LimitSettings,
    ProcessSettings,
    ServeSettings,
)

_BRIDGE, _CLIENT, _SERVE = BridgeSettings(), ClientSettings(), ServeSettings()
_LIMITS, _PROCESS, _ACCESS = LimitSettings(), ProcessSettings(), AccessSettings()
_DIRECT = DirectSettings()


@app.command(name="bridge", group=SERVERS)
def bridge_command(
    *,
    stdio: bool = False,
    workers: Count = 1,
    bridge: Bridge = _BRIDGE,
    client: Client = _CLIENT,
    direct: Direct = _DIRECT,
    process: Process = _PROCESS,
    tls: Tls = NO_TLS,
    limits: Limits = _LIMITS,
    access: Access = _ACCESS,
    worker_of: Annotated[str, Parameter(show=False)] = "",
    parent_pipe: ParentPipe = None,
) -> Exit:
    """Run an MCP server in front of a router.

    Parameters
    ----------
    stdio
        Serve one client on stdin and stdout instead of HTTP.
    workers
        Processes that share the port; clients' connections are spread over them.
    """
    if stdio and workers > 1:
        raise InvalidSetting("workers", "on stdin and stdout there is one client, for one process")
    shared, way = SharedSettings(process, tls, limits, access), Way(client, direct)

    def command(stop: Stop) -> Coroutine[Any, Any, Exit]:
        if stdio:
            return run_stdio(bridge, way, shared, stop)
        if workers > 1 and not worker_of:
            return run_workers(bridge, way, shared, workers, stop)
        return run_http(bridge, way, shared, stop, parent=worker_of)

    return serve(watched(parent_pipe, command))


@app.command(name="serve", group=SERVERS)
def serve_command(
    target: Target,
    /,
    *,
    replicas: Count = 1,
    settings: Serve = _SERVE,
    process: Process = _PROCESS,
    tls: Tls = NO_TLS,
    limits: Limits = _LIMITS,
    parent_pipe: ParentPipe = None,
) -> Exit:
    """Run the tools of MODULE:APP.

    Parameters
    ----------
    target
        MODULE:APP, such as examples.weather:app; APP is a mcpmesh.ToolServer.
    replicas
        Processes to run, each a replica on a port of its own.
    """
    shared = SharedSettings(process, tls, limits)
    if replicas == 1:
        command = watched(parent_pipe, lambda stop: run_one(target, settings, shared, stop))
    else:
        command = watched(
            parent_pipe, lambda stop: run_many(target, replicas, settings, shared, stop)
        )
    return serve(command)
