"""The commands that route: a whole mesh, or a router alone."""

import os
from collections.abc import Coroutine
from typing import Annotated, Any

from cyclopts import Parameter

from mcpmesh.cli.adopt import adopted_tables
from mcpmesh.cli.app import (
    SERVERS,
    Access,
    Adopt,
    Bridge,
    Count,
    Limits,
    ParentPipe,
    Process,
    Router,
    Target,
    Tls,
    app,
)
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.loop import Stop, serve
from mcpmesh.cli.parent import watched
from mcpmesh.cli.router import run_router, run_workers
from mcpmesh.cli.shared_settings import SharedSettings
from mcpmesh.cli.up import Tools, run_up
from mcpmesh.config import (
    NO_TLS,
    AccessSettings,
    AdoptSettings,
    BridgeSettings,
    LimitSettings,
    ProcessSettings,
    RouterSettings,
)

_ROUTER, _BRIDGE, _PROCESS = RouterSettings(), BridgeSettings(), ProcessSettings()
_LIMITS, _ADOPT, _ACCESS = LimitSettings(), AdoptSettings(), AccessSettings()


@app.command(name="up", group=SERVERS)
def up_command(
    *targets: Target,
    replicas: Count = 1,
    reload: bool = False,
    router: Router = _ROUTER,
    bridge: Bridge = _BRIDGE,
    process: Process = _PROCESS,
    tls: Tls = NO_TLS,
    limits: Limits = _LIMITS,
    adopt: Adopt = _ADOPT,
    access: Access = _ACCESS,
    parent_pipe: ParentPipe = None,
) -> Exit:
    """Run a whole mesh: router and bridge here, tool servers as child processes.

    Parameters
    ----------
    targets
        MODULE:APP of each tool server, such as examples.weather:app.
    replicas
        Processes to run of each tool server.
    reload
        Replace the tool servers when Python code in the current folder or theirs changes.
    """
    tools = Tools(targets, replicas, reload)
    adopted_tables(adopt, os.environ)
    shared = SharedSettings(process, tls, limits, access)
    return serve(
        watched(parent_pipe, lambda stop: run_up(tools, router, bridge, adopt, shared, stop))
    )


@app.command(name="router", group=SERVERS)
def router_command(
    *,
    workers: Count = 1,
    router: Router = _ROUTER,
    process: Process = _PROCESS,
    tls: Tls = NO_TLS,
    limits: Limits = _LIMITS,
    access: Access = _ACCESS,
    worker_of: Annotated[str, Parameter(show=False)] = "",
    parent_pipe: ParentPipe = None,
) -> Exit:
    """Run a router.

    Parameters
    ----------
    workers
        Processes that share the port; callers' connections are spread over them.
    """
    shared = SharedSettings(process, tls, limits, access)

    def command(stop: Stop) -> Coroutine[Any, Any, Exit]:
        if workers > 1 and not worker_of:
            return run_workers(router, shared, workers, stop)
        return run_router(router, shared, stop, registry=worker_of)

    return serve(watched(parent_pipe, command))
